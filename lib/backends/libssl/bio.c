#include "backends/libssl/bio.h"

#include <openssl/ssl3.h>

/* The library never reads beyond a record, so when it has judged one these end with it. */
static void remember(struct libssl_pipe *pipe, const char *data, size_t size)
{
	size_t n = size < sizeof(pipe->last) ? size : sizeof(pipe->last);

	memmove(pipe->last, pipe->last + n, sizeof(pipe->last) - n);
	memcpy(pipe->last + sizeof(pipe->last) - n, data + size - n, n);
}

int libssl_pipe_last_alert(const struct libssl_pipe *pipe)
{
	static const uint8_t header[] = {SSL3_RT_ALERT, 0x03, 0x03, 0x00, 0x02, SSL3_AL_FATAL};

	_Static_assert(sizeof(header) + 1 == sizeof(pipe->last), "a record with an alert in the clear");
	return memcmp(pipe->last, header, sizeof(header)) == 0 ? pipe->last[sizeof(header)] : UNITLS_ALERT_NONE;
}

static int on_bio_read(BIO *bio, char *data, int size)
{
	struct libssl_pipe *pipe = BIO_get_data(bio);
	size_t n = size > 0 ? unitls_transport_read(pipe->transport, data, (size_t)size) : 0;

	BIO_clear_retry_flags(bio);
	if (n > 0) {
		remember(pipe, data, n);
		return (int)n;
	}
	BIO_set_retry_read(bio);
	return -1;
}

static int on_bio_write(BIO *bio, const char *data, int size)
{
	struct unitls_transport *transport = ((struct libssl_pipe *)BIO_get_data(bio))->transport;
	size_t n = size > 0 ? unitls_transport_write(transport, data, (size_t)size) : 0;

	BIO_clear_retry_flags(bio);
	if (n > 0)
		return (int)n;
	if (!transport->out_of_memory)
		BIO_set_retry_write(bio);
	return -1;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	/* Everything else (kernel TLS, datagram timers, EOF) is answered with "no". */
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *libssl_bio_method_new(void)
{
	int index = BIO_get_new_index();
	BIO_METHOD *method;

	if (index < 0)
		return NULL;
	method = BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "unitls transport");
	if (!method)
		return NULL;
	if (!BIO_meth_set_read(method, on_bio_read) || !BIO_meth_set_write(method, on_bio_write) ||
		!BIO_meth_set_ctrl(method, on_bio_ctrl)) {
		BIO_meth_free(method);
		return NULL;
	}
	return method;
}

BIO *libssl_bio_new(const BIO_METHOD *method, struct libssl_pipe *pipe)
{
	BIO *bio = BIO_new(method);

	if (!bio)
		return NULL;
	BIO_set_data(bio, pipe);
	BIO_set_init(bio, 1);
	return bio;
}

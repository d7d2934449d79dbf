#include "backends/libssl/bio.h"

static int on_bio_read(BIO *bio, char *data, int size)
{
	struct unitls_transport *transport = BIO_get_data(bio);
	size_t n = size > 0 ? unitls_transport_read(transport, data, (size_t)size) : 0;

	BIO_clear_retry_flags(bio);
	if (n > 0)
		return (int)n;
	BIO_set_retry_read(bio);
	return -1;
}

static int on_bio_write(BIO *bio, const char *data, int size)
{
	struct unitls_transport *transport = BIO_get_data(bio);
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

BIO *libssl_bio_new(const BIO_METHOD *method, struct unitls_transport *transport)
{
	BIO *bio = BIO_new(method);

	if (!bio)
		return NULL;
	BIO_set_data(bio, transport);
	BIO_set_init(bio, 1);
	return bio;
}

#include "backends/wolfssl/io.h"

#include <stdlib.h>
#include <string.h>

void wolf_io_init(struct wolf_io *io, struct unitls_transport *transport)
{
	*io = (struct wolf_io){
		.transport = transport, .fatal_alert = UNITLS_ALERT_NONE, .plain_alert = UNITLS_ALERT_NONE};
}

void wolf_io_fini(struct wolf_io *io)
{
	free(io->unsent);
	io->unsent = NULL;
}

void wolf_io_attach(struct wolf_io *io, WOLFSSL *ssl)
{
	wolfSSL_SetIOReadCtx(ssl, io);
	wolfSSL_SetIOWriteCtx(ssl, io);
}

bool wolf_io_flush(struct wolf_io *io)
{
	size_t waiting = io->unsent_tail - io->unsent_head;

	if (waiting == 0)
		return true;
	io->unsent_head += unitls_transport_write(io->transport, io->unsent + io->unsent_head, waiting);
	if (io->unsent_head < io->unsent_tail)
		return false;
	free(io->unsent);
	io->unsent = NULL;
	io->unsent_head = io->unsent_tail = io->unsent_capacity = 0;
	return true;
}

/* Puts bytes behind what waits. */
static bool keep(struct wolf_io *io, const uint8_t *data, size_t size)
{
	uint8_t *larger;

	if (io->unsent_capacity - io->unsent_tail < size) {
		larger = realloc(io->unsent, io->unsent_tail + size);
		if (larger == NULL)
			return false;
		io->unsent = larger;
		io->unsent_capacity = io->unsent_tail + size;
	}
	memcpy(io->unsent + io->unsent_tail, data, size);
	io->unsent_tail += size;
	return true;
}

bool wolf_io_write(struct wolf_io *io, const uint8_t *data, size_t size)
{
	size_t n = 0;

	wolf_records_follow(&io->sent, data, size);
	if (wolf_io_flush(io))
		n = unitls_transport_write(io->transport, data, size);
	if (n == size)
		return true;
	if (!io->transport->out_of_memory && keep(io, data + n, size - n))
		return true;
	io->out_of_memory = true;
	return false;
}

/* Some failures make 5.7 send a second alert, of a more general kind. */
static void mute_after_alert(struct wolf_io *io, WOLFSSL *ssl)
{
	WOLFSSL_ALERT_HISTORY history;

	if (wolfSSL_get_alert_history(ssl, &history) != WOLFSSL_SUCCESS || history.last_tx.level != alert_fatal)
		return;
	io->fatal_alert = history.last_tx.code;
	io->muted = true;
}

int wolf_io_on_send(WOLFSSL *ssl, char *data, int size, void *argument)
{
	struct wolf_io *io = argument;

	if (io->muted)
		return size;
	if (!wolf_io_write(io, (const uint8_t *)data, (size_t)size))
		return WOLFSSL_CBIO_ERR_GENERAL;
	mute_after_alert(io, ssl);
	return size;
}

/*
 * The version of a record counts for nothing (RFC 8446, 5.1), but the library insists on its own. It is not part of what is hashed, and in
 * records that are not protected it may be changed.
 */
static void overlook_version(struct wolf_io *io, WOLFSSL *ssl, uint8_t *data, size_t size)
{
	const struct wolf_records *records = &io->received;
	size_t at = records->n_head == WOLF_RECORD_HEADER_SIZE ? 0 : records->n_head;
	const size_t major_at = 1;
	const size_t minor_at = 2;
	uint8_t major;

	if (records->changed && wolfSSL_GetVersion(ssl) != WOLFSSL_TLSV1_3)
		return;
	if (records->left > 0 || records->data || at > minor_at || at + size <= minor_at)
		return;
	major = at > major_at ? records->head[major_at] : data[major_at - at];
	if (major == 3)
		data[minor_at - at] = 3;
}

/*
 * A TLS 1.3 client that refuses the server's hello or certificate may not have its keys yet, or not use them, and sends its alert in the clear, which the
 * library takes for a broken record. True while such an alert is next; it is taken when it is whole.
 */
static bool take_plain_alert(struct wolf_io *io, WOLFSSL *ssl)
{
	static const uint8_t head[] = {WOLF_CONTENT_ALERT, 3, 3, 0, 2};
	const size_t whole = sizeof(head) + 2;
	struct unitls_bytes next = unitls_transport_peek(io->transport);

	if (!wolf_records_at_start(&io->received) || !io->sent.data || io->received.data || next.size == 0 ||
		next.data[0] != WOLF_CONTENT_ALERT || wolfSSL_GetVersion(ssl) != WOLFSSL_TLSV1_3)
		return false;
	if (next.size < whole)
		return memcmp(next.data, head, next.size < sizeof(head) ? next.size : sizeof(head)) == 0;
	if (memcmp(next.data, head, sizeof(head)) != 0)
		return false;
	io->plain_alert = next.data[sizeof(head) + 1];
	unitls_transport_consume(io->transport, whole);
	return true;
}

/* Whether the next record is none of TLS: judged here because the library would judge its version first, and sends no alert. */
static bool is_misfit(const struct wolf_io *io)
{
	struct unitls_bytes next = unitls_transport_peek(io->transport);

	return wolf_records_at_start(&io->received) && next.size > 0 &&
		(next.data[0] < WOLF_CONTENT_CHANGE_CIPHER_SPEC || next.data[0] > WOLF_CONTENT_APPLICATION_DATA);
}

/* Never tells the end: the caller looks at the transport when the library wants more. */
int wolf_io_on_receive(WOLFSSL *ssl, char *buffer, int size, void *argument)
{
	struct wolf_io *io = argument;
	uint8_t *data = (uint8_t *)buffer;
	size_t n;

	if (io->unsent_tail > io->unsent_head || take_plain_alert(io, ssl))
		return WOLFSSL_CBIO_ERR_WANT_READ;
	io->misfit = is_misfit(io);
	if (io->misfit)
		return WOLFSSL_CBIO_ERR_GENERAL;
	n = unitls_transport_read(io->transport, data, (size_t)size);
	overlook_version(io, ssl, data, n);
	wolf_records_follow(&io->received, data, n);
	return n > 0 ? (int)n : WOLFSSL_CBIO_ERR_WANT_READ;
}

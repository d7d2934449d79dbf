#include "backends/wolfssl/io.h"

#include <stdlib.h>
#include <string.h>

void wolf_io_init(struct wolf_io *io, struct unitls_transport *transport)
{
	*io = (struct wolf_io){.transport = transport};
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

int wolf_io_on_send(WOLFSSL *ssl, char *data, int size, void *argument)
{
	struct wolf_io *io = argument;

	(void)ssl;
	if (!io->muted && !wolf_io_write(io, (const uint8_t *)data, (size_t)size))
		return WOLFSSL_CBIO_ERR_GENERAL;
	return size;
}

/* Never tells the end: the caller looks at the transport when the library wants more. */
int wolf_io_on_receive(WOLFSSL *ssl, char *buffer, int size, void *argument)
{
	struct wolf_io *io = argument;
	size_t n;

	(void)ssl;
	if (io->unsent_tail > io->unsent_head)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	n = unitls_transport_read(io->transport, buffer, (size_t)size);
	wolf_records_follow(&io->received, (const uint8_t *)buffer, n);
	return n > 0 ? (int)n : WOLFSSL_CBIO_ERR_WANT_READ;
}

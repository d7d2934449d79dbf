#include "backends/gnutls/transport.h"

#include <errno.h>
#include <stdlib.h>

/* Behind what waits already. */
static bool keep(struct gtls_transport *transport, const uint8_t *data, size_t size)
{
	uint8_t *grown = realloc(transport->overflow, transport->overflow_size + size);

	if (!grown)
		return false;
	memcpy(grown + transport->overflow_size, data, size);
	transport->overflow = grown;
	transport->overflow_size += size;
	return true;
}

static ssize_t on_push(gnutls_transport_ptr_t argument, const void *data, size_t size)
{
	struct gtls_transport *transport = argument;
	size_t n = 0;

	if (transport->overflow_size == 0)
		n = unitls_transport_write(transport->core, data, size);
	if (n == size)
		return (ssize_t)size;
	if (!transport->core->out_of_memory && keep(transport, (const uint8_t *)data + n, size - n))
		return (ssize_t)size;
	transport->core->out_of_memory = true;
	gnutls_transport_set_errno(transport->session, ENOMEM);
	return -1;
}

static ssize_t on_pull(gnutls_transport_ptr_t argument, void *buffer, size_t size)
{
	struct gtls_transport *transport = argument;
	size_t n = unitls_transport_read(transport->core, buffer, size);

	transport->starved = n == 0;
	gtls_records_follow(&transport->received, buffer, n);
	if (n > 0)
		return (ssize_t)n;
	gnutls_transport_set_errno(transport->session, EAGAIN);
	return -1;
}

/* Asked by the library only where it would wait for a time, which a non-blocking session does not. */
static int on_pull_timeout(gnutls_transport_ptr_t argument, unsigned milliseconds)
{
	const struct gtls_transport *transport = argument;

	(void)milliseconds;
	return unitls_transport_peek(transport->core).size > 0;
}

void gtls_transport_attach(
	struct gtls_transport *transport, struct unitls_transport *core, gnutls_session_t session)
{
	transport->core = core;
	transport->session = session;
	gnutls_transport_set_ptr(session, transport);
	gnutls_transport_set_push_function(session, on_push);
	gnutls_transport_set_pull_function(session, on_pull);
	gnutls_transport_set_pull_timeout_function(session, on_pull_timeout);
}

void gtls_transport_fini(struct gtls_transport *transport)
{
	free(transport->overflow);
	transport->overflow = NULL;
	transport->overflow_size = 0;
}

bool gtls_transport_flush(struct gtls_transport *transport)
{
	size_t n;

	if (transport->overflow_size == 0)
		return true;
	n = unitls_transport_write(transport->core, transport->overflow, transport->overflow_size);
	memmove(transport->overflow, transport->overflow + n, transport->overflow_size - n);
	transport->overflow_size -= n;
	if (transport->overflow_size > 0)
		return false;
	gtls_transport_fini(transport);
	return true;
}

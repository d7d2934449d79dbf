/*
 * The library's push and pull functions over the core's transport.
 *
 * Invariant: a push always takes all. What the transport has no room for waits in an overflow of our own, so that the library never keeps a part of a
 * record and its rules about repeating a call with the same data never come into play; as long as something waits, the library is not called.
 * A pull never reports an end of file: at the end of the transport it asks for more, and the caller looks at unitls_transport_at_eof.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_TRANSPORT_H
#define UNITLS_BACKENDS_GNUTLS_TRANSPORT_H

#include <gnutls/gnutls.h>

#include "backends/gnutls/records.h"
#include "core/backend.h"

struct gtls_transport {
	struct unitls_transport *core;
	gnutls_session_t session;
	uint8_t *overflow;
	size_t overflow_size;
	bool starved; /* the last pull found nothing */
	struct gtls_records received;
};

/* Makes transport what this session reads and writes. */
void gtls_transport_attach(
	struct gtls_transport *transport, struct unitls_transport *core, gnutls_session_t session);
void gtls_transport_fini(struct gtls_transport *transport);
/* Moves what waits into the core's transport; true when nothing waits any more. */
bool gtls_transport_flush(struct gtls_transport *transport);

#endif

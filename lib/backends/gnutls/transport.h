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

#include "core/backend.h"

#define GTLS_PLAIN_ALERT_SIZE 7 /* octets of a record that is an alert in the clear */

struct gtls_transport {
	struct unitls_transport *core;
	gnutls_session_t session;
	uint8_t *overflow;
	size_t overflow_size;
	bool starved;                        /* the last pull found nothing */
	uint8_t last[GTLS_PLAIN_ALERT_SIZE]; /* octets that were pulled */
};

/* Makes transport what this session reads and writes. */
void gtls_transport_attach(
	struct gtls_transport *transport, struct unitls_transport *core, gnutls_session_t session);
void gtls_transport_fini(struct gtls_transport *transport);
/* The fatal alert in the clear that the last record pulled is; UNITLS_ALERT_NONE when it is none. */
int gtls_transport_plain_alert(const struct gtls_transport *transport);
/* Moves what waits into the core's transport; true when nothing waits any more. */
bool gtls_transport_flush(struct gtls_transport *transport);

#endif

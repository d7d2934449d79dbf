/*
 * Verification of the peer's chain: the anchors given and nothing else, the configuration's clock, the core's rule for names.
 *
 * Ways from the peer's certificate to an anchor are looked for here; whether one holds (signatures, key usage, constraints, strength) is the
 * library's judgement of exactly that way. Times, purposes and the name are checked behind it, the times because the library's clock is one for the process.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_VERIFY_H
#define UNITLS_BACKENDS_GNUTLS_VERIFY_H

#include <gnutls/gnutls.h>

#include "backends/gnutls/context.h"
#include "core/backend.h"

/* The verdict on one connection's peer. */
struct gtls_verdict {
	enum unitls_verify_reason reason; /* NONE: accepted */
	int depth;
	bool judged;
	bool out_of_memory;
};

/* Judges what the peer of session sent. */
struct gtls_verdict gtls_verify_peer(
	const struct gtls_context *context, gnutls_session_t session, const struct unitls_peer_name *peer_name);

#endif

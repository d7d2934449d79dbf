/*
 * Verification of the peer's chain: the anchors given and nothing else, the configuration's clock, the core's rule for names, and the alert
 * that the contract names for each reason.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_VERIFY_H
#define UNITLS_BACKENDS_LIBSSL_VERIFY_H

#include <openssl/ssl.h>

#include "core/backend.h"

/* The verdict on one connection's peer. */
struct libssl_verdict {
	enum unitls_verify_reason reason; /* NONE: accepted, or not yet judged */
	int depth;
	int native_code; /* X509_V_ERR_ of the library; 0 = the core's own reason */
	bool out_of_memory;
};

/* How to judge; part of a context, constant once that is built. */
struct libssl_verifier {
	enum unitls_verify_mode mode;
	unitls_clock clock;
	void *clock_argument;
	bool has_crls;
};

/* Reads the anchors into ctx and sets how it verifies. verifier must outlive ctx. */
int libssl_verify_setup(SSL_CTX *ctx, const struct unitls_context_params *params,
	const struct libssl_verifier *verifier, struct unitls_error *error);

/* One certificate of exactly these bytes, or NULL with the reason in the queue. */
X509 *libssl_certificate_read(struct unitls_bytes der);

/* The library's verification error as the contract's reason. Pure. */
enum unitls_verify_reason libssl_verify_reason(int native_code, int depth);

#endif

/*
 * A native context: what its connections share. BearSSL itself has no such thing, so it is what the module makes an engine from. Constant once built.
 */
#ifndef UNITLS_BACKEND_BEARSSL_CONTEXT_H
#define UNITLS_BACKEND_BEARSSL_CONTEXT_H

#include "backends/bearssl/anchors.h"
#include "backends/bearssl/signer.h"

struct bear_context {
	enum unitls_role role;
	enum unitls_verify_mode verify;
	unitls_clock clock; /* NULL: the system's */
	void *clock_argument;
	uint16_t suites[BR_MAX_CIPHER_SUITES];
	size_t n_suites;
	bool needs_sha1; /* for the records of one of the suites */
	struct bear_identity identity;
	struct bear_anchors anchors;
	char *alpn_text;   /* the names one after another, each terminated */
	const char **alpn; /* client: what is offered */
	size_t n_alpn;
	unitls_key_log_callback key_log;
	void *key_log_argument;
};

int bear_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void bear_context_free(void *context);

#endif

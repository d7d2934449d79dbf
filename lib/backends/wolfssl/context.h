/*
 * A native context: what its connections share. Only read once it is built, but for ticket keys, which the library locks.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CONTEXT_H
#define UNITLS_BACKEND_WOLFSSL_CONTEXT_H

#include "backends/wolfssl/anchors.h"
#include "backends/wolfssl/library.h"
#include "core/backend.h"

struct wolf_context {
	WOLFSSL_CTX *ctx;
	enum unitls_role role;
	enum unitls_verify_mode verify;
	unitls_clock clock; /* NULL: the system's */
	void *clock_argument;
	struct wolf_anchors anchors;
	struct unitls_bytes *alpn; /* client: what is offered */
	size_t n_alpn;
};

int wolf_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void wolf_context_free(void *context);

#endif

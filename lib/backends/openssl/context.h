/*
 * A native context: one SSL_CTX for one role and one identity, constant once built, shared by threads.
 */
#ifndef UNITLS_BACKENDS_OPENSSL_CONTEXT_H
#define UNITLS_BACKENDS_OPENSSL_CONTEXT_H

#include <openssl/ssl.h>

#include "backends/openssl/verify.h"
#include "core/backend.h"

struct openssl_context {
	SSL_CTX *ctx;
	enum unitls_role role;
	struct openssl_verifier verifier;
};

/* Slots of the table: core/backend.h. */
int openssl_context_new(
	const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void openssl_context_free(void *context);

#endif

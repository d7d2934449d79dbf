/*
 * Giving a private key to a native context.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_KEY_H
#define UNITLS_BACKEND_WOLFSSL_KEY_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

/* Loads the key and proves that it is the certificate's, which the context has already. */
int wolf_key_load(WOLFSSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error);

#endif

/*
 * Private keys from bytes. Never asks anybody for a password, leaves no copy of the bytes behind.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_KEY_H
#define UNITLS_BACKENDS_LIBSSL_KEY_H

#include <openssl/evp.h>

#include "core/backend.h"

/* Decodes, and decrypts where needed. UNITLS_ERROR: class CONFIG, field "key", or MEMORY. */
int libssl_key_read(enum unitls_key_format format, struct unitls_bytes key, const char *password,
	EVP_PKEY **ret_key, struct unitls_error *error);

#endif

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

/* For the module's own part: one PKCS#8, PKCS#1 or SEC1 value that is not encrypted. */
int libssl_key_from_plain_der(const uint8_t *data, long size, EVP_PKEY **ret_key, struct unitls_error *error);
/* A pem_password_cb that hands out its argument, a password or NULL; the library would otherwise ask on the terminal. */
int libssl_key_on_password(char *buffer, int size, int writing, void *argument);

#endif

/*
 * Private keys that are elsewhere: a signer of the program's, which must answer at once, and keys in PKCS#11 tokens.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_EXTERNAL_H
#define UNITLS_BACKENDS_GNUTLS_EXTERNAL_H

#include <gnutls/abstract.h>

#include "core/backend.h"

/* Fills key, which was made by gnutls_privkey_init. external must outlive it. The library's code. */
int gtls_external_import(gnutls_privkey_t key, const struct unitls_external_key *external);
/* The same by a PKCS#11 URI; pin: NULL for none, must outlive key: a token may ask for it again. */
int gtls_external_import_uri(gnutls_privkey_t key, const char *uri, const char *pin);

#endif

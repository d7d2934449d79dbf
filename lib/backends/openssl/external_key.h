/*
 * External keys as OpenSSL sees them: keys of a provider of our own, which hold the public half and sign by asking.
 */
#ifndef UNITLS_BACKENDS_OPENSSL_EXTERNAL_KEY_H
#define UNITLS_BACKENDS_OPENSSL_EXTERNAL_KEY_H

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

#include "core/backend.h"

/* Property by which the provider's algorithms are found, and by nothing else. */
#define OPENSSL_EXTERNAL_PROPERTIES "provider=unitls-external"
/* The one name of the provider's signatures: no other provider has it, so no other is asked to sign. */
#define OPENSSL_EXTERNAL_SIGNATURE "UNITLS-EXTERNAL"
/* The parameter that hands a struct unitls_external_key in. */
#define OPENSSL_EXTERNAL_PARAM "unitls-external-key"

/* A key of the provider; lives as long as the EVP_PKEY. */
struct openssl_external_key {
	const struct unitls_external_key *key; /* NULL: nothing was imported yet */
	EVP_PKEY *public_half;                 /* of the library's own provider */
};

/* Tables of the two parts of the provider. */
extern const OSSL_DISPATCH openssl_external_keymgmt[];
extern const OSSL_DISPATCH openssl_external_signature[];

/* The name of the key management that a type of key has; NULL: none. */
const char *openssl_external_name(enum unitls_key_type type);

#endif

/*
 * The private key: read, proved to belong to a certificate, and used; or a signer of the program's, which is asked. Its elements lie in the library's decoder, which is never moved.
 */
#ifndef UNITLS_BACKEND_BEARSSL_KEY_H
#define UNITLS_BACKEND_BEARSSL_KEY_H

#include "core/backend.h"

#include <bearssl.h>

/* The decoder of 0.6 takes its buffer for 24 octets longer than it is, and a key that is too large fills them. */
#define BEAR_KEY_SLACK 64

struct bear_key {
	br_skey_decoder_context decoder;
	uint8_t slack[BEAR_KEY_SLACK];
	const struct unitls_external_key *external; /* NULL: the key is in the decoder */
};

/* 0, or UNITLS_ERROR with class CONFIG and field "key". Wipe with bear_key_fini in either case. */
int bear_key_read(struct bear_key *key, const struct unitls_context_params *params, struct unitls_error *error);
void bear_key_fini(struct bear_key *key);
/* BR_KEYTYPE_RSA or BR_KEYTYPE_EC. */
int bear_key_type(const struct bear_key *key);
/* Whether its public half is this one. */
bool bear_key_matches(const struct bear_key *key, const br_x509_pkey *public_key);
/*
 * Signs a hash value (br_sha256_ID to br_sha512_ID) that lies in data, and puts the signature in its place; capacity: of data. How long it is; 0 on failure.
 */
size_t bear_key_sign(const struct bear_key *key, int hash_id, uint8_t *data, size_t hash_size, size_t capacity);
/* RSA: the premaster secret that the client encrypted, in place. 1, or 0 on failure, in the same time. */
uint32_t bear_key_decrypt(const struct bear_key *key, uint8_t *data, size_t size);

#endif

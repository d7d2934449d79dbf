/*
 * Certificates, keys and signing chains that are read like real ones and made in microseconds: any key type, any names, no signature that
 * would verify. For what the core decides by reading alone.
 */
#ifndef UNITLS_TESTS_FORGED_H
#define UNITLS_TESTS_FORGED_H

#include <unitls/signing_chain.h>
#include <unitls/trust_store.h>

/* A certificate with a key of that type (bits: of an RSA modulus, a multiple of 8) for n DNS names; serial makes its bytes its own. */
struct unitls_certificate *forged_certificate(
	enum unitls_key_type type, unsigned bits, uint32_t serial, const char *const *names, size_t n);
/* The same, with a key that is encrypted, so that nobody can say whether it belongs to the certificate. */
struct unitls_signing_chain *forged_chain(
	enum unitls_key_type type, unsigned bits, uint32_t serial, const char *const *names, size_t n);
/* The same for a single name, and 2048 bits if it is RSA. */
struct unitls_signing_chain *forged_chain_for(enum unitls_key_type type, uint32_t serial, const char *name);
/* An encrypted key (the bytes are nonsense); seed makes them its own. */
struct unitls_private_key *forged_key(uint8_t seed, const char *password);

/* A trust store of n such certificates, with serials first, first + step, ... */
struct unitls_trust_store *forged_trust_store(uint32_t first, int step, size_t n);

#endif

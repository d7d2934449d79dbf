/*
 * Settings as one value: defaults, deep copy, release, digest. What is legal in them is config.c's business, what a backend can do of them
 * validate.c's.
 */
#ifndef UNITLS_CORE_SETTINGS_H
#define UNITLS_CORE_SETTINGS_H

#include "core/backend.h"
#include "core/config.h"

/* Every setting at its default; no memory is held. */
void unitls_settings_init(struct unitls_settings *settings);
/* Frees and drops what settings hold; the struct itself is the caller's. */
void unitls_settings_fini(struct unitls_settings *settings);
/* Makes ret_settings a copy that holds memory and references of its own. 0, or UNITLS_ERROR without memory (then ret_settings is untouched). */
int unitls_settings_copy(const struct unitls_settings *settings, struct unitls_settings *ret_settings);

/* SHA-256 over what the settings mean for a role: what has no effect there, and the order where none matters, is left out. 0, or
 * UNITLS_ERROR without memory. */
int unitls_settings_digest(
	const struct unitls_settings *settings, enum unitls_role role, uint8_t digest[UNITLS_DIGEST_SIZE]);
/*
 * Resumption scope of one identity: backend, client authentication or verification, trust, revocation, versions, ALPN and, for a server, the
 * names of the chain's leaf, not its bytes, so that a renewed certificate leaves sessions valid (its bytes if it has no subject alternative names); for a
 * client its own certificate and its signature schemes. chain: NULL = none. 0, or UNITLS_ERROR without memory.
 */
int unitls_settings_scope(const struct unitls_settings *settings, enum unitls_role role, const char *backend,
	const struct unitls_signing_chain *chain, uint8_t scope[UNITLS_DIGEST_SIZE]);

/* Replaces lists by copies of the given ones; duplicates are left out. 0, or UNITLS_ERROR without memory (then nothing changed). */
int unitls_settings_set_cipher_suites(struct unitls_settings *settings, const uint16_t *suites, size_t n);
int unitls_settings_set_groups(struct unitls_settings *settings, const uint16_t *groups, size_t n);
int unitls_settings_set_signature_schemes(struct unitls_settings *settings, const uint16_t *schemes, size_t n);
int unitls_settings_set_alpn(struct unitls_settings *settings, const struct unitls_bytes *names, size_t n);

#endif

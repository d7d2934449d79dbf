/*
 * The identities (native contexts) of a server's signing chains: made on first use, kept up to a limit, least recently used out. One
 * that was put out lives on while connections hold it. Thread-safe.
 */
#ifndef UNITLS_CORE_IDENTITY_CACHE_H
#define UNITLS_CORE_IDENTITY_CACHE_H

#include "core/context.h"

struct unitls_identity_cache;

/* Makes the identity of a chain, with one reference. Called by one thread at a time, with no lock held that a lookup needs. */
typedef int (*unitls_identity_build)(
	void *argument, size_t chain, struct unitls_identity **ret_identity, struct unitls_error *error);

/* limit: 1 and up. UNITLS_ERROR without memory. */
int unitls_identity_cache_new(size_t n_chains, size_t limit, unitls_identity_build build, void *argument,
	struct unitls_identity_cache **ret_cache, struct unitls_error *error);
/* Drops what it holds; NULL is fine. */
void unitls_identity_cache_free(struct unitls_identity_cache *cache);
/* A new reference to the identity of a chain; built when it is not held. A failed build is tried again by the next call. */
int unitls_identity_cache_get(struct unitls_identity_cache *cache, size_t chain,
	struct unitls_identity **ret_identity, struct unitls_error *error);
/* How many are held. */
size_t unitls_identity_cache_count(struct unitls_identity_cache *cache);

#endif

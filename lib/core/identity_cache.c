/*
 * Bounded cache of identities. Two locks: one for the table, held for a few instructions; one for building, so that an identity is made once
 * however many threads ask for it, and those that find theirs never wait for a build.
 */
#include "core/identity_cache.h"

#include <pthread.h>
#include <stdlib.h>

#define NONE SIZE_MAX

/* One for each chain; those that hold an identity are in a list by time of use. */
struct slot {
	struct unitls_identity *identity;
	size_t newer;
	size_t older;
};

struct unitls_identity_cache {
	pthread_mutex_t building; /* taken before lock */
	pthread_mutex_t lock;
	unitls_identity_build build;
	void *argument;
	struct slot *slots;
	size_t n_slots;
	size_t limit;
	size_t held;
	size_t newest;
	size_t oldest;
};

int unitls_identity_cache_new(size_t n_chains, size_t limit, unitls_identity_build build, void *argument,
	struct unitls_identity_cache **ret_cache, struct unitls_error *error)
{
	struct unitls_identity_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		cache->slots = calloc(n_chains, sizeof(*cache->slots));
	if (!cache || !cache->slots) {
		free(cache);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	pthread_mutex_init(&cache->building, NULL);
	pthread_mutex_init(&cache->lock, NULL);
	cache->build = build;
	cache->argument = argument;
	cache->n_slots = n_chains;
	cache->limit = limit;
	cache->newest = NONE;
	cache->oldest = NONE;
	*ret_cache = cache;
	return 0;
}

void unitls_identity_cache_free(struct unitls_identity_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->n_slots; i++)
		unitls_identity_unref(cache->slots[i].identity);
	pthread_mutex_destroy(&cache->lock);
	pthread_mutex_destroy(&cache->building);
	free(cache->slots);
	free(cache);
}

static void unlink_slot(struct unitls_identity_cache *cache, size_t i)
{
	struct slot *slot = &cache->slots[i];

	if (slot->newer != NONE)
		cache->slots[slot->newer].older = slot->older;
	else
		cache->newest = slot->older;
	if (slot->older != NONE)
		cache->slots[slot->older].newer = slot->newer;
	else
		cache->oldest = slot->newer;
}

static void link_newest(struct unitls_identity_cache *cache, size_t i)
{
	struct slot *slot = &cache->slots[i];

	slot->newer = NONE;
	slot->older = cache->newest;
	if (cache->newest != NONE)
		cache->slots[cache->newest].newer = i;
	else
		cache->oldest = i;
	cache->newest = i;
}

static struct unitls_identity *reference(struct unitls_identity *identity)
{
	atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
	return identity;
}

/* A new reference, or NULL when the chain's identity is not held. */
static struct unitls_identity *find(struct unitls_identity_cache *cache, size_t chain)
{
	struct unitls_identity *identity;

	pthread_mutex_lock(&cache->lock);
	identity = cache->slots[chain].identity;
	if (identity) {
		unlink_slot(cache, chain);
		link_newest(cache, chain);
		reference(identity);
	}
	pthread_mutex_unlock(&cache->lock);
	return identity;
}

/* Takes a reference of its own; what has to go for it is dropped outside the lock, since that may free a native context. */
static void insert(struct unitls_identity_cache *cache, size_t chain, struct unitls_identity *identity)
{
	struct unitls_identity *evicted = NULL;

	pthread_mutex_lock(&cache->lock);
	if (cache->held == cache->limit) {
		size_t oldest = cache->oldest;

		evicted = cache->slots[oldest].identity;
		cache->slots[oldest].identity = NULL;
		unlink_slot(cache, oldest);
		cache->held--;
	}
	cache->slots[chain].identity = reference(identity);
	link_newest(cache, chain);
	cache->held++;
	pthread_mutex_unlock(&cache->lock);
	unitls_identity_unref(evicted);
}

static int find_or_build(struct unitls_identity_cache *cache, size_t chain, struct unitls_identity **ret_identity,
	struct unitls_error *error)
{
	struct unitls_identity *identity = find(cache, chain);

	if (!identity) {
		if (cache->build(cache->argument, chain, &identity, error) < 0)
			return UNITLS_ERROR;
		insert(cache, chain, identity);
	}
	*ret_identity = identity;
	return 0;
}

int unitls_identity_cache_get(struct unitls_identity_cache *cache, size_t chain,
	struct unitls_identity **ret_identity, struct unitls_error *error)
{
	struct unitls_identity *identity = find(cache, chain);
	int status;

	if (identity) {
		*ret_identity = identity;
		return 0;
	}
	pthread_mutex_lock(&cache->building);
	status = find_or_build(cache, chain, ret_identity, error);
	pthread_mutex_unlock(&cache->building);
	return status;
}

size_t unitls_identity_cache_count(struct unitls_identity_cache *cache)
{
	size_t n;

	pthread_mutex_lock(&cache->lock);
	n = cache->held;
	pthread_mutex_unlock(&cache->lock);
	return n;
}

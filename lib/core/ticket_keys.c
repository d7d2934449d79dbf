/*
 * Ticket keys: secrets that rotate, and the keys that each resumption scope derives from them. A source keeps what it derived until the secrets change, so
 * that a ticket costs no derivation.
 *
 * Invariants: no secret leaves this file, only keys that belong to one scope. After a rotation nothing is left here of a secret that is not among the new
 * ones, so that whoever takes the memory then cannot open what was recorded before.
 *
 * Locks are taken in the order: that of the list of sources, a source's, that of the secrets.
 */
#include "core/ticket_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/digest.h"

struct unitls_ticket_keys {
	atomic_size_t references;
	_Atomic uint64_t generation; /* changes with the secrets */
	pthread_mutex_t lock;        /* of secrets */
	struct unitls_ticket_secrets secrets;
	pthread_mutex_t sources_lock; /* of the list */
	struct unitls_ticket_source *sources;
};

struct unitls_ticket_source {
	struct unitls_ticket_keys *keys;
	struct unitls_ticket_source *previous; /* in the list of keys; NULL = none */
	struct unitls_ticket_source *next;
	uint8_t scope[UNITLS_DIGEST_SIZE];
	pthread_mutex_t lock; /* of what follows */
	uint64_t generation;  /* that derived is of; 0 = of none */
	struct unitls_ticket_key derived[UNITLS_TICKET_KEYS_MAX];
	size_t n;
};

_Static_assert(UNITLS_TICKET_KEYS_MAX == UNITLS_TICKET_SECRETS_MAX, "one key for each secret");
_Static_assert(sizeof(struct unitls_ticket_key) == 80, "a key is derived in one piece");

static int check(const struct unitls_ticket_secrets *secrets, struct unitls_error *error)
{
	if (secrets->n >= 1 && secrets->n <= UNITLS_TICKET_SECRETS_MAX)
		return UNITLS_OK;
	return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "%zu ticket secrets; 1 to %d are possible",
		secrets->n, UNITLS_TICKET_SECRETS_MAX);
}

/* What stands behind the n of the caller's is none of the secrets: old ones, perhaps. */
static void take_secrets(struct unitls_ticket_keys *keys, const struct unitls_ticket_secrets *secrets)
{
	explicit_bzero(keys->secrets.secrets, sizeof(keys->secrets.secrets));
	memcpy(keys->secrets.secrets, secrets->secrets, secrets->n * sizeof(secrets->secrets[0]));
	keys->secrets.n = secrets->n;
}

int unitls_ticket_keys_from_secrets(const struct unitls_ticket_secrets *secrets,
	struct unitls_ticket_keys **ret_keys, struct unitls_error *error)
{
	struct unitls_ticket_keys *keys;

	if (check(secrets, error) < 0)
		return UNITLS_ERROR;
	keys = calloc(1, sizeof(*keys));
	if (!keys)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for ticket keys");
	atomic_init(&keys->references, 1);
	atomic_init(&keys->generation, 1);
	pthread_mutex_init(&keys->lock, NULL);
	pthread_mutex_init(&keys->sources_lock, NULL);
	take_secrets(keys, secrets);
	memcpy(keys->secrets.stable, secrets->stable, sizeof(secrets->stable));
	*ret_keys = keys;
	return UNITLS_OK;
}

int unitls_ticket_keys_new(struct unitls_ticket_keys **ret_keys, struct unitls_error *error)
{
	struct unitls_ticket_secrets secrets = {.n = 1};
	int status;

	/* Up to 256 bytes come whole (getrandom(2)). */
	if (getrandom(secrets.secrets[0], sizeof(secrets.secrets[0]), 0) != sizeof(secrets.secrets[0]) ||
		getrandom(secrets.stable, sizeof(secrets.stable), 0) != sizeof(secrets.stable))
		return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "the kernel gives no randomness");
	status = unitls_ticket_keys_from_secrets(&secrets, ret_keys, error);
	explicit_bzero(&secrets, sizeof(secrets));
	return status;
}

/* A source that nobody asks for a key would keep the old ones for ever. */
static void wipe_outdated(struct unitls_ticket_keys *keys)
{
	pthread_mutex_lock(&keys->sources_lock);
	for (struct unitls_ticket_source *source = keys->sources; source; source = source->next) {
		pthread_mutex_lock(&source->lock);
		if (source->generation != atomic_load_explicit(&keys->generation, memory_order_acquire)) {
			explicit_bzero(source->derived, sizeof(source->derived));
			source->generation = 0;
		}
		pthread_mutex_unlock(&source->lock);
	}
	pthread_mutex_unlock(&keys->sources_lock);
}

int unitls_ticket_keys_rotate(
	struct unitls_ticket_keys *keys, const struct unitls_ticket_secrets *secrets, struct unitls_error *error)
{
	if (check(secrets, error) < 0)
		return UNITLS_ERROR;
	pthread_mutex_lock(&keys->lock);
	take_secrets(keys, secrets);
	atomic_fetch_add_explicit(&keys->generation, 1, memory_order_release);
	pthread_mutex_unlock(&keys->lock);
	wipe_outdated(keys);
	return UNITLS_OK;
}

struct unitls_ticket_keys *unitls_ticket_keys_ref(struct unitls_ticket_keys *keys)
{
	atomic_fetch_add_explicit(&keys->references, 1, memory_order_relaxed);
	return keys;
}

void unitls_ticket_keys_unref(struct unitls_ticket_keys *keys)
{
	if (!keys || atomic_fetch_sub_explicit(&keys->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&keys->lock);
	pthread_mutex_destroy(&keys->sources_lock);
	explicit_bzero(keys, sizeof(*keys));
	free(keys);
}

static struct unitls_bytes bytes_of(const void *data, size_t size)
{
	return (struct unitls_bytes){data, size};
}

/* Not with a string literal's NUL. */
static struct unitls_bytes text(const char *string)
{
	return bytes_of(string, strlen(string));
}

void unitls_ticket_secret_derive(
	struct unitls_bytes root, uint64_t epoch, uint8_t ret_secret[UNITLS_TICKET_SECRET_SIZE])
{
	uint8_t info[8];

	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(epoch >> (56 - 8 * i));
	(void)unitls_hkdf(root, text("unitls ticket epoch"), bytes_of(info, sizeof(info)), ret_secret,
		UNITLS_TICKET_SECRET_SIZE); /* the size is legal */
}

/*
 * Sources ------------------------------------------------------------------------------------------------------------------
 */

static void enlist(struct unitls_ticket_source *source)
{
	struct unitls_ticket_keys *keys = source->keys;

	pthread_mutex_lock(&keys->sources_lock);
	source->next = keys->sources;
	if (source->next)
		source->next->previous = source;
	keys->sources = source;
	pthread_mutex_unlock(&keys->sources_lock);
}

static void delist(struct unitls_ticket_source *source)
{
	struct unitls_ticket_keys *keys = source->keys;

	pthread_mutex_lock(&keys->sources_lock);
	if (source->next)
		source->next->previous = source->previous;
	if (source->previous)
		source->previous->next = source->next;
	else
		keys->sources = source->next;
	pthread_mutex_unlock(&keys->sources_lock);
}

struct unitls_ticket_source *unitls_ticket_source_new(
	struct unitls_ticket_keys *keys, const uint8_t scope[UNITLS_DIGEST_SIZE])
{
	struct unitls_ticket_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->keys = unitls_ticket_keys_ref(keys);
	memcpy(source->scope, scope, sizeof(source->scope));
	pthread_mutex_init(&source->lock, NULL);
	enlist(source);
	return source;
}

void unitls_ticket_source_free(struct unitls_ticket_source *source)
{
	if (!source)
		return;
	delist(source);
	unitls_ticket_keys_unref(source->keys);
	pthread_mutex_destroy(&source->lock);
	explicit_bzero(source, sizeof(*source));
	free(source);
}

/* With the lock held. */
static void derive(struct unitls_ticket_source *source)
{
	struct unitls_ticket_secrets secrets;
	struct unitls_bytes scope = bytes_of(source->scope, sizeof(source->scope));

	pthread_mutex_lock(&source->keys->lock);
	secrets = source->keys->secrets;
	source->generation = atomic_load_explicit(&source->keys->generation, memory_order_relaxed);
	pthread_mutex_unlock(&source->keys->lock);
	explicit_bzero(source->derived, sizeof(source->derived)); /* there may be fewer now */
	source->n = secrets.n;
	for (size_t i = 0; i < secrets.n; i++)
		(void)unitls_hkdf(bytes_of(secrets.secrets[i], sizeof(secrets.secrets[i])),
			text("unitls ticket key"), scope, (uint8_t *)&source->derived[i],
			sizeof(source->derived[i])); /* the size is legal */
	explicit_bzero(&secrets, sizeof(secrets));
}

size_t unitls_ticket_source_keys(
	struct unitls_ticket_source *source, struct unitls_ticket_key ret_keys[UNITLS_TICKET_KEYS_MAX])
{
	size_t n;

	pthread_mutex_lock(&source->lock);
	if (source->generation != atomic_load_explicit(&source->keys->generation, memory_order_acquire))
		derive(source);
	n = source->n;
	memcpy(ret_keys, source->derived, n * sizeof(ret_keys[0]));
	pthread_mutex_unlock(&source->lock);
	return n;
}

void unitls_ticket_source_master(
	struct unitls_ticket_source *source, uint8_t ret_master[UNITLS_TICKET_MASTER_SIZE])
{
	uint8_t stable[UNITLS_TICKET_SECRET_SIZE];

	pthread_mutex_lock(&source->keys->lock);
	memcpy(stable, source->keys->secrets.stable, sizeof(stable));
	pthread_mutex_unlock(&source->keys->lock);
	(void)unitls_hkdf(bytes_of(stable, sizeof(stable)), text("unitls ticket master"),
		bytes_of(source->scope, sizeof(source->scope)), ret_master, UNITLS_TICKET_MASTER_SIZE);
	explicit_bzero(stable, sizeof(stable));
}

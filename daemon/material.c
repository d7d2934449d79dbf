/* An array of entries and a table of slots over it; the slots are made anew whenever entries go. */

#include "daemon/material.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/signing_chain.h>
#include <unitls/trust_store.h>

#include "daemon/config.h"

struct entry {
	char blob[CONFIG_BLOB_SIZE];
	char key_blob[CONFIG_BLOB_SIZE];
	struct unitls_signing_chain *chain; /* one of the two is NULL */
	struct unitls_trust_store *trust;
	uint64_t added; /* generations */
	uint64_t used;
};

struct material {
	struct entry *entries;
	size_t *slots; /* index in entries plus one; a power of two of them, at least twice the capacity */
	size_t count;
	size_t capacity;
	uint64_t generation;
};

struct material *material_new(void)
{
	return calloc(1, sizeof(struct material));
}

static void entry_fini(struct entry *entry)
{
	unitls_signing_chain_unref(entry->chain);
	if (entry->trust)
		unitls_trust_store_unref(entry->trust);
}

void material_free(struct material *material)
{
	if (!material)
		return;
	for (size_t i = 0; i < material->count; i++)
		entry_fini(&material->entries[i]);
	free(material->entries);
	free(material->slots);
	free(material);
}

/* The digits of a digest spread well enough as they are. */
static size_t hash_name(const char *blob)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < 16 && blob[i]; i++)
		hash = hash << 4 | (uint64_t)(blob[i] <= '9' ? blob[i] - '0' : blob[i] - 'a' + 10);
	return (size_t)hash;
}

static bool entry_is(const struct entry *entry, const char *blob, const char *key_blob, bool is_chain)
{
	return (entry->chain != NULL) == is_chain && strcmp(entry->blob, blob) == 0 &&
		strcmp(entry->key_blob, key_blob) == 0;
}

static size_t *find_slot(const struct material *material, const char *blob, const char *key_blob, bool is_chain)
{
	size_t mask = material->capacity * 2 - 1;
	size_t at = hash_name(blob) & mask;

	while (material->slots[at] != 0 &&
		!entry_is(&material->entries[material->slots[at] - 1], blob, key_blob, is_chain))
		at = (at + 1) & mask;
	return &material->slots[at];
}

static void fill_slots(struct material *material)
{
	if (!material->slots)
		return;
	memset(material->slots, 0, material->capacity * 2 * sizeof(*material->slots));
	for (size_t i = 0; i < material->count; i++) {
		const struct entry *entry = &material->entries[i];

		*find_slot(material, entry->blob, entry->key_blob, entry->chain != NULL) = i + 1;
	}
}

static int grow(struct material *material)
{
	size_t capacity = material->capacity ? material->capacity * 2 : 16;
	struct entry *entries = reallocarray(material->entries, capacity, sizeof(*entries));
	size_t *slots;

	if (!entries)
		return -ENOMEM;
	material->entries = entries;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(material->slots);
	material->slots = slots;
	material->capacity = capacity;
	fill_slots(material);
	return 0;
}

static struct entry *find(struct material *material, const char *blob, const char *key_blob, bool is_chain)
{
	size_t *slot;

	if (material->count == 0)
		return NULL;
	slot = find_slot(material, blob, key_blob, is_chain);
	if (*slot == 0)
		return NULL;
	material->entries[*slot - 1].used = material->generation;
	return &material->entries[*slot - 1];
}

struct unitls_signing_chain *material_find_chain(struct material *material, const char *blob, const char *key_blob)
{
	struct entry *entry = find(material, blob, key_blob, true);

	return entry ? entry->chain : NULL;
}

struct unitls_trust_store *material_find_trust(struct material *material, const char *blob)
{
	struct entry *entry = find(material, blob, "", false);

	return entry ? entry->trust : NULL;
}

/* Room for one more entry, with its names; its object is the caller's to set, at once. */
static struct entry *add(struct material *material, const char *blob, const char *key_blob)
{
	struct entry *entry;

	if (material->count == material->capacity && grow(material) < 0)
		return NULL;
	entry = &material->entries[material->count];
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->blob, blob, strnlen(blob, CONFIG_BLOB_SIZE - 1));
	memcpy(entry->key_blob, key_blob, strnlen(key_blob, CONFIG_BLOB_SIZE - 1));
	entry->added = material->generation;
	entry->used = material->generation;
	return entry;
}

int material_add_chain(
	struct material *material, const char *blob, const char *key_blob, struct unitls_signing_chain *chain)
{
	struct entry *entry = add(material, blob, key_blob);

	if (!entry)
		return -ENOMEM;
	*find_slot(material, entry->blob, entry->key_blob, true) = material->count + 1;
	entry->chain = unitls_signing_chain_ref(chain);
	material->count++;
	return 0;
}

int material_add_trust(struct material *material, const char *blob, struct unitls_trust_store *trust)
{
	struct entry *entry = add(material, blob, "");

	if (!entry)
		return -ENOMEM;
	*find_slot(material, entry->blob, "", false) = material->count + 1;
	entry->trust = unitls_trust_store_ref(trust);
	material->count++;
	return 0;
}

void material_begin(struct material *material)
{
	material->generation++;
}

/* Keeps the entries that were used in this generation, or those that were there before it. */
static void sweep(struct material *material, bool keep_used)
{
	size_t kept = 0;

	for (size_t i = 0; i < material->count; i++) {
		struct entry *entry = &material->entries[i];

		if (keep_used ? entry->used == material->generation : entry->added != material->generation)
			material->entries[kept++] = *entry;
		else
			entry_fini(entry);
	}
	material->count = kept;
	fill_slots(material);
}

void material_commit(struct material *material)
{
	sweep(material, true);
}

void material_abort(struct material *material)
{
	sweep(material, false);
}

size_t material_count(const struct material *material)
{
	return material->count;
}

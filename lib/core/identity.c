/*
 * The index of a server's names and the choice of a signing chain. Two kinds of entry in one hash table: exact names, and the parents of wildcards
 * ("*.example.org" as "example.org"). Since a client tells chains apart by their keys' types only, an entry keeps the first chain of each type.
 */
#include "core/identity.h"

#include <stdlib.h>
#include <string.h>

#include "core/client_offer.h"

#define N_KEY_TYPES (UNITLS_KEY_ED448 + 1)
#define NO_ENTRY    UINT32_MAX

enum name_kind {
	NAME_EXACT,
	NAME_WILDCARD,
};

struct entry {
	uint32_t hash;
	uint32_t text; /* offset into the texts */
	uint8_t size;
	uint8_t kind;
	uint32_t first_chain; /* position in the links */
};

/* Chains of one entry, in the order of the configuration. */
struct link {
	uint32_t chain;
	uint32_t next; /* NO_ENTRY: the last */
};

struct unitls_identity_index {
	const struct unitls_settings *settings;
	struct unitls_suite_set suites;
	uint8_t *key_types; /* one for each chain */
	uint32_t *slots;    /* hash table of entries, linear probing; NO_ENTRY = free */
	size_t mask;
	struct entry *entries;
	size_t n_entries;
	struct link *links;
	size_t n_links;
	char *texts;
	size_t texts_size;
	uint32_t default_entry; /* the names that the default chain answers for */
};

/* A name of a certificate as the index has it. */
struct key {
	char text[UNITLS_DNS_NAME_MAX + 1];
	size_t size;
	enum name_kind kind;
};

/*
 * Building -----------------------------------------------------------------------------------------------------------------
 */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* False for a name that unitls_dns_name_matches lets match nothing. */
static bool key_from_name(struct unitls_bytes name, struct key *key)
{
	const char *text = (const char *)name.data;
	size_t size = name.size;

	key->kind = NAME_EXACT;
	if (size > 2 && text[0] == '*' && text[1] == '.') {
		key->kind = NAME_WILDCARD;
		text += 2;
		size -= 2;
		if (!memchr(text, '.', size))
			return false;
	}
	if (size == 0 || size > UNITLS_DNS_NAME_MAX || memchr(text, '\0', size) || memchr(text, '*', size) ||
		text[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++)
		key->text[i] = lower(text[i]);
	key->text[size] = '\0';
	key->size = size;
	return true;
}

/* FNV-1a. Only names of the operator's own certificates are put in, so a stranger cannot fill one bucket. */
static uint32_t hash_of(const char *text, size_t size, enum name_kind kind)
{
	uint32_t hash = 2166136261u ^ (uint32_t)kind;

	for (size_t i = 0; i < size; i++) {
		hash ^= (uint8_t)text[i];
		hash *= 16777619u;
	}
	return hash;
}

/* The slot of a name: where it is, or where it belongs. */
static uint32_t *find_slot(const struct unitls_identity_index *index, const char *text, size_t size,
	enum name_kind kind, uint32_t hash)
{
	size_t i = hash & index->mask;

	for (;; i = (i + 1) & index->mask) {
		const struct entry *entry;

		if (index->slots[i] == NO_ENTRY)
			return &index->slots[i];
		entry = &index->entries[index->slots[i]];
		if (entry->hash == hash && entry->kind == kind && entry->size == size &&
			memcmp(index->texts + entry->text, text, size) == 0)
			return &index->slots[i];
	}
}

static uint32_t find_entry(
	const struct unitls_identity_index *index, const char *text, size_t size, enum name_kind kind)
{
	return *find_slot(index, text, size, kind, hash_of(text, size, kind));
}

static uint32_t add_entry(struct unitls_identity_index *index, const struct key *key)
{
	uint32_t hash = hash_of(key->text, key->size, key->kind);
	uint32_t *slot = find_slot(index, key->text, key->size, key->kind, hash);
	struct entry *entry;

	if (*slot != NO_ENTRY)
		return *slot;
	*slot = (uint32_t)index->n_entries;
	entry = &index->entries[index->n_entries++];
	entry->hash = hash;
	entry->text = (uint32_t)index->texts_size;
	entry->size = (uint8_t)key->size;
	entry->kind = (uint8_t)key->kind;
	entry->first_chain = NO_ENTRY;
	memcpy(index->texts + index->texts_size, key->text, key->size);
	index->texts_size += key->size;
	return *slot;
}

static void add_chain(struct unitls_identity_index *index, uint32_t entry, uint32_t chain)
{
	uint32_t *end = &index->entries[entry].first_chain;

	for (; *end != NO_ENTRY; end = &index->links[*end].next)
		if (index->key_types[index->links[*end].chain] == index->key_types[chain])
			return;
	index->links[index->n_links].chain = chain;
	index->links[index->n_links].next = NO_ENTRY;
	*end = (uint32_t)index->n_links++;
}

static void add_leaf(struct unitls_identity_index *index, uint32_t chain)
{
	const struct unitls_certificate *leaf = unitls_signing_chain_at(index->settings->chains[chain], 0);
	enum unitls_name_type type;
	struct unitls_bytes name;
	struct key key;

	index->key_types[chain] = (uint8_t)unitls_certificate_key_type(leaf);
	for (size_t i = 0; unitls_certificate_name_at(leaf, i, &type, &name); i++) {
		uint32_t entry;

		if (type != UNITLS_NAME_DNS || !key_from_name(name, &key))
			continue;
		entry = add_entry(index, &key);
		add_chain(index, entry, chain);
		if (chain == 0 && index->default_entry == NO_ENTRY)
			index->default_entry = entry;
	}
}

/* Upper bounds of what will be held, so that nothing grows while it is filled. */
static void measure(const struct unitls_settings *settings, size_t *ret_names, size_t *ret_bytes)
{
	enum unitls_name_type type;
	struct unitls_bytes name;

	*ret_names = 0;
	*ret_bytes = 0;
	for (size_t chain = 0; chain < settings->n_chains; chain++) {
		const struct unitls_certificate *leaf = unitls_signing_chain_at(settings->chains[chain], 0);

		for (size_t i = 0; unitls_certificate_name_at(leaf, i, &type, &name); i++)
			if (type == UNITLS_NAME_DNS && name.size <= UNITLS_DNS_NAME_MAX + 2) {
				*ret_names += 1;
				*ret_bytes += name.size;
			}
	}
}

static int allocate(struct unitls_identity_index *index)
{
	size_t n_slots = 16;
	size_t names;
	size_t bytes;

	measure(index->settings, &names, &bytes);
	if (names >= NO_ENTRY / 2 || bytes >= UINT32_MAX || index->settings->n_chains >= NO_ENTRY)
		return UNITLS_ERROR;
	while (n_slots < 2 * names)
		n_slots *= 2;
	index->mask = n_slots - 1;
	index->slots = calloc(n_slots, sizeof(*index->slots));
	index->entries = calloc(names + 1, sizeof(*index->entries));
	index->links = calloc(names + 1, sizeof(*index->links));
	index->texts = malloc(bytes + 1);
	index->key_types = calloc(index->settings->n_chains + 1, 1);
	if (!index->slots || !index->entries || !index->links || !index->texts || !index->key_types)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n_slots; i++)
		index->slots[i] = NO_ENTRY;
	return 0;
}

int unitls_identity_index_new(const struct unitls_settings *settings,
	const struct unitls_capabilities *capabilities, struct unitls_identity_index **ret_index,
	struct unitls_error *error)
{
	struct unitls_identity_index *index = calloc(1, sizeof(*index));

	if (!index)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	index->settings = settings;
	index->default_entry = NO_ENTRY;
	if (unitls_suite_set_init(&index->suites, settings, capabilities) < 0 || allocate(index) < 0) {
		unitls_identity_index_free(index);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	for (size_t i = 0; i < settings->n_chains; i++)
		add_leaf(index, (uint32_t)i);
	*ret_index = index;
	return 0;
}

void unitls_identity_index_free(struct unitls_identity_index *index)
{
	if (!index)
		return;
	unitls_suite_set_fini(&index->suites);
	free(index->key_types);
	free(index->slots);
	free(index->entries);
	free(index->links);
	free(index->texts);
	free(index);
}

/*
 * Choosing -----------------------------------------------------------------------------------------------------------------
 */

struct choice {
	bool any;
	size_t chain;
	enum unitls_fit fit;
};

/* Takes a chain of the entry when it suits the client better than what was chosen before. */
static void consider(const struct unitls_identity_index *index, uint32_t entry,
	const struct unitls_client_offer *offer, struct choice *choice)
{
	if (entry == NO_ENTRY)
		return;
	for (uint32_t i = index->entries[entry].first_chain; i != NO_ENTRY; i = index->links[i].next) {
		uint32_t chain = index->links[i].chain;
		enum unitls_fit fit =
			unitls_client_offer_fits(offer, (enum unitls_key_type)index->key_types[chain]);

		if (choice->any && fit <= choice->fit)
			continue;
		choice->any = true;
		choice->chain = chain;
		choice->fit = fit;
	}
}

static void choose_by_name(const struct unitls_identity_index *index, const char *name,
	const struct unitls_client_offer *offer, struct choice *choice)
{
	const char *dot = strchr(name, '.');

	consider(index, find_entry(index, name, strlen(name), NAME_EXACT), offer, choice);
	if (dot && dot > name && (!choice->any || choice->fit == UNITLS_FIT_NO))
		consider(index, find_entry(index, dot + 1, strlen(dot + 1), NAME_WILDCARD), offer, choice);
}

int unitls_identity_select(const struct unitls_identity_index *index, const struct unitls_client_hello *hello,
	size_t *ret_chain, struct unitls_error *error)
{
	const char *name = unitls_client_hello_server_name(hello);
	struct unitls_client_offer offer;
	struct choice choice = {false, 0, UNITLS_FIT_NO};

	unitls_client_offer_read(&offer, hello, index->settings, &index->suites);
	if (offer.version == 0) /* libraries send various alerts, or none */
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION,
			"no version of TLS in common");
	if (name)
		choose_by_name(index, name, &offer, &choice);
	if (!choice.any && index->settings->sni_policy == UNITLS_SNI_STRICT)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_LOCAL_ALERT,
			UNITLS_ALERT_UNRECOGNIZED_NAME,
			name ? "no certificate for the client's server name" : "the client sent no server name");
	if (!choice.any)
		consider(index, index->default_entry, &offer, &choice);
	*ret_chain = choice.chain;
	return 0;
}

/* Walks the list itself: asking for each name by its position would take quadratic time in what a stranger sent. */
static bool offers_protocol(const struct unitls_client_hello *hello, struct unitls_bytes protocol)
{
	const uint8_t *at = hello->alpn.data;
	size_t left = hello->alpn.size;

	while (left > 0 && at[0] < left) {
		if (at[0] == protocol.size && memcmp(at + 1, protocol.data, protocol.size) == 0)
			return true;
		left -= 1u + at[0];
		at += 1u + at[0];
	}
	return false;
}

int unitls_alpn_select(const struct unitls_settings *settings, const struct unitls_client_hello *hello,
	struct unitls_bytes *ret_protocol, struct unitls_error *error)
{
	const struct unitls_bytes none = {NULL, 0};

	*ret_protocol = none;
	if (settings->n_alpn == 0 || !hello->has_alpn)
		return 0;
	for (size_t i = 0; i < settings->n_alpn; i++)
		if (offers_protocol(hello, settings->alpn[i])) {
			*ret_protocol = settings->alpn[i];
			return 0;
		}
	if (settings->alpn_policy == UNITLS_ALPN_GO_ON)
		return 0;
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_NO_APPLICATION_PROTOCOL,
		"no application protocol in common");
}

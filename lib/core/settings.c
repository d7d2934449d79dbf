/*
 * Settings as one value: defaults, copies, release, digests. Knows what settings mean, not whether they are legal.
 * Digests are made of tagged, length-prefixed fields, so that no two different settings give the same input.
 */
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/private_key.h"
#include <unitls/cipher_suite.h>

void unitls_settings_init(struct unitls_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->min_version = UNITLS_TLS_1_2;
	settings->max_version = UNITLS_TLS_MAXIMUM_SUPPORTED;
	settings->alpn_policy = UNITLS_ALPN_REFUSE;
	settings->client_auth = UNITLS_CLIENT_AUTH_NONE;
	settings->sni_policy = UNITLS_SNI_DEFAULT;
	settings->identity_cache = UNITLS_IDENTITY_CACHE_DEFAULT;
	settings->session_tickets = true;
	settings->ocsp = UNITLS_OCSP_NONE;
}

void unitls_settings_fini(struct unitls_settings *settings)
{
	free(settings->cipher_suites);
	free(settings->alpn);
	unitls_trust_store_unref(settings->trust_store);
	for (size_t i = 0; i < settings->n_chains; i++)
		unitls_signing_chain_unref(settings->chains[i]);
	free(settings->chains);
	unitls_ticket_keys_unref(settings->ticket_keys);
	free(settings->groups);
	free(settings->signature_schemes);
	unitls_crl_list_unref(settings->crls);
	unitls_settings_init(settings);
}

static bool has_number(const uint16_t *numbers, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Replaces a list of numbers by a copy of another without its duplicates. */
static int set_numbers(uint16_t **list, size_t *list_n, const uint16_t *numbers, size_t n)
{
	uint16_t *copy = NULL;
	size_t kept = 0;

	if (n > 0) {
		copy = calloc(n, sizeof(*copy));
		if (!copy)
			return UNITLS_ERROR;
	}
	for (size_t i = 0; i < n; i++)
		if (!has_number(copy, kept, numbers[i]))
			copy[kept++] = numbers[i];
	free(*list);
	*list = copy;
	*list_n = kept;
	return 0;
}

int unitls_settings_set_cipher_suites(struct unitls_settings *settings, const uint16_t *suites, size_t n)
{
	return set_numbers(&settings->cipher_suites, &settings->n_cipher_suites, suites, n);
}

int unitls_settings_set_groups(struct unitls_settings *settings, const uint16_t *groups, size_t n)
{
	return set_numbers(&settings->groups, &settings->n_groups, groups, n);
}

int unitls_settings_set_signature_schemes(struct unitls_settings *settings, const uint16_t *schemes, size_t n)
{
	return set_numbers(&settings->signature_schemes, &settings->n_signature_schemes, schemes, n);
}

static bool has_name(const struct unitls_bytes *names, size_t n, struct unitls_bytes name)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].size == name.size && memcmp(names[i].data, name.data, name.size) == 0)
			return true;
	return false;
}

/* One block: the views, then the bytes they show. */
int unitls_settings_set_alpn(struct unitls_settings *settings, const struct unitls_bytes *names, size_t n)
{
	struct unitls_bytes *copy = NULL;
	uint8_t *bytes = NULL;
	size_t total = n * sizeof(*copy);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		total += names[i].size;
	if (n > 0) {
		copy = malloc(total);
		if (!copy)
			return UNITLS_ERROR;
		bytes = (uint8_t *)(copy + n);
	}
	for (size_t i = 0; i < n; i++) {
		if (has_name(copy, kept, names[i]))
			continue;
		memcpy(bytes, names[i].data, names[i].size);
		copy[kept].data = bytes;
		copy[kept++].size = names[i].size;
		bytes += names[i].size;
	}
	free(settings->alpn);
	settings->alpn = copy;
	settings->n_alpn = kept;
	return 0;
}

static int copy_chains(const struct unitls_settings *settings, struct unitls_settings *copy)
{
	if (settings->n_chains == 0)
		return 0;
	copy->chains = calloc(settings->n_chains, sizeof(struct unitls_signing_chain *));
	if (!copy->chains)
		return UNITLS_ERROR;
	for (size_t i = 0; i < settings->n_chains; i++)
		copy->chains[i] = unitls_signing_chain_ref(settings->chains[i]);
	copy->n_chains = settings->n_chains;
	return 0;
}

int unitls_settings_copy(const struct unitls_settings *settings, struct unitls_settings *ret_settings)
{
	struct unitls_settings copy = *settings;

	copy.cipher_suites = NULL;
	copy.n_cipher_suites = 0;
	copy.alpn = NULL;
	copy.n_alpn = 0;
	copy.chains = NULL;
	copy.n_chains = 0;
	copy.groups = NULL;
	copy.n_groups = 0;
	copy.signature_schemes = NULL;
	copy.n_signature_schemes = 0;
	if (copy.trust_store)
		copy.trust_store = unitls_trust_store_ref(copy.trust_store);
	if (copy.ticket_keys)
		copy.ticket_keys = unitls_ticket_keys_ref(copy.ticket_keys);
	if (copy.crls)
		copy.crls = unitls_crl_list_ref(copy.crls);
	if (unitls_settings_set_groups(&copy, settings->groups, settings->n_groups) < 0 ||
		unitls_settings_set_signature_schemes(
			&copy, settings->signature_schemes, settings->n_signature_schemes) < 0 ||
		unitls_settings_set_cipher_suites(&copy, settings->cipher_suites, settings->n_cipher_suites) < 0 ||
		unitls_settings_set_alpn(&copy, settings->alpn, settings->n_alpn) < 0 ||
		copy_chains(settings, &copy) < 0) {
		unitls_settings_fini(&copy);
		return UNITLS_ERROR;
	}
	*ret_settings = copy;
	return 0;
}

/*
 * Digests -------------------------------------------------------------------------------------------------------------------
 */

static void add_bytes(struct unitls_digest *digest, const void *data, size_t size)
{
	unitls_digest_update_bytes(digest, (struct unitls_bytes){data, size});
}

static int compare_prints(const void *a, const void *b)
{
	return memcmp(a, b, UNITLS_DIGEST_SIZE);
}

/* The anchors as a set: sorted fingerprints, each once. */
static int hash_trust(struct unitls_digest *digest, const struct unitls_trust_store *store)
{
	size_t n = store ? unitls_trust_store_count(store) : 0;
	uint8_t(*prints)[UNITLS_DIGEST_SIZE];
	size_t distinct = 0;

	unitls_digest_update_u32(digest, store ? 1 : 0);
	prints = calloc(n > 0 ? n : 1, sizeof(*prints));
	if (!prints)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n; i++)
		memcpy(prints[i], unitls_certificate_fingerprint(unitls_trust_store_at(store, i)),
			UNITLS_DIGEST_SIZE);
	qsort(prints, n, sizeof(*prints), compare_prints);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && compare_prints(prints[i - 1], prints[i]) == 0)
			continue;
		add_bytes(digest, prints[i], UNITLS_DIGEST_SIZE);
		distinct++;
	}
	unitls_digest_update_u64(digest, distinct);
	free(prints);
	return 0;
}

/* The two versions' suites as two lists: how they are interleaved has no meaning. */
static void hash_suites(struct unitls_digest *digest, const struct unitls_settings *settings, uint16_t version)
{
	uint32_t n = 0;

	for (size_t i = 0; i < settings->n_cipher_suites; i++)
		if (unitls_cipher_suite_version(settings->cipher_suites[i]) == version) {
			unitls_digest_update_u32(digest, settings->cipher_suites[i]);
			n++;
		}
	unitls_digest_update_u32(digest, n);
}

/* A client goes on whatever the server answers, so the policy is a server's. */
static void hash_alpn(struct unitls_digest *digest, const struct unitls_settings *settings, enum unitls_role role)
{
	unitls_digest_update_u64(digest, settings->n_alpn);
	for (size_t i = 0; i < settings->n_alpn; i++)
		add_bytes(digest, settings->alpn[i].data, settings->alpn[i].size);
	unitls_digest_update_u32(
		digest, settings->n_alpn > 0 && role == UNITLS_ROLE_SERVER ? settings->alpn_policy : 0);
}

static void hash_numbers(struct unitls_digest *digest, const uint16_t *numbers, size_t n)
{
	unitls_digest_update_u64(digest, n);
	for (size_t i = 0; i < n; i++)
		unitls_digest_update_u32(digest, numbers[i]);
}

/* In the order given: it has no meaning, but whoever changes it may build a context anew. */
static void hash_crls(struct unitls_digest *digest, const struct unitls_crl_list *crls)
{
	size_t n = crls ? unitls_crl_list_count(crls) : 0;

	unitls_digest_update_u64(digest, n);
	for (size_t i = 0; i < n; i++)
		unitls_digest_update_bytes(digest, unitls_crl_list_at(crls, i));
}

static void hash_chain(struct unitls_digest *digest, const struct unitls_signing_chain *chain)
{
	const struct unitls_external_key *external =
		unitls_private_key_external_part(unitls_signing_chain_key(chain));
	size_t n = unitls_signing_chain_count(chain);
	enum unitls_key_format format;
	struct unitls_bytes key;
	const char *password;

	unitls_digest_update_u64(digest, n);
	for (size_t i = 0; i < n; i++)
		add_bytes(digest, unitls_certificate_fingerprint(unitls_signing_chain_at(chain, i)),
			UNITLS_DIGEST_SIZE);
	unitls_private_key_material(unitls_signing_chain_key(chain), &format, &key, &password);
	unitls_digest_update_u32(digest, format);
	add_bytes(digest, key.data, key.size);
	unitls_digest_update_u32(digest, password ? 1 : 0);
	add_bytes(digest, password ? password : "", password ? strlen(password) : 0);
	if (external)
		add_bytes(digest, &external, sizeof(external)); /* as callbacks: equal when it is the same one */
	unitls_digest_update_bytes(digest, unitls_signing_chain_ocsp_response(chain));
}

/* Callbacks are equal when their addresses and arguments are. */
static void hash_server(struct unitls_digest *digest, const struct unitls_settings *settings)
{
	void *argument = settings->hello_callback ? settings->hello_argument : NULL;

	unitls_digest_update_u32(digest, settings->client_auth);
	unitls_digest_update_u32(digest, settings->sni_policy);
	add_bytes(digest, &settings->hello_callback, sizeof(settings->hello_callback));
	add_bytes(digest, &argument, sizeof(argument));
	unitls_digest_update_u64(digest, settings->identity_cache);
	unitls_digest_update_u32(digest, settings->session_tickets ? 1 : 0);
	add_bytes(digest, &settings->ticket_keys, sizeof(settings->ticket_keys));
}

/* The store that has an effect: NULL when nobody's certificate is verified. */
static const struct unitls_trust_store *effective_trust(
	const struct unitls_settings *settings, enum unitls_role role)
{
	if (role == UNITLS_ROLE_SERVER && settings->client_auth == UNITLS_CLIENT_AUTH_NONE)
		return NULL;
	if (role == UNITLS_ROLE_CLIENT && settings->skip_verification)
		return NULL;
	return settings->trust_store;
}

static const struct unitls_crl_list *effective_crls(const struct unitls_settings *settings, enum unitls_role role)
{
	return effective_trust(settings, role) ? settings->crls : NULL;
}

int unitls_settings_digest(
	const struct unitls_settings *settings, enum unitls_role role, uint8_t digest[UNITLS_DIGEST_SIZE])
{
	struct unitls_digest state;
	void *argument = settings->clock ? settings->clock_argument : NULL;

	unitls_digest_init(&state);
	unitls_digest_update_u32(&state, role);
	unitls_digest_update_u32(&state, settings->min_version);
	unitls_digest_update_u32(&state, settings->max_version);
	hash_suites(&state, settings, UNITLS_TLS_1_2);
	hash_suites(&state, settings, UNITLS_TLS_1_3);
	hash_alpn(&state, settings, role);
	if (hash_trust(&state, effective_trust(settings, role)) < 0)
		return UNITLS_ERROR;
	unitls_digest_update_u64(&state, settings->n_chains);
	for (size_t i = 0; i < settings->n_chains; i++)
		hash_chain(&state, settings->chains[i]);
	hash_numbers(&state, settings->groups, settings->n_groups);
	hash_numbers(&state, settings->signature_schemes, settings->n_signature_schemes);
	hash_crls(&state, effective_crls(settings, role));
	if (role == UNITLS_ROLE_SERVER) {
		hash_server(&state, settings);
	} else {
		unitls_digest_update_u32(&state, settings->skip_verification ? 1 : 0);
		unitls_digest_update_u32(&state, settings->ocsp);
	}
	add_bytes(&state, &settings->key_log, sizeof(settings->key_log));
	add_bytes(&state, &settings->key_log_argument, sizeof(settings->key_log_argument));
	add_bytes(&state, &settings->clock, sizeof(settings->clock));
	add_bytes(&state, &argument, sizeof(argument));
	unitls_digest_final(&state, digest);
	return 0;
}

/* A name of a certificate: the octets of an address may be those of a host name, too. */
struct name {
	enum unitls_name_type type;
	struct unitls_bytes bytes;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	size_t n = x->bytes.size < y->bytes.size ? x->bytes.size : y->bytes.size;
	int difference = n > 0 ? memcmp(x->bytes.data, y->bytes.data, n) : 0;

	if (difference != 0)
		return difference;
	if (x->bytes.size != y->bytes.size)
		return x->bytes.size < y->bytes.size ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/*
 * The leaf's subject alternative names, sorted: their order in the certificate has no meaning. A leaf without any is known by its bytes, or all such
 * leaves would be one.
 */
static int hash_names(struct unitls_digest *digest, const struct unitls_certificate *leaf)
{
	enum unitls_name_type type;
	struct unitls_bytes bytes;
	struct name *names;
	size_t n = 0;

	while (unitls_certificate_name_at(leaf, n, &type, &bytes))
		n++;
	unitls_digest_update_u64(digest, n);
	if (n == 0) {
		add_bytes(digest, unitls_certificate_fingerprint(leaf), UNITLS_DIGEST_SIZE);
		return 0;
	}
	names = calloc(n, sizeof(*names));
	if (!names)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n; i++)
		(void)unitls_certificate_name_at(leaf, i, &names[i].type, &names[i].bytes); /* true: i < n */
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		unitls_digest_update_u32(digest, names[i].type);
		add_bytes(digest, names[i].bytes.data, names[i].bytes.size);
	}
	free(names);
	return 0;
}

int unitls_settings_scope(const struct unitls_settings *settings, enum unitls_role role, const char *backend,
	const struct unitls_signing_chain *chain, uint8_t scope[UNITLS_DIGEST_SIZE])
{
	struct unitls_digest state;

	unitls_digest_init(&state);
	add_bytes(&state, backend, strlen(backend));
	unitls_digest_update_u32(&state, role);
	unitls_digest_update_u32(&state, role == UNITLS_ROLE_SERVER ? settings->client_auth : 0);
	unitls_digest_update_u32(&state, settings->skip_verification ? 1 : 0);
	unitls_digest_update_u32(&state, settings->min_version);
	unitls_digest_update_u32(&state, settings->max_version);
	hash_alpn(&state, settings, role);
	if (hash_trust(&state, effective_trust(settings, role)) < 0)
		return UNITLS_ERROR;
	hash_crls(&state, effective_crls(settings, role));
	unitls_digest_update_u32(&state, role == UNITLS_ROLE_CLIENT ? settings->ocsp : 0);
	/* What a client lets a server sign with. A server with tickets asks for no certificate. */
	if (role == UNITLS_ROLE_CLIENT)
		hash_numbers(&state, settings->signature_schemes, settings->n_signature_schemes);
	if (chain && role == UNITLS_ROLE_CLIENT)
		add_bytes(&state, unitls_certificate_fingerprint(unitls_signing_chain_at(chain, 0)),
			UNITLS_DIGEST_SIZE);
	if (chain && role == UNITLS_ROLE_SERVER && hash_names(&state, unitls_signing_chain_at(chain, 0)) < 0)
		return UNITLS_ERROR;
	unitls_digest_final(&state, scope);
	return 0;
}

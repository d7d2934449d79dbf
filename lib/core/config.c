/*
 * Client and server configurations and their builder. A builder may hold what no configuration may; a configuration, once made, is
 * legal for its role and never changes. Which backend could do it is not asked here.
 */
#include "core/config.h"

#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/settings.h"
#include <unitls/alpn.h>
#include <unitls/cipher_suite.h>
#include <unitls/insecure.h>

struct unitls_config_builder {
	struct unitls_settings settings;
	size_t chains_capacity;
	struct unitls_error failure; /* the first failure of a setter */
};

/*
 * Builders -----------------------------------------------------------------------------------------------------------------
 */

struct unitls_config_builder *unitls_config_builder_new(void)
{
	struct unitls_config_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return NULL;
	unitls_settings_init(&builder->settings);
	builder->failure = (struct unitls_error)UNITLS_ERROR_INIT;
	return builder;
}

static struct unitls_config_builder *builder_from(const struct unitls_settings *settings)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();

	if (!builder)
		return NULL;
	if (unitls_settings_copy(settings, &builder->settings) < 0) {
		unitls_config_builder_free(builder);
		return NULL;
	}
	builder->chains_capacity = builder->settings.n_chains;
	return builder;
}

struct unitls_config_builder *unitls_config_builder_from_client(const struct unitls_client_config *config)
{
	return builder_from(&config->settings);
}

struct unitls_config_builder *unitls_config_builder_from_server(const struct unitls_server_config *config)
{
	return builder_from(&config->settings);
}

void unitls_config_builder_free(struct unitls_config_builder *builder)
{
	if (!builder)
		return;
	unitls_settings_fini(&builder->settings);
	free(builder);
}

static int fail_memory(struct unitls_config_builder *builder)
{
	return unitls_error_set(&builder->failure, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
}

/*
 * Setters. A builder that could not be made (NULL) makes every setter fail, so that a chain of them may be checked once, at the build.
 */

static bool is_version(uint16_t version)
{
	return version == UNITLS_TLS_MINIMUM_SUPPORTED || version == UNITLS_TLS_MAXIMUM_SUPPORTED ||
		unitls_tls_version_name(version) != NULL;
}

static int set_version(
	struct unitls_config_builder *builder, uint16_t *setting, const char *field, uint16_t version)
{
	if (!is_version(version))
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, field,
			"0x%04x is no supported version of TLS", (unsigned)version);
	*setting = version;
	return 0;
}

int unitls_config_builder_set_min_version(struct unitls_config_builder *builder, uint16_t version)
{
	if (!builder)
		return UNITLS_ERROR;
	return set_version(builder, &builder->settings.min_version, "min_version", version);
}

int unitls_config_builder_set_max_version(struct unitls_config_builder *builder, uint16_t version)
{
	if (!builder)
		return UNITLS_ERROR;
	return set_version(builder, &builder->settings.max_version, "max_version", version);
}

int unitls_config_builder_set_cipher_suites(
	struct unitls_config_builder *builder, const uint16_t *suites, size_t n)
{
	if (!builder)
		return UNITLS_ERROR;
	if (n > UNITLS_CIPHER_LIST_MAX)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "ciphers",
			"%zu cipher suites; %d at most", n, UNITLS_CIPHER_LIST_MAX);
	for (size_t i = 0; i < n; i++)
		if (unitls_cipher_suite_version(suites[i]) == 0)
			return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "ciphers",
				"unknown cipher suite 0x%04x", (unsigned)suites[i]);
	if (unitls_settings_set_cipher_suites(&builder->settings, suites, n) < 0)
		return fail_memory(builder);
	return 0;
}

int unitls_config_builder_set_alpn(
	struct unitls_config_builder *builder, const struct unitls_bytes *names, size_t n)
{
	size_t encoded = 0;

	if (!builder)
		return UNITLS_ERROR;
	if (n > UNITLS_ALPN_COUNT_MAX)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "alpn",
			"%zu protocols; %d at most", n, UNITLS_ALPN_COUNT_MAX);
	for (size_t i = 0; i < n; i++) {
		if (names[i].size == 0 || names[i].size > UNITLS_ALPN_NAME_MAX)
			return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "alpn",
				"protocol %zu has %zu bytes; 1 to %d are legal", i + 1, names[i].size,
				UNITLS_ALPN_NAME_MAX);
		encoded += 1 + names[i].size;
	}
	if (encoded > UNITLS_ALPN_LIST_MAX)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "alpn",
			"the list has %zu bytes; %d at most", encoded, UNITLS_ALPN_LIST_MAX);
	if (unitls_settings_set_alpn(&builder->settings, names, n) < 0)
		return fail_memory(builder);
	return 0;
}

int unitls_config_builder_set_alpn_policy(struct unitls_config_builder *builder, enum unitls_alpn_policy policy)
{
	if (!builder)
		return UNITLS_ERROR;
	if (policy != UNITLS_ALPN_REFUSE && policy != UNITLS_ALPN_GO_ON)
		return unitls_error_set_field(
			&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "alpn_policy", "no such policy");
	builder->settings.alpn_policy = policy;
	return 0;
}

int unitls_config_builder_set_trust_store(struct unitls_config_builder *builder, struct unitls_trust_store *store)
{
	if (!builder)
		return UNITLS_ERROR;
	if (store)
		unitls_trust_store_ref(store);
	unitls_trust_store_unref(builder->settings.trust_store);
	builder->settings.trust_store = store;
	return 0;
}

static int reserve_chain(struct unitls_config_builder *builder)
{
	size_t capacity = builder->chains_capacity < 4 ? 4 : 2 * builder->chains_capacity;
	struct unitls_signing_chain **chains;

	if (builder->settings.n_chains < builder->chains_capacity)
		return 0;
	chains = reallocarray(builder->settings.chains, capacity, sizeof(struct unitls_signing_chain *));
	if (!chains)
		return fail_memory(builder);
	builder->settings.chains = chains;
	builder->chains_capacity = capacity;
	return 0;
}

int unitls_config_builder_add_signing_chain(
	struct unitls_config_builder *builder, struct unitls_signing_chain *chain)
{
	struct unitls_settings *settings;

	if (!builder)
		return UNITLS_ERROR;
	if (!chain)
		return unitls_error_set_field(
			&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "certificate", "no signing chain given");
	if (reserve_chain(builder) < 0)
		return UNITLS_ERROR;
	settings = &builder->settings;
	settings->chains[settings->n_chains++] = unitls_signing_chain_ref(chain);
	return 0;
}

int unitls_config_builder_clear_signing_chains(struct unitls_config_builder *builder)
{
	struct unitls_settings *settings;

	if (!builder)
		return UNITLS_ERROR;
	settings = &builder->settings;
	while (settings->n_chains > 0)
		unitls_signing_chain_unref(settings->chains[--settings->n_chains]);
	return 0;
}

int unitls_config_builder_set_client_auth(struct unitls_config_builder *builder, enum unitls_client_auth auth)
{
	if (!builder)
		return UNITLS_ERROR;
	if (auth != UNITLS_CLIENT_AUTH_NONE && auth != UNITLS_CLIENT_AUTH_OPTIONAL &&
		auth != UNITLS_CLIENT_AUTH_REQUIRED)
		return unitls_error_set_field(
			&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "client_auth", "no such mode");
	builder->settings.client_auth = auth;
	return 0;
}

int unitls_config_builder_set_sni_policy(struct unitls_config_builder *builder, enum unitls_sni_policy policy)
{
	if (!builder)
		return UNITLS_ERROR;
	if (policy != UNITLS_SNI_DEFAULT && policy != UNITLS_SNI_STRICT)
		return unitls_error_set_field(
			&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "sni_policy", "no such policy");
	builder->settings.sni_policy = policy;
	return 0;
}

int unitls_config_builder_set_hello_callback(
	struct unitls_config_builder *builder, unitls_hello_callback callback, void *argument)
{
	if (!builder)
		return UNITLS_ERROR;
	builder->settings.hello_callback = callback;
	builder->settings.hello_argument = argument;
	return 0;
}

int unitls_config_builder_set_identity_cache(struct unitls_config_builder *builder, size_t limit)
{
	if (!builder)
		return UNITLS_ERROR;
	if (limit == 0)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "identity_cache",
			"must hold one identity at least");
	builder->settings.identity_cache = limit;
	return 0;
}

int unitls_config_builder_set_session_tickets(struct unitls_config_builder *builder, bool enabled)
{
	if (!builder)
		return UNITLS_ERROR;
	builder->settings.session_tickets = enabled;
	return 0;
}

int unitls_config_builder_set_ticket_keys(struct unitls_config_builder *builder, struct unitls_ticket_keys *keys)
{
	if (!builder)
		return UNITLS_ERROR;
	if (keys)
		unitls_ticket_keys_ref(keys);
	unitls_ticket_keys_unref(builder->settings.ticket_keys);
	builder->settings.ticket_keys = keys;
	return 0;
}

int unitls_config_builder_set_groups(struct unitls_config_builder *builder, const uint16_t *groups, size_t n)
{
	if (!builder)
		return UNITLS_ERROR;
	if (n > UNITLS_GROUP_LIST_MAX)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "groups",
			"%zu groups; %d at most", n, UNITLS_GROUP_LIST_MAX);
	for (size_t i = 0; i < n; i++)
		if (!unitls_group_name(groups[i]))
			return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "groups",
				"unknown group 0x%04x", (unsigned)groups[i]);
	if (unitls_settings_set_groups(&builder->settings, groups, n) < 0)
		return fail_memory(builder);
	return 0;
}

int unitls_config_builder_set_signature_schemes(
	struct unitls_config_builder *builder, const uint16_t *schemes, size_t n)
{
	if (!builder)
		return UNITLS_ERROR;
	if (n > UNITLS_SCHEME_LIST_MAX)
		return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "signature_schemes",
			"%zu signature schemes; %d at most", n, UNITLS_SCHEME_LIST_MAX);
	for (size_t i = 0; i < n; i++)
		if (!unitls_signature_scheme_name(schemes[i]))
			return unitls_error_set_field(&builder->failure, UNITLS_ERROR_CLASS_CONFIG,
				"signature_schemes", "unknown signature scheme 0x%04x", (unsigned)schemes[i]);
	if (unitls_settings_set_signature_schemes(&builder->settings, schemes, n) < 0)
		return fail_memory(builder);
	return 0;
}

int unitls_config_builder_set_crls(struct unitls_config_builder *builder, struct unitls_crl_list *crls)
{
	if (!builder)
		return UNITLS_ERROR;
	if (crls)
		unitls_crl_list_ref(crls);
	unitls_crl_list_unref(builder->settings.crls);
	builder->settings.crls = crls;
	return 0;
}

int unitls_config_builder_set_ocsp(struct unitls_config_builder *builder, enum unitls_ocsp ocsp)
{
	if (!builder)
		return UNITLS_ERROR;
	if (ocsp != UNITLS_OCSP_NONE && ocsp != UNITLS_OCSP_REQUEST && ocsp != UNITLS_OCSP_REQUIRE)
		return unitls_error_set_field(
			&builder->failure, UNITLS_ERROR_CLASS_CONFIG, "ocsp", "no such mode");
	builder->settings.ocsp = ocsp;
	return 0;
}

int unitls_insecure_config_builder_set_key_log(
	struct unitls_config_builder *builder, unitls_key_log_callback callback, void *argument)
{
	if (!builder)
		return UNITLS_ERROR;
	builder->settings.key_log = callback;
	builder->settings.key_log_argument = callback ? argument : NULL;
	return 0;
}

int unitls_config_builder_set_clock(struct unitls_config_builder *builder, unitls_clock clock, void *argument)
{
	if (!builder)
		return UNITLS_ERROR;
	builder->settings.clock = clock;
	builder->settings.clock_argument = argument;
	return 0;
}

int unitls_insecure_config_builder_skip_verification(struct unitls_config_builder *builder)
{
	if (!builder)
		return UNITLS_ERROR;
	builder->settings.skip_verification = true;
	return 0;
}

/*
 * Building -----------------------------------------------------------------------------------------------------------------
 */

static int refuse(struct unitls_error *error, const char *field, const char *reason)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, field, "%s", reason);
}

/* Symbolic versions are compared when a backend is known. */
static int check_versions(const struct unitls_settings *settings, struct unitls_error *error)
{
	const char *min = unitls_tls_version_name(settings->min_version);
	const char *max = unitls_tls_version_name(settings->max_version);

	if (min && max && settings->min_version > settings->max_version)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "min_version",
			"minimum %s is above maximum %s", min, max);
	return 0;
}

static int check_client(const struct unitls_settings *settings, struct unitls_error *error)
{
	if (check_versions(settings, error) < 0)
		return UNITLS_ERROR;
	if (settings->n_chains > 1)
		return refuse(error, "certificate", "a client takes one signing chain at most");
	if (settings->client_auth != UNITLS_CLIENT_AUTH_NONE)
		return refuse(error, "client_auth", "a setting for servers only");
	if (settings->sni_policy != UNITLS_SNI_DEFAULT)
		return refuse(error, "sni_policy", "a setting for servers only");
	if (settings->hello_callback)
		return refuse(error, "hello_callback", "a setting for servers only");
	if (settings->identity_cache != UNITLS_IDENTITY_CACHE_DEFAULT)
		return refuse(error, "identity_cache", "a setting for servers only");
	if (!settings->session_tickets)
		return refuse(error, "session_tickets", "a setting for servers only");
	if (settings->ticket_keys)
		return refuse(error, "ticket_keys", "a setting for servers only");
	if (settings->ocsp == UNITLS_OCSP_REQUIRE && settings->skip_verification)
		return refuse(error, "ocsp", "nothing can be required of a server that is not verified");
	return 0;
}

static int check_server(const struct unitls_settings *settings, struct unitls_error *error)
{
	if (check_versions(settings, error) < 0)
		return UNITLS_ERROR;
	if (settings->n_chains == 0)
		return refuse(error, "certificate", "a server needs a signing chain");
	if (settings->client_auth != UNITLS_CLIENT_AUTH_NONE && !settings->trust_store)
		return refuse(error, "trust_store", "asking for client certificates needs a trust store");
	if (settings->skip_verification)
		return refuse(error, "verify", "a setting for clients only");
	if (settings->ocsp != UNITLS_OCSP_NONE)
		return refuse(error, "ocsp", "a setting for clients only");
	return 0;
}

/* What both builds begin with: a builder that exists and has not failed. */
static int check_builder(const struct unitls_config_builder *builder, struct unitls_error *error)
{
	if (!builder)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (builder->failure.error_class == UNITLS_ERROR_CLASS_NONE)
		return 0;
	if (error && error->error_class == UNITLS_ERROR_CLASS_NONE)
		*error = builder->failure;
	return UNITLS_ERROR;
}

int unitls_config_builder_build_client(const struct unitls_config_builder *builder,
	struct unitls_client_config **ret_config, struct unitls_error *error)
{
	struct unitls_client_config *config;

	if (check_builder(builder, error) < 0 || check_client(&builder->settings, error) < 0)
		return UNITLS_ERROR;
	config = calloc(1, sizeof(*config));
	if (!config)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	atomic_init(&config->references, 1);
	if (unitls_settings_copy(&builder->settings, &config->settings) < 0 ||
		unitls_settings_digest(&config->settings, UNITLS_ROLE_CLIENT, config->digest) < 0) {
		unitls_client_config_unref(config);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	*ret_config = config;
	return 0;
}

int unitls_config_builder_build_server(const struct unitls_config_builder *builder,
	struct unitls_server_config **ret_config, struct unitls_error *error)
{
	struct unitls_server_config *config;

	if (check_builder(builder, error) < 0 || check_server(&builder->settings, error) < 0)
		return UNITLS_ERROR;
	config = calloc(1, sizeof(*config));
	if (!config)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	atomic_init(&config->references, 1);
	if (unitls_settings_copy(&builder->settings, &config->settings) < 0 ||
		unitls_settings_digest(&config->settings, UNITLS_ROLE_SERVER, config->digest) < 0) {
		unitls_server_config_unref(config);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	*ret_config = config;
	return 0;
}

/*
 * Configurations -----------------------------------------------------------------------------------------------------------
 */

struct unitls_client_config *unitls_client_config_ref(struct unitls_client_config *config)
{
	atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
	return config;
}

void unitls_client_config_unref(struct unitls_client_config *config)
{
	if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
		return;
	unitls_settings_fini(&config->settings);
	free(config);
}

struct unitls_server_config *unitls_server_config_ref(struct unitls_server_config *config)
{
	atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
	return config;
}

void unitls_server_config_unref(struct unitls_server_config *config)
{
	if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
		return;
	unitls_settings_fini(&config->settings);
	free(config);
}

const uint8_t *unitls_client_config_digest(const struct unitls_client_config *config)
{
	return config->digest;
}

const uint8_t *unitls_server_config_digest(const struct unitls_server_config *config)
{
	return config->digest;
}

bool unitls_client_config_equal(const struct unitls_client_config *a, const struct unitls_client_config *b)
{
	return memcmp(a->digest, b->digest, UNITLS_DIGEST_SIZE) == 0;
}

bool unitls_server_config_equal(const struct unitls_server_config *a, const struct unitls_server_config *b)
{
	return memcmp(a->digest, b->digest, UNITLS_DIGEST_SIZE) == 0;
}

struct unitls_signing_chain *unitls_server_config_signing_chain_at(
	const struct unitls_server_config *config, size_t i)
{
	return i < config->settings.n_chains ? config->settings.chains[i] : NULL;
}

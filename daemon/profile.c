/* Building contexts step by step: chains, trust, settings, context. Every failure is turned into the key and the line to blame. */

#include "daemon/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/backend.h>
#include <unitls/cipher_suite.h>
#include <unitls/config.h>
#include <unitls/context.h>
#include <unitls/insecure.h>
#include <unitls/ticket_keys.h>

#include "daemon/material.h"

#define BACKENDS_MAX 16

struct loaded {
	char name[UNITLS_BACKEND_NAME_MAX + 1];
	struct unitls_backend *backend;
};

struct profile_store {
	char *module_dir;
	struct loaded backends[BACKENDS_MAX];
	size_t backend_count;
	struct material *material;
	struct unitls_ticket_keys
		*ticket_keys; /* one object for life, so that a reload finds it in what it keeps; NULL: none */
};

struct profile_build {
	struct profile_store *store;
	enum profile_role role;
	const struct config_tls *tls;
	const struct snapshot *snapshot;
	struct unitls_backend *backend;
	struct unitls_config_builder *builder;
	struct unitls_diagnostics *unmet;
	size_t next; /* certificate */
	struct unitls_server_context *server;
	struct unitls_client_context *client;
	struct profile_error failure;
};

/* ---- the store ---- */

int profile_store_new(const char *module_dir, struct profile_store **ret)
{
	struct profile_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->material = material_new();
	store->module_dir = module_dir ? strdup(module_dir) : NULL;
	if (!store->material || (module_dir && !store->module_dir)) {
		profile_store_free(store);
		return -ENOMEM;
	}
	*ret = store;
	return 0;
}

void profile_store_free(struct profile_store *store)
{
	if (!store)
		return;
	material_free(store->material);
	unitls_ticket_keys_unref(store->ticket_keys);
	free(store->module_dir);
	free(store);
}

int profile_store_backend(
	struct profile_store *store, const char *name, struct unitls_backend **ret, struct profile_error *error)
{
	const struct unitls_backend_load_params params = {.directory = store->module_dir};
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	for (size_t i = 0; i < store->backend_count; i++) {
		if (strcmp(store->backends[i].name, name) == 0) {
			*ret = store->backends[i].backend;
			return 0;
		}
	}
	if (unitls_backend_load_with(name, &params, &backend, &details) < 0) {
		(void)snprintf(error->text, sizeof(error->text), "backend: %s", details.text);
		return -ENOENT;
	}
	if (store->backend_count < BACKENDS_MAX) {
		struct loaded *loaded = &store->backends[store->backend_count++];

		(void)snprintf(loaded->name, sizeof(loaded->name), "%s", name);
		loaded->backend = backend;
	}
	*ret = backend;
	return 0;
}

int profile_store_set_tickets(struct profile_store *store, const struct unitls_ticket_secrets *secrets)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	int r;

	if (store->ticket_keys)
		r = unitls_ticket_keys_rotate(store->ticket_keys, secrets, &details);
	else
		r = unitls_ticket_keys_from_secrets(secrets, &store->ticket_keys, &details);
	if (r == 0)
		return 0;
	return details.error_class == UNITLS_ERROR_CLASS_MEMORY ? -ENOMEM : -EINVAL;
}

bool profile_store_has_tickets(const struct profile_store *store)
{
	return store->ticket_keys != NULL;
}

void profile_store_begin(struct profile_store *store)
{
	material_begin(store->material);
}

void profile_store_commit(struct profile_store *store)
{
	material_commit(store->material);
}

void profile_store_abort(struct profile_store *store)
{
	material_abort(store->material);
}

void profile_store_keep(struct profile_store *store, const struct config_tls *tls)
{
	for (size_t i = 0; i < tls->certificates.count; i++)
		(void)material_find_chain(
			store->material, tls->certificates.items[i].blob, tls->certificates.items[i].key_blob);
	for (size_t i = 0; i < tls->ca.count; i++)
		(void)material_find_trust(store->material, tls->ca.items[i].blob);
}

/* ---- failures ---- */

/* The configuration's key for a field of the library. */
static const char *key_of_field(const char *field)
{
	static const struct {
		const char *field;
		const char *key;
	} table[] = {
		{"trust_store", "ca"},
		{"sni_policy", "strict_sni"},
		{"alpn_policy", "alpn"},
		{"hello_callback", "backend"},
		{"ticket_keys", "session_tickets"},
		{"clock", "backend"},
		{"", "backend"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].field, field) == 0)
			return table[i].key;
	}
	return field;
}

static void describe(
	const struct profile_build *build, const char *field, const char *text, struct profile_error *ret)
{
	const char *key = key_of_field(field);

	ret->origin = *config_origin_of(&build->tls->section, key);
	ret->certificate = CONFIG_NONE;
	(void)snprintf(ret->text, sizeof(ret->text), "%s: backend %s: %s", key, build->tls->backend, text);
}

static int fail(struct profile_build *build, const char *key, int r, const char *text)
{
	build->failure.origin = *config_origin_of(&build->tls->section, key);
	build->failure.certificate = CONFIG_NONE;
	(void)snprintf(build->failure.text, sizeof(build->failure.text), "%s: %s", key, text);
	return r;
}

static int fail_certificate(struct profile_build *build, int r, const char *text)
{
	build->failure.origin = build->tls->certificates.items[build->next].origin;
	build->failure.certificate = build->next;
	(void)snprintf(build->failure.text, sizeof(build->failure.text), "certificate: %s", text);
	return r;
}

/* What the library said, as a failure of its field. */
static int fail_native(struct profile_build *build, const struct unitls_error *details)
{
	describe(build, details->field, details->text, &build->failure);
	return details->error_class == UNITLS_ERROR_CLASS_MEMORY ? -ENOMEM : -EINVAL;
}

int profile_build_problem(const struct profile_build *build, size_t i, struct profile_error *ret)
{
	if (i < unitls_diagnostics_count(build->unmet)) {
		describe(build, unitls_diagnostics_field(build->unmet, i),
			unitls_diagnostics_reason(build->unmet, i), ret);
		return 0;
	}
	if (i > 0)
		return 1;
	*ret = build->failure;
	return 0;
}

/* ---- chains and trust ---- */

static int decode_chain(struct profile_build *build, struct unitls_signing_chain **ret)
{
	const struct config_certificate *certificate = &build->tls->certificates.items[build->next];
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;
	const uint8_t *data;
	size_t size;
	int r;

	if (certificate->key_blob[0]) {
		if (snapshot_find(build->snapshot, certificate->key_blob, &data, &size) < 0)
			return fail_certificate(build, -ENOENT, "its key is not in the snapshot");
		if (unitls_private_key_from_mem(data, size, NULL, &key, &details) < 0)
			return fail_certificate(build, -EINVAL, details.text);
	}
	if (snapshot_find(build->snapshot, certificate->blob, &data, &size) < 0)
		r = fail_certificate(build, -ENOENT, "it is not in the snapshot");
	else if (unitls_signing_chain_from_mem(data, size, key, NULL, ret, &details) < 0)
		r = fail_certificate(build, -EINVAL, details.text);
	else
		r = 0;
	unitls_private_key_unref(key);
	return r;
}

/* Adds the next certificate. */
static int step_certificate(struct profile_build *build)
{
	const struct config_certificate *certificate = &build->tls->certificates.items[build->next];
	struct material *material = build->store->material;
	struct unitls_signing_chain *chain =
		material_find_chain(material, certificate->blob, certificate->key_blob);
	int r;

	if (chain) {
		r = unitls_config_builder_add_signing_chain(build->builder, chain);
	} else {
		r = decode_chain(build, &chain);
		if (r < 0)
			return r;
		r = material_add_chain(material, certificate->blob, certificate->key_blob, chain);
		if (r == 0)
			r = unitls_config_builder_add_signing_chain(build->builder, chain);
		unitls_signing_chain_unref(chain);
	}
	if (r < 0)
		return fail_certificate(build, -ENOMEM, "out of memory");
	build->next++;
	return 1;
}

/* The loader leaves one blob at most, whatever was written. */
static int set_trust(struct profile_build *build)
{
	struct material *material = build->store->material;
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_trust_store *trust;
	const uint8_t *data;
	size_t size;
	int r;

	if (build->tls->ca.count != 1)
		return fail(build, "ca", -EINVAL, "there is no one list of certificate authorities");
	trust = material_find_trust(material, build->tls->ca.items[0].blob);
	if (trust) {
		r = unitls_config_builder_set_trust_store(build->builder, trust);
		return r < 0 ? fail(build, "ca", -ENOMEM, "out of memory") : 0;
	}
	if (snapshot_find(build->snapshot, build->tls->ca.items[0].blob, &data, &size) < 0)
		return fail(build, "ca", -ENOENT, "it is not in the snapshot");
	if (unitls_trust_store_from_mem(data, size, &trust, &details) < 0)
		return fail(build, "ca", -EINVAL, details.text);
	r = material_add_trust(material, build->tls->ca.items[0].blob, trust);
	if (r == 0)
		r = unitls_config_builder_set_trust_store(build->builder, trust);
	unitls_trust_store_unref(trust);
	return r < 0 ? fail(build, "ca", -ENOMEM, "out of memory") : 0;
}

/* ---- settings ---- */

static bool has_suite(const struct unitls_capabilities *capabilities, uint16_t suite)
{
	for (size_t i = 0; i < capabilities->n_cipher_suites; i++) {
		if (capabilities->cipher_suites[i] == suite)
			return true;
	}
	return false;
}

/* Whether a suite can be put on a list for this backend: some have all suites of a version, or none. */
static bool can_choose(const struct unitls_capabilities *capabilities, uint16_t suite)
{
	bool is_1_3 = unitls_cipher_suite_version(suite) == UNITLS_TLS_1_3;

	return (capabilities->bits & (is_1_3 ? UNITLS_CAP_CIPHERS_1_3 : UNITLS_CAP_CIPHERS_1_2)) != 0;
}

/* A policy is what should be, as far as the backend goes; a list is taken at its word. */
static int set_ciphers(struct profile_build *build)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(build->backend);
	const struct config_ciphers *ciphers = &build->tls->ciphers;
	const char *name = ciphers->policy == CONFIG_CIPHERS_MODERN ? "modern" : "intermediate";
	uint16_t kept[UNITLS_CIPHER_LIST_MAX];
	const uint16_t *suites;
	size_t count;
	size_t fixed = 0;
	size_t n = 0;

	if (ciphers->policy == CONFIG_CIPHERS_LIST) {
		suites = ciphers->suites;
		n = ciphers->count;
	} else {
		if (unitls_cipher_policy(name, &suites, &count) < 0)
			return fail(build, "ciphers", -EINVAL, "the policy is not known");
		for (size_t i = 0; i < count && n < UNITLS_CIPHER_LIST_MAX; i++) {
			if (!has_suite(capabilities, suites[i]))
				continue;
			if (can_choose(capabilities, suites[i]))
				kept[n++] = suites[i];
			else
				fixed++;
		}
		if (n == 0 && fixed > 0)
			return 0;
		if (n == 0)
			return fail(build, "ciphers", -EINVAL, "the backend has no suite of this policy");
		suites = kept;
	}
	if (unitls_config_builder_set_cipher_suites(build->builder, suites, n) < 0)
		return fail(build, "ciphers", -EINVAL, "the list cannot be used");
	return 0;
}

static int set_alpn(struct profile_build *build)
{
	const struct config_string_list *list = &build->tls->alpn;
	struct unitls_bytes *names;
	int r;

	if (list->count == 0)
		return 0;
	names = calloc(list->count, sizeof(*names));
	if (!names)
		return fail(build, "alpn", -ENOMEM, "out of memory");
	for (size_t i = 0; i < list->count; i++)
		names[i] =
			(struct unitls_bytes){(const uint8_t *)list->items[i].text, strlen(list->items[i].text)};
	r = unitls_config_builder_set_alpn(build->builder, names, list->count);
	free(names);
	return r < 0 ? fail(build, "alpn", -EINVAL, "the list cannot be used") : 0;
}

/* The library remembers a setter that failed and tells it when the configuration is built. */
static int set_common(struct profile_build *build)
{
	const struct config_tls *tls = build->tls;
	int r = set_ciphers(build);

	if (r == 0)
		r = set_alpn(build);
	if (r < 0)
		return r;
	(void)unitls_config_builder_set_min_version(build->builder, tls->min_version);
	(void)unitls_config_builder_set_max_version(
		build->builder, tls->max_version ? tls->max_version : (uint16_t)UNITLS_TLS_MAXIMUM_SUPPORTED);
	return 0;
}

/* Those that all workers share, where the backend takes keys from outside. Elsewhere the library has its own, if it has tickets. */
static struct unitls_ticket_keys *usable_ticket_keys(const struct profile_build *build)
{
	uint64_t bits = unitls_backend_capabilities(build->backend)->bits;

	if ((bits & (UNITLS_CAP_TICKET_KEYS | UNITLS_CAP_TICKETS_SELF_ROTATED)) == 0)
		return NULL;
	return build->store->ticket_keys;
}

static int build_server(struct profile_build *build)
{
	static const enum unitls_client_auth client_auths[] = {
		[CONFIG_CLIENT_AUTH_NONE] = UNITLS_CLIENT_AUTH_NONE,
		[CONFIG_CLIENT_AUTH_OPTIONAL] = UNITLS_CLIENT_AUTH_OPTIONAL,
		[CONFIG_CLIENT_AUTH_REQUIRED] = UNITLS_CLIENT_AUTH_REQUIRED,
	};
	const struct config_tls *tls = build->tls;
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_server_config *config;
	int r;

	if (tls->client_auth != CONFIG_CLIENT_AUTH_NONE) {
		r = set_trust(build);
		if (r < 0)
			return r;
	}
	(void)unitls_config_builder_set_client_auth(build->builder, client_auths[tls->client_auth]);
	(void)unitls_config_builder_set_sni_policy(
		build->builder, tls->strict_sni ? UNITLS_SNI_STRICT : UNITLS_SNI_DEFAULT);
	(void)unitls_config_builder_set_identity_cache(build->builder, tls->identity_cache);
	(void)unitls_config_builder_set_session_tickets(build->builder, tls->session_tickets);
	(void)unitls_config_builder_set_ticket_keys(build->builder, usable_ticket_keys(build));
	if (unitls_config_builder_build_server(build->builder, &config, &details) < 0)
		return fail_native(build, &details);
	r = unitls_server_context_new(
		build->backend, config, UNITLS_EFFORT_STRICT, build->unmet, &build->server, &details);
	unitls_server_config_unref(config);
	return r < 0 ? fail_native(build, &details) : 0;
}

static int build_client(struct profile_build *build)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_client_config *config;
	int r;

	if (build->tls->verify) {
		r = set_trust(build);
		if (r < 0)
			return r;
	} else {
		(void)unitls_insecure_config_builder_skip_verification(build->builder);
	}
	if (unitls_config_builder_build_client(build->builder, &config, &details) < 0)
		return fail_native(build, &details);
	r = unitls_client_context_new(
		build->backend, config, UNITLS_EFFORT_STRICT, build->unmet, &build->client, &details);
	unitls_client_config_unref(config);
	return r < 0 ? fail_native(build, &details) : 0;
}

/* ---- the build ---- */

int profile_build_new(struct profile_store *store, enum profile_role role, const struct config_tls *tls,
	const struct snapshot *snapshot, struct profile_build **ret)
{
	struct profile_build *build = calloc(1, sizeof(*build));

	if (!build)
		return -ENOMEM;
	build->store = store;
	build->role = role;
	build->tls = tls;
	build->snapshot = snapshot;
	build->builder = unitls_config_builder_new();
	build->unmet = unitls_diagnostics_new();
	if (!build->builder || !build->unmet) {
		profile_build_free(build);
		return -ENOMEM;
	}
	*ret = build;
	return 0;
}

void profile_build_free(struct profile_build *build)
{
	if (!build)
		return;
	if (build->builder)
		unitls_config_builder_free(build->builder);
	unitls_diagnostics_free(build->unmet);
	if (build->server)
		unitls_server_context_unref(build->server);
	if (build->client)
		unitls_client_context_unref(build->client);
	free(build);
}

/* A client presents one certificate, the first. */
static size_t certificates_wanted(const struct profile_build *build)
{
	size_t count = build->tls->certificates.count;

	return build->role == PROFILE_CLIENT && count > 1 ? 1 : count;
}

static int step(struct profile_build *build)
{
	int r;

	if (build->server || build->client)
		return 0;
	if (!build->backend) {
		r = profile_store_backend(build->store, build->tls->backend, &build->backend, &build->failure);
		build->failure.origin = *config_origin_of(&build->tls->section, "backend");
		build->failure.certificate = CONFIG_NONE;
		return r < 0 ? r : 1;
	}
	if (build->next < certificates_wanted(build))
		return step_certificate(build);
	r = set_common(build);
	if (r < 0)
		return r;
	return build->role == PROFILE_SERVER ? build_server(build) : build_client(build);
}

int profile_build_step(struct profile_build *build, struct profile_error *error)
{
	int r = step(build);

	if (r < 0)
		(void)profile_build_problem(build, 0, error);
	return r;
}

struct unitls_server_context *profile_build_take_server(struct profile_build *build)
{
	struct unitls_server_context *context = build->server;

	build->server = NULL;
	return context;
}

struct unitls_client_context *profile_build_take_client(struct profile_build *build)
{
	struct unitls_client_context *context = build->client;

	build->client = NULL;
	return context;
}

/* Steps until it is done. The build is freed in any case unless it is handed out. */
static int run_build(struct profile_store *store, enum profile_role role, const struct config_tls *tls,
	const struct snapshot *snapshot, struct profile_build **ret, struct profile_error *error)
{
	struct profile_build *build;
	int r = profile_build_new(store, role, tls, snapshot, &build);

	if (r < 0) {
		*error = (struct profile_error){tls->section.origin, CONFIG_NONE, "out of memory"};
		return r;
	}
	do
		r = profile_build_step(build, error);
	while (r == 1);
	if (r < 0)
		profile_build_free(build);
	else
		*ret = build;
	return r;
}

int profile_server_context(struct profile_store *store, const struct config_tls *tls,
	const struct snapshot *snapshot, struct unitls_server_context **ret, struct profile_error *error)
{
	struct profile_build *build;
	int r = run_build(store, PROFILE_SERVER, tls, snapshot, &build, error);

	if (r < 0)
		return r;
	*ret = profile_build_take_server(build);
	profile_build_free(build);
	return 0;
}

int profile_client_context(struct profile_store *store, const struct config_tls *tls,
	const struct snapshot *snapshot, struct unitls_client_context **ret, struct profile_error *error)
{
	struct profile_build *build;
	int r = run_build(store, PROFILE_CLIENT, tls, snapshot, &build, error);

	if (r < 0)
		return r;
	*ret = profile_build_take_client(build);
	profile_build_free(build);
	return 0;
}

const char *profile_peer_name(
	const struct config_tls *tls, const struct address *server, char *buffer, size_t size)
{
	if (tls->server_name)
		return tls->server_name;
	if (server->kind == ADDRESS_NAME)
		return server->host;
	if (server->kind == ADDRESS_INET)
		return address_format_ip(server, buffer, size);
	return NULL;
}

/*
 * Contexts: what they are built from, the cache of identities, threads, failures; and the real backends through the same door.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/client_hello.h"
#include "core/context.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/fake_backend.h"
#include "tests/unit/forged.h"
#include "tests/unit/pki.h"

/* Says why. */
#define SKIP(reason)                           \
	do {                                   \
		print_message("%s\n", reason); \
		skip();                        \
	} while (0)

static struct fake_backend *fake;
static struct unitls_config_builder *builder;

static int setup(void **state)
{
	(void)state;
	fake = fake_backend_reset();
	builder = unitls_config_builder_new();
	return builder ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unitls_config_builder_free(builder);
	return atomic_load(&fake->alive) == 0 ? 0 : -1;
}

static void add(enum unitls_key_type type, const char *name)
{
	static uint32_t serial;
	struct unitls_signing_chain *chain = forged_chain_for(type, ++serial, name);

	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	unitls_signing_chain_unref(chain);
}

static struct unitls_server_context *new_server(struct unitls_backend *backend, enum unitls_effort effort)
{
	struct unitls_server_config *config;
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_config_builder_build_server(builder, &config, &error) < 0)
		fail_msg("%s", error.text);
	if (unitls_server_context_new(backend, config, effort, NULL, &context, &error) < 0)
		fail_msg("%s", error.text);
	assert_ptr_equal(unitls_server_context_config(context), config);
	assert_ptr_equal(unitls_server_context_backend(context), backend);
	unitls_server_config_unref(config);
	return context;
}

static struct unitls_client_context *new_client(struct unitls_backend *backend)
{
	struct unitls_client_config *config;
	struct unitls_client_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_config_builder_build_client(builder, &config, &error) < 0)
		fail_msg("%s", error.text);
	if (unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) < 0)
		fail_msg("%s", error.text);
	assert_ptr_equal(unitls_client_context_config(context), config);
	assert_ptr_equal(unitls_client_context_backend(context), backend);
	unitls_client_config_unref(config);
	return context;
}

static struct unitls_identity *get(struct unitls_server_context *context, size_t chain)
{
	struct unitls_identity *identity = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_server_context_identity(context, chain, &identity, &error) < 0)
		fail_msg("%s", error.text);
	return identity;
}

/*
 * What a native context is built from
 */

static struct unitls_context_params seen;
static uint16_t seen_suites[4];
static size_t n_seen;

static void see(const struct unitls_context_params *params)
{
	seen = *params;
	n_seen++;
	for (size_t i = 0; i < params->n_suites_1_2 && i < 2; i++)
		seen_suites[i] = params->suites_1_2[i];
	for (size_t i = 0; i < params->n_suites_1_3 && i < 2; i++)
		seen_suites[2 + i] = params->suites_1_3[i];
}

static void test_a_server_passes_all_settings_on(void **state)
{
	const uint16_t suites[] = {0x1302, 0xc02f, 0x1301, 0xc02b};
	const struct unitls_bytes names[] = {{(const uint8_t *)"h2", 2}, {(const uint8_t *)"imap", 4}};
	struct unitls_trust_store *store = forged_trust_store(1, 1, 3);

	(void)state;
	fake->seen = see;
	add(UNITLS_KEY_RSA, "a.example");
	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, suites, 4), 0);
	assert_int_equal(unitls_config_builder_set_alpn(builder, names, 2), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL), 0);
	assert_int_equal(unitls_config_builder_set_session_tickets(builder, false), 0);
	unitls_server_context_unref(new_server(&fake->backend, UNITLS_EFFORT_STRICT));
	assert_int_equal(seen.role, UNITLS_ROLE_SERVER);
	assert_int_equal(seen.min_version, UNITLS_TLS_1_2);
	assert_int_equal(seen.max_version, UNITLS_TLS_1_3);
	assert_int_equal(seen.n_suites_1_2, 2);
	assert_int_equal(seen.n_suites_1_3, 2);
	assert_int_equal(seen_suites[0], 0xc02f);
	assert_int_equal(seen_suites[1], 0xc02b);
	assert_int_equal(seen_suites[2], 0x1302);
	assert_int_equal(seen_suites[3], 0x1301);
	assert_int_equal(seen.n_alpn, 2);
	assert_int_equal(seen.n_anchors, 3);
	assert_int_equal(seen.verify, UNITLS_VERIFY_MODE_OPTIONAL);
	assert_int_equal(seen.n_chain, 1);
	assert_int_equal(seen.key_format, UNITLS_KEY_FORMAT_DER);
	assert_non_null(seen.password);
	assert_null(seen.tickets);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_NONE), 0);
	unitls_server_context_unref(new_server(&fake->backend, UNITLS_EFFORT_STRICT));
	assert_int_equal(seen.verify, UNITLS_VERIFY_MODE_NONE);
	assert_int_equal(seen.n_anchors, 0);
	unitls_trust_store_unref(store);
}

static void test_suites_of_a_version_out_of_range_are_not_passed_on(void **state)
{
	const uint16_t suites[] = {0x1302, 0xc02f};

	(void)state;
	fake->seen = see;
	add(UNITLS_KEY_RSA, "a.example");
	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, suites, 2), 0);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_2), 0);
	unitls_server_context_unref(new_server(&fake->backend, UNITLS_EFFORT_STRICT));
	assert_int_equal(seen.n_suites_1_2, 1);
	assert_int_equal(seen.n_suites_1_3, 0);
}

static void test_a_client_verifies_unless_told_not_to(void **state)
{
	struct unitls_trust_store *store = forged_trust_store(1, 1, 2);
	struct unitls_client_context *context;

	(void)state;
	fake->seen = see;
	context = new_client(&fake->backend); /* without a store: trusts nobody */
	assert_int_equal(seen.verify, UNITLS_VERIFY_MODE_REQUIRED);
	assert_int_equal(seen.n_anchors, 0);
	assert_int_equal(seen.n_chain, 0);
	unitls_client_context_unref(context);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	context = new_client(&fake->backend);
	assert_int_equal(seen.n_anchors, 2);
	assert_null(seen.tickets);
	unitls_client_context_unref(unitls_client_context_ref(context));
	unitls_identity_unref(unitls_client_context_identity(context));
	assert_int_equal(fake->alive, 1);
	unitls_client_context_unref(context);
	unitls_client_context_unref(NULL);
	unitls_trust_store_unref(store);
}

static void scope_of(uint8_t scope[32])
{
	unitls_server_context_unref(new_server(&fake->backend, UNITLS_EFFORT_STRICT));
	memcpy(scope, seen.scope, 32);
}

static void test_scope_holds_what_a_session_may_not_cross(void **state)
{
	const struct unitls_bytes name = {(const uint8_t *)"h2", 2};
	struct unitls_trust_store *store = forged_trust_store(1, 1, 1);
	struct unitls_trust_store *other = forged_trust_store(2, 1, 1);
	uint8_t first[32];
	uint8_t scopes[7][32];

	(void)state;
	fake->seen = see;
	add(UNITLS_KEY_RSA, "a.example");
	scope_of(first);
	assert_int_equal(unitls_config_builder_clear_signing_chains(builder), 0);
	add(UNITLS_KEY_RSA, "a.example"); /* renewed: another certificate for the same name */
	scope_of(scopes[0]);
	assert_memory_equal(first, scopes[0], 32);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_REQUIRED), 0);
	scope_of(scopes[1]);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, other), 0);
	scope_of(scopes[2]);
	assert_int_equal(unitls_config_builder_set_alpn(builder, &name, 1), 0);
	scope_of(scopes[3]);
	assert_int_equal(unitls_config_builder_set_min_version(builder, UNITLS_TLS_1_3), 0);
	scope_of(scopes[4]);
	assert_int_equal(unitls_config_builder_clear_signing_chains(builder), 0);
	add(UNITLS_KEY_RSA, "b.example");
	scope_of(scopes[5]);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL), 0);
	scope_of(scopes[6]);
	for (size_t i = 0; i < 7; i++)
		for (size_t k = i + 1; k < 7; k++)
			assert_memory_not_equal(scopes[i], scopes[k], 32);
	unitls_trust_store_unref(store);
	unitls_trust_store_unref(other);
}

static void scope_of_chain(struct unitls_signing_chain *chain, uint8_t scope[32])
{
	assert_int_equal(unitls_config_builder_clear_signing_chains(builder), 0);
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	unitls_signing_chain_unref(chain);
	scope_of(scope);
}

static void test_scope_tells_leaves_without_names_apart(void **state)
{
	uint8_t scopes[3][32];

	(void)state;
	fake->seen = see;
	scope_of_chain(forged_chain(UNITLS_KEY_RSA, 2048, 1, NULL, 0), scopes[0]);
	scope_of_chain(forged_chain(UNITLS_KEY_RSA, 2048, 2, NULL, 0), scopes[1]);
	scope_of_chain(forged_chain(UNITLS_KEY_RSA, 2048, 1, NULL, 0), scopes[2]);
	assert_memory_not_equal(scopes[0], scopes[1], 32);
	assert_memory_equal(scopes[0], scopes[2], 32);
}

static struct unitls_signing_chain *chain_with_names(const char *names)
{
	struct unitls_signing_chain *chain = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	char *certificate = pki_path("named.pem");
	char *key = pki_path("named.key");

	pki_certificate("named", "EC:P-256", NULL, names);
	if (unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error) < 0)
		fail_msg("%s", error.text);
	free(certificate);
	free(key);
	return chain;
}

static void test_scope_tells_an_address_from_a_name_of_the_same_octets(void **state)
{
	uint8_t scopes[4][32];

	(void)state;
	fake->seen = see;
	scope_of_chain(chain_with_names("subjectAltName=DNS:abcd\n"), scopes[0]);
	scope_of_chain(chain_with_names("subjectAltName=IP:97.98.99.100\n"), scopes[1]);
	assert_memory_not_equal(scopes[0], scopes[1], 32);
	scope_of_chain(chain_with_names("subjectAltName=DNS:abcd,IP:97.98.99.100\n"), scopes[2]);
	scope_of_chain(chain_with_names("subjectAltName=IP:97.98.99.100,DNS:abcd\n"), scopes[3]);
	assert_memory_equal(scopes[2], scopes[3], 32);
}

/* A server that may no longer sign with a scheme is not trusted for having done so once. */
static void test_a_clients_scope_holds_its_signature_schemes(void **state)
{
	static const uint16_t schemes[] = {0x0403, 0x0804}; /* ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256 */
	uint8_t scopes[3][32];

	(void)state;
	fake->seen = see;
	fake->capabilities.signature_schemes = schemes;
	fake->capabilities.n_signature_schemes = 2;
	for (size_t n = 0; n < 3; n++) {
		assert_int_equal(unitls_config_builder_set_signature_schemes(builder, schemes, n), 0);
		unitls_client_context_unref(new_client(&fake->backend));
		memcpy(scopes[n], seen.scope, 32);
	}
	assert_memory_not_equal(scopes[0], scopes[1], 32);
	assert_memory_not_equal(scopes[0], scopes[2], 32);
	assert_memory_not_equal(scopes[1], scopes[2], 32);
}

/*
 * The cache of identities
 */

static void test_the_first_chain_is_built_at_once_and_others_on_first_use(void **state)
{
	struct unitls_server_context *context;
	struct unitls_identity *one;
	struct unitls_identity *two;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	assert_int_equal(fake->built, 1);
	one = get(context, 1);
	assert_int_equal(fake->built, 2);
	two = get(context, 1);
	assert_int_equal(fake->built, 2);
	assert_ptr_equal(one, two);
	unitls_identity_unref(one);
	unitls_identity_unref(two);
	assert_int_equal(fake->alive, 2);
	unitls_server_context_unref(unitls_server_context_ref(context));
	unitls_server_context_unref(context);
	unitls_server_context_unref(NULL);
}

static void test_the_cache_is_bounded_and_drops_the_least_recently_used(void **state)
{
	struct unitls_server_context *context;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		add(UNITLS_KEY_RSA, "a.example");
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, 3), 0);
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	unitls_identity_unref(get(context, 1));
	unitls_identity_unref(get(context, 2));
	unitls_identity_unref(get(context, 0)); /* now 1 is the oldest */
	unitls_identity_unref(get(context, 3));
	assert_int_equal(fake->alive, 3);
	assert_int_equal(fake->built, 4);
	unitls_identity_unref(get(context, 0));
	unitls_identity_unref(get(context, 2));
	assert_int_equal(fake->built, 4);
	unitls_identity_unref(get(context, 1));
	assert_int_equal(fake->built, 5);
	assert_int_equal(fake->alive, 3);
	unitls_server_context_unref(context);
}

static void test_what_was_put_out_lives_on_while_it_is_held(void **state)
{
	struct unitls_server_context *context;
	struct unitls_identity *held;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, 1), 0);
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	held = get(context, 0);
	unitls_identity_unref(get(context, 1));
	assert_int_equal(fake->alive, 2);
	unitls_server_context_unref(context);
	assert_int_equal(fake->alive, 1);
	unitls_identity_unref(held);
	assert_int_equal(fake->alive, 0);
}

static void test_a_failed_build_is_internal_and_tried_again(void **state)
{
	struct unitls_server_context *context;
	struct unitls_identity *identity = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	atomic_store(&fake->fail, true);
	assert_int_equal(unitls_server_context_identity(context, 1, &identity, &error), UNITLS_ERROR);
	assert_null(identity);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_INTERNAL);
	assert_int_equal(error.alert, UNITLS_ALERT_INTERNAL_ERROR);
	assert_string_equal(error.backend, "fake");
	assert_non_null(strstr(error.text, "chain 2 (b.example): the library does not like this key"));
	assert_int_equal(unitls_server_context_identity(context, 1, &identity, NULL), UNITLS_ERROR);
	atomic_store(&fake->fail, false);
	unitls_identity_unref(get(context, 1));
	unitls_server_context_unref(context);
}

static void test_proving_builds_and_drops(void **state)
{
	struct unitls_server_context *context;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	assert_int_equal(unitls_server_context_prove(context, 1, &error), 0);
	assert_int_equal(fake->built, 2);
	assert_int_equal(fake->alive, 1);
	assert_int_equal(unitls_server_context_prove(context, 2, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	atomic_store(&fake->fail, true);
	assert_int_equal(unitls_server_context_prove(context, 1, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	unitls_server_context_unref(context);
}

/*
 * Building
 */

static void test_native_failures_show_when_the_context_is_built(void **state)
{
	struct unitls_server_config *server;
	struct unitls_client_config *client;
	struct unitls_server_context *server_context = NULL;
	struct unitls_client_context *client_context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	assert_int_equal(unitls_config_builder_build_server(builder, &server, NULL), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &client, NULL), 0);
	atomic_store(&fake->fail, true);
	assert_int_equal(unitls_server_context_new(
				 &fake->backend, server, UNITLS_EFFORT_STRICT, NULL, &server_context, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	assert_string_equal(error.backend, "fake");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_client_context_new(
				 &fake->backend, client, UNITLS_EFFORT_STRICT, NULL, &client_context, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_null(server_context);
	assert_null(client_context);
	unitls_server_config_unref(server);
	unitls_client_config_unref(client);
}

static void test_best_effort_goes_on_with_what_is_left(void **state)
{
	struct unitls_diagnostics *diagnostics = unitls_diagnostics_new();
	struct unitls_server_config *config;
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	fake->capabilities.key_types &= ~(1u << UNITLS_KEY_ED25519);
	add(UNITLS_KEY_ED25519, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	assert_int_equal(unitls_config_builder_build_server(builder, &config, NULL), 0);
	assert_int_equal(unitls_server_context_new(
				 &fake->backend, config, UNITLS_EFFORT_STRICT, diagnostics, &context, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	assert_int_equal(
		unitls_server_context_new(&fake->backend, config, UNITLS_EFFORT_BEST, diagnostics, &context, NULL),
		0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 2);
	assert_int_equal(unitls_server_context_settings(context)->n_chains, 1);
	assert_ptr_equal(unitls_server_context_config(context), config);
	unitls_server_context_unref(context);
	unitls_server_config_unref(config);
	unitls_diagnostics_free(diagnostics);
}

static void test_selecting_gives_chain_and_protocol(void **state)
{
	const struct unitls_bytes name = {(const uint8_t *)"imap", 4};
	struct unitls_client_hello hello = {.legacy_version = UNITLS_TLS_1_2,
		.has_server_name = true,
		.server_name = "b.example",
		.has_alpn = true};
	struct unitls_server_context *context;
	struct unitls_selection selection;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	assert_int_equal(unitls_config_builder_set_alpn(builder, &name, 1), 0);
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	hello.alpn = (struct unitls_bytes){(const uint8_t *)"\2h2\4imap", 8};
	assert_int_equal(unitls_server_context_select(context, &hello, &selection, NULL), 0);
	assert_int_equal(selection.chain, 1);
	assert_int_equal(selection.alpn_selected.size, 4);
	hello.alpn = (struct unitls_bytes){(const uint8_t *)"\2h2", 3};
	assert_int_equal(unitls_server_context_select(context, &hello, &selection, &error), UNITLS_ERROR);
	assert_int_equal(error.alert, UNITLS_ALERT_NO_APPLICATION_PROTOCOL);
	unitls_server_context_unref(context);
}

static void test_every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
	struct unitls_trust_store *store = forged_trust_store(1, 1, 2);
	struct unitls_server_config *config;
	bool failed = true;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_REQUIRED), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &config, NULL), 0);
	for (size_t n = 0; failed; n++) {
		struct unitls_server_context *context = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		alloc_fail_start(n);
		status = unitls_server_context_new(
			&fake->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_server_context_unref(context);
	}
	unitls_server_config_unref(config);
	unitls_trust_store_unref(store);
}

/*
 * Threads
 */

#define N_THREADS 8
#define N_CHAINS  16

static void *use_identities(void *argument)
{
	struct unitls_server_context *context = argument;
	unsigned state = 12345u + (unsigned)(uintptr_t)&state;

	for (size_t i = 0; i < 3000; i++) {
		struct unitls_identity *identity = NULL;

		state = state * 1103515245u + 12345u;
		if (unitls_server_context_identity(context, (state >> 16) % N_CHAINS, &identity, NULL) < 0 ||
			!identity->native)
			return NULL;
		unitls_identity_unref(identity);
	}
	unitls_server_context_unref(context);
	return context;
}

static void run_threads(size_t cache)
{
	struct unitls_server_context *context;
	pthread_t threads[N_THREADS];

	for (size_t i = 0; i < N_CHAINS; i++)
		add(UNITLS_KEY_RSA, "a.example");
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, cache), 0);
	context = new_server(&fake->backend, UNITLS_EFFORT_STRICT);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, use_identities, unitls_server_context_ref(context)), 0);
	unitls_server_context_unref(context);
	for (size_t i = 0; i < N_THREADS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, context);
	}
	assert_int_equal(fake->alive, 0);
}

static void test_threads_share_a_cache_that_evicts(void **state)
{
	(void)state;
	run_threads(3);
}

static void test_threads_build_each_identity_once(void **state)
{
	(void)state;
	run_threads(N_CHAINS);
	assert_int_equal(fake->built, N_CHAINS);
}

/*
 * Real backends
 */

static struct unitls_backend *load(const char *name)
{
	const struct unitls_backend_load_params params = {TEST_BACKEND_DIR, false};
	struct unitls_backend *backend = NULL;

	return unitls_backend_load_with(name, &params, &backend, NULL) == 0 ? backend : NULL;
}

static void use_real_backend(const char *name)
{
	struct unitls_backend *backend = load(name);
	struct unitls_signing_chain *chain = NULL;
	struct unitls_trust_store *store = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_context *context;
	char *certificate = pki_path("real.pem");
	char *key = pki_path("real.key");

	if (!backend) {
		free(certificate);
		free(key);
		SKIP("the backend is not built");
	}
	pki_certificate("real", "EC:P-256", NULL, "subjectAltName=DNS:real.example\n");
	if (unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error) < 0 ||
		unitls_trust_store_from_file(certificate, &store, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	unitls_client_context_unref(new_client(backend));
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	unitls_client_context_unref(new_client(backend));
	context = new_server(backend, UNITLS_EFFORT_STRICT);
	if (unitls_server_context_prove(context, 0, &error) < 0)
		fail_msg("%s", error.text);
	unitls_server_context_unref(context);
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	free(certificate);
	free(key);
}

static void test_openssl_makes_contexts(void **state)
{
	(void)state;
	use_real_backend("openssl");
}

static void test_mbedtls_makes_contexts(void **state)
{
	(void)state;
	use_real_backend("mbedtls");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_server_passes_all_settings_on),
		TEST(test_suites_of_a_version_out_of_range_are_not_passed_on),
		TEST(test_a_client_verifies_unless_told_not_to),
		TEST(test_scope_holds_what_a_session_may_not_cross),
		TEST(test_scope_tells_leaves_without_names_apart),
		TEST(test_scope_tells_an_address_from_a_name_of_the_same_octets),
		TEST(test_a_clients_scope_holds_its_signature_schemes),
		TEST(test_the_first_chain_is_built_at_once_and_others_on_first_use),
		TEST(test_the_cache_is_bounded_and_drops_the_least_recently_used),
		TEST(test_what_was_put_out_lives_on_while_it_is_held),
		TEST(test_a_failed_build_is_internal_and_tried_again),
		TEST(test_proving_builds_and_drops),
		TEST(test_native_failures_show_when_the_context_is_built),
		TEST(test_best_effort_goes_on_with_what_is_left),
		TEST(test_selecting_gives_chain_and_protocol),
		TEST(test_every_failing_allocation_is_an_error_and_leaks_nothing),
		TEST(test_threads_share_a_cache_that_evicts),
		TEST(test_threads_build_each_identity_once),
		TEST(test_openssl_makes_contexts),
		TEST(test_mbedtls_makes_contexts),
	};

	return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}

/*
 * The configuration builder: what it refuses, what it copies, and what digests are made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/alloc_fail.h"
#include "tests/unit/forged.h"
#include <unitls/alpn.h>
#include <unitls/config.h>
#include <unitls/insecure.h>

#define SUITE_1_3_A 0x1301
#define SUITE_1_3_B 0x1302
#define SUITE_1_2_A 0xc02b
#define SUITE_1_2_B 0xc02f

static struct unitls_signing_chain *chain;
static struct unitls_trust_store *store;

static int setup(void **state)
{
	(void)state;
	chain = forged_chain_for(UNITLS_KEY_ECDSA_P256, 1, "a.example");
	store = forged_trust_store(1, 1, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	return 0;
}

/* A builder that makes a legal server. */
static struct unitls_config_builder *server_builder(void)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();

	assert_non_null(builder);
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	return builder;
}

static struct unitls_server_config *build_server(const struct unitls_config_builder *builder)
{
	struct unitls_server_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_config_builder_build_server(builder, &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

static struct unitls_client_config *build_client(const struct unitls_config_builder *builder)
{
	struct unitls_client_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_config_builder_build_client(builder, &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

static void expect_no_server(const struct unitls_config_builder *builder, const char *field)
{
	struct unitls_server_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), UNITLS_ERROR);
	assert_null(config);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, field);
}

static void expect_no_client(const struct unitls_config_builder *builder, const char *field)
{
	struct unitls_client_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	assert_int_equal(unitls_config_builder_build_client(builder, &config, &error), UNITLS_ERROR);
	assert_null(config);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, field);
}

static void test_empty_builder_makes_a_client_but_no_server(void **state)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();

	(void)state;
	unitls_client_config_unref(build_client(builder));
	expect_no_server(builder, "certificate");
	unitls_config_builder_free(builder);
	unitls_config_builder_free(NULL);
	unitls_client_config_unref(NULL);
	unitls_server_config_unref(NULL);
}

static void test_first_failure_of_a_setter_comes_again_at_the_build(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	const uint16_t unknown = 0x5600;

	(void)state;
	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, &unknown, 1), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, 0), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, 5), 0);
	expect_no_server(builder, "ciphers");
	expect_no_client(builder, "ciphers");
	unitls_config_builder_free(builder);
}

static void expect_failing_setter(int (*set)(struct unitls_config_builder *), const char *field)
{
	struct unitls_config_builder *builder = server_builder();

	assert_int_equal(set(builder), UNITLS_ERROR);
	expect_no_server(builder, field);
	unitls_config_builder_free(builder);
	assert_int_equal(set(NULL), UNITLS_ERROR);
}

static int set_old_minimum(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_min_version(builder, 0x0302);
}

static int set_unknown_maximum(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_max_version(builder, 0x0305);
}

static int set_too_many_suites(struct unitls_config_builder *builder)
{
	uint16_t suites[UNITLS_CIPHER_LIST_MAX + 1];

	for (size_t i = 0; i < UNITLS_CIPHER_LIST_MAX + 1; i++)
		suites[i] = SUITE_1_3_A;
	return unitls_config_builder_set_cipher_suites(builder, suites, UNITLS_CIPHER_LIST_MAX + 1);
}

static int set_empty_protocol(struct unitls_config_builder *builder)
{
	struct unitls_bytes name = {(const uint8_t *)"", 0};

	return unitls_config_builder_set_alpn(builder, &name, 1);
}

static int set_long_protocol(struct unitls_config_builder *builder)
{
	uint8_t bytes[256] = {0};
	struct unitls_bytes name = {bytes, sizeof(bytes)};

	return unitls_config_builder_set_alpn(builder, &name, 1);
}

static int set_many_protocols(struct unitls_config_builder *builder)
{
	struct unitls_bytes names[UNITLS_ALPN_COUNT_MAX + 1];

	for (size_t i = 0; i <= UNITLS_ALPN_COUNT_MAX; i++)
		names[i] = unitls_alpn_bytes(UNITLS_ALPN_H2);
	return unitls_config_builder_set_alpn(builder, names, UNITLS_ALPN_COUNT_MAX + 1);
}

/* 256 names of 255 bytes are 65,536 with their lengths. */
static int set_large_protocols(struct unitls_config_builder *builder)
{
	static const uint8_t bytes[255];
	struct unitls_bytes names[UNITLS_ALPN_COUNT_MAX];

	for (size_t i = 0; i < UNITLS_ALPN_COUNT_MAX; i++)
		names[i] = (struct unitls_bytes){bytes, sizeof(bytes)};
	return unitls_config_builder_set_alpn(builder, names, UNITLS_ALPN_COUNT_MAX);
}

static int set_no_cache(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_identity_cache(builder, 0);
}

static int set_no_chain(struct unitls_config_builder *builder)
{
	return unitls_config_builder_add_signing_chain(builder, NULL);
}

static int set_odd_client_auth(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_client_auth(builder, (enum unitls_client_auth)3);
}

static int set_odd_sni_policy(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_sni_policy(builder, (enum unitls_sni_policy)3);
}

static int set_odd_alpn_policy(struct unitls_config_builder *builder)
{
	return unitls_config_builder_set_alpn_policy(builder, (enum unitls_alpn_policy)3);
}

static void test_values_that_can_never_be_legal_are_refused(void **state)
{
	(void)state;
	expect_failing_setter(set_old_minimum, "min_version");
	expect_failing_setter(set_unknown_maximum, "max_version");
	expect_failing_setter(set_too_many_suites, "ciphers");
	expect_failing_setter(set_empty_protocol, "alpn");
	expect_failing_setter(set_long_protocol, "alpn");
	expect_failing_setter(set_many_protocols, "alpn");
	expect_failing_setter(set_large_protocols, "alpn");
	expect_failing_setter(set_no_cache, "identity_cache");
	expect_failing_setter(set_no_chain, "certificate");
	expect_failing_setter(set_odd_client_auth, "client_auth");
	expect_failing_setter(set_odd_sni_policy, "sni_policy");
	expect_failing_setter(set_odd_alpn_policy, "alpn_policy");
}

static void test_a_builder_that_could_not_be_made_fails_at_the_build(void **state)
{
	struct unitls_client_config *client = NULL;
	struct unitls_server_config *server = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_config_builder_set_trust_store(NULL, store), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_session_tickets(NULL, true), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_clock(NULL, NULL, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_hello_callback(NULL, NULL, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_clear_signing_chains(NULL), UNITLS_ERROR);
	assert_int_equal(unitls_insecure_config_builder_skip_verification(NULL), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_build_client(NULL, &client, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
	assert_int_equal(unitls_config_builder_build_server(NULL, &server, NULL), UNITLS_ERROR);
}

static void test_minimum_above_maximum_is_refused(void **state)
{
	struct unitls_config_builder *builder = server_builder();

	(void)state;
	assert_int_equal(unitls_config_builder_set_min_version(builder, UNITLS_TLS_1_3), 0);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_2), 0);
	expect_no_server(builder, "min_version");
	expect_no_client(builder, "min_version");
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_MAXIMUM_SUPPORTED), 0);
	unitls_server_config_unref(build_server(builder));
	assert_int_equal(unitls_config_builder_set_min_version(builder, UNITLS_TLS_MINIMUM_SUPPORTED), 0);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_2), 0);
	unitls_server_config_unref(build_server(builder));
	unitls_config_builder_free(builder);
}

static enum unitls_hello_decision on_hello(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert)
{
	(void)argument;
	(void)connection;
	(void)hello;
	(void)context;
	(void)alert;
	return UNITLS_HELLO_ACCEPT;
}

static int64_t on_clock(void *argument)
{
	(void)argument;
	return 0;
}

static void on_key_log(void *argument, const char *line)
{
	(void)argument;
	(void)line;
}

static void test_settings_of_a_server_are_refused_for_a_client(void **state)
{
	static const char *const fields[] = {"client_auth", "sni_policy", "hello_callback", "identity_cache",
		"session_tickets", "certificate", "ticket_keys"};
	struct unitls_ticket_keys *keys = NULL;

	(void)state;
	assert_int_equal(unitls_ticket_keys_new(&keys, NULL), 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct unitls_config_builder *builder = server_builder();

		if (i == 6)
			(void)unitls_config_builder_clear_signing_chains(builder);
		switch (i) {
		case 0:
			(void)unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL);
			break;
		case 1:
			(void)unitls_config_builder_set_sni_policy(builder, UNITLS_SNI_STRICT);
			break;
		case 2:
			(void)unitls_config_builder_set_hello_callback(builder, on_hello, NULL);
			break;
		case 3:
			(void)unitls_config_builder_set_identity_cache(builder, 1);
			break;
		case 4:
			(void)unitls_config_builder_set_session_tickets(builder, false);
			break;
		case 6:
			(void)unitls_config_builder_set_ticket_keys(builder, keys);
			break;
		default:
			(void)unitls_config_builder_add_signing_chain(builder, chain);
		}
		expect_no_client(builder, fields[i]);
		unitls_config_builder_free(builder);
	}
	unitls_ticket_keys_unref(keys);
}

static void test_ocsp_is_for_clients_that_verify(void **state)
{
	struct unitls_config_builder *builder = server_builder();

	(void)state;
	assert_int_equal(unitls_config_builder_set_ocsp(builder, UNITLS_OCSP_REQUEST), 0);
	expect_no_server(builder, "ocsp");
	unitls_config_builder_free(builder);
	builder = unitls_config_builder_new();
	assert_int_equal(unitls_config_builder_set_ocsp(builder, UNITLS_OCSP_REQUIRE), 0);
	unitls_client_config_unref(build_client(builder));
	assert_int_equal(unitls_insecure_config_builder_skip_verification(builder), 0);
	expect_no_client(builder, "ocsp");
	unitls_config_builder_free(builder);
}

static void test_lists_of_numbers_are_checked(void **state)
{
	static const uint16_t many[UNITLS_GROUP_LIST_MAX + 1] = {29};
	static const uint16_t unknown[] = {29, 9999};
	struct unitls_config_builder *builder = unitls_config_builder_new();

	(void)state;
	assert_int_equal(unitls_config_builder_set_groups(builder, many, UNITLS_GROUP_LIST_MAX + 1), UNITLS_ERROR);
	expect_no_client(builder, "groups");
	unitls_config_builder_free(builder);
	builder = unitls_config_builder_new();
	assert_int_equal(unitls_config_builder_set_groups(builder, unknown, 2), UNITLS_ERROR);
	expect_no_client(builder, "groups");
	unitls_config_builder_free(builder);
	builder = unitls_config_builder_new();
	assert_int_equal(unitls_config_builder_set_signature_schemes(builder, unknown, 2), UNITLS_ERROR);
	expect_no_client(builder, "signature_schemes");
	unitls_config_builder_free(builder);
	builder = unitls_config_builder_new();
	assert_int_equal(unitls_config_builder_set_ocsp(builder, (enum unitls_ocsp)7), UNITLS_ERROR);
	expect_no_client(builder, "ocsp");
	unitls_config_builder_free(builder);
	assert_int_equal(unitls_config_builder_set_groups(NULL, many, 1), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_signature_schemes(NULL, many, 1), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_ticket_keys(NULL, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_crls(NULL, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_config_builder_set_ocsp(NULL, UNITLS_OCSP_NONE), UNITLS_ERROR);
	assert_int_equal(unitls_insecure_config_builder_set_key_log(NULL, NULL, NULL), UNITLS_ERROR);
}

static void test_skipping_verification_is_refused_for_a_server(void **state)
{
	struct unitls_config_builder *builder = server_builder();

	(void)state;
	assert_int_equal(unitls_insecure_config_builder_skip_verification(builder), 0);
	expect_no_server(builder, "verify");
	unitls_client_config_unref(build_client(builder));
	unitls_config_builder_free(builder);
}

static void test_client_authentication_needs_a_trust_store(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_trust_store *empty = NULL;

	(void)state;
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_REQUIRED), 0);
	expect_no_server(builder, "trust_store");
	assert_int_equal(unitls_trust_store_empty(&empty, NULL), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, empty), 0);
	unitls_server_config_unref(build_server(builder));
	assert_int_equal(unitls_config_builder_set_trust_store(builder, NULL), 0);
	expect_no_server(builder, "trust_store");
	unitls_trust_store_unref(empty);
	unitls_config_builder_free(builder);
}

static void test_setters_copy(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	uint16_t suites[] = {SUITE_1_3_A, SUITE_1_2_A};
	uint8_t text[] = "imap";
	struct unitls_bytes name = {text, 4};
	struct unitls_server_config *before;
	struct unitls_server_config *after;

	(void)state;
	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, suites, 2), 0);
	assert_int_equal(unitls_config_builder_set_alpn(builder, &name, 1), 0);
	before = build_server(builder);
	suites[0] = SUITE_1_3_B;
	text[0] = 'x';
	after = build_server(builder);
	assert_true(unitls_server_config_equal(before, after));
	unitls_server_config_unref(before);
	unitls_server_config_unref(after);
	unitls_config_builder_free(builder);
}

static void test_a_configuration_keeps_its_chains_in_order(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_signing_chain *other = forged_chain_for(UNITLS_KEY_RSA, 2, "b.example");
	struct unitls_server_config *config;

	(void)state;
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(unitls_config_builder_add_signing_chain(builder, other), 0);
	config = build_server(builder);
	assert_int_equal(unitls_config_builder_clear_signing_chains(builder), 0);
	expect_no_server(builder, "certificate");
	unitls_config_builder_free(builder);
	unitls_signing_chain_unref(other);
	assert_ptr_equal(unitls_server_config_signing_chain_at(config, 0), chain);
	assert_ptr_equal(unitls_server_config_signing_chain_at(config, 20), other);
	assert_null(unitls_server_config_signing_chain_at(config, 21));
	unitls_server_config_unref(config);
}

/* Every setting of a server at something that is not its default. */
static void set_all(struct unitls_config_builder *builder)
{
	const uint16_t suites[] = {SUITE_1_3_A, SUITE_1_2_A};
	struct unitls_bytes names[] = {unitls_alpn_bytes(UNITLS_ALPN_H2), unitls_alpn_bytes(UNITLS_ALPN_IMAP)};

	assert_int_equal(unitls_config_builder_set_min_version(builder, UNITLS_TLS_MINIMUM_SUPPORTED), 0);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_3), 0);
	assert_int_equal(unitls_config_builder_set_cipher_suites(builder, suites, 2), 0);
	assert_int_equal(unitls_config_builder_set_alpn(builder, names, 2), 0);
	assert_int_equal(unitls_config_builder_set_alpn_policy(builder, UNITLS_ALPN_GO_ON), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL), 0);
	assert_int_equal(unitls_config_builder_set_sni_policy(builder, UNITLS_SNI_STRICT), 0);
	assert_int_equal(unitls_config_builder_set_hello_callback(builder, on_hello, builder), 0);
	assert_int_equal(unitls_config_builder_set_identity_cache(builder, 7), 0);
	assert_int_equal(unitls_config_builder_set_session_tickets(builder, false), 0);
	assert_int_equal(unitls_config_builder_set_clock(builder, on_clock, builder), 0);
	assert_int_equal(unitls_config_builder_set_groups(builder, (const uint16_t[]){29, 23}, 2), 0);
	assert_int_equal(
		unitls_config_builder_set_signature_schemes(builder, (const uint16_t[]){0x0804, 0x0403}, 2), 0);
	assert_int_equal(unitls_insecure_config_builder_set_key_log(builder, on_key_log, builder), 0);
}

static void test_a_builder_started_from_a_configuration_makes_an_equal_one(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_config_builder *again;
	struct unitls_server_config *config;
	struct unitls_server_config *copy;

	(void)state;
	set_all(builder);
	config = build_server(builder);
	again = unitls_config_builder_from_server(config);
	assert_non_null(again);
	assert_int_equal(unitls_config_builder_add_signing_chain(again, chain), 0);
	copy = build_server(again);
	assert_false(unitls_server_config_equal(config, copy));
	unitls_server_config_unref(copy);
	unitls_config_builder_free(again);
	again = unitls_config_builder_from_server(config);
	copy = build_server(again);
	assert_true(unitls_server_config_equal(config, copy));
	assert_memory_equal(
		unitls_server_config_digest(config), unitls_server_config_digest(copy), UNITLS_DIGEST_SIZE);
	unitls_config_builder_free(builder);
	unitls_config_builder_free(again);
	unitls_server_config_unref(config);
	unitls_server_config_unref(copy);
}

static void test_a_client_builder_started_from_a_configuration_keeps_all(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_client_config *config;
	struct unitls_client_config *copy;

	(void)state;
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_clock(builder, on_clock, NULL), 0);
	config = build_client(builder);
	unitls_config_builder_free(builder);
	builder = unitls_config_builder_from_client(config);
	copy = build_client(builder);
	assert_true(unitls_client_config_equal(config, copy));
	assert_int_equal(unitls_insecure_config_builder_skip_verification(builder), 0);
	unitls_client_config_unref(copy);
	copy = build_client(builder);
	assert_false(unitls_client_config_equal(config, copy));
	unitls_client_config_unref(copy);
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
}

static struct unitls_ticket_keys *other_keys;

/* One change each to what set_all made. */
static void change(struct unitls_config_builder *builder, size_t i, struct unitls_signing_chain *other,
	struct unitls_trust_store *other_store)
{
	const uint16_t suites[] = {SUITE_1_3_A, SUITE_1_2_A, SUITE_1_2_B};
	struct unitls_bytes names[] = {unitls_alpn_bytes(UNITLS_ALPN_IMAP), unitls_alpn_bytes(UNITLS_ALPN_H2)};

	switch (i) {
	case 0:
		(void)unitls_config_builder_set_min_version(builder, UNITLS_TLS_1_2);
		break;
	case 1:
		(void)unitls_config_builder_set_max_version(builder, UNITLS_TLS_MAXIMUM_SUPPORTED);
		break;
	case 2:
		(void)unitls_config_builder_set_cipher_suites(builder, suites, 3);
		break;
	case 3:
		(void)unitls_config_builder_set_alpn(builder, names, 2);
		break;
	case 4:
		(void)unitls_config_builder_set_alpn_policy(builder, UNITLS_ALPN_REFUSE);
		break;
	case 5:
		(void)unitls_config_builder_set_trust_store(builder, other_store);
		break;
	case 6:
		(void)unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_REQUIRED);
		break;
	case 7:
		(void)unitls_config_builder_set_sni_policy(builder, UNITLS_SNI_DEFAULT);
		break;
	case 8:
		(void)unitls_config_builder_set_hello_callback(builder, on_hello, NULL);
		break;
	case 9:
		(void)unitls_config_builder_set_identity_cache(builder, 8);
		break;
	case 10:
		(void)unitls_config_builder_set_session_tickets(builder, true);
		break;
	case 11:
		(void)unitls_config_builder_set_clock(builder, NULL, NULL);
		break;
	case 12:
		(void)unitls_config_builder_clear_signing_chains(builder);
		(void)unitls_config_builder_add_signing_chain(builder, other);
		break;
	case 13:
		(void)unitls_config_builder_set_groups(builder, (const uint16_t[]){23, 29}, 2);
		break;
	case 14:
		(void)unitls_config_builder_set_signature_schemes(builder, (const uint16_t[]){0x0804}, 1);
		break;
	case 15:
		(void)unitls_insecure_config_builder_set_key_log(builder, NULL, NULL);
		break;
	case 16:
		(void)unitls_config_builder_set_ticket_keys(builder, other_keys);
		break;
	default:
		fail();
	}
}

static void test_every_setting_is_in_the_digest(void **state)
{
	struct unitls_signing_chain *other = forged_chain_for(UNITLS_KEY_ECDSA_P256, 2, "a.example");
	struct unitls_trust_store *other_store = forged_trust_store(2, 1, 3);
	struct unitls_config_builder *builder = server_builder();
	struct unitls_server_config *config;

	(void)state;
	set_all(builder);
	config = build_server(builder);
	assert_int_equal(unitls_ticket_keys_new(&other_keys, NULL), 0);
	for (size_t i = 0; i <= 16; i++) {
		struct unitls_config_builder *changed = unitls_config_builder_from_server(config);
		struct unitls_server_config *result;

		change(changed, i, other, other_store);
		result = build_server(changed);
		if (unitls_server_config_equal(config, result))
			fail_msg("change %zu is not in the digest", i);
		unitls_server_config_unref(result);
		unitls_config_builder_free(changed);
	}
	unitls_server_config_unref(config);
	unitls_config_builder_free(builder);
	unitls_signing_chain_unref(other);
	unitls_trust_store_unref(other_store);
	unitls_ticket_keys_unref(other_keys);
}

static struct unitls_signing_chain *chain_with_key(
	struct unitls_certificate *leaf, uint8_t seed, const char *password)
{
	struct unitls_private_key *key = forged_key(seed, password);
	struct unitls_signing_chain *made = NULL;

	assert_int_equal(unitls_signing_chain_new(leaf, key, NULL, 0, &made, NULL), 0);
	unitls_private_key_unref(key);
	return made;
}

static bool equal_with_chains(struct unitls_signing_chain *a, struct unitls_signing_chain *b)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_server_config *x;
	struct unitls_server_config *y;
	bool equal;

	assert_int_equal(unitls_config_builder_add_signing_chain(builder, a), 0);
	x = build_server(builder);
	(void)unitls_config_builder_clear_signing_chains(builder);
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, b), 0);
	y = build_server(builder);
	equal = unitls_server_config_equal(x, y);
	unitls_server_config_unref(x);
	unitls_server_config_unref(y);
	unitls_config_builder_free(builder);
	unitls_signing_chain_unref(a);
	unitls_signing_chain_unref(b);
	return equal;
}

static void test_key_and_password_are_in_the_digest(void **state)
{
	struct unitls_certificate *leaf = forged_certificate(UNITLS_KEY_ED25519, 0, 3, NULL, 0);

	(void)state;
	assert_true(equal_with_chains(chain_with_key(leaf, 1, "one"), chain_with_key(leaf, 1, "one")));
	assert_false(equal_with_chains(chain_with_key(leaf, 1, "one"), chain_with_key(leaf, 2, "one")));
	assert_false(equal_with_chains(chain_with_key(leaf, 1, "one"), chain_with_key(leaf, 1, "two")));
	unitls_certificate_unref(leaf);
}

static void test_what_has_no_meaning_is_not_in_the_digest(void **state)
{
	const uint16_t one[] = {SUITE_1_3_A, SUITE_1_2_A, SUITE_1_2_B, SUITE_1_2_A};
	const uint16_t two[] = {SUITE_1_2_A, SUITE_1_2_B, SUITE_1_3_A, SUITE_1_3_A};
	struct unitls_trust_store *reversed = forged_trust_store(3, -1, 3);
	struct unitls_config_builder *a = server_builder();
	struct unitls_config_builder *b = server_builder();
	struct unitls_server_config *x;
	struct unitls_server_config *y;

	(void)state;
	(void)unitls_config_builder_set_cipher_suites(a, one, 4); /* duplicates; the versions interleaved */
	(void)unitls_config_builder_set_cipher_suites(b, two, 4);
	(void)unitls_config_builder_set_client_auth(a, UNITLS_CLIENT_AUTH_REQUIRED);
	(void)unitls_config_builder_set_client_auth(b, UNITLS_CLIENT_AUTH_REQUIRED);
	(void)unitls_config_builder_set_trust_store(a, store);
	(void)unitls_config_builder_set_trust_store(b, reversed);
	(void)unitls_config_builder_set_alpn_policy(b, UNITLS_ALPN_GO_ON); /* without ALPN */
	(void)unitls_config_builder_set_clock(b, NULL, a);
	(void)unitls_config_builder_set_hello_callback(b, NULL, a);
	x = build_server(a);
	y = build_server(b);
	assert_true(unitls_server_config_equal(x, y));
	unitls_server_config_unref(x);
	unitls_server_config_unref(y);
	unitls_config_builder_free(a);
	unitls_config_builder_free(b);
	unitls_trust_store_unref(reversed);
}

static void test_a_client_and_a_server_never_have_one_digest(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_server_config *server = build_server(builder);
	struct unitls_client_config *client = build_client(builder);

	(void)state;
	assert_memory_not_equal(
		unitls_server_config_digest(server), unitls_client_config_digest(client), UNITLS_DIGEST_SIZE);
	unitls_server_config_unref(server);
	unitls_client_config_unref(client);
	unitls_config_builder_free(builder);
}

static void test_every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_server_config *config = NULL;
	bool failed = true;

	(void)state;
	set_all(builder);
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		alloc_fail_start(n);
		status = unitls_config_builder_build_server(builder, &config, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
	}
	failed = true;
	for (size_t n = 0; failed; n++) {
		struct unitls_config_builder *again;

		alloc_fail_start(n);
		again = unitls_config_builder_from_server(config);
		failed = alloc_fail_stop();
		assert_true(failed ? again == NULL : again != NULL);
		unitls_config_builder_free(again);
	}
	unitls_server_config_unref(config);
	unitls_config_builder_free(builder);
}

static void *reference_many_times(void *argument)
{
	struct unitls_server_config *config = argument;

	for (size_t i = 0; i < 10000; i++)
		unitls_server_config_unref(unitls_server_config_ref(config));
	unitls_server_config_unref(config);
	return NULL;
}

static void test_references_are_counted_across_threads(void **state)
{
	struct unitls_config_builder *builder = server_builder();
	struct unitls_server_config *config = build_server(builder);
	pthread_t threads[4];

	(void)state;
	unitls_config_builder_free(builder);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, reference_many_times, unitls_server_config_ref(config)),
			0);
	unitls_server_config_unref(config);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void test_an_unchecked_peer_name_keeps_only_a_legal_server_name(void **state)
{
	struct unitls_peer_name name;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_insecure_peer_name_unchecked("WWW.example.", &name, &error), 0);
	assert_int_equal(name.type, UNITLS_PEER_NAME_UNCHECKED);
	assert_string_equal(name.text, "www.example");
	assert_int_equal(unitls_insecure_peer_name_unchecked(NULL, &name, &error), 0);
	assert_string_equal(name.text, "");
	assert_int_equal(unitls_insecure_peer_name_unchecked("192.0.2.1", &name, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "server_name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_builder_makes_a_client_but_no_server),
		cmocka_unit_test(test_first_failure_of_a_setter_comes_again_at_the_build),
		cmocka_unit_test(test_values_that_can_never_be_legal_are_refused),
		cmocka_unit_test(test_a_builder_that_could_not_be_made_fails_at_the_build),
		cmocka_unit_test(test_minimum_above_maximum_is_refused),
		cmocka_unit_test(test_settings_of_a_server_are_refused_for_a_client),
		cmocka_unit_test(test_skipping_verification_is_refused_for_a_server),
		cmocka_unit_test(test_client_authentication_needs_a_trust_store),
		cmocka_unit_test(test_setters_copy),
		cmocka_unit_test(test_a_configuration_keeps_its_chains_in_order),
		cmocka_unit_test(test_a_builder_started_from_a_configuration_makes_an_equal_one),
		cmocka_unit_test(test_a_client_builder_started_from_a_configuration_keeps_all),
		cmocka_unit_test(test_ocsp_is_for_clients_that_verify),
		cmocka_unit_test(test_lists_of_numbers_are_checked),
		cmocka_unit_test(test_every_setting_is_in_the_digest),
		cmocka_unit_test(test_key_and_password_are_in_the_digest),
		cmocka_unit_test(test_what_has_no_meaning_is_not_in_the_digest),
		cmocka_unit_test(test_a_client_and_a_server_never_have_one_digest),
		cmocka_unit_test(test_every_failing_allocation_is_an_error_and_leaks_nothing),
		cmocka_unit_test(test_references_are_counted_across_threads),
		cmocka_unit_test(test_an_unchecked_peer_name_keeps_only_a_legal_server_name),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

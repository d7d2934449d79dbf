/*
 * The choice of a signing chain and of an ALPN protocol for a ClientHello.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/client_offer.h"
#include "core/identity.h"
#include "core/settings.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/fake_backend.h"
#include "tests/unit/forged.h"

#define ECDHE_ECDSA_AES128_GCM 0xc0, 0x2b
#define ECDHE_RSA_AES128_GCM   0xc0, 0x2f
#define DHE_RSA_AES128_GCM     0x00, 0x9e
#define RSA_AES128_GCM         0x00, 0x9c
#define ECDHE_ECDSA_AES128_CBC 0xc0, 0x09
#define ECDHE_ECDSA_AES128_CCM 0xc0, 0xac

#define RSA_PKCS1_SHA256    0x04, 0x01
#define RSA_PKCS1_SHA1      0x02, 0x01
#define RSA_PSS_RSAE_SHA256 0x08, 0x04
#define RSA_PSS_PSS_SHA256  0x08, 0x09
#define ECDSA_P256_SHA256   0x04, 0x03
#define ECDSA_P384_SHA384   0x05, 0x03
#define ECDSA_SHA1          0x02, 0x03
#define ED25519             0x08, 0x07

#define P256   0, 23
#define P384   0, 24
#define X25519 0, 29

static struct fake_backend *fake;
static struct unitls_settings settings;
static struct unitls_identity_index *identities;
static struct unitls_client_hello hello;

static int setup(void **state)
{
	(void)state;
	fake = fake_backend_reset();
	unitls_settings_init(&settings);
	settings.max_version = UNITLS_TLS_1_3;
	identities = NULL;
	memset(&hello, 0, sizeof(hello));
	hello.legacy_version = UNITLS_TLS_1_2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unitls_identity_index_free(identities);
	unitls_settings_fini(&settings);
	return 0;
}

static void add_chain(struct unitls_signing_chain *chain)
{
	settings.chains = realloc(settings.chains, (settings.n_chains + 1) * sizeof(*settings.chains));
	assert_non_null(settings.chains);
	settings.chains[settings.n_chains++] = chain;
}

static void add(enum unitls_key_type type, const char *name)
{
	add_chain(forged_chain_for(type, (uint32_t)settings.n_chains, name));
}

static void build(void)
{
	unitls_identity_index_free(identities);
	identities = NULL;
	assert_int_equal(unitls_identity_index_new(&settings, &fake->capabilities, &identities, NULL), 0);
}

static void ask_for(const char *name)
{
	hello.has_server_name = name != NULL;
	(void)snprintf(hello.server_name, sizeof(hello.server_name), "%s", name ? name : "");
}

/* The lists of a hello; each keeps its bytes for the length of the test. */
#define SET_LIST(list, ...)                                                   \
	do {                                                                  \
		static const uint8_t list_bytes[] = {__VA_ARGS__};            \
		list = (struct unitls_bytes){list_bytes, sizeof(list_bytes)}; \
	} while (0)
#define SUITES(...) SET_LIST(hello.cipher_suites, __VA_ARGS__)
#define SCHEMES(...)                                            \
	do {                                                    \
		SET_LIST(hello.signature_schemes, __VA_ARGS__); \
		hello.has_signature_schemes = true;             \
	} while (0)
#define GROUPS(...)                                  \
	do {                                         \
		SET_LIST(hello.groups, __VA_ARGS__); \
		hello.has_groups = true;             \
	} while (0)

static void offer_1_3(void)
{
	SET_LIST(hello.supported_versions, 0x03, 0x04, 0x03, 0x03);
	hello.has_supported_versions = true;
	SUITES(0x13, 0x01, ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
}

static size_t selected(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t chain = SIZE_MAX;

	if (unitls_identity_select(identities, &hello, &chain, &error) < 0)
		fail_msg("%s", error.text);
	return chain;
}

/*
 * By name
 */

static void test_exact_then_wildcard_then_default(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "default.example");
	add(UNITLS_KEY_RSA, "*.site.example");
	add(UNITLS_KEY_RSA, "www.site.example");
	build();
	ask_for("www.site.example");
	assert_int_equal(selected(), 2);
	ask_for("mail.site.example");
	assert_int_equal(selected(), 1);
	ask_for("a.mail.site.example");
	assert_int_equal(selected(), 0);
	ask_for("site.example");
	assert_int_equal(selected(), 0);
	ask_for(NULL);
	assert_int_equal(selected(), 0);
}

static void test_names_of_certificates_are_compared_without_case(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "default.example");
	add(UNITLS_KEY_RSA, "WWW.Site.Example");
	add(UNITLS_KEY_RSA, "*.WILD.Example");
	build();
	ask_for("www.site.example");
	assert_int_equal(selected(), 1);
	ask_for("x.wild.example");
	assert_int_equal(selected(), 2);
}

static void test_wildcards_that_match_nothing_are_not_in_the_index(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "default.example");
	add(UNITLS_KEY_RSA, "*.example");
	add(UNITLS_KEY_RSA, "w*.site.example");
	add(UNITLS_KEY_RSA, "*");
	add(UNITLS_KEY_RSA, "*.*.example");
	settings.sni_policy = UNITLS_SNI_STRICT;
	build();
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {"foo.example", "www.site.example", "a.b.example"};
		struct unitls_error error = UNITLS_ERROR_INIT;
		size_t chain;

		ask_for(names[i]);
		assert_int_equal(unitls_identity_select(identities, &hello, &chain, &error), UNITLS_ERROR);
	}
}

static void test_every_name_of_a_certificate_leads_to_it(void **state)
{
	const char *names[] = {"one.example", "two.example", "*.three.example"};

	(void)state;
	add(UNITLS_KEY_RSA, "default.example");
	add_chain(forged_chain(UNITLS_KEY_RSA, 2048, 9, names, 3));
	build();
	ask_for("one.example");
	assert_int_equal(selected(), 1);
	ask_for("two.example");
	assert_int_equal(selected(), 1);
	ask_for("x.three.example");
	assert_int_equal(selected(), 1);
}

static void test_the_first_of_two_alike_answers(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "default.example");
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_RSA, "a.example");
	build();
	ask_for("a.example");
	assert_int_equal(selected(), 1);
}

static void expect_unrecognized(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t chain = 77;

	assert_int_equal(unitls_identity_select(identities, &hello, &chain, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_LOCAL_ALERT);
	assert_int_equal(error.alert, UNITLS_ALERT_UNRECOGNIZED_NAME);
	assert_int_equal(chain, 77);
}

static void test_strict_policy_refuses_what_no_chain_is_for(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	settings.sni_policy = UNITLS_SNI_STRICT;
	build();
	ask_for("b.example");
	expect_unrecognized();
	ask_for(NULL);
	expect_unrecognized();
	ask_for("a.example");
	assert_int_equal(selected(), 0);
}

static void test_a_certificate_without_names_answers_as_default(void **state)
{
	(void)state;
	add_chain(forged_chain(UNITLS_KEY_RSA, 2048, 1, NULL, 0));
	add(UNITLS_KEY_RSA, "a.example");
	build();
	ask_for("b.example");
	assert_int_equal(selected(), 0);
	ask_for("nobody");
	assert_int_equal(selected(), 0);
}

/* The index says the same as the one matching rule of the library. */
static void test_index_agrees_with_name_matching(void **state)
{
	static const char *const labels[] = {"*", "a", "B", "xn--bcher-kva", "a-b", "*a", "_srv", ""};
	static const char *const asked[] = {"a.b.example", "a.example", "b.a.example", "xn--bcher-kva.b.example",
		"a-b.a.b", "_srv.b.example", "a.a.a.example", "example", "a.b"};

	(void)state;
	for (size_t i = 0; i < 8; i++)
		for (size_t k = 0; k < 8; k++) {
			char name[64];
			struct unitls_bytes presented = {(const uint8_t *)name, 0};

			(void)snprintf(name, sizeof(name), "%s.%s.example", labels[i], labels[k]);
			presented.size = strlen(name);
			settings.sni_policy = UNITLS_SNI_STRICT;
			add(UNITLS_KEY_RSA, name);
			build();
			for (size_t m = 0; m < sizeof(asked) / sizeof(asked[0]); m++) {
				size_t chain;
				bool found;

				ask_for(asked[m]);
				found = unitls_identity_select(identities, &hello, &chain, NULL) == 0;
				if (found != unitls_dns_name_matches(presented, asked[m]))
					fail_msg("%s for %s", name, asked[m]);
			}
			unitls_signing_chain_unref(settings.chains[--settings.n_chains]);
		}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void test_100000_names_are_indexed_and_found_fast(void **state)
{
	const size_t n = 100000;
	struct timespec start;
	double spent;
	char name[64];

	(void)state;
	settings.chains = calloc(n, sizeof(*settings.chains));
	assert_non_null(settings.chains);
	for (size_t i = 0; i < n; i++) {
		const char *pointer = name;

		(void)snprintf(name, sizeof(name), "%shost-%zu.customers.example", i % 5 == 0 ? "*." : "", i);
		settings.chains[settings.n_chains++] =
			forged_chain(UNITLS_KEY_ECDSA_P256, 256, (uint32_t)i, &pointer, 1);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	build();
	spent = seconds_since(&start);
	print_message("index of %zu names: %.3f s\n", n, spent);
	assert_true(spent < 1.0);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%shost-%zu.customers.example", i % 5 == 0 ? "x." : "", i);
		ask_for(name);
		assert_int_equal(selected(), i);
	}
	spent = seconds_since(&start);
	print_message("%zu selections: %.3f s\n", n, spent);
	assert_true(spent < 2.0);
}

/*
 * By what the client can use
 */

static void add_pair(void)
{
	add(UNITLS_KEY_ECDSA_P256, "a.example");
	add(UNITLS_KEY_RSA, "a.example");
	build();
	ask_for("a.example");
}

static void test_1_3_goes_by_signature_schemes(void **state)
{
	(void)state;
	add_pair();
	offer_1_3();
	SCHEMES(RSA_PSS_RSAE_SHA256, ECDSA_P256_SHA256);
	assert_int_equal(selected(), 0);
	SCHEMES(RSA_PSS_RSAE_SHA256);
	assert_int_equal(selected(), 1);
	SCHEMES(ECDSA_P256_SHA256);
	assert_int_equal(selected(), 0);
}

static void test_1_3_binds_ecdsa_schemes_to_curves(void **state)
{
	(void)state;
	add_pair();
	offer_1_3();
	SCHEMES(ECDSA_P384_SHA384, RSA_PSS_RSAE_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_3_takes_no_pkcs1_for_rsa(void **state)
{
	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	add(UNITLS_KEY_ECDSA_P256, "a.example");
	build();
	ask_for("a.example");
	offer_1_3();
	SCHEMES(RSA_PKCS1_SHA256, ECDSA_P256_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_3_does_not_ask_for_1_2_suites_or_groups(void **state)
{
	(void)state;
	add_pair();
	offer_1_3();
	SUITES(0x13, 0x01);
	SCHEMES(ECDSA_P256_SHA256);
	GROUPS(X25519);
	assert_int_equal(selected(), 0);
}

static void test_1_2_suites_decide_even_when_ecdsa_schemes_are_offered(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 0);
}

static void test_1_2_schemes_decide_even_when_ecdsa_suites_are_offered(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_2_groups_must_hold_the_curve_of_the_key(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	GROUPS(X25519, P384);
	assert_int_equal(selected(), 1);
	GROUPS(X25519, P256);
	assert_int_equal(selected(), 0);
}

static void test_1_2_does_not_bind_ecdsa_schemes_to_curves(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P384_SHA384, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 0);
}

static void test_1_2_without_schemes_means_sha1_with_each(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 0);
	SUITES(ECDHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 1);
}

static void test_1_2_strong_signatures_come_before_sha1(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_SHA1, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
	SCHEMES(ECDSA_SHA1, RSA_PKCS1_SHA1);
	assert_int_equal(selected(), 0);
}

static void test_1_2_suites_of_the_configuration_decide(void **state)
{
	const uint16_t only_rsa[] = {0xc02f};

	(void)state;
	assert_int_equal(unitls_settings_set_cipher_suites(&settings, only_rsa, 1), 0);
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_2_default_suites_have_forward_secrecy_and_aead(void **state)
{
	(void)state;
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_CBC, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_2_suites_that_not_every_backend_takes_by_default_are_better_than_none(void **state)
{
	(void)state;
	add_pair();
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	SUITES(ECDHE_ECDSA_AES128_CCM, ECDHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 1);
	SUITES(DHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 1);
	SUITES(ECDHE_ECDSA_AES128_CCM, DHE_RSA_AES128_GCM);
	assert_int_equal(selected(), 0);
}

static void test_1_2_key_transport_needs_no_signature(void **state)
{
	const uint16_t suites[] = {0xc02b, 0x009c};

	(void)state;
	assert_int_equal(unitls_settings_set_cipher_suites(&settings, suites, 2), 0);
	add_pair();
	SUITES(RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_1_2_ecdhe_needs_a_curve_and_dhe_does_not(void **state)
{
	const uint16_t suites[] = {0xc02b, 0xc02f, 0x009e};

	(void)state;
	assert_int_equal(unitls_settings_set_cipher_suites(&settings, suites, 3), 0);
	add_pair();
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM, DHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	GROUPS(1, 0); /* ffdhe2048 */
	assert_int_equal(selected(), 1);
}

static void test_1_2_without_a_curve_only_key_transport_is_left(void **state)
{
	const uint16_t suites[] = {0xc02f, 0x009c};

	(void)state;
	assert_int_equal(unitls_settings_set_cipher_suites(&settings, suites, 2), 0);
	add(UNITLS_KEY_RSA_PSS, "a.example");
	add(UNITLS_KEY_RSA, "a.example");
	build();
	ask_for("a.example");
	SUITES(ECDHE_RSA_AES128_GCM, RSA_AES128_GCM);
	SCHEMES(RSA_PSS_PSS_SHA256, RSA_PKCS1_SHA256);
	GROUPS(1, 0); /* ffdhe2048 */
	assert_int_equal(selected(), 1);
	GROUPS(P256);
	assert_int_equal(selected(), 0);
}

static void test_other_key_types(void **state)
{
	(void)state;
	add(UNITLS_KEY_ED25519, "a.example");
	add(UNITLS_KEY_RSA_PSS, "a.example");
	add(UNITLS_KEY_ECDSA_P384, "a.example");
	add(UNITLS_KEY_RSA, "a.example");
	build();
	ask_for("a.example");
	offer_1_3();
	SCHEMES(ED25519, ECDSA_P384_SHA384);
	assert_int_equal(selected(), 0);
	SCHEMES(RSA_PSS_PSS_SHA256, ECDSA_P384_SHA384);
	assert_int_equal(selected(), 1);
	SCHEMES(RSA_PSS_RSAE_SHA256, ECDSA_P384_SHA384);
	assert_int_equal(selected(), 2);
	hello.has_supported_versions = false;
	SUITES(ECDHE_ECDSA_AES128_GCM, ECDHE_RSA_AES128_GCM);
	SCHEMES(ED25519);
	assert_int_equal(selected(), 0);
	SUITES(ECDHE_RSA_AES128_GCM);
	SCHEMES(RSA_PSS_PSS_SHA256);
	assert_int_equal(selected(), 1);
	SCHEMES(RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 3);
}

static void test_the_negotiated_version_is_the_highest_of_both(void **state)
{
	(void)state;
	settings.max_version = UNITLS_TLS_1_2;
	add_pair();
	offer_1_3();
	SUITES(0x13, 0x01, ECDHE_RSA_AES128_GCM);
	SCHEMES(ECDSA_P256_SHA256, RSA_PKCS1_SHA256);
	assert_int_equal(selected(), 1);
}

static void test_when_none_is_usable_the_first_answers(void **state)
{
	(void)state;
	add_pair();
	offer_1_3();
	SCHEMES(ED25519);
	assert_int_equal(selected(), 0);
}

static void test_no_version_in_common_is_refused(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t chain;

	(void)state;
	add_pair();
	offer_1_3();
	hello.has_supported_versions = false;
	hello.legacy_version = 0x0301;
	assert_int_equal(unitls_identity_select(identities, &hello, &chain, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	assert_int_equal(error.alert, UNITLS_ALERT_PROTOCOL_VERSION);
}

static void test_a_usable_wildcard_comes_before_an_unusable_exact_name(void **state)
{
	(void)state;
	add(UNITLS_KEY_ECDSA_P256, "www.site.example");
	add(UNITLS_KEY_RSA, "*.site.example");
	build();
	ask_for("www.site.example");
	offer_1_3();
	SCHEMES(RSA_PSS_RSAE_SHA256);
	assert_int_equal(selected(), 1);
	SCHEMES(ECDSA_P256_SHA256);
	assert_int_equal(selected(), 0);
}

static void test_the_default_has_a_second_key_too(void **state)
{
	(void)state;
	add(UNITLS_KEY_ECDSA_P256, "a.example");
	add(UNITLS_KEY_RSA, "b.example");
	add(UNITLS_KEY_RSA, "a.example");
	build();
	offer_1_3();
	SCHEMES(RSA_PSS_RSAE_SHA256);
	ask_for(NULL);
	assert_int_equal(selected(), 2);
	ask_for("unknown.example");
	assert_int_equal(selected(), 2);
	SCHEMES(ECDSA_P256_SHA256);
	assert_int_equal(selected(), 0);
}

/*
 * ALPN
 */

static const struct unitls_bytes h2 = {(const uint8_t *)"h2", 2};
static const struct unitls_bytes http = {(const uint8_t *)"http/1.1", 8};

static void offer_alpn(const char *list, size_t size)
{
	hello.has_alpn = true;
	hello.alpn = (struct unitls_bytes){(const uint8_t *)list, size};
}

#define OFFER_ALPN(list) offer_alpn(list, sizeof(list) - 1)

static struct unitls_bytes selected_alpn(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_bytes protocol = h2;

	if (unitls_alpn_select(&settings, &hello, &protocol, &error) < 0)
		fail_msg("%s", error.text);
	return protocol;
}

static void test_the_servers_alpn_preference_wins(void **state)
{
	const struct unitls_bytes names[] = {h2, http};

	(void)state;
	assert_int_equal(unitls_settings_set_alpn(&settings, names, 2), 0);
	OFFER_ALPN("\x08http/1.1\x02h2");
	assert_int_equal(selected_alpn().size, 2);
	OFFER_ALPN("\x08http/1.1");
	assert_int_equal(selected_alpn().size, 8);
	assert_ptr_equal(selected_alpn().data, settings.alpn[1].data);
}

static void test_no_alpn_on_either_side_is_none(void **state)
{
	const struct unitls_bytes names[] = {h2};

	(void)state;
	OFFER_ALPN("\x02h2");
	assert_null(selected_alpn().data);
	assert_int_equal(unitls_settings_set_alpn(&settings, names, 1), 0);
	hello.has_alpn = false;
	assert_null(selected_alpn().data);
}

static void test_no_overlap_by_policy(void **state)
{
	const struct unitls_bytes names[] = {h2, http};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_bytes protocol;

	(void)state;
	assert_int_equal(unitls_settings_set_alpn(&settings, names, 2), 0);
	OFFER_ALPN("\x04imap\x03h2c\x01h");
	assert_int_equal(unitls_alpn_select(&settings, &hello, &protocol, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	assert_int_equal(error.alert, UNITLS_ALERT_NO_APPLICATION_PROTOCOL);
	settings.alpn_policy = UNITLS_ALPN_GO_ON;
	assert_null(selected_alpn().data);
}

/* What a stranger can make us do for one hello is bounded by its size, not by its square. */
static void test_a_hello_of_thousands_of_entries_costs_little(void **state)
{
	static char many_names[15000];
	static uint8_t many_suites[15000];
	struct unitls_bytes names[UNITLS_ALPN_COUNT_MAX];
	static char texts[UNITLS_ALPN_COUNT_MAX][8];
	struct timespec start;

	(void)state;
	for (size_t i = 0; i < sizeof(many_names); i += 2) {
		many_names[i] = 1;
		many_names[i + 1] = 'x';
	}
	memset(many_suites, 0xc0, sizeof(many_suites));
	for (size_t i = 0; i < UNITLS_ALPN_COUNT_MAX; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "p%zu", i);
		names[i] = (struct unitls_bytes){(const uint8_t *)texts[i], strlen(texts[i])};
	}
	assert_int_equal(unitls_settings_set_alpn(&settings, names, UNITLS_ALPN_COUNT_MAX), 0);
	settings.alpn_policy = UNITLS_ALPN_GO_ON;
	add_pair();
	offer_alpn(many_names, sizeof(many_names));
	hello.cipher_suites = (struct unitls_bytes){many_suites, sizeof(many_suites)};
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	(void)selected();
	(void)selected_alpn();
	assert_true(seconds_since(&start) < 0.2);
}

static void test_every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
	bool failed = true;

	(void)state;
	add(UNITLS_KEY_RSA, "a.example");
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_identity_index *made = NULL;
		int status;

		alloc_fail_start(n);
		status = unitls_identity_index_new(&settings, &fake->capabilities, &made, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		unitls_identity_index_free(made);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exact_then_wildcard_then_default),
		TEST(test_names_of_certificates_are_compared_without_case),
		TEST(test_wildcards_that_match_nothing_are_not_in_the_index),
		TEST(test_every_name_of_a_certificate_leads_to_it),
		TEST(test_the_first_of_two_alike_answers),
		TEST(test_strict_policy_refuses_what_no_chain_is_for),
		TEST(test_a_certificate_without_names_answers_as_default),
		TEST(test_index_agrees_with_name_matching),
		TEST(test_100000_names_are_indexed_and_found_fast),
		TEST(test_1_3_goes_by_signature_schemes),
		TEST(test_1_3_binds_ecdsa_schemes_to_curves),
		TEST(test_1_3_takes_no_pkcs1_for_rsa),
		TEST(test_1_3_does_not_ask_for_1_2_suites_or_groups),
		TEST(test_1_2_suites_decide_even_when_ecdsa_schemes_are_offered),
		TEST(test_1_2_schemes_decide_even_when_ecdsa_suites_are_offered),
		TEST(test_1_2_groups_must_hold_the_curve_of_the_key),
		TEST(test_1_2_does_not_bind_ecdsa_schemes_to_curves),
		TEST(test_1_2_without_schemes_means_sha1_with_each),
		TEST(test_1_2_strong_signatures_come_before_sha1),
		TEST(test_1_2_suites_of_the_configuration_decide),
		TEST(test_1_2_default_suites_have_forward_secrecy_and_aead),
		TEST(test_1_2_suites_that_not_every_backend_takes_by_default_are_better_than_none),
		TEST(test_1_2_key_transport_needs_no_signature),
		TEST(test_1_2_ecdhe_needs_a_curve_and_dhe_does_not),
		TEST(test_1_2_without_a_curve_only_key_transport_is_left),
		TEST(test_other_key_types),
		TEST(test_the_negotiated_version_is_the_highest_of_both),
		TEST(test_when_none_is_usable_the_first_answers),
		TEST(test_no_version_in_common_is_refused),
		TEST(test_a_usable_wildcard_comes_before_an_unusable_exact_name),
		TEST(test_the_default_has_a_second_key_too),
		TEST(test_the_servers_alpn_preference_wins),
		TEST(test_no_alpn_on_either_side_is_none),
		TEST(test_no_overlap_by_policy),
		TEST(test_a_hello_of_thousands_of_entries_costs_little),
		TEST(test_every_failing_allocation_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

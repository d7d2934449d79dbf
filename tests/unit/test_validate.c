/*
 * Settings against capabilities: every unmet field is named, and best effort drops nothing that makes a connection weaker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/settings.h"
#include "core/validate.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/fake_backend.h"
#include "tests/unit/forged.h"

static struct fake_backend *fake;
static struct unitls_settings settings;
static struct unitls_settings left;
static struct unitls_diagnostics *diagnostics;
static struct unitls_error error;

static const struct unitls_error no_error = UNITLS_ERROR_INIT;

static int setup(void **state)
{
	(void)state;
	fake = fake_backend_reset();
	unitls_settings_init(&settings);
	unitls_settings_init(&left);
	diagnostics = unitls_diagnostics_new();
	error = no_error;
	return diagnostics ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unitls_settings_fini(&settings);
	unitls_settings_fini(&left);
	unitls_diagnostics_free(diagnostics);
	return 0;
}

static int validate(enum unitls_role role, enum unitls_effort effort)
{
	return unitls_validate(&settings, role, fake->backend.ops, effort, diagnostics, &left, &error);
}

static void add_chain(struct unitls_signing_chain *chain)
{
	settings.chains = realloc(settings.chains, (settings.n_chains + 1) * sizeof(*settings.chains));
	assert_non_null(settings.chains);
	settings.chains[settings.n_chains++] = chain;
}

static void set_suites(const uint16_t *suites, size_t n)
{
	assert_int_equal(unitls_settings_set_cipher_suites(&settings, suites, n), 0);
}

/* The capabilities do not have these of the suites in the table. */
static void take_suites_away(const uint16_t *suites, size_t n)
{
	static uint16_t kept[256];
	size_t n_kept = 0;

	for (size_t i = 0; i < fake->capabilities.n_cipher_suites; i++) {
		bool away = false;

		for (size_t k = 0; k < n; k++)
			away = away || fake->capabilities.cipher_suites[i] == suites[k];
		if (!away)
			kept[n_kept++] = fake->capabilities.cipher_suites[i];
	}
	fake->capabilities.cipher_suites = kept;
	fake->capabilities.n_cipher_suites = n_kept;
}

static void expect_diagnostic(size_t i, const char *field, const char *part)
{
	assert_string_equal(unitls_diagnostics_field(diagnostics, i), field);
	if (!strstr(unitls_diagnostics_reason(diagnostics, i), part))
		fail_msg("\"%s\" does not say \"%s\"", unitls_diagnostics_reason(diagnostics, i), part);
}

/* Unmet in both efforts. */
static void expect_unmet(enum unitls_role role, const char *field, const char *part)
{
	assert_int_equal(validate(role, UNITLS_EFFORT_BEST), UNITLS_ERROR);
	error = no_error;
	assert_int_equal(validate(role, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	assert_string_equal(error.field, field);
	assert_non_null(strstr(error.text, part));
	assert_int_equal(unitls_diagnostics_count(diagnostics), 2);
	expect_diagnostic(0, field, part);
	expect_diagnostic(1, field, part);
}

/* Unmet when strict, dropped with best effort. */
static void expect_dropped(enum unitls_role role, const char *field, const char *part)
{
	assert_int_equal(validate(role, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_string_equal(error.field, field);
	assert_int_equal(validate(role, UNITLS_EFFORT_BEST), 0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 2);
	expect_diagnostic(0, field, part);
	expect_diagnostic(1, field, part);
}

static void test_defaults_are_met_and_versions_resolved(void **state)
{
	(void)state;
	settings.min_version = UNITLS_TLS_MINIMUM_SUPPORTED;
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), 0);
	assert_int_equal(left.min_version, UNITLS_TLS_1_2);
	assert_int_equal(left.max_version, UNITLS_TLS_1_3);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 0);
}

static void test_maximum_above_the_backend_is_never_dropped(void **state)
{
	(void)state;
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	settings.max_version = UNITLS_TLS_1_3;
	expect_unmet(UNITLS_ROLE_SERVER, "max_version", "TLSv1.3");
}

static void test_minimum_above_the_backend_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	settings.min_version = UNITLS_TLS_1_3;
	expect_unmet(UNITLS_ROLE_SERVER, "min_version", "TLSv1.3");
}

static void test_maximum_below_the_backend_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.min_version = UNITLS_TLS_1_3;
	settings.max_version = UNITLS_TLS_1_2;
	settings.min_version = UNITLS_TLS_MINIMUM_SUPPORTED;
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_string_equal(error.field, "max_version");
}

static void test_minimum_below_the_backend_may_be_dropped(void **state)
{
	(void)state;
	fake->capabilities.min_version = UNITLS_TLS_1_3;
	expect_dropped(UNITLS_ROLE_SERVER, "min_version", "TLSv1.2");
	assert_int_equal(left.min_version, UNITLS_TLS_1_3);
}

static void test_symbolic_maximum_as_minimum(void **state)
{
	(void)state;
	settings.min_version = UNITLS_TLS_MAXIMUM_SUPPORTED;
	settings.max_version = UNITLS_TLS_1_2;
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_string_equal(error.field, "min_version");
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), 0);
}

static void test_each_missing_suite_is_named(void **state)
{
	const uint16_t suites[] = {0x1301, 0x1304, 0xc02b, 0xc0ac};

	(void)state;
	take_suites_away((const uint16_t[]){0x1304, 0xc0ac}, 2);
	set_suites(suites, 4);
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 2);
	expect_diagnostic(0, "ciphers", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM");
	expect_diagnostic(1, "ciphers", "TLS_AES_128_CCM_SHA256");
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_BEST), 0);
	assert_int_equal(left.n_cipher_suites, 2);
	assert_int_equal(left.cipher_suites[0], 0x1301);
	assert_int_equal(left.cipher_suites[1], 0xc02b);
}

static void test_the_last_suite_of_a_version_is_never_dropped(void **state)
{
	const uint16_t suites[] = {0x1304, 0xc02b};

	(void)state;
	take_suites_away((const uint16_t[]){0x1304}, 1);
	set_suites(suites, 2);
	expect_unmet(UNITLS_ROLE_CLIENT, "ciphers", "TLS_AES_128_CCM_SHA256");
}

static void test_suites_of_a_version_that_the_backend_lacks_may_be_dropped_while_others_remain(void **state)
{
	const uint16_t suites[] = {0x1301, 0xc02b};

	(void)state;
	take_suites_away((const uint16_t[]){0x1301, 0x1302, 0x1303, 0x1304, 0x1305}, 5);
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	fake->capabilities.bits &= ~(uint64_t)(UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_3);
	set_suites(suites, 2);
	expect_dropped(UNITLS_ROLE_CLIENT, "ciphers", "TLS_AES_128_GCM_SHA256");
	assert_int_equal(left.n_cipher_suites, 1);
}

static void test_a_list_of_only_a_missing_version_is_unmet(void **state)
{
	const uint16_t suites[] = {0x1301};

	(void)state;
	take_suites_away((const uint16_t[]){0x1301}, 1);
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	set_suites(suites, 1);
	expect_unmet(UNITLS_ROLE_CLIENT, "ciphers", "TLS_AES_128_GCM_SHA256");
}

static void test_suites_of_a_version_that_the_configuration_leaves_out_are_not_looked_at(void **state)
{
	const uint16_t suites[] = {0x1301, 0xc02b};

	(void)state;
	take_suites_away((const uint16_t[]){0x1301}, 1);
	settings.max_version = UNITLS_TLS_1_2;
	set_suites(suites, 2);
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), 0);
}

static void test_suites_that_cannot_be_chosen_are_unmet(void **state)
{
	const uint16_t suites[] = {0x1301};

	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_CIPHERS_1_3;
	set_suites(suites, 1);
	expect_unmet(UNITLS_ROLE_CLIENT, "ciphers", "TLSv1.3");
}

static void test_all_suites_in_the_order_of_a_backend_that_cannot_choose(void **state)
{
	static const uint16_t has[] = {0xc02b, 0x1303, 0xc02f, 0x1301};
	static const uint16_t same[] = {0x1303, 0xc02f, 0x1301};
	static const uint16_t turned[] = {0x1301, 0x1303};
	static const uint16_t fewer[] = {0x1303};
	static const uint16_t more[] = {0x1303, 0x1301, 0x1302};

	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_CIPHERS_1_3;
	fake->capabilities.cipher_suites = has;
	fake->capabilities.n_cipher_suites = 4;
	/* The list asks for nothing else, so nothing of it is left to be set. */
	set_suites(same, 3);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), 0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 0);
	assert_int_equal(left.n_cipher_suites, 1);
	assert_int_equal(left.cipher_suites[0], 0xc02f);
	set_suites(turned, 2);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	set_suites(fewer, 1);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	set_suites(more, 3);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_BEST), UNITLS_ERROR);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 3);
	expect_diagnostic(2, "ciphers", "cannot be chosen");
}

static void test_alpn_of_a_backend_without_it_is_unmet(void **state)
{
	struct unitls_bytes name = {(const uint8_t *)"h2", 2};

	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_ALPN;
	assert_int_equal(unitls_settings_set_alpn(&settings, &name, 1), 0);
	expect_unmet(UNITLS_ROLE_CLIENT, "alpn", "ALPN");
}

static void test_alpn_limits_drop_what_is_beyond_them(void **state)
{
	struct unitls_bytes names[] = {{(const uint8_t *)"long-name", 9}, {(const uint8_t *)"n\0l", 3},
		{(const uint8_t *)"h2", 2}, {(const uint8_t *)"imap", 4}, {(const uint8_t *)"pop3", 4}};

	(void)state;
	fake->capabilities.alpn_max_name_bytes = 8;
	fake->capabilities.alpn_max_names = 2;
	fake->capabilities.alpn_binary = false;
	assert_int_equal(unitls_settings_set_alpn(&settings, names, 5), 0);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_BEST), 0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 3);
	expect_diagnostic(0, "alpn", "longer");
	expect_diagnostic(1, "alpn", "NUL");
	expect_diagnostic(2, "alpn", "more than the 2");
	assert_int_equal(left.n_alpn, 2);
	assert_memory_equal(left.alpn[0].data, "h2", 2);
	assert_memory_equal(left.alpn[1].data, "imap", 4);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
}

static void test_alpn_names_with_an_excluded_byte_are_dropped(void **state)
{
	struct unitls_bytes names[] = {
		{(const uint8_t *)"a,b", 3}, {(const uint8_t *)"n\0l", 3}, {(const uint8_t *)"h2", 2}};

	(void)state;
	fake->capabilities.alpn_excluded = ",;";
	assert_int_equal(unitls_settings_set_alpn(&settings, names, 3), 0);
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_BEST), 0);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 1);
	expect_diagnostic(0, "alpn", "protocol 1 holds a byte");
	assert_int_equal(left.n_alpn, 2);
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
}

static void test_the_last_alpn_name_is_never_dropped(void **state)
{
	struct unitls_bytes name = {(const uint8_t *)"n\0l", 3};

	(void)state;
	fake->capabilities.alpn_binary = false;
	assert_int_equal(unitls_settings_set_alpn(&settings, &name, 1), 0);
	expect_unmet(UNITLS_ROLE_CLIENT, "alpn", "NUL");
}

static void test_client_authentication_of_a_backend_without_it_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_CLIENT_AUTH;
	settings.client_auth = UNITLS_CLIENT_AUTH_OPTIONAL;
	expect_unmet(UNITLS_ROLE_SERVER, "client_auth", "client certificates");
}

static void test_a_clients_chain_with_a_backend_without_client_certificates_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_CLIENT_AUTH;
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	expect_unmet(UNITLS_ROLE_CLIENT, "certificate", "client certificates");
}

static int64_t on_clock(void *argument)
{
	(void)argument;
	return 0;
}

static void test_a_clock_that_the_backend_cannot_ask_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_CLOCK;
	settings.clock = on_clock;
	expect_unmet(UNITLS_ROLE_CLIENT, "clock", "system's clock");
}

static void test_chains_out_of_reach_are_dropped_while_others_remain(void **state)
{
	const char *weak = "weak.example";

	(void)state;
	fake->capabilities.key_types &= ~(1u << UNITLS_KEY_ED25519);
	fake->capabilities.rsa_min_bits = 2048;
	add_chain(forged_chain_for(UNITLS_KEY_ED25519, 1, "ed.example"));
	add_chain(forged_chain_for(UNITLS_KEY_ECDSA_P256, 2, "ec.example"));
	add_chain(forged_chain(UNITLS_KEY_RSA, 1024, 3, &weak, 1));
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_string_equal(error.field, "certificate");
	assert_int_equal(unitls_diagnostics_count(diagnostics), 2);
	expect_diagnostic(0, "certificate", "chain 1 (ed.example): keys of type Ed25519");
	expect_diagnostic(1, "certificate", "chain 3 (weak.example): RSA keys of 1024 bits");
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_BEST), 0);
	assert_int_equal(left.n_chains, 1);
	assert_ptr_equal(left.chains[0], settings.chains[1]);
}

static void test_the_last_chain_is_never_dropped(void **state)
{
	(void)state;
	fake->capabilities.key_types &= ~(1u << UNITLS_KEY_ED448);
	add_chain(forged_chain_for(UNITLS_KEY_ED448, 1, "ed.example"));
	expect_unmet(UNITLS_ROLE_SERVER, "certificate", "Ed448");
}

static void test_encrypted_keys_are_unmet_by_the_field_key(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_ENCRYPTED_KEYS;
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	expect_unmet(UNITLS_ROLE_SERVER, "key", "encrypted");
}

static void test_a_chains_label_is_printable(void **state)
{
	struct unitls_signing_chain *chain = forged_chain_for(UNITLS_KEY_RSA, 1, "a\nb.example");
	char label[UNITLS_CHAIN_LABEL_SIZE];

	(void)state;
	unitls_chain_label(chain, label);
	assert_string_equal(label, "a?b.example");
	unitls_signing_chain_unref(chain);
}

static void set_lists(const uint16_t *groups, size_t n_groups, const uint16_t *schemes, size_t n_schemes)
{
	assert_int_equal(unitls_settings_set_groups(&settings, groups, n_groups), 0);
	assert_int_equal(unitls_settings_set_signature_schemes(&settings, schemes, n_schemes), 0);
}

static const uint16_t known_groups[] = {29, 23};
static const uint16_t known_schemes[] = {0x0403, 0x0804};

static void know_lists(void)
{
	fake->capabilities.groups = known_groups;
	fake->capabilities.n_groups = 2;
	fake->capabilities.signature_schemes = known_schemes;
	fake->capabilities.n_signature_schemes = 2;
}

static void test_groups_out_of_reach_are_dropped_while_others_remain(void **state)
{
	(void)state;
	know_lists();
	set_lists((const uint16_t[]){4588, 23}, 2, known_schemes, 2);
	expect_dropped(UNITLS_ROLE_CLIENT, "groups", "X25519MLKEM768");
	assert_int_equal(left.n_groups, 1);
	assert_int_equal(left.groups[0], 23);
	assert_int_equal(left.n_signature_schemes, 2);
}

static void test_the_last_group_is_never_dropped(void **state)
{
	(void)state;
	know_lists();
	set_lists((const uint16_t[]){4588}, 1, NULL, 0);
	expect_unmet(UNITLS_ROLE_CLIENT, "groups", "X25519MLKEM768");
}

static void test_lists_that_cannot_be_chosen_are_unmet(void **state)
{
	(void)state;
	know_lists();
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_SIGNATURE_SCHEMES;
	set_lists(NULL, 0, known_schemes, 2);
	expect_unmet(UNITLS_ROLE_CLIENT, "signature_schemes", "cannot be chosen");
}

static void test_revocation_that_cannot_be_looked_at_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_OCSP_VERIFY;
	settings.ocsp = UNITLS_OCSP_REQUIRE;
	expect_unmet(UNITLS_ROLE_CLIENT, "ocsp", "cannot verify");
}

static void test_a_request_for_staples_may_be_dropped(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_OCSP_REQUEST;
	settings.ocsp = UNITLS_OCSP_REQUEST;
	expect_dropped(UNITLS_ROLE_CLIENT, "ocsp", "cannot ask");
	assert_int_equal(left.ocsp, UNITLS_OCSP_NONE);
}

static void on_secret(void *argument, const char *line)
{
	(void)argument;
	(void)line;
}

static void test_a_key_log_that_cannot_be_had_is_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_KEY_LOG;
	settings.key_log = on_secret;
	expect_unmet(UNITLS_ROLE_CLIENT, "key_log", "secrets");
}

static void test_ticket_keys_of_a_backend_without_them_may_be_dropped(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_TICKET_KEYS;
	assert_int_equal(unitls_ticket_keys_new(&settings.ticket_keys, NULL), 0);
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	/* One that takes a secret and rotates by itself will do, too. */
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), 0);
	unitls_settings_fini(&left);
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_TICKETS_SELF_ROTATED;
	expect_dropped(UNITLS_ROLE_SERVER, "ticket_keys", "tickets");
}

static void on_sign(void *argument, struct unitls_sign_request *request)
{
	(void)argument;
	unitls_sign_request_fail(request);
}

static struct unitls_signing_chain *chain_of(struct unitls_private_key *key, struct unitls_certificate *leaf)
{
	struct unitls_signing_chain *chain = NULL;

	assert_int_equal(unitls_signing_chain_new(leaf, key, NULL, 0, &chain, NULL), 0);
	unitls_private_key_unref(key);
	unitls_certificate_unref(leaf);
	return chain;
}

static struct unitls_signing_chain *external_chain(bool deferred)
{
	const struct unitls_signer signer = {.sign = on_sign, .deferred = deferred};
	struct unitls_certificate *leaf = forged_certificate(UNITLS_KEY_ED25519, 256, 1, NULL, 0);
	struct unitls_private_key *key = NULL;

	assert_int_equal(unitls_private_key_external(&signer, NULL, unitls_certificate_spki(leaf), &key, NULL), 0);
	return chain_of(key, leaf);
}

static void test_external_keys_need_their_capabilities(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_EXTERNAL_KEYS_ASYNC;
	add_chain(external_chain(false));
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), 0);
	unitls_settings_fini(&left);
	unitls_signing_chain_unref(settings.chains[0]);
	settings.chains[0] = external_chain(true);
	expect_unmet(UNITLS_ROLE_SERVER, "key", "at once");
}

static void test_external_keys_of_a_backend_without_them_are_unmet(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_EXTERNAL_KEYS;
	add_chain(external_chain(false));
	expect_unmet(UNITLS_ROLE_SERVER, "key", "external");
}

static void test_keys_in_tokens_of_a_backend_without_them_are_unmet(void **state)
{
	struct unitls_private_key *key = NULL;

	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_PKCS11;
	assert_int_equal(unitls_private_key_from_id("pkcs11:object=web", "1234", &key, NULL), 0);
	add_chain(chain_of(key, forged_certificate(UNITLS_KEY_ED25519, 256, 1, NULL, 0)));
	expect_unmet(UNITLS_ROLE_SERVER, "key", "PKCS#11");
}

static void test_a_staple_counts_for_servers_alone(void **state)
{
	static const uint8_t response[] = {0x30, 0x08, 0x0a, 0x01, 0x00, 0xa0, 0x03, 0x30, 0x01, 0x00};
	struct unitls_signing_chain *bare = forged_chain_for(UNITLS_KEY_RSA, 1, "a.example");
	struct unitls_signing_chain *stapled = NULL;

	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_OCSP_STAPLE;
	assert_int_equal(
		unitls_signing_chain_with_ocsp_response(bare, response, sizeof(response), &stapled, NULL), 0);
	unitls_signing_chain_unref(bare);
	add_chain(stapled);
	assert_int_equal(validate(UNITLS_ROLE_CLIENT, UNITLS_EFFORT_STRICT), 0);
	unitls_settings_fini(&left);
	expect_unmet(UNITLS_ROLE_SERVER, "ocsp_response", "stapled");
}

static void test_tickets_are_a_permission(void **state)
{
	(void)state;
	fake->capabilities.bits &= ~(uint64_t)UNITLS_CAP_SESSION_TICKETS;
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), 0);
}

static void test_all_that_is_unmet_is_listed(void **state)
{
	struct unitls_bytes name = {(const uint8_t *)"h2", 2};

	(void)state;
	fake->capabilities.bits = UNITLS_CAP_TLS_1_2;
	fake->capabilities.max_version = UNITLS_TLS_1_2;
	fake->capabilities.key_types = 0;
	settings.max_version = UNITLS_TLS_1_3;
	settings.client_auth = UNITLS_CLIENT_AUTH_REQUIRED;
	settings.clock = on_clock;
	set_suites((const uint16_t[]){0xc02b}, 1);
	assert_int_equal(unitls_settings_set_alpn(&settings, &name, 1), 0);
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	assert_int_equal(validate(UNITLS_ROLE_SERVER, UNITLS_EFFORT_STRICT), UNITLS_ERROR);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 6);
	expect_diagnostic(0, "max_version", "");
	expect_diagnostic(1, "ciphers", "");
	expect_diagnostic(2, "alpn", "");
	expect_diagnostic(3, "certificate", "");
	expect_diagnostic(4, "client_auth", "");
	expect_diagnostic(5, "clock", "");
	assert_string_equal(error.field, "max_version");
}

static void test_the_public_functions_only_ask(void **state)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_signing_chain *chain = forged_chain_for(UNITLS_KEY_ED25519, 1, "a.example");
	struct unitls_client_config *client;
	struct unitls_server_config *server;

	(void)state;
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &client, NULL), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &server, NULL), 0);
	assert_int_equal(unitls_backend_validate_client(&fake->backend, client, diagnostics), 0);
	assert_int_equal(unitls_backend_validate_server(&fake->backend, server, NULL), 0);
	fake->capabilities.key_types = 0;
	assert_int_equal(unitls_backend_validate_client(&fake->backend, client, diagnostics), UNITLS_ERROR);
	assert_int_equal(unitls_backend_validate_server(&fake->backend, server, NULL), UNITLS_ERROR);
	assert_int_equal(unitls_diagnostics_count(diagnostics), 1);
	assert_int_equal(fake->built, 0);
	unitls_client_config_unref(client);
	unitls_server_config_unref(server);
	unitls_signing_chain_unref(chain);
	unitls_config_builder_free(builder);
}

static void test_every_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
	bool failed = true;

	(void)state;
	fake->capabilities.key_types &= ~(1u << UNITLS_KEY_ED25519);
	add_chain(forged_chain_for(UNITLS_KEY_ED25519, 1, "ed.example"));
	add_chain(forged_chain_for(UNITLS_KEY_RSA, 1, "a.example"));
	for (size_t n = 0; failed; n++) {
		struct unitls_error local = UNITLS_ERROR_INIT;
		struct unitls_settings result;
		int status;

		alloc_fail_start(n);
		status = unitls_validate(&settings, UNITLS_ROLE_SERVER, fake->backend.ops, UNITLS_EFFORT_BEST,
			diagnostics, &result, &local);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(local.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		if (status == 0)
			unitls_settings_fini(&result);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults_are_met_and_versions_resolved),
		TEST(test_maximum_above_the_backend_is_never_dropped),
		TEST(test_minimum_above_the_backend_is_unmet),
		TEST(test_maximum_below_the_backend_is_unmet),
		TEST(test_minimum_below_the_backend_may_be_dropped),
		TEST(test_symbolic_maximum_as_minimum),
		TEST(test_each_missing_suite_is_named),
		TEST(test_the_last_suite_of_a_version_is_never_dropped),
		TEST(test_suites_of_a_version_that_the_backend_lacks_may_be_dropped_while_others_remain),
		TEST(test_a_list_of_only_a_missing_version_is_unmet),
		TEST(test_suites_of_a_version_that_the_configuration_leaves_out_are_not_looked_at),
		TEST(test_suites_that_cannot_be_chosen_are_unmet),
		TEST(test_all_suites_in_the_order_of_a_backend_that_cannot_choose),
		TEST(test_alpn_of_a_backend_without_it_is_unmet),
		TEST(test_alpn_limits_drop_what_is_beyond_them),
		TEST(test_alpn_names_with_an_excluded_byte_are_dropped),
		TEST(test_the_last_alpn_name_is_never_dropped),
		TEST(test_client_authentication_of_a_backend_without_it_is_unmet),
		TEST(test_a_clients_chain_with_a_backend_without_client_certificates_is_unmet),
		TEST(test_a_clock_that_the_backend_cannot_ask_is_unmet),
		TEST(test_chains_out_of_reach_are_dropped_while_others_remain),
		TEST(test_the_last_chain_is_never_dropped),
		TEST(test_encrypted_keys_are_unmet_by_the_field_key),
		TEST(test_a_chains_label_is_printable),
		TEST(test_tickets_are_a_permission),
		TEST(test_groups_out_of_reach_are_dropped_while_others_remain),
		TEST(test_the_last_group_is_never_dropped),
		TEST(test_lists_that_cannot_be_chosen_are_unmet),
		TEST(test_revocation_that_cannot_be_looked_at_is_unmet),
		TEST(test_a_request_for_staples_may_be_dropped),
		TEST(test_a_key_log_that_cannot_be_had_is_unmet),
		TEST(test_ticket_keys_of_a_backend_without_them_may_be_dropped),
		TEST(test_external_keys_need_their_capabilities),
		TEST(test_external_keys_of_a_backend_without_them_are_unmet),
		TEST(test_keys_in_tokens_of_a_backend_without_them_are_unmet),
		TEST(test_a_staple_counts_for_servers_alone),
		TEST(test_all_that_is_unmet_is_listed),
		TEST(test_the_public_functions_only_ask),
		TEST(test_every_failing_allocation_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The table of cipher suites against OpenSSL's, names both ways, the named policies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cipher_suite.h"
#include "tests/unit/pki.h"
#include <unitls/error.h>

static void the_table_is_in_order_of_number(void **state)
{
	uint16_t previous = 0;
	uint16_t suite;
	size_t n = 0;

	(void)state;
	for (; unitls_cipher_suite_at(n, &suite); n++) {
		assert_true(n == 0 || suite > previous);
		previous = suite;
	}
	assert_in_range(n, 60, 200);
	assert_false(unitls_cipher_suite_at(n + 1, &suite));
	assert_false(unitls_cipher_suite_at(SIZE_MAX, &suite));
}

static void every_suite_makes_the_round_trip(void **state)
{
	uint16_t suite;

	(void)state;
	for (size_t i = 0; unitls_cipher_suite_at(i, &suite); i++) {
		const struct unitls_cipher_suite_row *row = unitls_cipher_suite_lookup(suite);
		uint16_t found = 0;
		char number[16];

		assert_non_null(row);
		assert_string_equal(unitls_cipher_suite_name(suite), row->name);
		assert_int_equal(unitls_cipher_suite_from_name(row->name, &found), 0);
		assert_int_equal(found, suite);
		if (row->openssl_name != NULL) {
			found = 0;
			assert_int_equal(unitls_cipher_suite_from_name(row->openssl_name, &found), 0);
			assert_int_equal(found, suite);
		}
		found = 0;
		(void)snprintf(number, sizeof(number), "0x%04X", suite);
		assert_int_equal(unitls_cipher_suite_from_name(number, &found), 0);
		assert_int_equal(found, suite);
		assert_int_equal(
			unitls_cipher_suite_version(suite), suite >> 8 == 0x13 ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2);
		assert_int_equal(row->auth == UNITLS_SUITE_AUTH_ANY, suite >> 8 == 0x13);
		assert_int_equal(row->exchange == UNITLS_SUITE_EXCHANGE_ANY, suite >> 8 == 0x13);
	}
}

static void names_are_read_in_any_case(void **state)
{
	uint16_t suite;

	(void)state;
	assert_int_equal(unitls_cipher_suite_from_name("tls_aes_128_gcm_sha256", &suite), 0);
	assert_int_equal(suite, 0x1301);
	assert_int_equal(unitls_cipher_suite_from_name("ecdhe-rsa-aes128-gcm-sha256", &suite), 0);
	assert_int_equal(suite, 0xc02f);
	assert_int_equal(unitls_cipher_suite_from_name("0xC02f", &suite), 0);
	assert_int_equal(suite, 0xc02f);
	assert_int_equal(unitls_cipher_suite_from_name("0x9c", &suite), 0);
	assert_int_equal(suite, 0x009c);
}

static void unknown_suites_are_refused(void **state)
{
	static const char *const others[] = {"", "0x", "0x0000", "0xffff", "0x13010", "0x1g01", "1301", "AES",
		"HIGH", "TLS_NULL_WITH_NULL_NULL", "DES-CBC3-SHA", "ADH-AES256-SHA", "TLS_AES_128_GCM_SHA256 "};
	uint16_t suite = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(unitls_cipher_suite_from_name(others[i], &suite), UNITLS_ERROR);
	assert_int_equal(suite, 7);
	assert_null(unitls_cipher_suite_name(0));
	assert_null(unitls_cipher_suite_name(0xffff));
	assert_int_equal(unitls_cipher_suite_version(0x1306), 0);
	assert_null(unitls_cipher_suite_lookup(0x1300));
}

/* One line of `openssl ciphers -V -stdname`; whether a suite of this kind belongs in the table. */
static bool belongs(const char *line)
{
	static const char *const wrong[] = {"Au=PSK", "Au=None", "Au=DSS", "Au=SRP", "Kx=RSAPSK", "Kx=SRP",
		"Enc=None", "Enc=3DES", "Enc=RC4", "Enc=SEED", "Enc=IDEA", "GOST"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (strstr(line, wrong[i]) != NULL)
			return false;
	return true;
}

static void the_table_agrees_with_openssl(void **state)
{
	char *rest;
	char *text;
	size_t size;
	size_t n = 0;

	(void)state;
	pki_openssl("ciphers -V -stdname ALL:COMPLEMENTOFALL:@SECLEVEL=0");
	text = pki_read("openssl.log", &size);
	rest = text;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		const struct unitls_cipher_suite_row *row;
		unsigned high;
		unsigned low;
		char name[128];
		char openssl_name[128];

		if (sscanf(line, " 0x%2x,0x%2x - %127s - %127s", &high, &low, name, openssl_name) != 4)
			continue;
		row = unitls_cipher_suite_lookup((uint16_t)(high << 8 | low));
		if (!belongs(line)) {
			assert_null(row);
			continue;
		}
		assert_non_null(row);
		assert_string_equal(row->name, name);
		assert_string_equal(row->openssl_name, openssl_name);
		if (row->version == UNITLS_TLS_1_2) {
			assert_int_equal(row->auth,
				strstr(line, "Au=RSA") != NULL ? UNITLS_SUITE_AUTH_RSA : UNITLS_SUITE_AUTH_ECDSA);
			assert_int_equal(
				row->exchange == UNITLS_SUITE_EXCHANGE_RSA, strstr(line, "Kx=RSA ") != NULL);
			assert_int_equal(
				row->exchange == UNITLS_SUITE_EXCHANGE_DHE, strstr(line, "Kx=DH ") != NULL);
		}
		n++;
	}
	assert_true(n >= 50);
	free(text);
}

static void policies_are_those_of_mozilla(void **state)
{
	const uint16_t *suites;
	size_t n;

	(void)state;
	assert_int_equal(unitls_cipher_policy("modern", &suites, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(unitls_cipher_suite_version(suites[i]), UNITLS_TLS_1_3);

	assert_int_equal(unitls_cipher_policy("intermediate", &suites, &n), 0);
	assert_int_equal(n, 12);
	assert_string_equal(unitls_cipher_suite_name(suites[0]), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(unitls_cipher_suite_name(suites[3]), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
	assert_string_equal(unitls_cipher_suite_name(suites[11]), "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(unitls_cipher_suite_lookup(suites[i])->exchange, UNITLS_SUITE_EXCHANGE_RSA);

	assert_int_equal(unitls_cipher_policy("old", &suites, &n), UNITLS_ERROR);
	assert_int_equal(unitls_cipher_policy("", &suites, &n), UNITLS_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_in_order_of_number),
		cmocka_unit_test(every_suite_makes_the_round_trip),
		cmocka_unit_test(names_are_read_in_any_case),
		cmocka_unit_test(unknown_suites_are_refused),
		cmocka_unit_test(the_table_agrees_with_openssl),
		cmocka_unit_test(policies_are_those_of_mozilla),
	};

	return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}

/*
 * Groups and signature schemes: numbers and names, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <unitls/error.h>
#include <unitls/group.h>
#include <unitls/signature_scheme.h>

static void test_every_group_and_its_name(void **state)
{
	uint16_t group;
	uint16_t again;
	uint16_t last = 0;
	size_t n;

	(void)state;
	for (n = 0; unitls_group_at(n, &group); n++) {
		assert_true(group > last);
		last = group;
		assert_non_null(unitls_group_name(group));
		assert_int_equal(unitls_group_from_name(unitls_group_name(group), &again), 0);
		assert_int_equal(again, group);
	}
	assert_true(n > 15);
}

static void test_other_names_of_groups(void **state)
{
	static const struct {
		const char *name;
		uint16_t group;
	} names[] = {{"P-256", 23}, {"prime256v1", 23}, {"p-384", 24}, {"P-521", 25}, {"X25519", 29},
		{"0x001d", 29}, {"x25519mlkem768", 0x11ec}};
	static const char *const others[] = {"", "P-257", "0x9999", "x25519 ", "secp192r1"};
	uint16_t group = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(unitls_group_from_name(names[i].name, &group), 0);
		assert_int_equal(group, names[i].group);
	}
	group = 7;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(unitls_group_from_name(others[i], &group), UNITLS_ERROR);
	assert_int_equal(group, 7);
	assert_null(unitls_group_name(0));
}

static void test_every_signature_scheme_and_its_name(void **state)
{
	uint16_t scheme;
	uint16_t again;
	uint16_t last = 0;
	size_t n;

	(void)state;
	for (n = 0; unitls_signature_scheme_at(n, &scheme); n++) {
		assert_true(scheme > last);
		last = scheme;
		assert_int_equal(
			unitls_signature_scheme_from_name(unitls_signature_scheme_name(scheme), &again), 0);
		assert_int_equal(again, scheme);
	}
	assert_true(n > 15);
	assert_int_equal(unitls_signature_scheme_from_name("0x0804", &scheme), 0);
	assert_int_equal(scheme, UNITLS_SIGNATURE_rsa_pss_rsae_sha256);
	assert_int_equal(unitls_signature_scheme_from_name("ED25519", &scheme), 0);
	assert_int_equal(scheme, 0x0807);
	assert_int_equal(unitls_signature_scheme_from_name("0x0000", &scheme), UNITLS_ERROR);
	assert_int_equal(unitls_signature_scheme_from_name("md5", &scheme), UNITLS_ERROR);
	assert_null(unitls_signature_scheme_name(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_group_and_its_name),
		cmocka_unit_test(test_other_names_of_groups),
		cmocka_unit_test(test_every_signature_scheme_and_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Version numbers and names, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unitls/error.h>
#include <unitls/tls_version.h>

static void versions_have_names(void **state)
{
	(void)state;
	assert_string_equal(unitls_tls_version_name(0x0303), "TLSv1.2");
	assert_string_equal(unitls_tls_version_name(0x0304), "TLSv1.3");
	assert_null(unitls_tls_version_name(0x0302));
	assert_null(unitls_tls_version_name(UNITLS_TLS_MINIMUM_SUPPORTED));
	assert_null(unitls_tls_version_name(UNITLS_TLS_MAXIMUM_SUPPORTED));
}

static void names_are_read_in_every_form(void **state)
{
	static const char *const forms[] = {"1.3", "TLSv1.3", "TLS1.3", "tlsv1.3", "tls1.3", "TLSV1.3"};
	uint16_t version;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		version = 0;
		assert_int_equal(unitls_tls_version_from_name(forms[i], &version), 0);
		assert_int_equal(version, 0x0304);
	}
	assert_int_equal(unitls_tls_version_from_name("1.2", &version), 0);
	assert_int_equal(version, 0x0303);
}

static void other_names_are_refused(void **state)
{
	static const char *const others[] = {"", "TLS", "TLSv", "1.1", "TLSv1", "SSLv3", "1.3 ", " 1.3", "1.30",
		"v1.3", "TLS 1.3", "TLSTLS1.3"};
	uint16_t version = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(unitls_tls_version_from_name(others[i], &version), UNITLS_ERROR);
	assert_int_equal(version, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_have_names),
		cmocka_unit_test(names_are_read_in_every_form),
		cmocka_unit_test(other_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The table of well-known ALPN names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unitls/alpn.h>

static struct unitls_bytes bytes_of(const char *text)
{
	return (struct unitls_bytes){(const uint8_t *)text, strlen(text)};
}

static void every_name_is_found_again(void **state)
{
	(void)state;
	for (int i = 0; i < UNITLS_ALPN_N; i++) {
		struct unitls_bytes name = unitls_alpn_bytes((enum unitls_alpn)i);

		assert_in_range(name.size, 1, UNITLS_ALPN_NAME_MAX);
		assert_int_equal(unitls_alpn_from_bytes(name), i);
	}
	assert_int_equal(unitls_alpn_from_bytes(bytes_of("h2")), UNITLS_ALPN_H2);
	assert_int_equal(unitls_alpn_from_bytes(bytes_of("http/1.1")), UNITLS_ALPN_HTTP_1_1);
}

static void names_outside_the_table_are_none(void **state)
{
	static const uint8_t with_nul[] = {'h', '2', 0};

	(void)state;
	assert_int_equal(unitls_alpn_from_bytes(bytes_of("H2")), UNITLS_ALPN_N);
	assert_int_equal(unitls_alpn_from_bytes(bytes_of("h")), UNITLS_ALPN_N);
	assert_int_equal(unitls_alpn_from_bytes((struct unitls_bytes){with_nul, 3}), UNITLS_ALPN_N);
	assert_int_equal(unitls_alpn_from_bytes((struct unitls_bytes){NULL, 0}), UNITLS_ALPN_N);
	assert_int_equal(unitls_alpn_bytes(UNITLS_ALPN_N).size, 0);
	assert_null(unitls_alpn_bytes((enum unitls_alpn) - 1).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_found_again),
		cmocka_unit_test(names_outside_the_table_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The DER reader: what it takes, what it refuses, and that it fails sticky.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/der.h"
#include "tests/unit/der_writer.h"

static bool is_value(struct unitls_bytes bytes)
{
	struct unitls_der reader;
	struct unitls_der_value value;

	unitls_der_init(&reader, bytes);
	return unitls_der_any(&reader, &value) && unitls_der_done(&reader);
}

static void lengths_of_every_size_are_read(void **state)
{
	static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 500000};
	uint8_t *content = calloc(1, 500000);

	(void)state;
	assert_non_null(content);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct der_writer writer;
		struct unitls_der reader;
		struct unitls_der_value value;

		der_writer_init(&writer);
		der_value(&writer, 0x04, (struct unitls_bytes){content, sizes[i]});
		unitls_der_init(&reader, der_bytes(&writer));
		assert_true(unitls_der_take(&reader, 0x04, &value));
		assert_int_equal(value.content.size, sizes[i]);
		assert_int_equal(value.whole.size, writer.size);
		assert_true(unitls_der_done(&reader));
		assert_int_equal(unitls_der_size(der_bytes(&writer)), writer.size);
		der_writer_fini(&writer);
	}
	free(content);
}

static void what_is_not_der_is_refused(void **state)
{
	(void)state;
	assert_true(is_value(BYTES("\x04\x01x")));
	assert_false(is_value(BYTES("")));
	assert_false(is_value(BYTES("\x04")));
	assert_false(is_value(BYTES("\x04\x02x")));                    /* cut */
	assert_false(is_value(BYTES("\x04\x81\x01x")));                /* length not minimal */
	assert_false(is_value(BYTES("\x04\x82\x00\x80x")));            /* leading zero */
	assert_false(is_value(BYTES("\x30\x80\x00\x00")));             /* indefinite */
	assert_false(is_value(BYTES("\x04\x81")));                     /* length cut */
	assert_false(is_value(BYTES("\x04\x84\xff\xff\xff\xff")));     /* giant */
	assert_false(is_value(BYTES("\x04\x85\x01\x00\x00\x00\x00"))); /* more than four octets */
	assert_false(is_value(BYTES("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff")));
	assert_false(is_value(BYTES("\x04\xff")));
	assert_false(is_value(BYTES("\x1f\x01\x00"))); /* tag of more than one octet */
	assert_int_equal(unitls_der_size(BYTES("\x04\x05x")), 0);
	assert_int_equal(unitls_der_size(BYTES("\x04\x01xyz")), 3);
}

static void every_cut_of_a_value_is_refused(void **state)
{
	struct der_writer writer;
	uint8_t content[300] = {0};

	(void)state;
	der_writer_init(&writer);
	der_value(&writer, 0x30, (struct unitls_bytes){content, sizeof(content)});
	for (size_t size = 0; size < writer.size; size++) {
		/* A copy of exactly that size, so that a sanitizer sees the first octet too many. */
		uint8_t *copy = malloc(size + 1);
		struct unitls_der reader;
		struct unitls_der_value value;

		assert_non_null(copy);
		memcpy(copy, writer.data, size);
		copy = realloc(copy, size > 0 ? size : 1);
		unitls_der_init(&reader, (struct unitls_bytes){copy, size});
		assert_false(unitls_der_any(&reader, &value));
		free(copy);
	}
	der_writer_fini(&writer);
}

static void the_reader_fails_sticky(void **state)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_der_value value;

	(void)state;
	unitls_der_init(&reader, BYTES("\x02\x01\x05\x04\x00"));
	assert_false(unitls_der_take(&reader, UNITLS_DER_OCTET_STRING, &value)); /* an INTEGER comes */
	assert_false(unitls_der_take(&reader, UNITLS_DER_INTEGER, &value));
	assert_false(unitls_der_any(&reader, &value));
	assert_false(unitls_der_next_is(&reader, UNITLS_DER_INTEGER));
	assert_false(unitls_der_skip_optional(&reader, UNITLS_DER_INTEGER));
	assert_false(unitls_der_enter(&reader, UNITLS_DER_INTEGER, &inner));
	assert_false(unitls_der_done(&inner));
	assert_false(unitls_der_done(&reader));
}

static bool read_integer(struct unitls_bytes bytes, size_t *ret_size)
{
	struct unitls_der reader;
	struct unitls_bytes octets;

	unitls_der_init(&reader, bytes);
	if (!unitls_der_integer(&reader, &octets))
		return false;
	*ret_size = octets.size;
	return true;
}

static void integers_are_minimal(void **state)
{
	size_t size;

	(void)state;
	assert_true(read_integer(BYTES("\x02\x01\x00"), &size));
	assert_true(read_integer(BYTES("\x02\x02\x00\x80"), &size));
	assert_int_equal(size, 2);
	assert_true(read_integer(BYTES("\x02\x02\xff\x7f"), &size));
	assert_false(read_integer(BYTES("\x02\x00"), &size));
	assert_false(read_integer(BYTES("\x02\x02\x00\x7f"), &size));
	assert_false(read_integer(BYTES("\x02\x02\xff\x80"), &size));
}

static void positive_numbers_lose_their_sign_octet(void **state)
{
	struct unitls_der reader;
	struct unitls_bytes magnitude;

	(void)state;
	unitls_der_init(&reader, BYTES("\x02\x02\x00\x80\x02\x01\x7f"));
	assert_true(unitls_der_positive(&reader, &magnitude));
	assert_int_equal(magnitude.size, 1);
	assert_int_equal(magnitude.data[0], 0x80);
	assert_true(unitls_der_positive(&reader, &magnitude));
	assert_int_equal(magnitude.data[0], 0x7f);
	unitls_der_init(&reader, BYTES("\x02\x01\x00"));
	assert_false(unitls_der_positive(&reader, &magnitude));
	unitls_der_init(&reader, BYTES("\x02\x01\x80"));
	assert_false(unitls_der_positive(&reader, &magnitude));
}

static void small_numbers_booleans_and_bits(void **state)
{
	struct unitls_der reader;
	struct unitls_bytes octets;
	unsigned number;
	bool boolean;

	(void)state;
	unitls_der_init(&reader, BYTES("\x02\x01\x7f\x01\x01\xff\x01\x01\x00\x03\x03\x00\x61\x62"));
	assert_true(unitls_der_small(&reader, &number));
	assert_int_equal(number, 127);
	assert_true(unitls_der_boolean(&reader, &boolean));
	assert_true(boolean);
	assert_true(unitls_der_boolean(&reader, &boolean));
	assert_false(boolean);
	assert_true(unitls_der_bits(&reader, UNITLS_DER_BIT_STRING, &octets));
	assert_int_equal(octets.size, 2);
	assert_true(unitls_der_done(&reader));

	unitls_der_init(&reader, BYTES("\x02\x02\x00\x80"));
	assert_false(unitls_der_small(&reader, &number));
	unitls_der_init(&reader, BYTES("\x02\x01\x80"));
	assert_false(unitls_der_small(&reader, &number));
	unitls_der_init(&reader, BYTES("\x01\x01\x01"));
	assert_false(unitls_der_boolean(&reader, &boolean));
	unitls_der_init(&reader, BYTES("\x01\x00"));
	assert_false(unitls_der_boolean(&reader, &boolean));
	unitls_der_init(&reader, BYTES("\x03\x02\x01\x80")); /* unused bits */
	assert_false(unitls_der_bits(&reader, UNITLS_DER_BIT_STRING, &octets));
	unitls_der_init(&reader, BYTES("\x03\x00"));
	assert_false(unitls_der_bits(&reader, UNITLS_DER_BIT_STRING, &octets));
}

static void views_compare_by_content(void **state)
{
	(void)state;
	assert_true(unitls_bytes_equal(BYTES("a"), BYTES("a")));
	assert_true(unitls_bytes_equal(BYTES(""), (struct unitls_bytes){NULL, 0}));
	assert_false(unitls_bytes_equal(BYTES("a"), BYTES("b")));
	assert_false(unitls_bytes_equal(BYTES("a"), BYTES("ab")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_every_size_are_read),
		cmocka_unit_test(what_is_not_der_is_refused),
		cmocka_unit_test(every_cut_of_a_value_is_refused),
		cmocka_unit_test(the_reader_fails_sticky),
		cmocka_unit_test(integers_are_minimal),
		cmocka_unit_test(positive_numbers_lose_their_sign_octet),
		cmocka_unit_test(small_numbers_booleans_and_bits),
		cmocka_unit_test(views_compare_by_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

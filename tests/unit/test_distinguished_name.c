/*
 * Distinguished names as text: RFC 4514, and that nothing in a foreign certificate can upset a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/der_writer.h"
#include <unitls/certificate.h>

#define OID_CN "\x55\x04\x03"
#define OID_O  "\x55\x04\x0a"

static struct der_writer writer;

static void begin(void)
{
	der_writer_init(&writer);
	der_open(&writer, 0x30);
}

static void add_pair(struct unitls_bytes oid, uint8_t tag, struct unitls_bytes value)
{
	der_open(&writer, 0x30);
	der_value(&writer, 0x06, oid);
	der_value(&writer, tag, value);
	der_close(&writer);
}

/* A set of one. */
static void add(struct unitls_bytes oid, uint8_t tag, struct unitls_bytes value)
{
	der_open(&writer, 0x31);
	add_pair(oid, tag, value);
	der_close(&writer);
}

/* Ends the name and compares. */
static void check_text(const char *expected)
{
	char text[4096];
	size_t n;

	der_close(&writer);
	n = unitls_distinguished_name_text(der_bytes(&writer), text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(n, strlen(expected));
	der_writer_fini(&writer);
}

static void check_value(uint8_t tag, struct unitls_bytes value, const char *expected)
{
	begin();
	add(BYTES(OID_CN), tag, value);
	check_text(expected);
}

static void the_last_part_comes_first(void **state)
{
	(void)state;
	begin();
	add(BYTES("\x55\x04\x06"), 0x13, BYTES("DE"));
	add(BYTES(OID_O), 0x0c, BYTES("Example"));
	add(BYTES(OID_CN), 0x0c, BYTES("server.example"));
	check_text("CN=server.example,O=Example,C=DE");
}

static void a_set_of_several_is_joined(void **state)
{
	(void)state;
	begin();
	der_open(&writer, 0x31);
	add_pair(BYTES(OID_CN), 0x0c, BYTES("a"));
	add_pair(BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), 0x0c, BYTES("7"));
	der_close(&writer);
	add(BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), 0x16, BYTES("example"));
	check_text("DC=example,CN=a+UID=7");
}

static void unknown_types_are_numbers(void **state)
{
	(void)state;
	begin();
	add(BYTES("\x55\x04\x05"), 0x13, BYTES("1"));
	add(BYTES("\x88\x37\x03"), 0x13, BYTES("2"));
	add(BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), 0x16, BYTES("a@b"));
	check_text("emailAddress=a@b,2.999.3=2,2.5.4.5=1");
}

static void special_characters_are_escaped(void **state)
{
	(void)state;
	check_value(0x0c, BYTES("a,b+c\"d\\e<f>g;h=i"), "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i");
	check_value(0x0c, BYTES(" a b "), "CN=\\ a b\\ ");
	check_value(0x0c, BYTES(" "), "CN=\\ ");
	check_value(0x0c, BYTES("#a#"), "CN=\\#a#");
	check_value(0x0c, BYTES(""), "CN=");
}

static void what_would_upset_a_terminal_is_escaped(void **state)
{
	(void)state;
	check_value(0x0c, BYTES("a\0b"), "CN=a\\00b");
	check_value(0x0c, BYTES("\x1b[2J\r\n\x7f"), "CN=\\1b[2J\\0d\\0a\\7f");
	check_value(0x0c, BYTES("\xc2\x9b"), "CN=\\c2\\9b"); /* a C1 control character */
}

static void utf8_stays_and_what_is_none_is_escaped(void **state)
{
	(void)state;
	check_value(0x0c, BYTES("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x91"),
		"CN=M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x91");
	check_value(0x0c, BYTES("\xc3"), "CN=\\c3");                         /* cut */
	check_value(0x0c, BYTES("\xc0\xaf"), "CN=\\c0\\af");                 /* overlong */
	check_value(0x0c, BYTES("\xe0\x80\xaf"), "CN=\\e0\\80\\af");         /* overlong */
	check_value(0x0c, BYTES("\xed\xa0\x80"), "CN=\\ed\\a0\\80");         /* a surrogate */
	check_value(0x0c, BYTES("\xf4\x90\x80\x80"), "CN=\\f4\\90\\80\\80"); /* past the last */
	check_value(0x14, BYTES("M\xfcller"), "CN=M\\fcller");               /* Latin 1 */
}

static void other_strings_are_hex(void **state)
{
	(void)state;
	check_value(0x1e, BYTES("\0a"), "CN=#1e020061");
	check_value(0x02, BYTES("\x05"), "CN=#020105");
}

static void what_is_no_name_has_no_text(void **state)
{
	static const struct unitls_bytes none[] = {BYTES_INIT(""), BYTES_INIT("\x30"), BYTES_INIT("\x30\x00"),
		BYTES_INIT("\x30\x00\x00"), BYTES_INIT("\x31\x00"), BYTES_INIT("\x30\x02\x31\x00"),
		BYTES_INIT("\x30\x04\x31\x02\x30\x00"),
		BYTES_INIT("\x30\x0b\x31\x09\x30\x07\x06\x01\xff\x0c\x02"
			   "ab"),
		BYTES_INIT("\x30\x0b\x31\x09\x30\x07\x06\x00\x0c\x03"
			   "abc")};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		text[0] = 'x';
		assert_int_equal(unitls_distinguished_name_text(none[i], text, sizeof(text)), 0);
		assert_string_equal(text, "");
	}
}

static void parts_are_bounded(void **state)
{
	char text[8];

	(void)state;
	for (size_t parts = UNITLS_NAME_PARTS_MAX; parts <= UNITLS_NAME_PARTS_MAX + 1; parts++) {
		begin();
		for (size_t i = 0; i < parts; i++)
			add(BYTES(OID_CN), 0x0c, BYTES("a"));
		der_close(&writer);
		assert_int_equal(unitls_distinguished_name_text(der_bytes(&writer), text, sizeof(text)),
			parts > UNITLS_NAME_PARTS_MAX ? 0 : parts * 5 - 1);
		der_writer_fini(&writer);
	}
}

static void a_small_buffer_cuts_between_characters(void **state)
{
	static const char whole[] = "CN=\xc3\xbc\\1b\\,x";
	char text[sizeof(whole) + 1];

	(void)state;
	begin();
	add(BYTES(OID_CN), 0x0c, BYTES("\xc3\xbc\x1b,x"));
	der_close(&writer);
	for (size_t size = 0; size < sizeof(text); size++) {
		memset(text, '!', sizeof(text));
		assert_int_equal(
			unitls_distinguished_name_text(der_bytes(&writer), text, size), sizeof(whole) - 1);
		assert_int_equal(text[size], '!');
		if (size > 0)
			assert_memory_equal(text, whole, strlen(text));
	}
	assert_int_equal(unitls_distinguished_name_text(der_bytes(&writer), text, 5), sizeof(whole) - 1);
	assert_string_equal(text, "CN=");
	der_writer_fini(&writer);
}

static void key_types_have_names(void **state)
{
	(void)state;
	assert_string_equal(unitls_key_type_name(UNITLS_KEY_RSA), "rsa");
	assert_string_equal(unitls_key_type_name(UNITLS_KEY_ED448), "ed448");
	assert_string_equal(unitls_key_type_name((enum unitls_key_type)(UNITLS_KEY_ED448 + 1)), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_part_comes_first),
		cmocka_unit_test(a_set_of_several_is_joined),
		cmocka_unit_test(unknown_types_are_numbers),
		cmocka_unit_test(special_characters_are_escaped),
		cmocka_unit_test(what_would_upset_a_terminal_is_escaped),
		cmocka_unit_test(utf8_stays_and_what_is_none_is_escaped),
		cmocka_unit_test(other_strings_are_hex),
		cmocka_unit_test(what_is_no_name_has_no_text),
		cmocka_unit_test(parts_are_bounded),
		cmocka_unit_test(a_small_buffer_cuts_between_characters),
		cmocka_unit_test(key_types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

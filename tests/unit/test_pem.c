/*
 * The reader of PEM texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pem.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/free_watch.h"

#define BEGIN(label) "-----BEGIN " label "-----"
#define END(label)   "-----END " label "-----"

static struct unitls_pem_reader reader_of(const char *text)
{
	struct unitls_pem_reader reader;

	unitls_pem_init(&reader, text, strlen(text), "certificate");
	return reader;
}

/* Decodes the only block of a text and compares. */
static void decodes_to(const char *text, const char *expected)
{
	struct unitls_pem_reader reader = reader_of(text);
	struct unitls_pem_block block;
	uint8_t *data;
	size_t size;

	assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
	assert_int_equal(unitls_pem_decode(&block, "certificate", &data, &size, NULL), 0);
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(data, expected, size);
	unitls_pem_free(data, size);
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), UNITLS_PEM_END);
}

static void a_block_is_decoded(void **state)
{
	(void)state;
	decodes_to(BEGIN("X") "\naGVsbG8=\n" END("X") "\n", "hello");
	decodes_to(BEGIN("X") "\naGVsbG8=\n" END("X"), "hello");
	decodes_to(BEGIN("X") "\naGVs\nbG8=\n" END("X") "\n", "hello");
	decodes_to(BEGIN("X") "\n\n  aGVs \n\tbG8=\n\n" END("X") "\n", "hello");
}

static void line_ends_of_other_systems_and_a_byte_order_mark_are_fine(void **state)
{
	(void)state;
	decodes_to(BEGIN("X") "\r\naGVs\r\nbG8=\r\n" END("X") "\r\n", "hello");
	decodes_to(BEGIN("X") "  \naGVsbG8=\n" END("X") "\t\r\n", "hello");
	decodes_to("\xef\xbb\xbf" BEGIN("X") "\naGVsbG8=\n" END("X") "\n", "hello");
}

static void junk_around_blocks_is_passed_over(void **state)
{
	(void)state;
	decodes_to("Bag Attributes\n  friendlyName: -----BEGIN X-----\nsubject=/CN=a\n" BEGIN(
			   "X") "\naGVsbG8=\n" END("X") "\nthe end -----END X-----\n",
		"hello");
}

static void headers_are_passed_over(void **state)
{
	static const char text[] = BEGIN(
		"X") "\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\naGVsbG8=\r\n" END("X") "\r\n";
	struct unitls_pem_reader reader = reader_of(text);
	struct unitls_pem_block block;

	(void)state;
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
	assert_true(block.encrypted);
	assert_int_equal(block.text.size, strlen(text) - 2);
	decodes_to(text, "hello");
	decodes_to(BEGIN("X") "\nComment: a\n b\n\naGVsbG8=\n" END("X") "\n", "hello");
}

static void blocks_come_in_order_with_label_and_line(void **state)
{
	struct unitls_pem_reader reader = reader_of(
		"one\n" BEGIN("A B") "\nAA==\n" END("A B") "\ntwo\n" BEGIN("C") "\nAA==\n" END("C") "\n");
	struct unitls_pem_block block;

	(void)state;
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
	assert_string_equal(block.label, "A B");
	assert_int_equal(block.line, 2);
	assert_false(block.encrypted);
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
	assert_string_equal(block.label, "C");
	assert_int_equal(block.line, 6);
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), UNITLS_PEM_END);
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), UNITLS_PEM_END);
}

/* The text that a damaged frame is refused with. */
static void refused(const char *text, const char *expected)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_pem_reader reader = reader_of(text);
	struct unitls_pem_block block;
	int status;

	do {
		status = unitls_pem_next(&reader, &block, &error);
	} while (status == 0);
	assert_int_equal(status, UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "certificate");
	assert_string_equal(error.text, expected);
}

static void damaged_frames_are_refused_with_their_line(void **state)
{
	char label[128];

	(void)state;
	refused("\n\n" BEGIN("X") "\naGVsbG8=\n", "line 3: BEGIN without END");
	refused(BEGIN("X"), "line 1: BEGIN without END");
	refused(BEGIN("X") "\naGVsbG8=\n" BEGIN("Y") "\nAA==\n" END("Y") "\n", "line 1: BEGIN without END");
	refused(BEGIN("X") "\nAA==\n" END("X") "\n" BEGIN("X") "\nAA==\n", "line 4: BEGIN without END");
	refused(BEGIN("X") "\naGVsbG8=\n" END("Y") "\n", "line 3: END of another block");
	refused(BEGIN("X") "\naGVsbG8=\n-----END X\n", "line 3: END of another block");
	refused("a\n" END("X") "\n", "line 2: END without BEGIN");
	refused("-----BEGIN X----\n", "line 1: malformed BEGIN");
	refused("-----BEGIN X\n", "line 1: malformed BEGIN");
	refused("-----BEGIN -----\n", "line 1: malformed BEGIN");
	refused("-----BEGIN a\001b-----\n", "line 1: malformed BEGIN");
	(void)snprintf(label, sizeof(label), "-----BEGIN %065d-----\n", 0);
	refused(label, "line 1: malformed BEGIN");
}

static void bad_base64_is_refused(void **state)
{
	static const char *const bodies[] = {"", "\n", "aGVsbG8", "aGVsbG8==", "aGVsbG8=x", "aGVs*bG8=", "=",
		"aGVsbG9=", "aGVs\xff", "aGVsbG8=\naGVsbG8=", "Comment: only"};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_pem_reader reader;
		struct unitls_pem_block block;
		char text[256];
		uint8_t *data;
		size_t size;

		(void)snprintf(text, sizeof(text), "%s\n%s\n%s\n", BEGIN("X"), bodies[i], END("X"));
		reader = reader_of(text);
		assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
		if (unitls_pem_decode(&block, "key", &data, &size, &error) != UNITLS_ERROR)
			fail_msg("body %zu was decoded", i);
		assert_string_equal(error.field, "key");
		assert_string_equal(error.text, "line 1: the X block is empty or not base64");
	}
}

static void texts_are_told_from_der(void **state)
{
	/* a DER value that holds the mark */
	static const char der[] = "\x30\x0b-----BEGIN ";

	(void)state;
	assert_true(unitls_pem_is_text("0 junk\n-----BEGIN X-----\n", 25));
	assert_true(unitls_pem_is_text("-----BEGIN", 10));
	assert_false(unitls_pem_is_text("-----BEGI", 9));
	assert_false(unitls_pem_is_text("", 0));
	assert_false(unitls_pem_is_text(NULL, 0));
	assert_false(unitls_pem_is_text(der, 13));
	assert_true(unitls_pem_is_text(der, 12));
}

static void an_empty_text_has_no_blocks(void **state)
{
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;

	(void)state;
	unitls_pem_init(&reader, NULL, 0, "key");
	assert_int_equal(unitls_pem_next(&reader, &block, NULL), UNITLS_PEM_END);
}

static void decoding_survives_failing_allocations(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_pem_reader reader = reader_of(BEGIN("X") "\naGVsbG8=\n" END("X") "\n");
		struct unitls_pem_block block;
		uint8_t *data = NULL;
		size_t size = 0;
		int status;

		assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
		alloc_fail_start(n);
		status = unitls_pem_decode(&block, "key", &data, &size, &error);
		failed = alloc_fail_stop();
		assert_int_equal(status, failed ? UNITLS_ERROR : 0);
		assert_int_equal(error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
		unitls_pem_free(data, size);
	}
}

static void decoded_bytes_are_wiped_also_on_failure(void **state)
{
	/* "a rather long secret", then good, then an octet that is no base64 */
	static const char *const bodies[] = {"YSByYXRoZXIgbG9uZyBzZWNyZXQ=", "YSByYXRoZXIgbG9uZyBzZWNyZXQ=\n*"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct unitls_pem_reader reader;
		struct unitls_pem_block block;
		char text[256];
		uint8_t *data = NULL;
		size_t size = 0;

		(void)snprintf(text, sizeof(text), "%s\n%s\n%s\n", BEGIN("X"), bodies[i], END("X"));
		reader = reader_of(text);
		assert_int_equal(unitls_pem_next(&reader, &block, NULL), 0);
		free_watch_start("rather long", 11);
		assert_int_equal(unitls_pem_decode(&block, "key", &data, &size, NULL), i == 0 ? 0 : UNITLS_ERROR);
		unitls_pem_free(data, size);
		assert_int_equal(free_watch_stop(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_decoded),
		cmocka_unit_test(line_ends_of_other_systems_and_a_byte_order_mark_are_fine),
		cmocka_unit_test(junk_around_blocks_is_passed_over),
		cmocka_unit_test(headers_are_passed_over),
		cmocka_unit_test(blocks_come_in_order_with_label_and_line),
		cmocka_unit_test(damaged_frames_are_refused_with_their_line),
		cmocka_unit_test(bad_base64_is_refused),
		cmocka_unit_test(texts_are_told_from_der),
		cmocka_unit_test(an_empty_text_has_no_blocks),
		cmocka_unit_test(decoding_survives_failing_allocations),
		cmocka_unit_test(decoded_bytes_are_wiped_also_on_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

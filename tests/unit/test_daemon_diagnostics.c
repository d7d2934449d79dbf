/* Diagnostics: bounded, one line each, the same after a pipe. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/diagnostics.h"
#include "tests/unit/alloc_fail.h"

static const char *text_of(const struct diagnostics *list, size_t index)
{
	static char line[3000];

	(void)diagnostics_format(&list->items[index], line, sizeof(line));
	return line;
}

static const char *place_of(const struct diagnostics *list, size_t index)
{
	static char place[3000];
	size_t length = diagnostics_format_place(&list->items[index], place, sizeof(place));

	assert_int_equal(length, strlen(place));
	return place;
}

static void test_forms(void **state)
{
	struct diagnostics list;

	(void)state;
	diagnostics_init(&list);
	diagnostics_add(&list, DIAGNOSTIC_WARNING, "a", 3, "%s", "w");
	assert_true(diagnostics_ok(&list));
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "a", 4, "x %d", 1);
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "a", 0, "y");
	diagnostics_add(&list, DIAGNOSTIC_ERROR, NULL, 0, "z");
	assert_false(diagnostics_ok(&list));
	assert_string_equal(text_of(&list, 0), "a:3: warning: w");
	assert_string_equal(text_of(&list, 1), "a:4: x 1");
	assert_string_equal(text_of(&list, 2), "a: y");
	assert_string_equal(text_of(&list, 3), "z");
	/* Of a configuration made up from options nobody wrote the lines. */
	diagnostics_add(&list, DIAGNOSTIC_ERROR, DIAGNOSTICS_COMMAND_LINE, 5, "v");
	assert_string_equal(text_of(&list, 4), DIAGNOSTICS_COMMAND_LINE ": v");
	assert_string_equal(place_of(&list, 1), "a:4");
	assert_string_equal(place_of(&list, 2), "a");
	assert_string_equal(place_of(&list, 3), "");
	assert_string_equal(place_of(&list, 4), DIAGNOSTICS_COMMAND_LINE);
	diagnostics_fini(&list);
}

static void test_one_message_is_one_line(void **state)
{
	struct diagnostics list;

	(void)state;
	diagnostics_init(&list);
	diagnostics_add(
		&list, DIAGNOSTIC_ERROR, "a\nb", 1, "x\ny\t\x1b[31m\x7f\xff\xc2\x80 \xc3\xa4 \xed\xa0\x80");
	assert_string_equal(text_of(&list, 0),
		"a\\x0ab:1: x\\x0ay\\x09\\x1b[31m\\x7f\\xff\\xc2\\x80 \xc3\xa4 \\xed\\xa0\\x80");
	diagnostics_fini(&list);
}

static void test_bounds(void **state)
{
	struct diagnostics list;
	char *text;
	size_t size;

	(void)state;
	diagnostics_init(&list);
	for (unsigned i = 0; i < 3 * DIAGNOSTICS_MAX; i++)
		diagnostics_add(&list, DIAGNOSTIC_ERROR, "f", i, "%03000u", i);
	assert_int_equal(list.count, DIAGNOSTICS_MAX);
	assert_int_equal(list.error_count, 3 * DIAGNOSTICS_MAX);
	assert_int_equal(strlen(list.items[0].text), DIAGNOSTICS_TEXT_MAX);
	assert_int_equal(diagnostics_encode(&list, &text, &size), 0);
	assert_non_null(strstr(text, "2000 more messages left out\n"));
	free(text);
	diagnostics_fini(&list);
}

static void test_order(void **state)
{
	struct diagnostics list;

	(void)state;
	diagnostics_init(&list);
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "b", 9, "1");
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "a", 5, "2");
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "b", 2, "3");
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "b", 9, "4");
	diagnostics_sort(&list);
	assert_string_equal(list.items[0].text, "3");
	assert_string_equal(list.items[1].text, "1");
	assert_string_equal(list.items[2].text, "4");
	assert_string_equal(list.items[3].text, "2");
	diagnostics_fini(&list);
}

static void test_through_a_pipe(void **state)
{
	static const char *const hostile[] = {"x", "\n", "error\tf\t1\n", "error\tf\t-1\tx\n",
		"error\tf\t99999999999\tx\n", "fatal\tf\t1\tx\n", "error\tf\t\tx\n", "error\tf\t1\tno end"};
	struct diagnostics list;
	struct diagnostics copy;
	char *text;
	size_t size;

	(void)state;
	diagnostics_init(&list);
	diagnostics_init(&copy);
	diagnostics_add(&list, DIAGNOSTIC_ERROR, "a\tb", 5, "x\ty");
	diagnostics_add(&list, DIAGNOSTIC_WARNING, NULL, 0, "w");
	assert_int_equal(diagnostics_encode(&list, &text, &size), 0);
	assert_int_equal(diagnostics_decode(&copy, text, size), 0);
	assert_int_equal(copy.count, 2);
	assert_int_equal(copy.error_count, 1);
	assert_string_equal(copy.items[0].file, list.items[0].file);
	assert_string_equal(copy.items[0].text, list.items[0].text);
	assert_int_equal(copy.items[0].line, 5);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(
			diagnostics_decode(&copy, text, cut), cut == 0 || text[cut - 1] == '\n' ? 0 : -EBADMSG);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		assert_int_equal(diagnostics_decode(&copy, hostile[i], strlen(hostile[i])), -EBADMSG);
	free(text);
	diagnostics_fini(&list);
	diagnostics_fini(&copy);
}

static void test_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct diagnostics list;

		diagnostics_init(&list);
		alloc_fail_start(n);
		for (unsigned i = 0; i < 20; i++)
			diagnostics_add(&list, DIAGNOSTIC_WARNING, "f", i, "x");
		failed = alloc_fail_stop();
		assert_true(diagnostics_ok(&list) || failed);
		diagnostics_fini(&list);
		assert_true(n < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_one_message_is_one_line),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_through_a_pipe),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

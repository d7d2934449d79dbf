/* The INI reader: what reaches the caller, with which line, and that nothing is ever cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/ini_reader.h"
#include "tests/unit/alloc_fail.h"

static char seen[65536];

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	size_t length = strlen(seen);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(seen + length, sizeof(seen) - length, format, arguments);
	va_end(arguments);
}

static void on_section(void *argument, const char *text, unsigned line)
{
	(void)argument;
	note("%u[%s]", line, text ? text : "?");
}

static void on_value(void *argument, const char *name, const char *value, unsigned line, bool continuation)
{
	(void)argument;
	note("%u%s%s=%s|", line, continuation ? "+" : " ", name, value);
}

static void on_fault(void *argument, const char *reason, unsigned line)
{
	(void)argument;
	(void)reason;
	note("%u!", line);
}

static void on_origin(void *argument, const char *file, unsigned line_there, unsigned line)
{
	(void)argument;
	note("%u@%s:%u", line, file, line_there);
}

static const struct ini_reader_events plain = {on_section, on_value, on_fault, NULL};
static const struct ini_reader_events with_origin = {on_section, on_value, on_fault, on_origin};

static const char *read_bytes(const char *text, size_t size, const struct ini_reader_events *events)
{
	seen[0] = '\0';
	assert_int_equal(ini_reader_run(text, size, events, NULL), 0);
	return seen;
}

static const char *read_ini(const char *text)
{
	return read_bytes(text, strlen(text), &plain);
}

static void test_sections_and_values_have_their_lines(void **state)
{
	(void)state;
	assert_string_equal(read_ini("# c\n[a b]\nx = 1\n\n; c\ny: 2 ; c\n[ e ]\n"), "2[a b]3 x=1|6 y=2|7[e]");
	assert_string_equal(read_ini("x=1"), "1 x=1|");
	assert_string_equal(read_ini("x=1\r\n[a]\r\n"), "1 x=1|2[a]");
	assert_string_equal(read_ini("\xef\xbb\xbf[a]\n"), "1[a]");
	assert_string_equal(read_ini(""), "");
	assert_string_equal(read_ini("[a] ; why\n"), "1[a]");
}

static void test_an_indented_line_continues(void **state)
{
	(void)state;
	assert_string_equal(read_ini("[a]\nx = 1\n  2\n\t3\n"), "1[a]2 x=1|3+x=2|4+x=3|");
	assert_string_equal(read_ini("[a]\nx =\n  2\n"), "1[a]3+x=2|");
	assert_string_equal(read_ini("[a]\nx =\ny=1\n"), "1[a]2 x=|3 y=1|");
	assert_string_equal(read_ini("[a]\nx =\n[b]\n"), "1[a]2 x=|3[b]");
	assert_string_equal(read_ini("x =\n"), "1 x=|");
	/* after a header there is nothing to continue, also not the last name of the section before */
	assert_string_equal(read_ini("[a]\nx=1\n[b]\n  y=2\n"), "1[a]2 x=1|3[b]4 y=2|");
}

static void test_faults_do_not_stop(void **state)
{
	(void)state;
	assert_string_equal(read_ini("nonsense\n[a\nx=1\n=2\n[b] c\ny=1\n"), "1!2!2[?]3 x=1|4!5!5[?]6 y=1|");
	assert_string_equal(read_ini("[a;b]\nx=1\n"), "1!1[?]2 x=1|");
	assert_string_equal(read_bytes("x\0=1\ny=2\n", 9, &plain), "1!2 y=2|");
}

/* A line of LENGTH bytes. */
static void check_line(const char *start, size_t length, bool fits)
{
	char text[400];
	char wanted[500];

	memset(text, 'v', sizeof(text));
	memcpy(text, start, strlen(start));
	(void)snprintf(text + length, sizeof(text) - length, "\ny=1\n");
	if (fits)
		(void)snprintf(wanted, sizeof(wanted), "1 x=%.*s|2 y=1|", (int)(length - 2), text + 2);
	else
		(void)snprintf(wanted, sizeof(wanted), "1!2 y=1|");
	assert_string_equal(read_ini(text), wanted);
}

static void test_no_length_is_cut(void **state)
{
	char text[500];

	(void)state;
	for (size_t length = 3; length < 300; length++)
		check_line("x=", length, length <= INI_READER_LINE_MAX);
	for (size_t length = 1; length < 120; length++) {
		char wanted[500];
		bool fits = length <= INI_READER_SECTION_MAX;
		char name[200];

		memset(name, 'n', length);
		name[length] = '\0';
		(void)snprintf(text, sizeof(text), "[%s]\n%s=1\n", name, name);
		if (fits)
			(void)snprintf(wanted, sizeof(wanted), "1[%s]2 %s=1|", name, name);
		else
			(void)snprintf(wanted, sizeof(wanted), "1!1[?]2!");
		assert_string_equal(read_ini(text), wanted);
	}
	/* a comment may be of any length */
	memset(text, '#', 250);
	(void)snprintf(text + 250, sizeof(text) - 250, "\nx=1\n");
	assert_string_equal(read_ini(text), "2 x=1|");
}

static void test_origins_only_where_they_are_wanted(void **state)
{
	static const char text[] = "#line 7 /a b\nx=1\n#line 8\n#linex\n #line 9 /c\n";

	(void)state;
	assert_string_equal(read_bytes(text, sizeof(text) - 1, &with_origin), "1@/a b:72 x=1|");
	assert_string_equal(read_ini(text), "2 x=1|");
	/* an empty value that waits for more belongs to the origin before */
	assert_string_equal(read_bytes("x =\n#line 8 b\n", 14, &with_origin), "1 x=|2@b:8");
}

static void test_every_truncation_is_read(void **state)
{
	static const char text[] = "# c\n[tls a]\nx = 1, 2\n  3 ; c\nbad\n[b\ny =\n";

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		char *copy = malloc(size + 1); /* so that reading too far is seen */

		assert_non_null(copy);
		memcpy(copy, text, size);
		(void)read_bytes(copy, size, &plain);
		free(copy);
	}
}

static void test_without_memory(void **state)
{
	static const char text[] = "[a]\nx=1\n";
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		seen[0] = '\0';
		alloc_fail_start(n);
		int r = ini_reader_run(text, sizeof(text) - 1, &plain, NULL);
		failed = alloc_fail_stop();
		assert_true(failed ? r < 0 : r == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections_and_values_have_their_lines),
		cmocka_unit_test(test_an_indented_line_continues),
		cmocka_unit_test(test_faults_do_not_stop),
		cmocka_unit_test(test_no_length_is_cut),
		cmocka_unit_test(test_origins_only_where_they_are_wanted),
		cmocka_unit_test(test_every_truncation_is_read),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* unitlsd.conf(5) has the reference of all keys exactly as the table of keys gives it. With UNITLS_WRITE_MANUAL set the page is
 * brought up to date instead. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/config_keys.h"
#include "daemon/file.h"

#define PAGE   TEST_SOURCE_DIR "/man/unitlsd.conf.5"
#define BEGIN  ".\\\" BEGIN KEYS (from the table in daemon/config_keys.c)\n"
#define END    ".\\\" END KEYS\n"
#define COLUMN 78

/* Text of one line, broken between words. */
static void print_wrapped(FILE *stream, const char *text, size_t length)
{
	size_t column = 0;

	while (length > 0) {
		size_t word = strcspn(text, " \n");

		if (word > length)
			word = length;
		if (column > 0 && column + 1 + word > COLUMN) {
			(void)fputc('\n', stream);
			column = 0;
		}
		(void)fprintf(stream, "%s%.*s", column ? " " : "", (int)word, text);
		column += word + (column ? 1 : 0);
		text += word;
		length -= word;
		while (length > 0 && *text == ' ') {
			text++;
			length--;
		}
	}
	(void)fputc('\n', stream);
}

/* Macro lines as they are, text lines sentence by sentence. */
static void print_manual(FILE *stream, const char *manual)
{
	while (*manual) {
		size_t length = strcspn(manual, "\n");

		if (*manual == '.')
			(void)fprintf(stream, "%.*s\n", (int)length, manual);
		else
			print_wrapped(stream, manual, length);
		manual += length + (manual[length] == '\n');
	}
}

static void print_key(FILE *stream, const struct config_key *key)
{
	char sentence[512];
	const char *more = key->flags & CONFIG_KEY_REQUIRED ? " Required." : "";

	(void)fprintf(stream, ".It Ic %s No = %s %s\n", key->name, strchr(key->argument, '|') ? "Cm" : "Ar",
		key->argument);
	(void)snprintf(sentence, sizeof(sentence), "%c%s.", key->help[0] - 'a' + 'A', key->help + 1);
	print_manual(stream, sentence);
	if (*more)
		(void)fprintf(stream, "%s\n", more + 1);
	if (key->flags & CONFIG_KEY_REPEATABLE)
		(void)fputs("May be repeated.\n", stream);
	print_manual(stream, key->manual);
	if (key->default_text)
		(void)fprintf(stream, "The default is\n.Ql %s .\n", key->default_text);
}

static char *print_reference(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (size_t kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
		size_t count;
		const struct config_key *keys = config_keys((enum config_kind)kind, &count);

		(void)fprintf(stream, ".Ss [%s%s] keys\n.Bl -tag -width Ds\n",
			config_kind_name((enum config_kind)kind), kind == CONFIG_KIND_DAEMON ? "" : " NAME");
		for (size_t i = 0; i < count; i++)
			print_key(stream, &keys[i]);
		(void)fputs(".El\n", stream);
	}
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void write_page(const char *page, const char *begin, const char *end, const char *reference)
{
	FILE *stream = fopen(PAGE, "w");

	assert_non_null(stream);
	(void)fprintf(stream, "%.*s%s%s", (int)(begin - page), page, reference, end);
	assert_int_equal(fclose(stream), 0);
}

static void test_the_page_has_the_table(void **state)
{
	char *reference = print_reference();
	char *page;
	size_t size;
	char *begin;
	char *end;

	(void)state;
	assert_int_equal(file_read(PAGE, 1 << 20, &page, &size), 0);
	begin = strstr(page, BEGIN);
	end = strstr(page, END);
	assert_non_null(begin);
	assert_non_null(end);
	begin += strlen(BEGIN);
	if (getenv("UNITLS_WRITE_MANUAL"))
		write_page(page, begin, end, reference);
	else
		assert_true((size_t)(end - begin) == strlen(reference) &&
			memcmp(begin, reference, strlen(reference)) == 0);
	free(page);
	free(reference);
}

static void test_keys_are_well_formed(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
		size_t count;
		const struct config_key *keys = config_keys((enum config_kind)kind, &count);

		assert_true(count > 0);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(keys[i].kind, kind);
			assert_ptr_equal(config_key_find((enum config_kind)kind, keys[i].name), &keys[i]);
			assert_int_equal(config_key_index(&keys[i]), i);
			assert_true(strlen(keys[i].name) <= 20);
			assert_non_null(keys[i].help);
			assert_non_null(keys[i].manual);
			assert_non_null(keys[i].argument);
			assert_true(
				keys[i].manual[0] == '\0' || keys[i].manual[strlen(keys[i].manual) - 1] == '\n');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_page_has_the_table),
		cmocka_unit_test(test_keys_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

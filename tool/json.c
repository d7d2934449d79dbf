/* Making and printing JSON. */

#include "tool/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/message.h"
#include "tool/printable.h"
#include "tool/status.h"

#define LABEL_WIDTH  18
#define INDENT       2
#define ESCAPED_SIZE 4096
#define OCTETS_MAX   64

/* ---- making ---- */

json_t *json_bytes(struct unitls_bytes bytes)
{
	char text[ESCAPED_SIZE];

	return json_string(printable(bytes, text, sizeof(text)));
}

json_t *json_text(const char *text)
{
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	return value ? value : json_bytes((struct unitls_bytes){(const uint8_t *)text, strlen(text)});
}

json_t *json_time(int64_t seconds)
{
	time_t time = (time_t)seconds;
	struct tm tm;
	char text[40];

	if (!gmtime_r(&time, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_integer(seconds);
	return json_string(text);
}

json_t *json_octets(const uint8_t *octets, size_t n)
{
	char text[3 * OCTETS_MAX] = "";

	for (size_t i = 0; i < n && i < OCTETS_MAX; i++)
		(void)snprintf(text + (i > 0 ? 3 * i - 1 : 0), 4, "%s%02x", i > 0 ? ":" : "", octets[i]);
	return json_string(text);
}

static void check(int status)
{
	if (status == 0)
		return;
	message("out of memory");
	exit(STATUS_LOCAL);
}

void json_put(json_t *object, const char *key, json_t *value)
{
	check(json_object_set_new(object, key, value));
}

void json_add(json_t *array, json_t *value)
{
	check(json_array_append_new(array, value));
}

/* ---- printing ---- */

int json_print(FILE *out, json_t *tree)
{
	if (json_dumpf(tree, out, JSON_COMPACT) == 0 && fputc('\n', out) != EOF && fflush(out) == 0)
		return 0;
	message("standard output: %s", strerrordesc_np(errno));
	return -1;
}

static void print_scalar(FILE *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		(void)fputs(json_string_value(value), out);
		return;
	case JSON_INTEGER:
		(void)fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	case JSON_TRUE:
		(void)fputs("yes", out);
		return;
	case JSON_FALSE:
		(void)fputs("no", out);
		return;
	case JSON_NULL:
	case JSON_REAL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
	(void)fputs("none", out);
}

static void print_label(FILE *out, const char *key, int indent)
{
	int width = LABEL_WIDTH - indent;

	(void)fprintf(out, "%*s", indent, "");
	for (; *key != '\0'; key++, width--)
		(void)fputc(*key == '_' ? ' ' : *key, out);
	(void)fprintf(out, "%*s", width > 1 ? width : 1, "");
}

static void print_list(FILE *out, const char *key, json_t *list, int indent)
{
	json_t *item;
	size_t i;

	if (json_is_object(json_array_get(list, 0))) {
		json_array_foreach(list, i, item)
		{
			/* certificates: certificate 0 */
			(void)fprintf(out, "%*s%.*s %zu\n", indent, "", (int)strlen(key) - 1, key, i);
			json_print_text(out, item, indent + INDENT);
		}
		return;
	}
	print_label(out, key, indent);
	json_array_foreach(list, i, item)
	{
		(void)fputs(i > 0 ? ", " : "", out);
		print_scalar(out, item);
	}
	(void)fputs(json_array_size(list) == 0 ? "none\n" : "\n", out);
}

void json_print_text(FILE *out, json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (json_is_object(value)) {
			(void)fprintf(out, "%*s%s\n", indent, "", key);
			json_print_text(out, value, indent + INDENT);
		} else if (json_is_array(value)) {
			print_list(out, key, value, indent);
		} else {
			print_label(out, key, indent);
			print_scalar(out, value);
			(void)fputc('\n', out);
		}
	}
}

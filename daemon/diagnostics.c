/* Collecting messages about a configuration. Bounded in number and length; text is made safe for one line here, once, so
 * nobody who prints it has to. */

#include "daemon/diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME_MAX 4096

void diagnostics_init(struct diagnostics *list)
{
	memset(list, 0, sizeof(*list));
}

void diagnostics_fini(struct diagnostics *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].file);
		free(list->items[i].text);
	}
	free(list->items);
	memset(list, 0, sizeof(*list));
}

bool diagnostics_ok(const struct diagnostics *list)
{
	return list->error_count == 0 && !list->out_of_memory;
}

/* The length of the well-formed UTF-8 sequence at TEXT (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {
		{0x20, 0x7e, 0, 0, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++) {
			if (text[k] < 0x80 || text[k] > 0xbf)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

/* A copy of TEXT of at most LIMIT bytes in which every control byte, C1 control and malformed sequence is "\xNN". */
static char *safe_copy(const char *text, size_t limit)
{
	const unsigned char *in = (const unsigned char *)text;
	char *copy = malloc(limit + 1);
	size_t length = 0;

	if (!copy)
		return NULL;
	while (*in) {
		size_t take = utf8_length(in);

		if (take == 2 && in[0] == 0xc2 && in[1] < 0xa0)
			take = 0;
		if (length + (take ? take : 4) > limit)
			break;
		if (take) {
			memcpy(copy + length, in, take);
			length += take;
			in += take;
		} else {
			(void)snprintf(copy + length, 5, "\\x%02x", *in);
			length += 4;
			in++;
		}
	}
	copy[length] = '\0';
	char *fitted = realloc(copy, length + 1);
	return fitted ? fitted : copy;
}

static int grow(struct diagnostics *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 16;
	struct diagnostic *items = reallocarray(list->items, capacity, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	list->capacity = capacity;
	return 0;
}

static void add_text(
	struct diagnostics *list, enum diagnostic_level level, const char *file, unsigned line, const char *text)
{
	struct diagnostic item = {.level = level, .line = line};

	if (level == DIAGNOSTIC_ERROR)
		list->error_count++;
	else
		list->warning_count++;
	if (list->count >= DIAGNOSTICS_MAX)
		return;
	if (list->count == list->capacity && grow(list) < 0)
		goto lost;
	item.file = safe_copy(file ? file : "", FILE_NAME_MAX);
	item.text = safe_copy(text, DIAGNOSTICS_TEXT_MAX);
	if (!item.file || !item.text)
		goto lost;
	list->items[list->count++] = item;
	return;
lost:
	list->out_of_memory = true;
	free(item.file);
	free(item.text);
}

void diagnostics_add(struct diagnostics *list, enum diagnostic_level level, const char *file, unsigned line,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_add_list(list, level, file, line, format, arguments);
	va_end(arguments);
}

void diagnostics_add_list(struct diagnostics *list, enum diagnostic_level level, const char *file, unsigned line,
	const char *format, va_list arguments)
{
	char text[DIAGNOSTICS_TEXT_MAX + 1];

	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		text[0] = '\0';
	add_text(list, level, file, line, text);
}

struct sort_key {
	struct diagnostic item;
	size_t file_rank;
	size_t position;
};

static int compare_keys(const void *left, const void *right)
{
	const struct sort_key *a = left;
	const struct sort_key *b = right;

	if (a->file_rank != b->file_rank)
		return a->file_rank < b->file_rank ? -1 : 1;
	if (a->item.line != b->item.line)
		return a->item.line < b->item.line ? -1 : 1;
	return a->position < b->position ? -1 : 1;
}

/* The position of the first message about the same file. At most DIAGNOSTICS_MAX messages, so a plain search does. */
static size_t file_rank(const struct diagnostics *list, size_t index)
{
	size_t rank = 0;

	while (strcmp(list->items[rank].file, list->items[index].file) != 0)
		rank++;
	return rank;
}

void diagnostics_sort(struct diagnostics *list)
{
	struct sort_key *keys;

	if (list->count < 2)
		return;
	keys = calloc(list->count, sizeof(*keys));
	if (!keys)
		return; /* the order is a comfort, not a promise worth failing for */
	for (size_t i = 0; i < list->count; i++)
		keys[i] = (struct sort_key){list->items[i], file_rank(list, i), i};
	qsort(keys, list->count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = keys[i].item;
	free(keys);
}

size_t diagnostics_format_place(const struct diagnostic *item, char *buffer, size_t size)
{
	int length;

	if (size == 0)
		return 0;
	if (item->line == 0 || item->file[0] == '\0' || strcmp(item->file, DIAGNOSTICS_COMMAND_LINE) == 0)
		length = snprintf(buffer, size, "%s", item->file);
	else
		length = snprintf(buffer, size, "%s:%u", item->file, item->line);
	if (length < 0)
		buffer[0] = '\0';
	return strlen(buffer);
}

size_t diagnostics_format(const struct diagnostic *item, char *buffer, size_t size)
{
	const char *mark = item->level == DIAGNOSTIC_WARNING ? "warning: " : "";
	size_t place = diagnostics_format_place(item, buffer, size);

	if (place < size)
		(void)snprintf(buffer + place, size - place, "%s%s%s", place > 0 ? ": " : "", mark, item->text);
	return size == 0 ? 0 : strlen(buffer);
}

int diagnostics_encode(const struct diagnostics *list, char **ret_text, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		const struct diagnostic *item = &list->items[i];

		(void)fprintf(stream, "%s\t%s\t%u\t%s\n", item->level == DIAGNOSTIC_ERROR ? "error" : "warning",
			item->file, item->line, item->text);
	}
	if (list->out_of_memory)
		(void)fputs("error\t\t0\tout of memory while reading the configuration\n", stream);
	if (list->error_count + list->warning_count > list->count && list->count == DIAGNOSTICS_MAX)
		(void)fprintf(stream, "error\t\t0\t%zu more messages left out\n",
			list->error_count + list->warning_count - list->count);
	bool failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static int parse_line_number(const char *text, unsigned *ret)
{
	unsigned value = 0;

	if (!*text)
		return -EBADMSG;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > 99999999)
			return -EBADMSG;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*ret = value;
	return 0;
}

/* One line, terminated, which is cut into its fields. */
static int decode_line(struct diagnostics *list, char *line)
{
	char *fields[4];
	char *rest = line;
	unsigned number;

	for (size_t i = 0; i < 4; i++) {
		fields[i] = i < 3 ? strsep(&rest, "\t") : rest;
		if (!fields[i])
			return -EBADMSG;
	}
	if (parse_line_number(fields[2], &number) < 0)
		return -EBADMSG;
	if (strcmp(fields[0], "error") == 0)
		add_text(list, DIAGNOSTIC_ERROR, fields[1], number, fields[3]);
	else if (strcmp(fields[0], "warning") == 0)
		add_text(list, DIAGNOSTIC_WARNING, fields[1], number, fields[3]);
	else
		return -EBADMSG;
	return 0;
}

int diagnostics_decode(struct diagnostics *list, const char *text, size_t size)
{
	char line[FILE_NAME_MAX + DIAGNOSTICS_TEXT_MAX + 64];

	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t length = end ? (size_t)(end - text) : size;

		if (!end || length >= sizeof(line) || memchr(text, '\0', length))
			return -EBADMSG;
		memcpy(line, text, length);
		line[length] = '\0';
		if (decode_line(list, line) < 0)
			return -EBADMSG;
		text += length + 1;
		size -= length + 1;
	}
	return 0;
}

/* Lines are classified here just far enough to refuse what inih would cut or drop; splitting, comments and continuation stay inih's. */

#include "daemon/ini_reader.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE (INI_READER_NAME_MAX + 1)

struct reader {
	const char *rest;
	size_t rest_size;
	const struct ini_reader_events *events;
	void *argument;
	unsigned line;
	int failure;
	bool expecting;    /* the line given to inih must bring one call of the handler */
	bool continuing;   /* it is an indented line that continues a name */
	bool have_name;    /* a name that an indented line would continue */
	bool have_pending; /* "NAME =": nothing yet, perhaps more below */
	char pending_name[NAME_SIZE];
	unsigned pending_line;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void fault(struct reader *reader, const char *reason)
{
	reader->events->on_fault(reader->argument, reason, reader->line);
}

/* A "NAME =" that nothing continued is an empty value after all. */
static void flush_pending(struct reader *reader)
{
	if (!reader->have_pending)
		return;
	reader->have_pending = false;
	reader->events->on_value(reader->argument, reader->pending_name, "", reader->pending_line, false);
}

static int on_inih_value(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;

	(void)section; /* inih calls nothing for an empty section, so headers are read here */
	reader->expecting = false;
	if (reader->continuing) {
		reader->have_pending = false;
		reader->events->on_value(reader->argument, name, value, reader->line, true);
		return 1;
	}
	flush_pending(reader);
	if (value[0] != '\0') {
		reader->events->on_value(reader->argument, name, value, reader->line, false);
		return 1;
	}
	reader->have_pending = true;
	reader->pending_line = reader->line;
	(void)snprintf(reader->pending_name, sizeof(reader->pending_name), "%s", name);
	return 1;
}

/* "[TEXT]", and then at most a comment. Tells on_section. */
static void take_header(struct reader *reader, char *start)
{
	char *end = strchr(start, ']');
	const char *after = end ? end + 1 : "";
	const char *reason = NULL;

	flush_pending(reader);
	reader->have_name = false;
	while (is_space(*after))
		after++;
	if (!end || memchr(start, ';', (size_t)(end - start)))
		reason = "a section is written [KIND NAME]";
	else if (*after != '\0' && *after != ';')
		reason = "unexpected text after the section";
	else if ((size_t)(end - start) - 1 > INI_READER_SECTION_MAX)
		reason = "the name of the section is too long (at most 49 bytes between the brackets)";
	if (reason) {
		fault(reader, reason);
		reader->events->on_section(reader->argument, NULL, reader->line);
		return;
	}
	char *text = start + 1;
	while (is_space(*text))
		text++;
	while (end > text && is_space(end[-1]))
		end--;
	*end = '\0';
	reader->events->on_section(reader->argument, text, reader->line);
}

/* Whether inih would take the line as "NAME = VALUE" with a name it can carry. */
static const char *refuse_value(const char *start)
{
	size_t length = strcspn(start, "=:");

	for (size_t i = 1; i < length; i++) {
		if (start[i] == ';' && is_space(start[i - 1]))
			length = i;
	}
	if (start[length] != '=' && start[length] != ':')
		return "neither a section, nor NAME = VALUE, nor a comment";
	while (length > 0 && is_space(start[length - 1]))
		length--;
	if (length == 0)
		return "there is no name before the \"=\"";
	if (length > INI_READER_NAME_MAX)
		return "the name is too long (at most 49 bytes)";
	return NULL;
}

/* "#line NUMBER FILE" in text that may have it. */
static bool take_origin(struct reader *reader, const char *start)
{
	unsigned number = 0;

	if (!reader->events->on_origin || strncmp(start, "#line ", 6) != 0)
		return false;
	for (start += 6; *start >= '0' && *start <= '9' && number < 100000000; start++)
		number = number * 10 + (unsigned)(*start - '0');
	if (*start != ' ')
		return false;
	flush_pending(reader); /* its line still counts as before */
	reader->events->on_origin(reader->argument, start + 1, number, reader->line);
	return true;
}

/* One line, terminated and without its newline. Returns what inih gets instead of it: the line, nothing, or a
 * header, which makes it forget the name that an indented line would continue. */
static const char *accept_line(struct reader *reader, char *text, size_t length)
{
	static const char nothing[] = "";
	static const char forget[] = "[-]";
	const char *reason;
	char *start = text;

	if (memchr(text, '\0', length)) {
		fault(reader, "the line has a NUL byte");
		return nothing;
	}
	while (length > 0 && is_space(text[length - 1]))
		text[--length] = '\0';
	while (is_space(*start))
		start++;
	if (*start == '\0' || *start == ';' || *start == '#') {
		(void)(*start == '#' && start == text && take_origin(reader, start));
		return nothing;
	}
	reader->continuing = reader->have_name && start > text;
	if (length > INI_READER_LINE_MAX) {
		fault(reader, "the line is too long (at most 198 bytes; a list may go on in an indented line)");
		return nothing;
	}
	if (!reader->continuing && *start == '[') {
		take_header(reader, start);
		return forget;
	}
	reason = reader->continuing ? NULL : refuse_value(start);
	if (reason) {
		fault(reader, reason);
		reader->have_name = false;
		return forget;
	}
	reader->have_name = true;
	reader->expecting = true;
	return text;
}

/* The next line of the text in a copy of its own; NULL at the end or without memory (then *failed). */
static char *next_line(struct reader *reader, size_t *ret_length)
{
	const char *end = memchr(reader->rest, '\n', reader->rest_size);
	size_t length = end ? (size_t)(end - reader->rest) : reader->rest_size;
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, reader->rest, length);
	copy[length] = '\0';
	reader->rest += end ? length + 1 : length;
	reader->rest_size -= end ? length + 1 : length;
	reader->line++;
	*ret_length = length;
	return copy;
}

/* inih's reader: fills BUFFER with one line. Lines that inih does not get become empty ones. */
static char *on_inih_read(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	size_t length;
	char *line;

	reader->continuing = false;
	if (reader->expecting) {
		reader->expecting = false;
		fault(reader, "the line was not understood");
	}
	if (reader->rest_size == 0)
		return NULL;
	line = next_line(reader, &length);
	if (!line || size < INI_READER_LINE_MAX + 2) {
		reader->failure = line ? -EPROTO : -ENOMEM; /* an inih built for shorter lines is of no use */
		free(line);
		return NULL;
	}
	/* With its newline, or inih 59 takes a line that fills the buffer for a cut one and drops the line behind it. */
	(void)snprintf(buffer, (size_t)size, "%s\n", accept_line(reader, line, length));
	free(line);
	return buffer;
}

int ini_reader_run(const char *text, size_t size, const struct ini_reader_events *events, void *argument)
{
	struct reader reader = {.rest = text, .rest_size = size, .events = events, .argument = argument};

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		reader.rest += 3;
		reader.rest_size -= 3;
	}
	(void)ini_parse_stream(on_inih_read, &reader, on_inih_value, &reader); /* faults were told one by one */
	if (reader.failure < 0)
		return reader.failure;
	flush_pending(&reader);
	return 0;
}

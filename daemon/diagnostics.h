/* What is wrong with a configuration: a bounded list of messages with the file and line each belongs to.
 *
 * It only collects. It never prints, logs or exits; who runs the loader decides where the messages go.
 * Invariant: text is valid UTF-8 or escaped, without control bytes, so one message is always one line. */

#ifndef UNITLSD_DIAGNOSTICS_H
#define UNITLSD_DIAGNOSTICS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* More messages than this are counted and left out; so is text beyond the length. */
#define DIAGNOSTICS_MAX      1000
#define DIAGNOSTICS_TEXT_MAX 1000

/* Stands for the file of a configuration that was made up from options. Nobody wrote its lines, so they are not shown. */
#define DIAGNOSTICS_COMMAND_LINE "command line"

enum diagnostic_level {
	DIAGNOSTIC_WARNING,
	DIAGNOSTIC_ERROR,
};

struct diagnostic {
	enum diagnostic_level level;
	char *file;    /* "" when it belongs to no file */
	unsigned line; /* 0 when it belongs to no line */
	char *text;
};

struct diagnostics {
	struct diagnostic *items;
	size_t count;
	size_t capacity;
	size_t error_count;   /* errors in all, also those left out */
	size_t warning_count; /* warnings in all, also those left out */
	bool out_of_memory;   /* a message was lost because memory ran out; counts as an error */
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_fini(struct diagnostics *list);

/* Adds one message. FILE may be NULL, LINE 0. Never fails: what cannot be kept is counted. */
void diagnostics_add(struct diagnostics *list, enum diagnostic_level level, const char *file, unsigned line,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for a function with arguments of its own. */
void diagnostics_add_list(struct diagnostics *list, enum diagnostic_level level, const char *file, unsigned line,
	const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

/* True when nothing worse than a warning was added. */
bool diagnostics_ok(const struct diagnostics *list);

/* Moves the messages into the order of their files (as first named) and lines; messages of one line keep their order. */
void diagnostics_sort(struct diagnostics *list);

/* Writes one message as "file:line: text" or "file:line: warning: text" (or without file or line, if there is none), without a newline, cut at SIZE - 1 bytes.
 * Returns the length written. */
size_t diagnostics_format(const struct diagnostic *item, char *buffer, size_t size);

/* Writes the part before the text, "file:line" or "file", likewise; "" when the message belongs to no file. */
size_t diagnostics_format_place(const struct diagnostic *item, char *buffer, size_t size);

/* All messages as text for a pipe, one "LEVEL\tFILE\tLINE\tTEXT\n" each. The caller frees *ret_text.
 * Returns 0 or -ENOMEM. */
int diagnostics_encode(const struct diagnostics *list, char **ret_text, size_t *ret_size);

/* Adds what diagnostics_encode() made. The text may be hostile: what is not in that form is refused with -EBADMSG, and
 * then nothing more is added. Returns 0, -EBADMSG. */
int diagnostics_decode(struct diagnostics *list, const char *text, size_t size);

#endif

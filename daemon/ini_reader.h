/* INI text as a stream of sections and values with line numbers, on top of inih.
 *
 * inih cuts a line after 199 bytes with its newline (55; 59 drops the rest) and a section's name after 49, silently, and gives its
 * handler no line number. This reader hands inih one checked line at a time, so that nothing is ever cut, every fault is told with its line, and
 * the rest of the file is read on.
 * Invariant: it knows nothing about sections and keys; it opens nothing. */

#ifndef UNITLSD_INI_READER_H
#define UNITLSD_INI_READER_H

#include <stdbool.h>
#include <stddef.h>

#define INI_READER_LINE_MAX    198 /* bytes of a line that inih carries, without the newline */
#define INI_READER_SECTION_MAX 49  /* bytes between the brackets */
#define INI_READER_NAME_MAX    49  /* bytes of a name */

/* What the reader calls, each with the number of the line. Text is lent for the call. */
struct ini_reader_events {
	/* "[TEXT]"; TEXT is trimmed. NULL after a fault in a header: what follows belongs to no section. */
	void (*on_section)(void *argument, const char *text, unsigned line);
	/* "NAME = VALUE", or an indented line that continues the NAME before it. A "NAME =" whose value is on the
	 * lines after it comes only with those. */
	void (*on_value)(void *argument, const char *name, const char *value, unsigned line, bool continuation);
	/* A line that could not be used, and why. */
	void (*on_fault)(void *argument, const char *reason, unsigned line);
	/* "#line NUMBER FILE": from the next line on, that is the origin. NULL: such a line is a comment. */
	void (*on_origin)(void *argument, const char *file, unsigned line_there, unsigned line);
};

/* Reads all of TEXT. Returns 0, also when there were faults; -ENOMEM; -EPROTO when inih was built for shorter lines. */
int ini_reader_run(const char *text, size_t size, const struct ini_reader_events *events, void *argument);

#endif

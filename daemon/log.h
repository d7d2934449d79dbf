/* The log: one logfmt line an event, to standard error, the journal or a file.
 *
 * It never blocks and never fails towards its caller: a line that cannot be written at once is dropped and counted, and the count is
 * told in a line of its own as soon as one gets through. It opens no file; the master does and passes descriptors.
 * Invariant: one event is one line. Values are escaped here and nowhere else, so text from the network cannot end a line or look
 * like another field; keys and event names are constants of the program. */

#ifndef UNITLSD_LOG_H
#define UNITLSD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX \
	4000 /* bytes of a line with its newline; less than PIPE_BUF, so it is written whole or not at all */

/* In the order of enum config_log_level. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* A line under construction, on the caller's stack. What does not fit any more is cut, and the line says so: "cut=1". */
struct log_line {
	enum log_level level;
	bool wanted; /* false: below the level, everything is a no-op */
	bool cut;
	size_t size;
	char text[LOG_LINE_MAX];
};

/* Begins a process's log on FD (lent; standard error as a rule). PROCESS is put in every line: "master", "worker-3".
 * Whether standard error is the journal is told by JOURNAL_STREAM. */
void log_init(int fd, const char *process);

/* The same log in a child, which counts what it drops itself. */
void log_set_process(const char *process);

/* Writes to FD from now on and closes the descriptor of the call before. FD becomes the log's. */
void log_set_fd(int fd);

/* The descriptor written to. */
int log_fd(void);

void log_set_level(enum log_level level);
bool log_wants(enum log_level level);

/* A line: begin, fields in order, end (writes it). */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *key, const char *value); /* NULL: the field is left out */
void log_bytes(struct log_line *line, const char *key, const void *data, size_t size);
void log_number(struct log_line *line, const char *key, int64_t value);
void log_count(struct log_line *line, const char *key, uint64_t value);
void log_format(struct log_line *line, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_end(struct log_line *line);

/* A whole line of text fields: log_event(LEVEL, "event", "key", value, "key", value, (char *)NULL). A field whose
 * value is NULL is left out. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* Lines dropped since the process began. */
uint64_t log_drops(void);

/* At most so many lines a second of one kind. Zero-initialise with the limit set. */
struct log_limiter {
	unsigned limit;    /* lines a second */
	unsigned used;     /* in this second */
	uint64_t second;   /* of the monotonic clock */
	uint64_t left_out; /* not told yet */
};

/* Whether a line may be written at NOW_MS (monotonic). When it may, *ret_left_out is how many were not since the last one
 * that was: put it in the line as "left_out" unless 0. */
bool log_limiter_allow(struct log_limiter *limiter, uint64_t now_ms, uint64_t *ret_left_out);

/* What is untold when no line came after: take it about every second and write it in a line of its own unless 0. */
uint64_t log_limiter_take(struct log_limiter *limiter, uint64_t now_ms);

/* Appends VALUE as logfmt has it: bare, or quoted with escapes. Pure; always terminated. Returns the length that was appended, or
 * SIZE when it had to be cut. For tests and status texts. */
size_t log_escape(char *buffer, size_t size, const void *value, size_t value_size);

#endif

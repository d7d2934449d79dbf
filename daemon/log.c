/* The log: one logfmt line an event. */

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CUT_NOTE " cut=1\n"

/* How to write without being held up. */
enum log_way {
	LOG_WAY_WRITE, /* a file, or what is non-blocking by itself */
	LOG_WAY_SEND,  /* a socket */
	LOG_WAY_POLL,  /* a pipe that could not be opened anew */
};

static struct {
	int fd;
	bool owned;
	bool journal;
	enum log_way way;
	enum log_level level;
	bool torn; /* half a line was written: end it first */
	uint64_t drops;
	uint64_t drops_told;
	char process[32];
} state = {.fd = -1, .level = LOG_LEVEL_INFO, .process = "main"};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int level_priorities[] = {3, 4, 6, 7};

static bool is_journal(int fd)
{
	const char *text = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (text == NULL || fstat(fd, &status) != 0)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(text, own) == 0;
}

/* Other processes share the open file behind FD, so it may not be made non-blocking itself. */
static int open_anew(int fd)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void forget_fd(void)
{
	if (state.owned && state.fd >= 0)
		(void)close(state.fd);
	state.owned = false;
	state.fd = -1;
	state.torn = false;
}

static void choose_way(int fd)
{
	struct stat status;
	int anew;

	state.way = LOG_WAY_WRITE;
	if (fstat(fd, &status) != 0)
		return;
	if (S_ISSOCK(status.st_mode)) {
		state.way = LOG_WAY_SEND;
		return;
	}
	if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
		return;
	if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0)
		return;
	anew = open_anew(fd);
	if (anew < 0) {
		state.way = LOG_WAY_POLL;
		return;
	}
	if (state.owned)
		(void)close(fd);
	state.fd = anew;
	state.owned = true;
}

void log_init(int fd, const char *process)
{
	forget_fd();
	state.fd = fd;
	choose_way(fd);
	state.journal = is_journal(fd);
	log_set_process(process);
}

void log_set_process(const char *process)
{
	(void)snprintf(state.process, sizeof(state.process), "%s", process);
	state.drops = 0;
	state.drops_told = 0;
}

void log_set_fd(int fd)
{
	forget_fd();
	state.fd = fd;
	state.owned = true;
	state.journal = is_journal(fd);
	choose_way(fd);
}

int log_fd(void)
{
	return state.fd;
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

bool log_wants(enum log_level level)
{
	return level <= state.level;
}

/* The length of the valid, harmless UTF-8 sequence at TEXT, or 0. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
	uint32_t code;
	size_t length;
	size_t i;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (length > size)
		return 0;
	code = text[0] & (0x7fU >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = (code << 6) | (text[i] & 0x3fU);
	}
	if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	if (code >= 0xd800 && code <= 0xdfff)
		return 0;
	/* Control characters of Latin 1, line and paragraph separators, and what reverses the direction of text. */
	if (code < 0xa0 || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return length;
}

/* One character of VALUE, or the escape for one byte of it, in UNIT (not terminated). Returns its length. */
static size_t escape_unit(const unsigned char *value, size_t size, char unit[8], size_t *ret_used)
{
	static const char digits[] = "0123456789abcdef";
	size_t length = utf8_length(value, size);

	*ret_used = 1;
	if (length == 1 && (value[0] == '"' || value[0] == '\\')) {
		unit[0] = '\\';
		unit[1] = (char)value[0];
		return 2;
	}
	if (length > 0) {
		memcpy(unit, value, length);
		*ret_used = length;
		return length;
	}
	unit[0] = '\\';
	if (value[0] == '\n' || value[0] == '\r' || value[0] == '\t') {
		unit[1] = value[0] == '\n' ? 'n' : value[0] == '\r' ? 'r' : 't';
		return 2;
	}
	unit[1] = 'x';
	unit[2] = digits[value[0] >> 4];
	unit[3] = digits[value[0] & 15];
	return 4;
}

static bool is_bare(const unsigned char *value, size_t size)
{
	size_t i;

	if (size == 0)
		return false;
	for (i = 0; i < size; i++)
		if (value[i] <= ' ' || value[i] >= 0x7f || value[i] == '"' || value[i] == '=' || value[i] == '\\')
			return false;
	return true;
}

size_t log_escape(char *buffer, size_t size, const void *value, size_t value_size)
{
	const unsigned char *bytes = value;
	bool bare = is_bare(bytes, value_size);
	size_t out = 0;
	size_t in = 0;

	if (size < 3) {
		if (size > 0)
			buffer[0] = '\0';
		return size;
	}
	if (!bare)
		buffer[out++] = '"';
	while (in < value_size) {
		char unit[8];
		size_t used;
		size_t length = escape_unit(bytes + in, value_size - in, unit, &used);

		/* Room for a closing quote and the NUL stays. */
		if (out + length + 2 > size)
			break;
		memcpy(buffer + out, unit, length);
		out += length;
		in += used;
	}
	if (!bare)
		buffer[out++] = '"';
	buffer[out] = '\0';
	return in == value_size ? out : size;
}

/* Bytes of the line that a field may still take, with a NUL; room for the cut note and the newline stays. */
static size_t room(const struct log_line *line)
{
	size_t limit = sizeof(line->text) - sizeof(CUT_NOTE);

	return line->size < limit ? limit - line->size : 0;
}

static void append(struct log_line *line, const char *text)
{
	size_t size = strlen(text);

	if (size >= room(line)) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void append_time(struct log_line *line)
{
	struct timespec now;
	struct tm parts;
	char text[64];
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &parts) == NULL)
		return;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(text + n, sizeof(text) - n, ".%03ldZ ", now.tv_nsec / 1000000);
	append(line, text);
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
	char text[16];

	line->level = level;
	line->wanted = state.fd >= 0 && log_wants(level);
	line->cut = false;
	line->size = 0;
	if (!line->wanted)
		return;
	if (state.journal) {
		(void)snprintf(text, sizeof(text), "<%d>", level_priorities[level]);
		append(line, text);
	} else {
		append_time(line);
	}
	append(line, "event=");
	append(line, event);
	append(line, " level=");
	append(line, level_names[level]);
	append(line, " process=");
	append(line, state.process);
}

void log_bytes(struct log_line *line, const char *key, const void *data, size_t size)
{
	size_t key_size = strlen(key);
	size_t left;

	if (!line->wanted || line->cut)
		return;
	if (key_size + 8 > room(line)) {
		line->cut = true;
		return;
	}
	append(line, " ");
	append(line, key);
	append(line, "=");
	left = room(line);
	if (log_escape(line->text + line->size, left, data, size) == left)
		line->cut = true;
	line->size += strlen(line->text + line->size);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	if (value != NULL)
		log_bytes(line, key, value, strlen(value));
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	log_text(line, key, text);
}

void log_count(struct log_line *line, const char *key, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	log_text(line, key, text);
}

void log_format(struct log_line *line, const char *key, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list arguments;

	if (!line->wanted)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_text(line, key, text);
}

/* Returns the bytes written, 0 when it cannot be done now. */
static size_t write_some(const char *data, size_t size)
{
	struct pollfd ready = {.fd = state.fd, .events = POLLOUT};
	ssize_t n;

	if (state.way == LOG_WAY_POLL && (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0))
		return 0;
	do
		n = state.way == LOG_WAY_SEND ? send(state.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
					      : write(state.fd, data, size);
	while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

static bool write_line(const char *data, size_t size)
{
	size_t n;

	if (state.torn) {
		if (write_some("\n", 1) != 1)
			return false;
		state.torn = false;
	}
	n = write_some(data, size);
	state.torn = n > 0 && n < size;
	return n == size;
}

static void finish(struct log_line *line)
{
	const char *end = line->cut ? CUT_NOTE : "\n";

	memcpy(line->text + line->size, end, strlen(end));
	line->size += strlen(end);
	if (!write_line(line->text, line->size))
		state.drops++;
}

static void tell_drops(void)
{
	struct log_line line;
	uint64_t untold = state.drops - state.drops_told;
	uint64_t before = state.drops;

	log_begin(&line, LOG_LEVEL_WARNING, "log_drops");
	if (!line.wanted)
		return;
	log_count(&line, "count", untold);
	finish(&line);
	if (state.drops == before)
		state.drops_told = before;
	else
		state.drops = before; /* the notice itself does not count */
}

void log_end(struct log_line *line)
{
	if (!line->wanted)
		return;
	if (state.drops != state.drops_told)
		tell_drops();
	finish(line);
}

void log_event(enum log_level level, const char *event, ...)
{
	struct log_line line;
	va_list arguments;
	const char *key;

	log_begin(&line, level, event);
	va_start(arguments, event);
	for (;;) {
		const char *value;

		key = va_arg(arguments, const char *);
		if (key == NULL)
			break;
		value = va_arg(arguments, const char *);
		log_text(&line, key, value);
	}
	va_end(arguments);
	log_end(&line);
}

uint64_t log_drops(void)
{
	return state.drops;
}

bool log_limiter_allow(struct log_limiter *limiter, uint64_t now_ms, uint64_t *ret_left_out)
{
	uint64_t second = now_ms / 1000;

	if (second != limiter->second) {
		limiter->second = second;
		limiter->used = 0;
	}
	if (limiter->used >= limiter->limit) {
		limiter->left_out++;
		return false;
	}
	limiter->used++;
	*ret_left_out = limiter->left_out;
	limiter->left_out = 0;
	return true;
}

uint64_t log_limiter_take(struct log_limiter *limiter, uint64_t now_ms)
{
	uint64_t left_out = limiter->left_out;

	if (now_ms / 1000 == limiter->second)
		return 0;
	limiter->left_out = 0;
	return left_out;
}

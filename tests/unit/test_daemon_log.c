/* The log. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

static void assert_escaped(const void *value, size_t size, const char *expected)
{
	char text[200];

	assert_int_equal(log_escape(text, sizeof(text), value, size), strlen(expected));
	assert_string_equal(text, expected);
}

static void values_are_escaped(void **state)
{
	(void)state;
	assert_escaped("plain-1.2:3/[::1]", 17, "plain-1.2:3/[::1]");
	assert_escaped("", 0, "\"\"");
	assert_escaped("two words", 9, "\"two words\"");
	assert_escaped("a=b", 3, "\"a=b\"");
	assert_escaped("say \"x\" \\", 9, "\"say \\\"x\\\" \\\\\"");
	assert_escaped("a\nevent=forged", 14, "\"a\\nevent=forged\"");
	assert_escaped("\0\x1b[1m\x7f\r\t", 8, "\"\\x00\\x1b[1m\\x7f\\r\\t\"");
	assert_escaped("gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"");
}

static void what_is_not_harmless_utf8_is_escaped(void **state)
{
	(void)state;
	assert_escaped("\xc0\xaf", 2, "\"\\xc0\\xaf\"");
	assert_escaped("\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\"");
	assert_escaped("\xf5\x80\x80\x80", 4, "\"\\xf5\\x80\\x80\\x80\"");
	assert_escaped("\xe2\x82", 2, "\"\\xe2\\x82\"");
	assert_escaped("\xc2\x85", 2, "\"\\xc2\\x85\"");
	assert_escaped("\xe2\x80\xae", 3, "\"\\xe2\\x80\\xae\"");
	assert_escaped("\xe2\x80\xa8", 3, "\"\\xe2\\x80\\xa8\"");
	assert_escaped("\xf0\x9f\x94\x92", 4, "\"\xf0\x9f\x94\x92\"");
}

static void an_escaped_value_that_is_cut_is_still_one_value(void **state)
{
	char text[12];
	size_t i;

	(void)state;
	for (i = 3; i < sizeof(text); i++) {
		assert_int_equal(log_escape(text, i, "\n\n\n\n\n\n", 6), i);
		assert_true(strlen(text) < i);
		assert_int_equal(text[0], '"');
		assert_int_equal(text[strlen(text) - 1], '"');
		assert_int_equal(strlen(text) % 2, 0);
	}
}

/* A log into memory, and what is in it. */
static int memory_log(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	log_init(fd, "tester");
	return fd;
}

static const char *contents(int fd)
{
	static char text[LOG_LINE_MAX * 2];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void an_event_is_one_line(void **state)
{
	int fd = memory_log();
	const char *text;

	(void)state;
	log_event(LOG_LEVEL_INFO, "close", "sni", "a\nevent=forged", "absent", NULL, "peer", "192.0.2.1:7",
		(char *)NULL);
	text = contents(fd);
	assert_non_null(strstr(
		text, "Z event=close level=info process=tester sni=\"a\\nevent=forged\" peer=192.0.2.1:7\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	(void)close(fd);
}

static void what_is_below_the_level_is_not_written(void **state)
{
	int fd = memory_log();

	(void)state;
	log_event(LOG_LEVEL_DEBUG, "detail", (char *)NULL);
	assert_string_equal(contents(fd), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_event(LOG_LEVEL_DEBUG, "detail", (char *)NULL);
	log_set_level(LOG_LEVEL_INFO);
	assert_non_null(strstr(contents(fd), "event=detail level=debug"));
	(void)close(fd);
}

static void a_line_that_is_too_long_is_cut_and_says_so(void **state)
{
	static char value[LOG_LINE_MAX];
	int fd = memory_log();
	const char *text;

	(void)state;
	memset(value, '\n', sizeof(value) - 1);
	log_event(LOG_LEVEL_INFO, "close", "sni", value, "after", "x", (char *)NULL);
	text = contents(fd);
	assert_true(strlen(text) <= LOG_LINE_MAX);
	assert_string_equal(text + strlen(text) - 8, "\" cut=1\n");
	assert_null(strstr(text, "after="));
	(void)close(fd);
}

static void a_reader_that_stopped_never_stops_the_writer(void **state)
{
	char buffer[65536];
	int pipe_fds[2];
	ssize_t n;
	int i;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	log_init(pipe_fds[1], "tester");
	/* Others share this end: it has to stay blocking. */
	assert_int_equal(fcntl(pipe_fds[1], F_GETFL) & O_NONBLOCK, 0);
	for (i = 0; i < 5000; i++)
		log_event(LOG_LEVEL_INFO, "close", "text", "some text to fill the pipe with", (char *)NULL);
	assert_true(log_drops() > 0);
	n = read(pipe_fds[0], buffer, sizeof(buffer));
	assert_true(n > 0);
	log_event(LOG_LEVEL_INFO, "after", (char *)NULL);
	log_init(-1, "tester");
	(void)close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], buffer, sizeof(buffer) - 1)) > 0) {
		buffer[n] = '\0';
		if (strstr(buffer, "event=log_drops") != NULL && strstr(buffer, "event=after") != NULL)
			break;
	}
	assert_true(n > 0);
	(void)close(pipe_fds[0]);
}

static void a_socket_that_is_full_is_not_waited_for(void **state)
{
	int fds[2];
	int i;
	uint64_t before;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	log_init(fds[0], "tester");
	before = log_drops();
	for (i = 0; i < 20000; i++)
		log_event(LOG_LEVEL_INFO, "close", "text", "some text to fill the socket with", (char *)NULL);
	assert_true(log_drops() > before);
	/* A child counts its own. */
	log_set_process("child");
	assert_int_equal(log_drops(), 0);
	(void)close(fds[1]);
	log_event(LOG_LEVEL_INFO, "nobody", (char *)NULL);
	(void)close(fds[0]);
	log_init(-1, "tester");
}

static void the_journal_gets_priorities_instead_of_times(void **state)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct stat status;
	char text[64];

	(void)state;
	assert_int_equal(fstat(fd, &status), 0);
	(void)snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
	log_init(fd, "tester");
	(void)unsetenv("JOURNAL_STREAM");
	log_event(LOG_LEVEL_ERROR, "bad", (char *)NULL);
	assert_non_null(strstr(contents(fd), "<3>event=bad level=error process=tester\n"));
	assert_int_equal(contents(fd)[0], '<');
	(void)close(fd);
}

static void a_limiter_counts_what_it_leaves_out(void **state)
{
	struct log_limiter limiter = {.limit = 2};
	uint64_t left_out = 99;

	(void)state;
	assert_true(log_limiter_allow(&limiter, 5000, &left_out));
	assert_int_equal(left_out, 0);
	assert_true(log_limiter_allow(&limiter, 5100, &left_out));
	assert_false(log_limiter_allow(&limiter, 5200, &left_out));
	assert_false(log_limiter_allow(&limiter, 5999, &left_out));
	assert_int_equal(log_limiter_take(&limiter, 5999), 0);
	assert_true(log_limiter_allow(&limiter, 6000, &left_out));
	assert_int_equal(left_out, 2);
	assert_true(log_limiter_allow(&limiter, 6001, &left_out));
	assert_false(log_limiter_allow(&limiter, 6002, &left_out));
	assert_int_equal(log_limiter_take(&limiter, 7000), 1);
	assert_int_equal(log_limiter_take(&limiter, 7000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(what_is_not_harmless_utf8_is_escaped),
		cmocka_unit_test(an_escaped_value_that_is_cut_is_still_one_value),
		cmocka_unit_test(an_event_is_one_line),
		cmocka_unit_test(what_is_below_the_level_is_not_written),
		cmocka_unit_test(a_line_that_is_too_long_is_cut_and_says_so),
		cmocka_unit_test(a_reader_that_stopped_never_stops_the_writer),
		cmocka_unit_test(a_socket_that_is_full_is_not_waited_for),
		cmocka_unit_test(the_journal_gets_priorities_instead_of_times),
		cmocka_unit_test(a_limiter_counts_what_it_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The control socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control.h"

static struct {
	struct event_base *base;
	struct control *control;
	char folder[64];
	char path[80];
	unsigned commands;
} test;

static void on_command(void *argument, struct control_client *client, const char *command)
{
	(void)argument;
	test.commands++;
	if (strcmp(command, "wait") == 0) {
		control_wait(client, 7);
		return;
	}
	control_say(client, "you said %s", command);
	control_finish(client, strcmp(command, "good") == 0);
}

static void answer(void *argument, struct control_client *client)
{
	control_say(client, "%s", (const char *)argument);
	control_finish(client, true);
}

static int setup(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)state;
	/* As in every process of the daemon. */
	(void)sigaction(SIGPIPE, &ignore, NULL);
	memset(&test, 0, sizeof(test));
	(void)snprintf(test.folder, sizeof(test.folder), "/tmp/unitls-control-XXXXXX");
	if (mkdtemp(test.folder) == NULL)
		return -1;
	(void)snprintf(test.path, sizeof(test.path), "%s/control", test.folder);
	test.base = event_base_new();
	return control_open(test.base, test.path, on_command, NULL, &test.control);
}

static int teardown(void **state)
{
	(void)state;
	control_close(test.control);
	event_base_free(test.base);
	return rmdir(test.folder);
}

static int join(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, test.path, strlen(test.path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Lets the control work until TEXT has come, or the connection has ended. */
static const char *await(int fd, const char *text)
{
	static char got[8192];
	size_t size = 0;

	got[0] = '\0';
	while (strstr(got, text) == NULL) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t n;

		(void)event_base_loop(test.base, EVLOOP_NONBLOCK);
		if (poll(&ready, 1, 10) == 0)
			continue;
		n = read(fd, got + size, sizeof(got) - 1 - size);
		if (n <= 0)
			return got;
		size += (size_t)n;
		got[size] = '\0';
	}
	return got;
}

static void a_command_is_answered_with_lines_and_an_outcome(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "good\n");
	assert_string_equal(await(fd, "ok\n"), "| you said good\nok\n");
	say(fd, "bad\n");
	assert_string_equal(await(fd, "failed\n"), "| you said bad\nfailed\n");
	(void)close(fd);
}

static void the_socket_is_its_owners_alone(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(lstat(test.path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_command_that_is_too_long_ends_the_connection(void **state)
{
	char line[1000];
	int fd = join();

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(fd, line);
	assert_string_equal(await(fd, "never"), "| the command is too long\nfailed\n");
	assert_int_equal(test.commands, 0);
	(void)close(fd);
}

static void a_command_with_control_bytes_is_refused(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "go\x1b[1mod\n");
	assert_string_equal(await(fd, "never"), "| this is no command\nfailed\n");
	assert_int_equal(test.commands, 0);
	(void)close(fd);
}

static void an_answer_waits_for_its_ticket(void **state)
{
	char early[] = "early";
	char due[] = "due";
	int fd = join();

	(void)state;
	say(fd, "wait\ngood\n");
	while (test.commands == 0)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	control_due(test.control, 6, answer, early);
	control_due(test.control, 7, answer, due);
	assert_string_equal(await(fd, "you said good\nok\n"), "| due\nok\n| you said good\nok\n");
	(void)close(fd);
}

static void a_client_that_leaves_while_it_waits_is_forgotten(void **state)
{
	char due[] = "due";
	int fd = join();

	(void)state;
	say(fd, "wait\n");
	while (test.commands == 0)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	(void)close(fd);
	(void)event_base_loop(test.base, EVLOOP_NONBLOCK);
	control_due(test.control, 7, answer, due);
	(void)event_base_loop(test.base, EVLOOP_NONBLOCK);
	fd = join();
	say(fd, "good\n");
	(void)await(fd, "ok\n");
	(void)close(fd);
}

static void more_clients_than_the_limit_are_turned_away(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 1];
	char byte;
	int i;

	(void)state;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = join();
		say(fds[i], "good\n");
		(void)await(fds[i], "ok\n");
	}
	fds[i] = join();
	(void)await(fds[i], "never");
	assert_int_equal(read(fds[i], &byte, 1), 0);
	for (i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		(void)close(fds[i]);
}

static void a_second_instance_is_refused(void **state)
{
	struct control *second = NULL;

	(void)state;
	assert_int_equal(control_open(test.base, test.path, on_command, NULL, &second), -EADDRINUSE);
	/* The first one still has its file. */
	(void)close(join());
}

static void the_socket_of_a_dead_instance_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control *control = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[90];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.stale", test.path);
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	assert_int_equal(control_open(test.base, path, on_command, NULL, &control), 0);
	control_close(control);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct control *control = NULL;
	char path[90];
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.file", test.path);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(control_open(test.base, path, on_command, NULL, &control), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_command_is_answered_with_lines_and_an_outcome, setup, teardown),
		cmocka_unit_test_setup_teardown(the_socket_is_its_owners_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_command_that_is_too_long_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(a_command_with_control_bytes_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_waits_for_its_ticket, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_leaves_while_it_waits_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(more_clients_than_the_limit_are_turned_away, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_instance_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(the_socket_of_a_dead_instance_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_no_socket_is_left_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What systemd is told and what it hands over. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/notify.h"

/* A socket in the abstract namespace that hears; its name goes to NOTIFY_SOCKET. */
static int hear(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char name[64];
	int n;

	assert_true(fd >= 0);
	n = snprintf(name, sizeof(name), "@unitls-test-%d", (int)getpid());
	assert_true(n > 0);
	memcpy(address.sun_path, name, (size_t)n);
	address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *heard(int fd)
{
	static char text[2000];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void messages_go_to_an_abstract_socket(void **state)
{
	struct notify notify;
	int fd = hear();

	(void)state;
	notify_open(&notify);
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_ready(&notify, "Serving\nFORGED=1");
	assert_string_equal(heard(fd), "READY=1\nSTATUS=Serving FORGED=1");
	notify_reloading(&notify);
	assert_memory_equal(heard(fd), "RELOADING=1\nMONOTONIC_USEC=", 27);
	notify_stopping(&notify, "bye");
	assert_string_equal(heard(fd), "STOPPING=1\nSTATUS=bye");
	notify_status(&notify, "well");
	assert_string_equal(heard(fd), "STATUS=well");
	notify_close(&notify);
	(void)close(fd);
}

static void the_time_of_a_reload_is_told_in_microseconds(void **state)
{
	char text[128];

	(void)state;
	assert_string_equal(notify_format_reloading(12345678901, text, sizeof(text)),
		"RELOADING=1\nMONOTONIC_USEC=12345678901\nSTATUS=Reloading");
}

static void the_watchdog_is_fed_only_if_it_is_ours(void **state)
{
	struct notify notify;
	char pid[20];
	int fd = hear();

	(void)state;
	(void)setenv("WATCHDOG_USEC", "20000000", 1);
	(void)setenv("WATCHDOG_PID", "1", 1);
	notify_open(&notify);
	notify_watchdog(&notify);
	assert_string_equal(heard(fd), "");
	assert_null(getenv("WATCHDOG_PID"));
	notify_close(&notify);
	(void)close(fd);

	fd = hear();
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("WATCHDOG_USEC", "20000000", 1);
	(void)setenv("WATCHDOG_PID", pid, 1);
	notify_open(&notify);
	assert_int_equal(notify.watchdog_usec, 20000000);
	notify_watchdog(&notify);
	assert_string_equal(heard(fd), "WATCHDOG=1");
	notify_close(&notify);
	(void)close(fd);
}

static void without_systemd_nothing_happens(void **state)
{
	struct notify notify;

	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	notify_open(&notify);
	assert_int_equal(notify.fd, -1);
	notify_ready(&notify, "x");
	(void)setenv("NOTIFY_SOCKET", "relative/path", 1);
	notify_open(&notify);
	assert_int_equal(notify.fd, -1);
	notify_close(&notify);
}

static int take_in_child(void)
{
	struct notify_listen *list;
	char pid[20];
	int fds[2];
	size_t count;

	if (pipe(fds) != 0 || fcntl(fds[0], F_DUPFD, 20) < 0)
		return 10;
	if (dup2(20, 3) != 3 || dup2(20, 4) != 4 || dup2(20, 5) != 5)
		return 11;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	(void)setenv("LISTEN_FDNAMES", "https:imaps", 1);
	count = notify_take_listen(&list);
	if (count != 3 || getenv("LISTEN_FDS") != NULL)
		return 12;
	if (list[0].fd != 3 || strcmp(list[0].name, "https") != 0 || strcmp(list[1].name, "imaps") != 0 ||
		strcmp(list[2].name, "unknown") != 0)
		return 13;
	if (fcntl(3, F_GETFD) != FD_CLOEXEC || (fcntl(5, F_GETFL) & O_NONBLOCK) == 0)
		return 14;
	free(list);
	return 0;
}

static void descriptors_are_taken_by_name(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(take_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void descriptors_of_another_process_are_left_alone(void **state)
{
	static const char *const counts[] = {"1", "0", "-1", "99999", "2x", ""};
	struct notify_listen *list;
	char pid[20];
	size_t i;

	(void)state;
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(notify_take_listen(&list), 0);
	assert_null(list);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	for (i = 1; i < sizeof(counts) / sizeof(counts[0]); i++) {
		(void)setenv("LISTEN_PID", pid, 1);
		(void)setenv("LISTEN_FDS", counts[i], 1);
		assert_int_equal(notify_take_listen(&list), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_to_an_abstract_socket),
		cmocka_unit_test(the_time_of_a_reload_is_told_in_microseconds),
		cmocka_unit_test(the_watchdog_is_fed_only_if_it_is_ours),
		cmocka_unit_test(without_systemd_nothing_happens),
		cmocka_unit_test(descriptors_are_taken_by_name),
		cmocka_unit_test(descriptors_of_another_process_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The listening sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/bind.h"
#include "daemon/config.h"
#include "daemon/counters.h"
#include "daemon/diagnostics.h"
#include "daemon/sockets.h"

static struct {
	struct counters *counters;
	struct sockets sockets;
	struct diagnostics list;
	struct config *config;
	char folder[64];
} test;

static int setup(void **state)
{
	(void)state;
	memset(&test, 0, sizeof(test));
	(void)snprintf(test.folder, sizeof(test.folder), "/tmp/unitls-sockets-XXXXXX");
	if (mkdtemp(test.folder) == NULL || counters_new(&test.counters) != 0)
		return -1;
	diagnostics_init(&test.list);
	return sockets_init(&test.sockets, test.counters);
}

static int teardown(void **state)
{
	(void)state;
	sockets_fini(&test.sockets);
	counters_free(test.counters);
	diagnostics_fini(&test.list);
	config_free(test.config);
	return rmdir(test.folder);
}

/* Plans listeners, one for each address: "NAME ADDRESS". */
static int plan(unsigned workers, const char *first, const char *second)
{
	const char *const wanted[] = {first, second};
	char text[2000] = "[upstream back]\nserver = 127.0.0.1:9\n";
	size_t i;

	for (i = 0; i < 2 && wanted[i] != NULL; i++) {
		size_t used = strlen(text);
		const char *space = strchr(wanted[i], ' ');

		(void)snprintf(text + used, sizeof(text) - used, "[listener %.*s]\nlisten = %s\nupstream = back\n",
			(int)(space - wanted[i]), wanted[i], space + 1);
	}
	config_free(test.config);
	test.config = NULL;
	diagnostics_fini(&test.list);
	assert_int_equal(
		config_parse_text("test", text, strlen(text), CONFIG_FORM_FILE, &test.list, &test.config), 0);
	return sockets_plan(&test.sockets, test.config, workers, &test.list);
}

static void commit(uint64_t now_ms)
{
	assert_int_equal(sockets_listen(&test.sockets, test.config, &test.list), 0);
	sockets_commit(&test.sockets, now_ms, 3000);
}

static bool has_group(const char *name)
{
	size_t i;

	for (i = 0; i < test.sockets.count; i++)
		if (strcmp(test.sockets.groups[i]->listener_name, name) == 0)
			return true;
	return false;
}

static const struct socket_group *group_of(const char *name)
{
	size_t i = 0;

	assert_true(has_group(name));
	while (strcmp(test.sockets.groups[i]->listener_name, name) != 0)
		i++;
	return test.sockets.groups[i];
}

static int try_connect(const struct address *address, int flags)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&address->storage, address->length) != 0 &&
		errno != EINPROGRESS) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Connections that wait on FD; they are closed. */
static unsigned count_waiting(int fd)
{
	unsigned count = 0;
	int accepted;

	while ((accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		(void)close(accepted);
		count++;
	}
	return count;
}

static void each_worker_has_its_own_socket_on_one_port(void **state)
{
	const struct socket_group *group;
	struct address bound;
	socklen_t length = sizeof(bound.storage);

	(void)state;
	assert_int_equal(plan(3, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	group = group_of("one");
	assert_int_equal(group->count, 3);
	assert_int_not_equal(group->bound.port, 0);
	assert_int_equal(getsockname(group->items[2].fd, (struct sockaddr *)&bound.storage, &length), 0);
	assert_memory_equal(&bound.storage, &group->bound.storage, length);
	assert_int_equal(fcntl(group->items[0].fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(group->items[0].fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void an_address_that_stays_keeps_its_sockets(void **state)
{
	uint32_t id;
	uint32_t column;

	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	id = group_of("one")->items[0].id;
	column = group_of("one")->column;
	assert_int_equal(plan(2, "other 127.0.0.1:0", "one 127.0.0.1:0"), 0);
	commit(0);
	assert_int_equal(group_of("one")->items[0].id, id);
	assert_int_equal(group_of("one")->column, column);
	assert_int_not_equal(group_of("other")->column, column);
	assert_int_equal(group_of("one")->listener, 1);
}

static void a_port_in_use_is_an_error_with_its_line(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[100];
	char text[200];
	int one = 1;

	(void)state;
	/* A process of the same user that would share: without the probe, both would be let in. */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(listen(fd, 1), 0);
	(void)snprintf(line, sizeof(line), "one 127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(plan(2, line, "two 127.0.0.1:0"), 1);
	assert_int_equal(test.list.count, 1);
	(void)diagnostics_format(&test.list.items[0], text, sizeof(text));
	(void)snprintf(line, sizeof(line), "test:4: 127.0.0.1:%u: port in use by another process",
		ntohs(address.sin_port));
	assert_string_equal(text, line);
	sockets_abort(&test.sockets);
	assert_int_equal(test.sockets.count, 0);
	(void)close(fd);
}

static void an_abort_takes_back_what_the_plan_made(void **state)
{
	struct address planned;
	int fd;

	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_int_equal(plan(4, "one 127.0.0.1:0", "two 127.0.0.1:0"), 0);
	assert_int_equal(group_of("one")->count, 4);
	planned = group_of("two")->bound;
	sockets_abort(&test.sockets);
	assert_int_equal(group_of("one")->count, 2);
	assert_false(has_group("two"));
	assert_int_equal(try_connect(&planned, 0), -1);
	fd = try_connect(&group_of("one")->bound, 0);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void nothing_listens_before_the_commit(void **state)
{
	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	assert_int_equal(try_connect(&group_of("one")->bound, 0), -1);
	sockets_abort(&test.sockets);
}

static void sockets_of_workers_that_go_get_no_more_connections(void **state)
{
	const struct socket_group *group;
	int clients[60];
	int i;

	(void)state;
	assert_int_equal(plan(4, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_int_equal(plan(1, "one 127.0.0.1:0", NULL), 0);
	commit(1000);
	group = group_of("one");
	assert_int_equal(group->count, 4);
	assert_int_equal(group->live, 1);
	for (i = 0; i < 60; i++)
		clients[i] = try_connect(&group->bound, 0);
	assert_int_equal(count_waiting(group->items[0].fd), 60);
	for (i = 0; i < 60; i++)
		(void)close(clients[i]);
}

static void they_are_let_go_after_their_time_from_the_highest(void **state)
{
	struct socket_group *group;
	struct listening_socket *socket;
	uint32_t ids[3];
	int clients[60];
	unsigned waiting[2];
	int i;

	(void)state;
	assert_int_equal(plan(4, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	commit(1000);
	assert_null(sockets_next_to_release(&test.sockets, 3999, &group));
	for (i = 0; i < 2; i++) {
		socket = sockets_next_to_release(&test.sockets, 4000, &group);
		assert_ptr_equal(socket, &group->items[3 - i]);
		socket->releasing = true;
		ids[i] = socket->id;
	}
	assert_null(sockets_next_to_release(&test.sockets, 4000, &group));
	group = test.sockets.groups[0];
	assert_true(sockets_released(&test.sockets, ids[0]));
	assert_true(group->steered);
	assert_true(sockets_released(&test.sockets, ids[1]));
	assert_false(sockets_released(&test.sockets, ids[1]));
	assert_int_equal(group->count, 2);
	assert_false(group->steered);
	for (i = 0; i < 60; i++)
		clients[i] = try_connect(&group->bound, 0);
	waiting[0] = count_waiting(group->items[0].fd);
	waiting[1] = count_waiting(group->items[1].fd);
	assert_int_equal(waiting[0] + waiting[1], 60);
	assert_true(waiting[0] > 0 && waiting[1] > 0);
	for (i = 0; i < 60; i++)
		(void)close(clients[i]);
}

static void growing_again_takes_back_what_was_about_to_go(void **state)
{
	struct socket_group *group;
	struct listening_socket *socket;
	uint32_t id;

	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_int_equal(plan(1, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	socket = sockets_next_to_release(&test.sockets, 5000, &group);
	assert_non_null(socket);
	id = socket->id;
	socket->releasing = true;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	/* The answer comes while the plan counts on it. */
	assert_true(sockets_released(&test.sockets, id));
	commit(5000);
	group = test.sockets.groups[0];
	assert_int_equal(group->count, 2);
	assert_int_equal(group->live, 2);
	assert_int_equal(group->items[1].id, id);
	assert_int_equal(group->items[1].holder, SOCKETS_NOBODY);
	assert_false(group->steered);
}

static void a_listener_that_went_refuses_without_resetting(void **state)
{
	struct address bound;
	struct pollfd ready;
	int fd;

	(void)state;
	assert_int_equal(plan(1, "one 127.0.0.1:0", "two 127.0.0.1:0"), 0);
	commit(0);
	bound = group_of("two")->bound;
	if (bind_deafen(group_of("one")->items[0].fd) == -EPERM)
		skip(); /* some kernels let only root attach a filter; then a late client is reset */
	assert_int_equal(plan(1, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_false(has_group("two"));
	/* Its SYN is dropped: neither connected nor refused. */
	fd = try_connect(&bound, SOCK_NONBLOCK);
	ready = (struct pollfd){.fd = fd, .events = POLLOUT};
	assert_int_equal(poll(&ready, 1, 50), 0);
	(void)close(fd);
	sockets_close_removed(&test.sockets);
	assert_int_equal(try_connect(&bound, 0), -1);
}

static void an_address_that_went_can_come_back_at_once(void **state)
{
	char line[100];
	int i;

	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", "two 127.0.0.1:0"), 0);
	commit(0);
	(void)snprintf(line, sizeof(line), "two 127.0.0.1:%u", group_of("two")->bound.port);
	for (i = 0; i < 3; i++) {
		assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
		commit(0);
		assert_int_equal(plan(2, "one 127.0.0.1:0", line), 0);
		commit(0);
	}
}

static void a_port_that_the_kernel_chose_may_be_written_out(void **state)
{
	char text[ADDRESS_TEXT_MAX + 8];
	uint32_t id;

	(void)state;
	assert_int_equal(plan(3, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	(void)snprintf(text, sizeof(text), "two 127.0.0.1:%u", (unsigned)group_of("one")->bound.port);
	id = group_of("one")->items[0].id;
	/* The same sockets, so the kernel's order is still theirs. */
	assert_int_equal(plan(3, text, NULL), 0);
	commit(0);
	assert_int_equal(test.sockets.count, 1);
	assert_int_equal(group_of("two")->items[0].id, id);
	assert_int_equal(group_of("two")->count, 3);
	/* And not for two listeners. */
	assert_int_equal(plan(3, text, "one 127.0.0.1:0"), 0);
	sockets_abort(&test.sockets);
	text[0] = 'x';
	assert_int_equal(plan(3, "two 127.0.0.1:0", text), 1);
	sockets_abort(&test.sockets);
}

static void a_wider_address_on_our_own_port_is_no_conflict(void **state)
{
	char line[100];

	(void)state;
	assert_int_equal(plan(2, "one 127.0.0.1:0", NULL), 0);
	commit(0);
	(void)snprintf(line, sizeof(line), "one *:%u", group_of("one")->bound.port);
	assert_int_equal(plan(2, line, NULL), 0);
	commit(0);
	assert_int_equal(test.sockets.count, 1);
}

static int count_visits(
	void *argument, const struct socket_group *group, const struct listening_socket *socket, size_t listener)
{
	(void)group;
	(void)socket;
	(void)listener;
	++*(int *)argument;
	return 0;
}

static int visits(bool planned, unsigned index)
{
	int count = 0;

	assert_int_equal(sockets_each(&test.sockets, planned, index, count_visits, &count), 0);
	return count;
}

static void a_worker_serves_its_own_the_shared_and_what_it_adopted(void **state)
{
	char line[120];

	(void)state;
	(void)snprintf(line, sizeof(line), "two unix:%s/socket", test.folder);
	assert_int_equal(plan(2, "one 127.0.0.1:0", line), 0);
	assert_int_equal(visits(false, 0), 0);
	assert_int_equal(visits(true, 0), 2);
	commit(0);
	assert_int_equal(visits(false, 1), 2);
	test.sockets.groups[0]->items[1].holder = 0;
	assert_int_equal(visits(false, 0), 3);
}

static void the_file_of_a_unix_socket_comes_and_goes_with_it(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[120];

	(void)state;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", test.folder);
	(void)snprintf(line, sizeof(line), "one unix:%s", address.sun_path);
	assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(stale, 1), 0);
	assert_int_equal(plan(1, line, NULL), 1);
	sockets_abort(&test.sockets);
	(void)close(stale);
	assert_int_equal(plan(1, line, NULL), 0);
	commit(0);
	assert_int_equal(access(address.sun_path, F_OK), 0);
	assert_int_equal(plan(1, "two 127.0.0.1:0", NULL), 0);
	commit(0);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void an_unknown_name_of_systemds_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(plan(1, "one fd:https", NULL), 1);
	assert_non_null(strstr(test.list.items[0].text, "systemd passed no socket of that name"));
	sockets_abort(&test.sockets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_worker_has_its_own_socket_on_one_port, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_that_stays_keeps_its_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_in_use_is_an_error_with_its_line, setup, teardown),
		cmocka_unit_test_setup_teardown(an_abort_takes_back_what_the_plan_made, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_listens_before_the_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sockets_of_workers_that_go_get_no_more_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(
			they_are_let_go_after_their_time_from_the_highest, setup, teardown),
		cmocka_unit_test_setup_teardown(growing_again_takes_back_what_was_about_to_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_listener_that_went_refuses_without_resetting, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_that_went_can_come_back_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_the_kernel_chose_may_be_written_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wider_address_on_our_own_port_is_no_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_worker_serves_its_own_the_shared_and_what_it_adopted, setup, teardown),
		cmocka_unit_test_setup_teardown(the_file_of_a_unix_socket_comes_and_goes_with_it, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unknown_name_of_systemds_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

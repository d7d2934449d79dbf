/* Reload as a transaction: the master's parts with a loader and workers that behave as each test wants. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/backoff.h"
#include "daemon/config.h"
#include "daemon/counters.h"
#include "daemon/generation.h"
#include "daemon/helper.h"
#include "daemon/load.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/reload.h"
#include "daemon/resolution.h"
#include "daemon/signals.h"
#include "daemon/snapshot.h"
#include "daemon/sockets.h"
#include "daemon/worker.h"

enum conduct {
	CONDUCT_GOOD,
	CONDUCT_FAIL,    /* answers FAILED */
	CONDUCT_DIE,     /* dies when it has to prepare */
	CONDUCT_GARBAGE, /* sends what is no message */
	CONDUCT_FORGE,   /* says COMMITTED before it was asked */
	CONDUCT_DEAF,    /* answers no heartbeat */
	CONDUCT_SILENT,  /* never answers what it is asked */
};

/* Shared with all children. */
static struct shared {
	_Atomic int loader; /* enum conduct */
	_Atomic int worker;
	_Atomic int culprit; /* the worker that behaves so; the others are good */
	_Atomic unsigned adopted;
	_Atomic unsigned released;
	_Atomic unsigned sockets; /* SOCKET messages */
	_Atomic unsigned prepared;
} * shared;

static struct {
	struct event_base *base;
	struct counters *counters;
	struct sockets sockets;
	struct pool pool;
	struct resolution *resolution;
	struct reload reload;
	struct event *signals;
	struct event *tick;
	int signal_fd;
	char text[1000];
	struct loader_options options;
	unsigned runs; /* that ended */
	bool ok;
	char said[4000];
} test;

/* ---- The children ---- */

int loader_run(const struct loader_options *options, struct diagnostics *list, int *ret_snapshot_fd)
{
	struct snapshot_writer *writer;
	struct config *config;
	char *text;
	size_t size;
	int r;

	if (shared->loader == CONDUCT_DIE)
		abort();
	if (shared->loader == CONDUCT_SILENT)
		(void)pause();
	r = config_parse_text("test", test.text, strlen(test.text), CONFIG_FORM_FILE, list, &config);
	if (r != 0)
		return r;
	(void)options;
	if (config_print(config, CONFIG_PRINT_SNAPSHOT, &text, &size) != 0 || snapshot_writer_new(&writer) != 0)
		return -1;
	if (snapshot_writer_add(writer, SNAPSHOT_CONFIG, text, size) != 0)
		return -1;
	r = snapshot_writer_finish(writer, ret_snapshot_fd);
	snapshot_writer_free(writer);
	free(text);
	config_free(config);
	return r;
}

int helper_run(const struct helper_start *start)
{
	(void)start;
	return 0;
}

static void answer(struct ipc_channel *channel, enum ipc_type type, const struct ipc_message *question)
{
	struct ipc_message message = ipc_make(type);

	message.generation = question->generation;
	message.socket = question->socket;
	if (type == IPC_HEARTBEAT)
		message.body.sequence = question->body.sequence;
	if (type == IPC_FAILED) {
		(void)snprintf(message.body.failed.file, sizeof(message.body.failed.file), "test");
		(void)snprintf(message.body.failed.text, sizeof(message.body.failed.text), "not to my taste");
		message.body.failed.line = 3;
	}
	(void)ipc_send(channel, &message, -1);
}

static void prepare(struct ipc_channel *channel, const struct ipc_message *message, int conduct)
{
	atomic_fetch_add(&shared->prepared, 1);
	if (conduct == CONDUCT_DIE)
		_exit(3);
	if (conduct == CONDUCT_SILENT)
		return;
	if (conduct == CONDUCT_GARBAGE)
		(void)send(channel->fd, "garbage", 7, MSG_NOSIGNAL);
	else
		answer(channel,
			conduct == CONDUCT_FAIL            ? IPC_FAILED
				: conduct == CONDUCT_FORGE ? IPC_COMMITTED
							   : IPC_PREPARED,
			message);
}

int worker_run(const struct worker_start *start)
{
	struct ipc_channel channel;
	struct ipc_message message;
	int fd;

	ipc_channel_init(&channel, start->channel_fd, IPC_FROM_MASTER);
	for (;;) {
		struct pollfd ready = {.fd = channel.fd, .events = POLLIN};
		int conduct = shared->culprit == (int)start->index ? shared->worker : CONDUCT_GOOD;

		(void)poll(&ready, 1, -1);
		if (ipc_receive(&channel, &message, &fd) != 0)
			return 4;
		if (fd >= 0)
			(void)close(fd);
		if (message.type == IPC_PREPARE)
			prepare(&channel, &message, conduct);
		else if (message.type == IPC_COMMIT)
			answer(&channel, IPC_COMMITTED, &message);
		else if (message.type == IPC_HEARTBEAT && conduct != CONDUCT_DEAF)
			answer(&channel, IPC_HEARTBEAT, &message);
		else if (message.type == IPC_SOCKET)
			atomic_fetch_add(&shared->sockets, 1);
		else if (message.type == IPC_ADOPT)
			atomic_fetch_add(&shared->adopted, 1);
		else if (message.type == IPC_RELEASE) {
			atomic_fetch_add(&shared->released, 1);
			answer(&channel, IPC_RELEASED, &message);
		} else if (message.type == IPC_DRAIN) {
			answer(&channel, IPC_DRAINED, &message);
			return 0;
		}
	}
}

/* ---- The master's loop ---- */

static int on_plan(void *argument, const struct config *config, struct diagnostics *list)
{
	(void)argument;
	(void)config;
	(void)list;
	return 0;
}

static void on_begun(void *argument)
{
	(void)argument;
}

static void on_done(void *argument, uint64_t run, const struct diagnostics *list)
{
	(void)argument;
	(void)run;
	test.runs++;
	test.ok = diagnostics_ok(list);
	test.said[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		size_t used = strlen(test.said);

		(void)diagnostics_format(&list->items[i], test.said + used, sizeof(test.said) - used - 1);
		strncat(test.said, "\n", sizeof(test.said) - strlen(test.said) - 1);
	}
}

static void on_change(void *argument)
{
	(void)argument;
	reload_evaluate(&test.reload);
}

static void on_started(void *argument, struct worker *worker)
{
	(void)argument;
	(void)worker;
}

static void on_news(void *argument, const struct ipc_message *message)
{
	(void)argument;
	(void)message;
}

static void on_signals(evutil_socket_t fd, short what, void *argument)
{
	int number;

	(void)what;
	(void)argument;
	while (signals_read(fd, &number) == 0)
		if (number == SIGCHLD)
			pool_reap(&test.pool);
}

static int setup(void **state)
{
	const struct pool_callbacks pool_callbacks = {.on_change = on_change, .on_started = on_started};
	const struct reload_callbacks reload_callbacks = {.plan = on_plan, .begun = on_begun, .done = on_done};

	(void)state;
	memset(&test, 0, sizeof(test));
	memset(shared, 0, sizeof(*shared));
	log_init(-1, "tester");
	test.base = event_base_new();
	if (signals_open(&test.signal_fd) != 0 || counters_new(&test.counters) != 0 ||
		sockets_init(&test.sockets, test.counters) != 0 ||
		resolution_new(test.base, on_news, NULL, &test.resolution) != 0)
		return -1;
	pool_init(&test.pool, test.base, test.counters, &test.sockets, NULL, &pool_callbacks);
	test.signals = event_new(test.base, test.signal_fd, EV_READ | EV_PERSIST, on_signals, NULL);
	(void)event_add(test.signals, NULL);
	return reload_init(&test.reload, test.base, &test.options, &test.sockets, &test.pool, test.resolution,
		&reload_callbacks);
}

static int teardown(void **state)
{
	(void)state;
	pool_fini(&test.pool);
	reload_fini(&test.reload);
	resolution_free(test.resolution);
	sockets_fini(&test.sockets);
	counters_free(test.counters);
	event_free(test.signals);
	(void)close(test.signal_fd);
	event_base_free(test.base);
	return 0;
}

static void configure(unsigned workers, const char *more)
{
	(void)snprintf(test.text, sizeof(test.text),
		"[daemon]\nworkers = %u\n[upstream back]\nserver = 127.0.0.1:9\n"
		"[listener one]\nlisten = 127.0.0.1:0\nupstream = back\n%s",
		workers, more);
}

static void run(void)
{
	unsigned before = test.runs;

	(void)reload_request(&test.reload);
	while (test.runs == before)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
}

/* Lets the loop go on until VALUE has reached WANTED. */
static void await(const _Atomic unsigned *value, unsigned wanted)
{
	while (atomic_load(value) < wanted)
		(void)event_base_loop(test.base, EVLOOP_NONBLOCK);
}

static void start(unsigned workers)
{
	configure(workers, "");
	run();
	assert_true(test.ok);
	assert_int_equal(pool_serving(&test.pool), workers);
}

static uint64_t generation(void)
{
	return test.reload.committed != NULL ? test.reload.committed->number : 0;
}

static pid_t pid_of(unsigned seat)
{
	return test.pool.seats[seat].worker != NULL ? test.pool.seats[seat].worker->pid : 0;
}

/* ---- The tests ---- */

static void a_reload_keeps_workers_and_sockets(void **state)
{
	pid_t pid;
	uint32_t id;

	(void)state;
	start(2);
	pid = pid_of(1);
	id = test.sockets.groups[0]->items[1].id;
	run();
	assert_true(test.ok);
	assert_int_equal(pid_of(1), pid);
	assert_int_equal(test.sockets.groups[0]->items[1].id, id);
	assert_int_equal(generation(), 2);
}

static void a_bad_file_changes_nothing(void **state)
{
	(void)state;
	start(2);
	configure(2, "upstraem = back\n");
	run();
	assert_false(test.ok);
	assert_non_null(strstr(test.said, "test:8:"));
	assert_int_equal(generation(), 1);
	assert_int_equal(shared->prepared, 2);
	start(2);
	assert_true(test.ok);
}

static void a_loader_that_dies_is_a_failed_reload(void **state)
{
	(void)state;
	start(1);
	shared->loader = CONDUCT_DIE;
	run();
	assert_false(test.ok);
	assert_non_null(strstr(test.said, "died"));
	assert_int_equal(generation(), 1);
	shared->loader = CONDUCT_GOOD;
	run();
	assert_true(test.ok);
}

static void a_loader_that_hangs_is_a_failed_reload(void **state)
{
	(void)state;
	start(1);
	test.reload.load_ms = 50;
	shared->loader = CONDUCT_SILENT;
	run();
	assert_false(test.ok);
	assert_non_null(strstr(test.said, "took too long"));
	assert_int_equal(generation(), 1);
	shared->loader = CONDUCT_GOOD;
	test.reload.load_ms = LOAD_TIMEOUT_MS;
	run();
	assert_true(test.ok);
}

static void refuses(enum conduct conduct, const char *reason)
{
	start(3);
	shared->culprit = 1;
	shared->worker = conduct;
	configure(3, "[listener two]\nlisten = 127.0.0.1:0\nupstream = back\n");
	run();
	assert_false(test.ok);
	assert_non_null(strstr(test.said, reason));
	assert_int_equal(generation(), 1);
	assert_int_equal(test.sockets.count, 1);
	shared->worker = CONDUCT_GOOD;
	run();
	assert_true(test.ok);
	assert_int_equal(test.sockets.count, 2);
}

static void one_worker_that_fails_aborts_for_all(void **state)
{
	(void)state;
	refuses(CONDUCT_FAIL, "test:3: not to my taste");
}

static void one_worker_that_dies_aborts_for_all(void **state)
{
	(void)state;
	refuses(CONDUCT_DIE, "died while it prepared");
}

static void one_worker_that_does_not_answer_aborts_for_all(void **state)
{
	(void)state;
	test.reload.names_ms = 10;
	test.reload.prepare_ms = 100;
	refuses(CONDUCT_SILENT, "did not prepare");
}

static void the_commit_waits_for_names_but_not_for_long(void **state)
{
	(void)state;
	/* The helper of this test ends without an answer. */
	test.reload.names_ms = 20;
	configure(1, "[upstream named]\nserver = name.example:80\n");
	run();
	assert_true(test.ok);
	assert_non_null(strstr(test.said, "warning: name.example does not resolve yet"));
}

static void a_worker_that_sends_garbage_is_killed_and_replaced(void **state)
{
	(void)state;
	refuses(CONDUCT_GARBAGE, "died while it prepared");
}

static void a_worker_that_answers_what_was_not_asked_is_killed(void **state)
{
	(void)state;
	refuses(CONDUCT_FORGE, "died while it prepared");
}

static void a_worker_that_fails_at_the_start_is_a_failed_start(void **state)
{
	(void)state;
	shared->worker = CONDUCT_FAIL;
	configure(2, "");
	run();
	assert_false(test.ok);
	assert_int_equal(generation(), 0);
	assert_int_equal(test.sockets.count, 0);
}

static void requests_during_a_run_become_one_more_run(void **state)
{
	uint64_t first;

	(void)state;
	start(1);
	first = reload_request(&test.reload);
	assert_int_equal(reload_request(&test.reload), first + 1);
	assert_int_equal(reload_request(&test.reload), first + 1);
	while (test.reload.phase != RELOAD_IDLE)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	assert_int_equal(test.runs, 3);
	assert_int_equal(test.reload.run, first + 1);
}

static void a_dead_workers_sockets_go_to_a_survivor_and_back(void **state)
{
	const struct listening_socket *socket;
	pid_t pid;

	(void)state;
	start(2);
	socket = &test.sockets.groups[0]->items[1];
	assert_int_equal(socket->holder, 1);
	pid = pid_of(1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await(&shared->adopted, 1);
	/* The next one is started at once, and takes them back. */
	await(&shared->released, 1);
	assert_int_equal(socket->holder, 1);
	assert_int_not_equal(pid_of(1), pid);
	assert_int_equal(counters_total(test.counters, COUNTER_WORKER_DEATHS), 1);
}

static void a_worker_that_keeps_dying_waits_longer_each_time(void **state)
{
	const struct socket_group *group;

	(void)state;
	start(2);
	shared->culprit = 1;
	shared->worker = CONDUCT_DIE;
	(void)kill(pid_of(1), SIGKILL);
	await(&shared->prepared, 5);
	while (pid_of(1) != 0)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	group = test.sockets.groups[0];
	assert_int_equal(group->items[1].holder, 0);
	/* A reload does not wait for it. */
	run();
	assert_true(test.ok);
	assert_int_equal(generation(), 2);
}

static void back_off_doubles_to_its_limit(void **state)
{
	(void)state;
	assert_int_equal(backoff_delay_ms(0), 0);
	assert_int_equal(backoff_delay_ms(1), 0);
	assert_int_equal(backoff_delay_ms(2), 100);
	assert_int_equal(backoff_delay_ms(3), 200);
	assert_int_equal(backoff_delay_ms(8), 6400);
	assert_int_equal(backoff_delay_ms(9), 10000);
	assert_int_equal(backoff_delay_ms(4000000000U), 10000);
}

static void a_worker_that_answers_no_heartbeat_is_killed(void **state)
{
	pid_t pid;
	int i;

	(void)state;
	start(1);
	pid = pid_of(0);
	shared->worker = CONDUCT_DEAF;
	for (i = 0; i < POOL_HEARTBEATS_MISSED; i++)
		pool_tick(&test.pool);
	assert_int_equal(pid_of(0), pid);
	assert_false(test.pool.seats[0].worker->doomed);
	pool_tick(&test.pool);
	assert_true(test.pool.seats[0].worker->doomed);
	shared->worker = CONDUCT_GOOD;
	await(&shared->prepared, 2);
	assert_int_not_equal(pid_of(0), pid);
}

static void fewer_workers_retire_the_others_and_more_bring_them_back(void **state)
{
	(void)state;
	start(4);
	configure(1, "");
	run();
	assert_true(test.ok);
	assert_int_equal(pool_serving(&test.pool), 1);
	/* Their three sockets are adopted by the one that stays. */
	await(&shared->adopted, 3);
	assert_int_equal(test.sockets.groups[0]->live, 1);
	while (test.pool.retired_count > 0)
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	configure(4, "");
	run();
	assert_true(test.ok);
	assert_int_equal(pool_serving(&test.pool), 4);
	await(&shared->released, 3);
	assert_int_equal(test.sockets.groups[0]->count, 4);
	assert_int_equal(test.sockets.groups[0]->items[3].holder, 3);
}

static void a_stop_drains_every_worker(void **state)
{
	(void)state;
	start(3);
	pool_stop(&test.pool, 1000);
	sockets_stop(&test.sockets);
	while (!pool_is_empty(&test.pool))
		(void)event_base_loop(test.base, EVLOOP_ONCE);
	assert_int_equal(counters_total(test.counters, COUNTER_WORKER_DEATHS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reload_keeps_workers_and_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_file_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_loader_that_dies_is_a_failed_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(a_loader_that_hangs_is_a_failed_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(one_worker_that_does_not_answer_aborts_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(the_commit_waits_for_names_but_not_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(one_worker_that_fails_aborts_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(one_worker_that_dies_aborts_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_worker_that_sends_garbage_is_killed_and_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_worker_that_answers_what_was_not_asked_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_worker_that_fails_at_the_start_is_a_failed_start, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_during_a_run_become_one_more_run, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_workers_sockets_go_to_a_survivor_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_worker_that_keeps_dying_waits_longer_each_time, setup, teardown),
		cmocka_unit_test(back_off_doubles_to_its_limit),
		cmocka_unit_test_setup_teardown(a_worker_that_answers_no_heartbeat_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			fewer_workers_retire_the_others_and_more_bring_them_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_drains_every_worker, setup, teardown),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

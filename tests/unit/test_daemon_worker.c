/* A worker in a child, its master played by the test: generations, sockets adopted and released, draining. Plaintext only. */

#include "daemon/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/counters.h"
#include "daemon/ipc.h"
#include "daemon/log.h"
#include "daemon/snapshot.h"
#include "daemon/tickets.h"

#define PATIENCE_MS 30000

struct bench {
	struct ipc_channel channel;
	struct counters *counters;
	pid_t pid;
	int upstream; /* listens */
	uint16_t upstream_port;
};

static int listening(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int pair[2];

	bench->upstream = listening(&bench->upstream_port);
	assert_int_equal(counters_new(&bench->counters), 0);
	counters_use(bench->counters, 1);
	assert_int_equal(ipc_pair(pair), 0);
	bench->pid = fork();
	assert_true(bench->pid >= 0);
	if (bench->pid == 0) {
		struct worker_start start = {.channel_fd = pair[1], .slot = 1, .counters = bench->counters};
		int silent = open("/dev/null", O_WRONLY | O_CLOEXEC);
		int status;

		(void)close(pair[0]);
		(void)close(bench->upstream);
		log_init(silent, "worker-0");
		status = counters_enter(bench->counters, 1) < 0 ? 99 : worker_run(&start);
		counters_free(bench->counters);
		free(bench);
		_exit(status);
	}
	(void)close(pair[1]);
	ipc_channel_init(&bench->channel, pair[0], IPC_FROM_WORKER);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	ipc_channel_fini(&bench->channel); /* a worker without a master ends */
	if (bench->pid > 0)
		(void)waitpid(bench->pid, NULL, 0);
	(void)close(bench->upstream);
	counters_free(bench->counters);
	free(bench);
	return 0;
}

static void wait_readable(int fd)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
}

/* The next message, which has to be of this type. */
static struct ipc_message expect(struct bench *bench, enum ipc_type type)
{
	struct ipc_message message;
	int descriptor = -1;

	wait_readable(bench->channel.fd);
	assert_int_equal(ipc_receive(&bench->channel, &message, &descriptor), 0);
	assert_string_equal(ipc_type_name(message.type), ipc_type_name(type));
	return message;
}

static void expect_end(struct bench *bench, int wanted)
{
	int status = 0;

	assert_int_equal(waitpid(bench->pid, &status, 0), bench->pid);
	bench->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), wanted);
}

static void send_type(struct bench *bench, enum ipc_type type, uint64_t generation)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
}

static void send_snapshot(struct bench *bench, uint64_t generation, const char *text)
{
	struct ipc_message message = ipc_make(IPC_SNAPSHOT);
	struct snapshot_writer *writer;
	int fd;

	assert_int_equal(snapshot_writer_new(&writer), 0);
	assert_int_equal(snapshot_writer_add(writer, SNAPSHOT_CONFIG, text, strlen(text)), 0);
	assert_int_equal(snapshot_writer_finish(writer, &fd), 0);
	snapshot_writer_free(writer);
	message.generation = generation;
	assert_int_equal(ipc_send(&bench->channel, &message, fd), 0);
	(void)close(fd);
}

static void send_config(struct bench *bench, uint64_t generation)
{
	char text[300];

	(void)snprintf(text, sizeof(text),
		"[listener web]\nlisten = 127.0.0.1:0\nupstream = app\n[upstream app]\nserver = 127.0.0.1:%u\n",
		(unsigned)bench->upstream_port);
	send_snapshot(bench, generation, text);
}

static void send_tickets(struct bench *bench, const struct tickets *tickets)
{
	struct ipc_message message = ipc_make(IPC_TICKETS);

	assert_int_equal(ipc_send(&bench->channel, &message, tickets->fd), 0);
}

/* What a worker says and gets first. */
static void begin(struct bench *bench)
{
	struct tickets tickets;

	(void)expect(bench, IPC_READY);
	assert_int_equal(tickets_init(&tickets, 0), 0);
	send_tickets(bench, &tickets);
	tickets_fini(&tickets);
}

static void send_socket(struct bench *bench, enum ipc_type type, uint64_t generation, uint32_t id, int fd)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	message.socket = id;
	message.column = 1;
	message.body.kind = IPC_SOCKET_OWN;
	assert_int_equal(ipc_send(&bench->channel, &message, fd), 0);
}

/* Brings the worker to generation 1 with one socket, whose port it returns. */
static uint16_t serve(struct bench *bench)
{
	uint16_t port;
	int fd = listening(&port);

	begin(bench);
	send_config(bench, 1);
	send_socket(bench, IPC_SOCKET, 1, 7, fd);
	(void)close(fd);
	send_type(bench, IPC_PREPARE, 1);
	assert_int_equal(expect(bench, IPC_PREPARED).generation, 1);
	send_type(bench, IPC_COMMIT, 1);
	assert_int_equal(expect(bench, IPC_COMMITTED).generation, 1);
	return port;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends a byte into a connection that was just made and takes it out at the upstream, whose end it returns. */
static int pass_a_byte(struct bench *bench, int client)
{
	char byte = 0;
	int upstream;

	assert_int_equal(send(client, "x", 1, MSG_NOSIGNAL), 1);
	wait_readable(bench->upstream);
	upstream = accept4(bench->upstream, NULL, NULL, SOCK_CLOEXEC);
	assert_true(upstream >= 0);
	assert_int_equal(recv(upstream, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	return upstream;
}

static void a_committed_generation_is_served(void **state)
{
	struct bench *bench = *state;
	int client = connect_to(serve(bench));
	int upstream = pass_a_byte(bench, client);

	assert_int_equal(counters_column(bench->counters, 1), 1);
	(void)close(client);
	(void)close(upstream);
}

static void a_heartbeat_comes_back_with_its_number(void **state)
{
	struct bench *bench = *state;
	struct ipc_message message = ipc_make(IPC_HEARTBEAT);

	(void)expect(bench, IPC_READY);
	message.body.sequence = 42;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
	assert_int_equal(expect(bench, IPC_HEARTBEAT).body.sequence, 42);
}

static void a_snapshot_that_says_nothing_good_fails_with_a_reason_and_the_next_is_taken(void **state)
{
	struct bench *bench = *state;

	begin(bench);
	send_snapshot(bench, 1, "[listener web]\nlisten = nowhere\n");
	send_type(bench, IPC_PREPARE, 1);
	assert_string_not_equal(expect(bench, IPC_FAILED).body.failed.text, "");
	send_config(bench, 2);
	send_type(bench, IPC_PREPARE, 2);
	assert_int_equal(expect(bench, IPC_PREPARED).generation, 2);
}

static void nothing_is_prepared_before_the_secrets_of_tickets_came(void **state)
{
	struct bench *bench = *state;
	struct tickets tickets;

	(void)expect(bench, IPC_READY);
	send_config(bench, 1);
	send_type(bench, IPC_PREPARE, 1);
	assert_string_equal(
		expect(bench, IPC_FAILED).body.failed.text, "no secrets of session tickets came before");
	assert_int_equal(tickets_init(&tickets, 0), 0);
	send_tickets(bench, &tickets);
	send_config(bench, 2);
	send_type(bench, IPC_PREPARE, 2);
	(void)expect(bench, IPC_PREPARED);
	/* Others at any time. */
	assert_int_equal(tickets_rotate(&tickets, 1), 0);
	send_tickets(bench, &tickets);
	send_type(bench, IPC_COMMIT, 2);
	(void)expect(bench, IPC_COMMITTED);
	tickets_fini(&tickets);
}

static void secrets_that_are_none_end_the_worker(void **state)
{
	struct bench *bench = *state;
	struct tickets nothing = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};

	(void)expect(bench, IPC_READY);
	send_tickets(bench, &nothing);
	tickets_fini(&nothing);
	expect_end(bench, 1);
}

static void a_socket_for_a_listener_that_is_not_there_fails(void **state)
{
	struct bench *bench = *state;
	struct ipc_message message = ipc_make(IPC_SOCKET);
	uint16_t port;
	int fd = listening(&port);

	begin(bench);
	send_config(bench, 1);
	message.generation = 1;
	message.listener = 5;
	assert_int_equal(ipc_send(&bench->channel, &message, fd), 0);
	(void)close(fd);
	send_type(bench, IPC_PREPARE, 1);
	(void)expect(bench, IPC_FAILED);
}

static void an_aborted_generation_changes_nothing(void **state)
{
	struct bench *bench = *state;
	uint16_t port = serve(bench);
	int client;
	int upstream;

	send_snapshot(bench, 2,
		"[listener web]\nlisten = 127.0.0.1:0\nupstream = app\n[upstream app]\nserver = 127.0.0.1:1\n");
	send_type(bench, IPC_PREPARE, 2);
	(void)expect(bench, IPC_PREPARED);
	send_type(bench, IPC_ABORT, 2);
	client = connect_to(port);
	upstream = pass_a_byte(bench, client);
	(void)close(client);
	(void)close(upstream);
}

static void a_connection_outlives_its_generation(void **state)
{
	struct bench *bench = *state;
	uint16_t port = serve(bench);
	uint16_t other_port;
	int client = connect_to(port);
	int upstream = pass_a_byte(bench, client);
	int fd = listening(&other_port);
	char byte = 0;

	/* The next generation has another socket; the first one is released. */
	send_config(bench, 2);
	send_socket(bench, IPC_SOCKET, 2, 8, fd);
	(void)close(fd);
	send_type(bench, IPC_PREPARE, 2);
	(void)expect(bench, IPC_PREPARED);
	send_type(bench, IPC_COMMIT, 2);
	assert_int_equal(expect(bench, IPC_RELEASED).socket, 7);
	(void)expect(bench, IPC_COMMITTED);
	assert_int_equal(send(upstream, "y", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(client, &byte, 1, 0), 1);
	assert_int_equal(byte, 'y');
	(void)close(client);
	(void)close(upstream);
	client = connect_to(other_port);
	upstream = pass_a_byte(bench, client);
	(void)close(client);
	(void)close(upstream);
}

static void an_adopted_socket_is_served_at_once_and_released_empty(void **state)
{
	struct bench *bench = *state;
	struct ipc_message message = ipc_make(IPC_RELEASE);
	uint16_t port;
	int fd;
	int client;
	int upstream;

	(void)serve(bench);
	fd = listening(&port);
	client = connect_to(port); /* in the queue of the dead worker */
	send_socket(bench, IPC_ADOPT, 1, 9, fd);
	upstream = pass_a_byte(bench, client);
	message.socket = 9;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
	assert_int_equal(expect(bench, IPC_RELEASED).socket, 9);
	(void)close(fd);
	(void)close(client);
	(void)close(upstream);
}

static void draining_waits_for_connections(void **state)
{
	struct bench *bench = *state;
	struct ipc_message message = ipc_make(IPC_DRAIN);
	int client = connect_to(serve(bench));
	int upstream = pass_a_byte(bench, client);
	struct ipc_message drained;

	message.body.drain.timeout_ms = IPC_DRAIN_FOREVER;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
	assert_int_equal(send(client, "z", 1, MSG_NOSIGNAL), 1);
	wait_readable(upstream);
	(void)close(client);
	(void)close(upstream);
	drained = expect(bench, IPC_DRAINED);
	assert_int_equal(drained.body.drained.finished, 1);
	assert_int_equal(drained.body.drained.cut, 0);
	expect_end(bench, 0);
}

/* The first ends while it is accepted, the second is still in the queue of another socket then. */
static void draining_goes_on_when_a_connection_ends_at_once(void **state)
{
	static const char text[] = "[listener gone]\nlisten = 127.0.0.1:1\nupstream = nothing\n"
				   "[upstream nothing]\nserver = unix:@unitls-nobody-listens\n"
				   "[listener web]\nlisten = 127.0.0.1:2\nupstream = back\n"
				   "[upstream back]\nserver = 127.0.0.1:%u\n";
	struct ipc_message message = ipc_make(IPC_DRAIN);
	struct bench *bench = *state;
	char config[500];
	uint16_t ports[2];
	int sockets[2];
	int clients[2];
	int status = 0;
	int server;

	(void)snprintf(config, sizeof(config), text, (unsigned)bench->upstream_port);
	begin(bench);
	send_snapshot(bench, 1, config);
	for (uint32_t i = 0; i < 2; i++) {
		struct ipc_message offer = ipc_make(IPC_SOCKET);

		sockets[i] = listening(&ports[i]);
		offer.generation = 1;
		offer.socket = 10 + i;
		offer.listener = i;
		offer.column = i;
		offer.body.kind = IPC_SOCKET_OWN;
		assert_int_equal(ipc_send(&bench->channel, &offer, sockets[i]), 0);
	}
	send_type(bench, IPC_PREPARE, 1);
	(void)expect(bench, IPC_PREPARED);
	send_type(bench, IPC_COMMIT, 1);
	(void)expect(bench, IPC_COMMITTED);
	assert_int_equal(kill(bench->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(bench->pid, &status, WUNTRACED), bench->pid);
	assert_true(WIFSTOPPED(status));
	message.body.drain.timeout_ms = IPC_DRAIN_FOREVER;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
	for (size_t i = 0; i < 2; i++)
		clients[i] = connect_to(ports[i]);
	assert_int_equal(kill(bench->pid, SIGCONT), 0);
	wait_readable(bench->upstream);
	server = accept4(bench->upstream, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	(void)close(clients[1]);
	(void)close(server);
	message = expect(bench, IPC_DRAINED);
	assert_int_equal(message.body.drained.finished, 1);
	expect_end(bench, 0);
	(void)close(clients[0]);
	for (size_t i = 0; i < 2; i++)
		(void)close(sockets[i]);
}

static void draining_cuts_what_is_left(void **state)
{
	struct bench *bench = *state;
	struct ipc_message message = ipc_make(IPC_DRAIN);
	int client = connect_to(serve(bench));
	int upstream = pass_a_byte(bench, client);
	struct ipc_message drained;
	char byte;

	message.body.drain.timeout_ms = 1;
	assert_int_equal(ipc_send(&bench->channel, &message, -1), 0);
	drained = expect(bench, IPC_DRAINED);
	assert_int_equal(drained.body.drained.cut, 1);
	expect_end(bench, 0);
	assert_int_equal(recv(client, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(counters_total(bench->counters, COUNTER_END_DRAIN), 1);
	(void)close(client);
	(void)close(upstream);
}

static void a_worker_whose_master_is_gone_ends(void **state)
{
	struct bench *bench = *state;

	(void)expect(bench, IPC_READY);
	ipc_channel_fini(&bench->channel);
	expect_end(bench, 1);
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORKER_TEST(a_committed_generation_is_served),
		WORKER_TEST(a_heartbeat_comes_back_with_its_number),
		WORKER_TEST(a_snapshot_that_says_nothing_good_fails_with_a_reason_and_the_next_is_taken),
		WORKER_TEST(nothing_is_prepared_before_the_secrets_of_tickets_came),
		WORKER_TEST(secrets_that_are_none_end_the_worker),
		WORKER_TEST(a_socket_for_a_listener_that_is_not_there_fails),
		WORKER_TEST(an_aborted_generation_changes_nothing),
		WORKER_TEST(a_connection_outlives_its_generation),
		WORKER_TEST(an_adopted_socket_is_served_at_once_and_released_empty),
		WORKER_TEST(draining_waits_for_connections),
		WORKER_TEST(draining_goes_on_when_a_connection_ends_at_once),
		WORKER_TEST(draining_cuts_what_is_left),
		WORKER_TEST(a_worker_whose_master_is_gone_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The blocking socket over TCP, with real backends: one end in a thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/pki.h"
#include <unitls/socket.h>

/* Says why. */
#define SKIP(reason)                           \
	do {                                   \
		print_message("%s\n", reason); \
		skip();                        \
	} while (0)

#define LARGE       (3u << 20)
#define DEADLINE_MS 60000
#define SHORT_MS    30

struct fixture {
	struct unitls_backend *backend;
	struct unitls_server_context *server;
	struct unitls_server_context *strict_server; /* insists on a client certificate */
	struct unitls_client_context *client;
	struct unitls_peer_name name;
};

static struct fixture fixtures[2];

static void fill_fixture(struct fixture *fixture, const char *backend)
{
	const struct unitls_backend_load_params params = {TEST_BACKEND_DIR, false};
	char *certificate = pki_path("server.pem");
	char *key = pki_path("server.key");
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_signing_chain *chain = NULL;
	struct unitls_trust_store *store = NULL;
	struct unitls_server_config *server = NULL;
	struct unitls_client_config *client = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_backend_load_with(backend, &params, &fixture->backend, NULL) < 0)
		goto out;
	if (unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error) < 0 ||
		unitls_trust_store_from_file(certificate, &store, &error) < 0)
		fail_msg("%s", error.text);
	(void)unitls_config_builder_set_trust_store(builder, store);
	if (unitls_config_builder_build_client(builder, &client, &error) < 0 ||
		unitls_client_context_new(
			fixture->backend, client, UNITLS_EFFORT_STRICT, NULL, &fixture->client, &error) < 0)
		fail_msg("%s", error.text);
	(void)unitls_config_builder_add_signing_chain(builder, chain);
	if (unitls_config_builder_build_server(builder, &server, &error) < 0 ||
		unitls_server_context_new(
			fixture->backend, server, UNITLS_EFFORT_STRICT, NULL, &fixture->server, &error) < 0)
		fail_msg("%s", error.text);
	unitls_server_config_unref(server);
	(void)unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_REQUIRED);
	if (unitls_config_builder_build_server(builder, &server, &error) < 0 ||
		unitls_server_context_new(fixture->backend, server, UNITLS_EFFORT_STRICT, NULL,
			&fixture->strict_server, &error) < 0 ||
		unitls_peer_name_dns("a.example", &fixture->name, &error) < 0)
		fail_msg("%s", error.text);
	unitls_server_config_unref(server);
	unitls_client_config_unref(client);
out:
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
	free(certificate);
	free(key);
}

static int group_setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("server", "EC:P-256", NULL, "subjectAltName=DNS:a.example\n");
	fill_fixture(&fixtures[0], "openssl");
	fill_fixture(&fixtures[1], "mbedtls");
	return 0;
}

static int group_teardown(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		unitls_server_context_unref(fixtures[i].server);
		unitls_server_context_unref(fixtures[i].strict_server);
		unitls_client_context_unref(fixtures[i].client);
	}
	return pki_teardown(state);
}

/*
 * Two ends: the client in the test, the server in a thread
 */

struct ends {
	const struct fixture *fixture;
	bool local; /* a socket pair: TCP with small buffers waits for delayed acknowledgements */
	struct unitls_socket *client;
	struct unitls_socket *server;
	int client_fd;
	int server_fd;
	int (*serve)(struct ends *ends, struct unitls_error *error); /* what the thread does; 0 = as it should */
	pthread_t thread;
	int status;
	struct unitls_error error;
};

static void *run(void *argument)
{
	struct ends *ends = argument;

	ends->status = ends->serve(ends, &ends->error);
	return NULL;
}

/* Over TCP, so that a reset is a reset. */
static void connected_pair(int fds[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct sockaddr *pointer = (struct sockaddr *)&address;
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, pointer, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, pointer, &size), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], pointer, size), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fds[1] >= 0);
	(void)close(listener);
}

static void open_ends_with(struct ends *ends, struct unitls_server_context *server,
	int (*serve)(struct ends *, struct unitls_error *))
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int fds[2];

	if (ends->local)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	else
		connected_pair(fds);
	ends->client_fd = fds[0];
	ends->server_fd = fds[1];
	ends->serve = serve;
	ends->error = (struct unitls_error)UNITLS_ERROR_INIT;
	if (unitls_client_wrap_socket(ends->fixture->client, fds[0], &ends->fixture->name, &ends->client, &error) <
			0 ||
		unitls_server_wrap_socket(server, fds[1], &ends->server, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(unitls_socket_fileno(ends->client), fds[0]);
	unitls_socket_set_deadline(ends->client, unitls_deadline_after(DEADLINE_MS));
	unitls_socket_set_deadline(ends->server, unitls_deadline_after(DEADLINE_MS));
	if (serve)
		assert_int_equal(pthread_create(&ends->thread, NULL, run, ends), 0);
}

/* Skips the test when the backend is not there. */
static void open_ends(struct ends *ends, void **state, int (*serve)(struct ends *, struct unitls_error *))
{
	const struct fixture *fixture = *state;

	if (!fixture->backend)
		SKIP("the backend is not built");
	ends->fixture = fixture;
	open_ends_with(ends, fixture->server, serve);
}

static void join(struct ends *ends, int expected)
{
	assert_int_equal(pthread_join(ends->thread, NULL), 0);
	if (ends->status != expected)
		fail_msg("the server ended with %s: %s", unitls_status_name(ends->status), ends->error.text);
}

static void close_ends(struct ends *ends)
{
	unitls_socket_free(ends->client);
	unitls_socket_free(ends->server);
}

static void must(int status, const struct unitls_error *error)
{
	if (status != 0)
		fail_msg("%s: %s", unitls_status_name(status), error->text);
}

/* Sends back what comes, until it ends; then ends too. */
static int echo(struct ends *ends, struct unitls_error *error)
{
	static const size_t size = 40000;
	uint8_t *buffer = malloc(size);
	int status = 0;

	while (status == 0 && buffer) {
		size_t n;

		status = unitls_socket_recv(ends->server, buffer, size, &n, error);
		if (status == 0)
			status = unitls_socket_sendall(ends->server, buffer, n, error);
	}
	free(buffer);
	if (status == UNITLS_EOF)
		status = unitls_socket_shutdown(ends->server, error);
	return status;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8));
}

static void test_bytes_come_back_and_the_end_is_clean(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	char buffer[64];
	size_t n;

	open_ends(&ends, state, echo);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	must(unitls_socket_send(ends.client, "", 0, &n, &error), &error);
	assert_int_equal(n, 0);
	must(unitls_socket_sendall(ends.client, "hello", 5, &error), &error);
	for (size_t held = 0; held < 5; held += n)
		must(unitls_socket_recv(ends.client, buffer + held, sizeof(buffer) - held, &n, &error), &error);
	assert_memory_equal(buffer, "hello", 5);
	assert_true(unitls_connection_cipher(unitls_socket_connection(ends.client)) != 0);
	must(unitls_socket_shutdown(ends.client, &error), &error);
	assert_int_equal(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), UNITLS_EOF);
	assert_int_equal(n, 0);
	assert_int_equal(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), UNITLS_EOF);
	assert_int_equal(unitls_socket_send(ends.client, "x", 1, &n, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	join(&ends, 0);
	close_ends(&ends);
}

struct sender {
	struct ends *ends;
	int status;
};

static void *send_large(void *argument)
{
	struct sender *sender = argument;
	uint8_t *data = malloc(LARGE);

	for (size_t i = 0; i < LARGE && data; i++)
		data[i] = pattern(i);
	sender->status = data ? unitls_socket_sendall(sender->ends->server, data, LARGE, NULL) : UNITLS_ERROR;
	free(data);
	return NULL;
}

static int serve_large(struct ends *ends, struct unitls_error *error)
{
	struct sender sender = {ends, 0};

	(void)error;
	(void)send_large(&sender);
	return sender.status;
}

static void test_large_data_through_small_buffers(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {.local = true};
	uint8_t buffer[7000];
	size_t total = 0;
	int small = 4096;

	open_ends(&ends, state, NULL);
	(void)setsockopt(ends.client_fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(ends.server_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	ends.serve = serve_large;
	assert_int_equal(pthread_create(&ends.thread, NULL, run, &ends), 0);
	while (total < LARGE) {
		size_t n;

		must(unitls_socket_recv(ends.client, buffer, 1 + total % sizeof(buffer), &n, &error), &error);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buffer[i], pattern(total + i));
		total += n;
	}
	join(&ends, 0);
	close_ends(&ends);
}

static atomic_int interruptions; /* by either thread */

static void on_alarm(int number)
{
	(void)number;
	(void)atomic_fetch_add(&interruptions, 1);
}

static void test_interrupted_calls_go_on(void **state)
{
	const struct itimerval often = {{0, 500}, {0, 500}};
	const struct itimerval never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	uint8_t buffer[30000];
	size_t total = 0;

	open_ends(&ends, state, serve_large);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (total < LARGE) {
		size_t n;

		must(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), &error);
		total += n;
	}
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	join(&ends, 0);
	close_ends(&ends);
}

static int serve_handshake(struct ends *ends, struct unitls_error *error)
{
	return unitls_socket_do_handshake(ends->server, error);
}

static void test_a_missed_deadline_is_not_sticky(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	char buffer[8];
	size_t n;

	open_ends(&ends, state, NULL);
	unitls_socket_set_deadline(ends.client, unitls_deadline_after(SHORT_MS));
	assert_int_equal(unitls_socket_do_handshake(ends.client, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(error.text, "timed out");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_socket_do_handshake(ends.client, &error), UNITLS_ERROR);
	assert_string_equal(error.text, "timed out");
	ends.serve = echo;
	assert_int_equal(pthread_create(&ends.thread, NULL, run, &ends), 0);
	unitls_socket_set_deadline(ends.client, UNITLS_NO_DEADLINE);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	unitls_socket_set_deadline(ends.client, unitls_deadline_after(SHORT_MS));
	assert_int_equal(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), UNITLS_ERROR);
	assert_string_equal(error.text, "timed out");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	unitls_socket_set_deadline(ends.client, unitls_deadline_after(DEADLINE_MS));
	must(unitls_socket_sendall(ends.client, "abc", 3, &error), &error);
	must(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), &error);
	must(unitls_socket_shutdown(ends.client, &error), &error);
	join(&ends, 0);
	close_ends(&ends);
}

static void test_sending_to_one_who_never_reads_times_out(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	uint8_t *data = calloc(1, LARGE);
	int status = 0;

	assert_non_null(data);
	if (!((const struct fixture *)*state)->backend) {
		free(data);
		SKIP("the backend is not built");
	}
	open_ends(&ends, state, serve_handshake);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	join(&ends, 0);
	unitls_socket_set_deadline(ends.client, unitls_deadline_after(SHORT_MS));
	for (size_t i = 0; i < 64 && status == 0; i++) /* more than the kernel's buffers hold */
		status = unitls_socket_sendall(ends.client, data, LARGE, &error);
	assert_int_equal(status, UNITLS_ERROR);
	assert_string_equal(error.text, "timed out");
	close_ends(&ends);
	free(data);
}

/* Never pauses, never ends. */
static int serve_endlessly(struct ends *ends, struct unitls_error *error)
{
	static const uint8_t block[16384];
	int status = 0;

	(void)error;
	while (status == 0)
		status = unitls_socket_sendall(ends->server, block, sizeof(block), NULL);
	return 0;
}

static void test_a_peer_that_never_pauses_does_not_outrun_the_deadline(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	int fd = -1;

	open_ends(&ends, state, serve_endlessly);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	unitls_socket_set_deadline(ends.client, unitls_deadline_after(SHORT_MS));
	assert_int_equal(unitls_socket_unwrap(ends.client, &fd, &error), UNITLS_ERROR);
	assert_string_equal(error.text, "timed out");
	assert_int_equal(fd, -1);
	unitls_socket_free(ends.client);
	ends.client = NULL;
	join(&ends, 0);
	close_ends(&ends);
}

static void test_a_truncation_is_told(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	char buffer[8];
	size_t n;

	open_ends(&ends, state, serve_handshake);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	join(&ends, 0);
	unitls_socket_free(ends.server);
	ends.server = NULL;
	assert_int_equal(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), UNITLS_RAGGED_EOF);
	assert_int_equal(n, 0);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	close_ends(&ends);
}

static void test_an_end_within_the_handshake_is_told(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};

	open_ends(&ends, state, NULL);
	unitls_socket_free(ends.server);
	ends.server = NULL;
	assert_int_equal(unitls_socket_do_handshake(ends.client, &error), UNITLS_RAGGED_EOF);
	close_ends(&ends);
}

static void test_sending_to_one_who_is_gone_fails_without_a_signal(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	size_t n;
	int status = 0;

	open_ends(&ends, state, serve_handshake);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	join(&ends, 0);
	unitls_socket_free(ends.server);
	ends.server = NULL;
	for (size_t i = 0; i < 100 && status == 0; i++)
		status = unitls_socket_send(ends.client, "x", 1, &n, &error);
	assert_int_equal(status, UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_socket_send(ends.client, "x", 1, &n, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	close_ends(&ends);
}

/* The server refuses, and is gone before the client reads. */
static int serve_and_vanish(struct ends *ends, struct unitls_error *error)
{
	int status = unitls_socket_do_handshake(ends->server, error);

	unitls_socket_free(ends->server);
	ends->server = NULL;
	return status;
}

static void test_an_alert_is_found_behind_a_reset(void **state)
{
	const struct fixture *fixture = *state;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {.fixture = fixture};
	char buffer[8];
	size_t n = 0;
	int status;

	if (!fixture->backend)
		SKIP("the backend is not built");
	open_ends_with(&ends, fixture->strict_server, serve_and_vanish);
	status = unitls_socket_do_handshake(ends.client, &error);
	join(&ends, UNITLS_ERROR);
	assert_int_equal(ends.error.error_class, UNITLS_ERROR_CLASS_VERIFY);
	if (status == 0)
		status = unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error);
	assert_int_equal(status, UNITLS_ERROR);
	if (error.error_class != UNITLS_ERROR_CLASS_PEER_ALERT)
		fail_msg("%s: %s", unitls_error_class_name(error.error_class), error.text);
	close_ends(&ends);
}

static void test_a_wrong_name_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	struct fixture other;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};

	if (!fixture->backend)
		SKIP("the backend is not built");
	other = *fixture;
	assert_int_equal(unitls_peer_name_dns("b.example", &other.name, NULL), 0);
	ends.fixture = &other;
	open_ends_with(&ends, fixture->server, serve_handshake);
	assert_int_equal(unitls_socket_do_handshake(ends.client, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_int_equal(error.verify_reason, UNITLS_VERIFY_NAME_MISMATCH);
	assert_int_equal(pthread_join(ends.thread, NULL), 0);
	close_ends(&ends);
}

/* Unwraps, and at once speaks without TLS. */
static int serve_unwrap(struct ends *ends, struct unitls_error *error)
{
	char buffer[16];
	int fd = -1;
	int status;
	size_t n;

	status = unitls_socket_recv(ends->server, buffer, sizeof(buffer), &n, error);
	if (status == 0)
		status = unitls_socket_unwrap(ends->server, &fd, error);
	if (status != 0)
		return status;
	ends->server = NULL;
	if (write(fd, "plain text", 10) != 10)
		status = UNITLS_ERROR;
	(void)close(fd);
	return status;
}

static void test_unwrapping_gives_the_descriptor_back_with_what_follows(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	char buffer[16];
	int fd = -1;

	open_ends(&ends, state, serve_unwrap);
	must(unitls_socket_sendall(ends.client, "end", 3, &error), &error);
	must(unitls_socket_shutdown(ends.client, &error), &error);
	join(&ends, 0); /* now its close_notify and what follows wait side by side */
	must(unitls_socket_unwrap(ends.client, &fd, &error), &error);
	ends.client = NULL;
	assert_int_equal(fd, ends.client_fd);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(recv(fd, buffer, sizeof(buffer), MSG_WAITALL), 10);
	assert_memory_equal(buffer, "plain text", 10);
	(void)close(fd);
	close_ends(&ends);
}

static void test_a_truncation_keeps_the_socket_wrapped(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	int fd = -1;

	open_ends(&ends, state, serve_handshake);
	must(unitls_socket_do_handshake(ends.client, &error), &error);
	join(&ends, 0);
	assert_int_equal(shutdown(ends.server_fd, SHUT_WR), 0);
	assert_int_equal(unitls_socket_unwrap(ends.client, &fd, &error), UNITLS_RAGGED_EOF);
	assert_int_equal(fd, -1);
	close_ends(&ends);
}

static enum unitls_hello_decision on_hello(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert)
{
	(void)argument;
	(void)connection;
	(void)hello;
	(void)context;
	(void)alert;
	return UNITLS_HELLO_WAIT;
}

/* Decides only when asked to. */
static int serve_decision(struct ends *ends, struct unitls_error *error)
{
	char buffer[8];
	size_t n;
	int status = unitls_socket_recv(ends->server, buffer, sizeof(buffer), &n, error);

	if (status != UNITLS_WANT_APP)
		return status == 0 ? UNITLS_ERROR : status;
	status = unitls_connection_decide_hello(
		unitls_socket_connection(ends->server), UNITLS_HELLO_ACCEPT, NULL, UNITLS_ALERT_NONE, error);
	return status == 0 ? echo(ends, error) : status;
}

static void test_a_decision_that_waits_is_asked_for(void **state)
{
	const struct fixture *fixture = *state;
	struct unitls_config_builder *builder;
	struct unitls_server_config *config;
	struct unitls_server_context *context;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {.fixture = fixture};
	char buffer[8];
	size_t n;

	if (!fixture->backend)
		SKIP("the backend is not built");
	builder = unitls_config_builder_from_server(unitls_server_context_config(fixture->server));
	assert_int_equal(unitls_config_builder_set_hello_callback(builder, on_hello, NULL), 0);
	must(unitls_config_builder_build_server(builder, &config, &error), &error);
	must(unitls_server_context_new(fixture->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error),
		&error);
	open_ends_with(&ends, context, serve_decision);
	must(unitls_socket_sendall(ends.client, "abc", 3, &error), &error);
	must(unitls_socket_recv(ends.client, buffer, sizeof(buffer), &n, &error), &error);
	must(unitls_socket_shutdown(ends.client, &error), &error);
	join(&ends, 0);
	close_ends(&ends);
	unitls_server_context_unref(context);
	unitls_server_config_unref(config);
	unitls_config_builder_free(builder);
}

static void test_bad_arguments(void **state)
{
	const struct fixture *fixture = *state;
	struct unitls_socket *socket = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct ends ends = {0};
	size_t n = 7;

	open_ends(&ends, state, NULL);
	assert_int_equal(unitls_server_wrap_socket(fixture->server, -1, &socket, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_null(socket);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_socket_recv(ends.client, &n, 0, &n, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	assert_int_equal(n, 0);
	unitls_socket_free(NULL);
	close_ends(&ends);
}

static void test_deadlines_do_not_overflow(void **state)
{
	(void)state;
	assert_true(unitls_deadline_after(INT64_MAX) == UNITLS_NO_DEADLINE);
	assert_true(unitls_deadline_after(1000) > unitls_deadline_after(0));
}

#define TEST(name)                                                 \
	{#name " (openssl)", name, NULL, NULL, &fixtures[0]},      \
	{                                                          \
#name " (mbedtls)", name, NULL, NULL, &fixtures[1] \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_come_back_and_the_end_is_clean),
		TEST(test_large_data_through_small_buffers),
		TEST(test_interrupted_calls_go_on),
		TEST(test_a_missed_deadline_is_not_sticky),
		TEST(test_sending_to_one_who_never_reads_times_out),
		TEST(test_a_peer_that_never_pauses_does_not_outrun_the_deadline),
		TEST(test_a_truncation_is_told),
		TEST(test_an_end_within_the_handshake_is_told),
		TEST(test_sending_to_one_who_is_gone_fails_without_a_signal),
		TEST(test_an_alert_is_found_behind_a_reset),
		TEST(test_a_wrong_name_is_refused),
		TEST(test_unwrapping_gives_the_descriptor_back_with_what_follows),
		TEST(test_a_truncation_keeps_the_socket_wrapped),
		TEST(test_a_decision_that_waits_is_asked_for),
		TEST(test_bad_arguments),
		cmocka_unit_test(test_deadlines_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

/*
 * Both ends of a connection on one event loop.
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/pki.h"

#define SEND_PIECE      50000
#define TESTS_MAX       4096
#define TEST_NAME_BYTES 160

enum unitls_hello_decision fixture_decision;
struct unitls_connection *fixture_asked;
struct unitls_peer_name fixture_name;

static struct backend_fixture backends[BACKENDS_MAX];
static size_t n_backends;
static struct pair pairs[BACKENDS_MAX][BACKENDS_MAX];

/* Backends ------------------------------------------------------------------------------------------------------------------- */

static bool on_backend(void *argument, const char *name)
{
	(void)argument;
	backends[n_backends].name = strdup(name);
	return ++n_backends < BACKENDS_MAX;
}

static enum unitls_hello_decision fixture_hello(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert)
{
	(void)argument;
	(void)hello;
	(void)context;
	(void)alert;
	fixture_asked = connection;
	return fixture_decision;
}

static void must(int status, const struct unitls_error *error)
{
	if (status != 0)
		fail_msg("%s %s", error->field, error->text);
}

static struct unitls_client_context *make_client(struct unitls_backend *backend, const char *trusted)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_trust_store *store = NULL;
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;
	char *path = pki_path(trusted);

	must(unitls_trust_store_from_file(path, &store, &error), &error);
	(void)unitls_config_builder_set_trust_store(builder, store); /* a failure comes again from the build */
	must(unitls_config_builder_build_client(builder, &config, &error), &error);
	must(unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error), &error);
	unitls_client_config_unref(config);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
	free(path);
	return context;
}

static struct unitls_server_context *make_server(struct unitls_backend *backend, unitls_hello_callback callback)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_signing_chain *chain = NULL;
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;
	char *certificate = pki_path("server.pem");
	char *key = pki_path("server.key");

	must(unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error), &error);
	(void)unitls_config_builder_add_signing_chain(builder, chain); /* a failure comes again from the build */
	if (callback)
		(void)unitls_config_builder_set_hello_callback(builder, callback, NULL);
	must(unitls_config_builder_build_server(builder, &config, &error), &error);
	must(unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error), &error);
	unitls_server_config_unref(config);
	unitls_signing_chain_unref(chain);
	unitls_config_builder_free(builder);
	free(certificate);
	free(key);
	return context;
}

static int group_setup(void **state)
{
	const struct unitls_backend_load_params params = {TEST_BACKEND_DIR, false};
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("server", "EC:P-256", NULL, "subjectAltName=DNS:a.example,IP:127.0.0.1\n");
	pki_certificate("other", "EC:P-256", NULL, "subjectAltName=DNS:a.example\n");
	must(unitls_peer_name_dns("a.example", &fixture_name, &error), &error);
	for (size_t i = 0; i < n_backends; i++) {
		struct backend_fixture *fixture = &backends[i];

		must(unitls_backend_load_with(fixture->name, &params, &fixture->backend, &error), &error);
		fixture->client = make_client(fixture->backend, "server.pem");
		fixture->distrusting_client = make_client(fixture->backend, "other.pem");
		fixture->server = make_server(fixture->backend, NULL);
		fixture->asking_server = make_server(fixture->backend, fixture_hello);
	}
	return 0;
}

static int group_teardown(void **state)
{
	for (size_t i = 0; i < n_backends; i++) {
		unitls_client_context_unref(backends[i].client);
		unitls_client_context_unref(backends[i].distrusting_client);
		unitls_server_context_unref(backends[i].server);
		unitls_server_context_unref(backends[i].asking_server);
		free(backends[i].name);
	}
	libevent_global_shutdown();
	return pki_teardown(state);
}

/* The tests of a program, each with its pair. */
struct test_list {
	struct CMUnitTest tests[TESTS_MAX];
	size_t n;
};

static void add_tests(struct test_list *list, const struct CMUnitTest *tests, size_t n, struct pair *pair)
{
	for (size_t i = 0; i < n && list->n < TESTS_MAX; i++) {
		struct CMUnitTest *test = &list->tests[list->n++];
		char *name = malloc(TEST_NAME_BYTES);

		*test = tests[i];
		(void)snprintf(name, TEST_NAME_BYTES, "%s (%s to %s)", tests[i].name, pair->client->name,
			pair->server->name);
		test->name = name;
		test->initial_state = pair;
	}
}

int fixture_run(const char *name, const struct CMUnitTest *every_pair, size_t n_every_pair,
	const struct CMUnitTest *every_backend, size_t n_every_backend, const struct CMUnitTest *once,
	size_t n_once)
{
	struct test_list *list = calloc(1, sizeof(*list));
	int failed;

	(void)unitls_backend_list(TEST_BACKEND_DIR, on_backend, NULL);
	if (!list || n_backends == 0) {
		(void)fprintf(stderr, "no backend was found in %s\n", TEST_BACKEND_DIR);
		free(list);
		return 1;
	}
	for (size_t i = 0; i < n_backends; i++)
		for (size_t j = 0; j < n_backends; j++) {
			pairs[i][j] = (struct pair){&backends[i], &backends[j]};
			add_tests(list, every_pair, n_every_pair, &pairs[i][j]);
		}
	for (size_t i = 0; i < n_backends; i++)
		add_tests(list, every_backend, n_every_backend, &pairs[i][i]);
	add_tests(list, once, n_once, &pairs[n_backends - 1][n_backends - 1]);
	failed = _cmocka_run_group_tests(name, list->tests, list->n, group_setup, group_teardown);
	for (size_t i = 0; i < list->n; i++)
		free((void *)(uintptr_t)list->tests[i].name); /* made in add_tests */
	free(list);
	return failed;
}

/* Sockets -------------------------------------------------------------------------------------------------------------------- */

evutil_socket_t fixture_listen(struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 128), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	*ret_address = address;
	return listener;
}

void fixture_tcp_pair(evutil_socket_t fds[2])
{
	struct sockaddr_in address;
	evutil_socket_t listener = fixture_listen(&address);
	int one = 1;

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&address, sizeof(address)), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	assert_int_equal(evutil_make_socket_nonblocking(fds[0]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
	(void)close(listener);
}

void fixture_local_pair(evutil_socket_t fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

/* The loop ------------------------------------------------------------------------------------------------------------------- */

static void on_time(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	*(bool *)argument = true;
}

/* Whatever happens first; no longer than a second. */
static void run_once(struct event_base *base, int flags)
{
	const struct timeval time = {1, 0};
	bool late = false;
	struct event *timer = event_new(base, -1, 0, on_time, &late);

	assert_non_null(timer);
	assert_int_equal(event_add(timer, &time), 0);
	assert_int_equal(event_base_loop(base, flags), 0);
	event_free(timer);
}

void fixture_step(struct event_base *base, int64_t deadline, const char *expression)
{
	if (unitls_deadline_after(0) > deadline)
		fail_msg("waited in vain for %s", expression);
	run_once(base, EVLOOP_ONCE);
}

void fixture_loop_for(struct event_base *base, int ms)
{
	const struct timeval time = {ms / 1000, ms % 1000 * 1000};
	bool late = false;
	struct event *timer = event_new(base, -1, 0, on_time, &late);

	assert_int_equal(event_add(timer, &time), 0);
	while (!late)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	event_free(timer);
}

void fixture_settle(struct event_base *base)
{
	for (int i = 0; i < 50; i++)
		run_once(base, EVLOOP_NONBLOCK);
}

/* One end -------------------------------------------------------------------------------------------------------------------- */

uint8_t fixture_pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) + (i >> 16));
}

static bool freed_at(struct party *party, short what)
{
	if (!(party->free_at & what))
		return false;
	party_free(party);
	return true;
}

static void check_pattern(struct party *party, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != fixture_pattern(party->received + i))
			party->mismatches++;
}

static void on_read(struct bufferevent *bev, void *argument)
{
	struct party *party = argument;
	uint8_t data[4096];
	size_t n;

	party->n_reads++;
	if (freed_at(party, PARTY_FREE_AT_READ))
		return;
	if (party->on_read) {
		party->on_read(party);
		return;
	}
	if (party->keep)
		return;
	while ((n = bufferevent_read(bev, data, sizeof(data))) > 0) {
		check_pattern(party, data, n);
		party->received += n;
		if (party->echo)
			assert_int_equal(bufferevent_write(bev, data, n), 0);
	}
}

static void send_piece(struct party *party)
{
	static uint8_t data[SEND_PIECE];
	size_t size = party->to_send < sizeof(data) ? party->to_send : sizeof(data);

	for (size_t i = 0; i < size; i++)
		data[i] = fixture_pattern(party->sent + i);
	party->sent += size;
	party->to_send -= size;
	assert_int_equal(bufferevent_write(party->bev, data, size), 0);
}

void party_send(struct party *party, size_t size)
{
	party->to_send += size;
	send_piece(party);
}

static void on_write(struct bufferevent *bev, void *argument)
{
	struct party *party = argument;

	(void)bev;
	party->n_writes++;
	if (freed_at(party, PARTY_FREE_AT_WRITE))
		return;
	if (party->to_send > 0)
		send_piece(party);
}

static void on_event(struct bufferevent *bev, short what, void *argument)
{
	struct party *party = argument;

	party->last_errno = errno;
	party->events |= what;
	party->last = what;
	party->n_events++;
	if (what & BEV_EVENT_CONNECTED)
		party->n_connected++;
	if (what & BEV_EVENT_ERROR && unitls_bufferevent_error(bev))
		party->failure = *unitls_bufferevent_error(bev);
	if (freed_at(party, what))
		return;
	if (party->on_event)
		party->on_event(party, what);
}

void party_take(struct party *party, struct bufferevent *bev, const struct unitls_error *error)
{
	if (!bev)
		fail_msg("no bufferevent: %s", error ? error->text : "");
	party->bev = bev;
	party->failure = (struct unitls_error)UNITLS_ERROR_INIT;
	bufferevent_setcb(bev, on_read, on_write, on_event, party);
	assert_int_equal(bufferevent_enable(bev, EV_READ | EV_WRITE), 0);
}

void party_free(struct party *party)
{
	if (party->bev)
		bufferevent_free(party->bev);
	party->bev = NULL;
}

/* Two ends ------------------------------------------------------------------------------------------------------------------- */

void ends_open(struct ends *ends, const struct pair *pair, int options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*ends = (struct ends){.base = event_base_new(), .pair = pair};
	assert_non_null(ends->base);
	fixture_tcp_pair(ends->fds);
	party_take(&ends->client,
		unitls_bufferevent_client_new(
			ends->base, ends->fds[0], pair->client->client, &fixture_name, options, &error),
		&error);
	party_take(&ends->server,
		unitls_bufferevent_server_new(ends->base, ends->fds[1], pair->server->server, options, &error),
		&error);
}

void ends_connect(struct ends *ends)
{
	LOOP_UNTIL(ends->base, ends->client.n_connected == 1 && ends->server.n_connected == 1);
}

void ends_close(struct ends *ends)
{
	party_free(&ends->client);
	party_free(&ends->server);
	fixture_settle(ends->base);
	event_base_free(ends->base);
}

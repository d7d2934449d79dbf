/*
 * The bufferevent under evhttp: https with libevent's own client and server, neither of which knows of TLS.
 *
 * time-limit: 1800
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/http.h>

#define BODY_BYTES      (10u << 20)
#define PATIENCE_S      600 /* under valgrind a hundred handshakes take a minute */
#define MANY            100
#define MANY_BODY_BYTES 20000

/* The server ------------------------------------------------------------------------------------------------------------------- */

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct unitls_server_context *context;
	struct sockaddr_in address;
	int options;
	int n_requests;
	int n_made; /* bufferevents */
};

static struct bufferevent *on_connection(struct event_base *base, void *argument)
{
	struct server *server = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct bufferevent *bev =
		unitls_bufferevent_server_new(base, -1, server->context, server->options, &error);

	if (!bev)
		fail_msg("%s", error.text);
	server->n_made++;
	return bev;
}

static size_t body_mismatches(struct evbuffer *body)
{
	size_t size = evbuffer_get_length(body);
	const uint8_t *data = evbuffer_pullup(body, -1);
	size_t mismatches = 0;

	for (size_t i = 0; i < size; i++)
		if (data[i] != fixture_pattern(i))
			mismatches++;
	return mismatches;
}

static void add_body(struct evbuffer *buffer, size_t size)
{
	uint8_t *data = malloc(size + 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = fixture_pattern(i);
	assert_int_equal(evbuffer_add(buffer, data, size), 0);
	free(data);
}

/* Sends back what was posted; to a GET as many bytes as its query says. */
static void on_request(struct evhttp_request *request, void *argument)
{
	struct server *server = argument;
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evbuffer *answer = evbuffer_new();

	server->n_requests++;
	assert_non_null(answer);
	if (evhttp_request_get_command(request) == EVHTTP_REQ_POST) {
		if (body_mismatches(evhttp_request_get_input_buffer(request)) == 0)
			assert_int_equal(evbuffer_add_buffer(answer, evhttp_request_get_input_buffer(request)), 0);
	} else {
		add_body(answer, query ? (size_t)strtoumax(query, NULL, 10) : 0);
	}
	evhttp_send_reply(request, 200, "OK", answer);
	evbuffer_free(answer);
}

static void start_server(
	struct server *server, struct event_base *base, struct unitls_server_context *context, int options)
{
	*server = (struct server){.base = base, .context = context, .options = options};
	server->http = evhttp_new(base);
	assert_non_null(server->http);
	evhttp_set_bevcb(server->http, on_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_timeout(server->http, PATIENCE_S);
	assert_int_equal(evhttp_accept_socket(server->http, fixture_listen(&server->address)), 0);
}

/* The client ----------------------------------------------------------------------------------------------------------------- */

struct client {
	struct evhttp_connection *connection;
	struct bufferevent *bev;
	int n_done;
	int n_failed; /* of those */
	int error;    /* enum evhttp_request_error of the last; -1 = none */
	int code;
	size_t received;
	size_t mismatches;
	struct unitls_error failure;
};

static void on_answer(struct evhttp_request *request, void *argument)
{
	struct client *client = argument;

	client->n_done++;
	if (!request || evhttp_request_get_response_code(request) == 0) {
		client->n_failed++;
		client->failure = *unitls_bufferevent_error(client->bev);
		return;
	}
	client->code = evhttp_request_get_response_code(request);
	client->received = evbuffer_get_length(evhttp_request_get_input_buffer(request));
	client->mismatches = body_mismatches(evhttp_request_get_input_buffer(request));
}

static void on_failure(enum evhttp_request_error error, void *argument)
{
	struct client *client = argument;

	client->error = (int)error;
}

static void start_client(struct client *client, struct event_base *base, struct unitls_client_context *context,
	in_port_t port, int options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*client = (struct client){.error = -1, .failure = UNITLS_ERROR_INIT};
	client->bev = unitls_bufferevent_client_new(base, -1, context, &fixture_name, options, &error);
	if (!client->bev)
		fail_msg("%s", error.text);
	client->connection =
		evhttp_connection_base_bufferevent_new(base, NULL, client->bev, "127.0.0.1", ntohs(port));
	assert_non_null(client->connection);
	evhttp_connection_set_timeout(client->connection, PATIENCE_S);
}

static void request(struct client *client, enum evhttp_cmd_type command, const char *uri, size_t body)
{
	struct evhttp_request *request = evhttp_request_new(on_answer, client);

	assert_non_null(request);
	evhttp_request_set_error_cb(request, on_failure);
	assert_int_equal(evhttp_add_header(evhttp_request_get_output_headers(request), "Host", "a.example"), 0);
	add_body(evhttp_request_get_output_buffer(request), body);
	assert_int_equal(evhttp_make_request(client->connection, request, command, uri), 0);
}

/* Tests ------------------------------------------------------------------------------------------------------------------------ */

struct site {
	struct event_base *base;
	struct server server;
	struct client client;
};

static void open_site(struct site *site, const struct pair *pair, int options)
{
	site->base = event_base_new();
	assert_non_null(site->base);
	start_server(&site->server, site->base, pair->server->server, options);
	start_client(&site->client, site->base, pair->client->client, site->server.address.sin_port, options);
}

static void close_site(struct site *site)
{
	evhttp_connection_free(site->client.connection);
	fixture_settle(site->base);
	evhttp_free(site->server.http);
	fixture_settle(site->base);
	event_base_free(site->base);
}

static void test_large_bodies_go_both_ways_on_one_connection(void **state)
{
	struct site site;

	open_site(&site, *state, BEV_OPT_CLOSE_ON_FREE);
	for (int i = 1; i <= 2; i++) {
		request(&site.client, EVHTTP_REQ_POST, "/", BODY_BYTES);
		LOOP_UNTIL(site.base, site.client.n_done == 2 * i - 1);
		assert_int_equal(site.client.code, 200);
		assert_int_equal(site.client.received, BODY_BYTES);
		assert_int_equal(site.client.mismatches, 0);
		request(&site.client, EVHTTP_REQ_GET, "/?10485760", 0);
		LOOP_UNTIL(site.base, site.client.n_done == 2 * i);
		assert_int_equal(site.client.received, BODY_BYTES);
		assert_int_equal(site.client.mismatches, 0);
	}
	assert_int_equal(site.client.n_failed, 0);
	assert_int_equal(site.server.n_made, 1);
	assert_int_equal(site.server.n_requests, 4);
	close_site(&site);
}

static void test_many_connections_at_once(void **state)
{
	const struct pair *pair = *state;
	struct client clients[MANY];
	struct site site;
	int64_t deadline = unitls_deadline_after(PATIENCE_S * INT64_C(1000));
	int done = 0;

	open_site(&site, pair, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	for (size_t i = 0; i < MANY; i++) {
		start_client(&clients[i], site.base, pair->client->client, site.server.address.sin_port,
			BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
		request(&clients[i], EVHTTP_REQ_POST, "/", MANY_BODY_BYTES + i);
	}
	while (done < MANY) {
		fixture_step(site.base, deadline, "all answers");
		done = 0;
		for (size_t i = 0; i < MANY; i++)
			done += clients[i].n_done;
	}
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(clients[i].n_failed, 0);
		assert_int_equal(clients[i].received, MANY_BODY_BYTES + i);
		assert_int_equal(clients[i].mismatches, 0);
		evhttp_connection_free(clients[i].connection);
	}
	assert_int_equal(site.server.n_made, MANY);
	close_site(&site);
}

static void test_a_closed_connection_is_made_again(void **state)
{
	struct site site;

	open_site(&site, *state, BEV_OPT_CLOSE_ON_FREE);
	for (int i = 1; i <= 3; i++) {
		struct evhttp_request *ask = evhttp_request_new(on_answer, &site.client);

		assert_int_equal(
			evhttp_add_header(evhttp_request_get_output_headers(ask), "Connection", "close"), 0);
		assert_int_equal(evhttp_make_request(site.client.connection, ask, EVHTTP_REQ_GET, "/?70000"), 0);
		LOOP_UNTIL(site.base, site.client.n_done == i);
		assert_int_equal(site.client.received, 70000);
	}
	assert_int_equal(site.client.n_failed, 0);
	assert_int_equal(site.server.n_made, 3);
	close_site(&site);
}

static void test_a_refused_certificate_fails_each_request_with_its_reason(void **state)
{
	const struct pair *pair = *state;
	struct client client;
	struct site site;

	open_site(&site, pair, BEV_OPT_CLOSE_ON_FREE);
	start_client(&client, site.base, pair->client->distrusting_client, site.server.address.sin_port,
		BEV_OPT_CLOSE_ON_FREE);
	for (int i = 1; i <= 2; i++) {
		client.failure = (struct unitls_error)UNITLS_ERROR_INIT;
		request(&client, EVHTTP_REQ_GET, "/?10", 0);
		LOOP_UNTIL(site.base, client.n_done == i);
		assert_int_equal(client.n_failed, i);
		assert_int_equal(client.failure.error_class, UNITLS_ERROR_CLASS_VERIFY);
		assert_true(client.failure.verify_reason == UNITLS_VERIFY_SELF_SIGNED ||
			client.failure.verify_reason == UNITLS_VERIFY_UNKNOWN_CA);
	}
	assert_int_equal(site.server.n_requests, 0);
	evhttp_connection_free(client.connection);
	close_site(&site);
}

static void test_connecting_is_tried_again(void **state)
{
	const struct timeval soon = {0, 1000};
	const struct pair *pair = *state;
	struct sockaddr_in address;
	struct client client;
	struct server server;
	struct event_base *base = event_base_new();
	evutil_socket_t listener = fixture_listen(&address);
	int one = 1;

	(void)close(listener); /* nobody listens there now */
	start_client(&client, base, pair->client->client, address.sin_port, BEV_OPT_CLOSE_ON_FREE);
	request(&client, EVHTTP_REQ_GET, "/?10", 0);
	LOOP_UNTIL(base, client.n_done == 1);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(client.failure.text, "connecting: Connection refused");

	evhttp_connection_set_retries(client.connection, -1);
	evhttp_connection_set_initial_retry_tv(client.connection, &soon);
	request(&client, EVHTTP_REQ_GET, "/?10", 0);
	fixture_loop_for(base, 20);
	assert_int_equal(client.n_done, 1);
	start_server(&server, base, pair->server->server, BEV_OPT_CLOSE_ON_FREE);
	/* The same port again, which another process may have got meanwhile. */
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(listener, 8) == 0) {
		assert_int_equal(evhttp_accept_socket(server.http, listener), 0);
		LOOP_UNTIL(base, client.n_done == 2);
		assert_int_equal(client.n_failed, 1);
		assert_int_equal(client.received, 10);
	} else {
		print_message("the port was taken by somebody else\n");
		(void)close(listener);
	}
	evhttp_connection_free(client.connection);
	fixture_settle(base);
	evhttp_free(server.http);
	fixture_settle(base);
	event_base_free(base);
}

/* A server that is no evhttp: answers the first request with a fixed text, and ends the connection. */
struct fixed_server {
	struct event_base *base;
	struct unitls_server_context *context;
	struct event *acceptor;
	struct sockaddr_in address;
	struct party party;
	const char *answer; /* NULL: none, and nothing is read */
	bool clean;         /* with close_notify */
	int n_accepted;
};

static void answer_and_end(struct party *party)
{
	const struct fixed_server *server = party->argument;

	assert_int_equal(bufferevent_write(party->bev, server->answer, strlen(server->answer)), 0);
	assert_int_equal(bufferevent_flush(party->bev, EV_WRITE, server->clean ? BEV_FINISHED : BEV_FLUSH), 0);
	party_free(party);
}

static void on_accept(evutil_socket_t fd, short what, void *argument)
{
	struct fixed_server *server = argument;
	evutil_socket_t accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)what;
	assert_true(accepted >= 0);
	party_free(&server->party);
	server->n_accepted++;
	party_take(&server->party,
		unitls_bufferevent_server_new(
			server->base, accepted, server->context, BEV_OPT_CLOSE_ON_FREE, &error),
		&error);
	server->party.on_read = answer_and_end;
	server->party.argument = server;
	if (!server->answer)
		assert_int_equal(bufferevent_disable(server->party.bev, EV_READ), 0);
}

static void start_fixed_server(struct fixed_server *server, struct event_base *base,
	struct unitls_server_context *context, const char *answer)
{
	*server = (struct fixed_server){.base = base, .context = context, .answer = answer};
	server->acceptor =
		event_new(base, fixture_listen(&server->address), EV_READ | EV_PERSIST, on_accept, server);
	assert_int_equal(event_add(server->acceptor, NULL), 0);
}

static void stop_fixed_server(struct fixed_server *server)
{
	evutil_socket_t listener = event_get_fd(server->acceptor);

	party_free(&server->party);
	event_free(server->acceptor);
	(void)close(listener);
	fixture_settle(server->base);
	event_base_free(server->base);
}

static void test_a_body_that_ends_with_the_connection_must_end_cleanly(void **state)
{
	const struct pair *pair = *state;
	struct fixed_server server;
	struct client client;

	start_fixed_server(&server, event_base_new(), pair->server->server, "HTTP/1.0 200 OK\r\n\r\nhalf of it");
	start_client(&client, server.base, pair->client->client, server.address.sin_port, BEV_OPT_CLOSE_ON_FREE);
	request(&client, EVHTTP_REQ_GET, "/", 0);
	LOOP_UNTIL(server.base, client.n_done == 1);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(
		client.failure.text, "the peer ended the connection without close_notify: data may be missing");

	unitls_bufferevent_set_allow_dirty_shutdown(client.bev, true);
	request(&client, EVHTTP_REQ_GET, "/", 0);
	LOOP_UNTIL(server.base, client.n_done == 2);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.received, strlen("half of it"));
	fixture_settle(server.base); /* evhttp finds out that the connection did not stay */

	unitls_bufferevent_set_allow_dirty_shutdown(client.bev, false);
	server.clean = true;
	request(&client, EVHTTP_REQ_GET, "/", 0);
	LOOP_UNTIL(server.base, client.n_done == 3);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.received, strlen("half of it"));
	evhttp_connection_free(client.connection);
	stop_fixed_server(&server);
}

/* What was on its way to a server that did not answer must not get into the next connection. */
static void test_a_request_that_times_out_leaves_nothing_behind(void **state)
{
	const struct timeval short_time = {0, 100000};
	const struct pair *pair = *state;
	struct fixed_server server;
	struct client client;
	int small = 4096;

	start_fixed_server(&server, event_base_new(), pair->server->server, NULL);
	(void)setsockopt(event_get_fd(server.acceptor), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	start_client(&client, server.base, pair->client->client, server.address.sin_port, BEV_OPT_CLOSE_ON_FREE);
	request(&client, EVHTTP_REQ_POST, "/", BODY_BYTES);
	LOOP_UNTIL(server.base,
		unitls_connection_handshake_done(unitls_bufferevent_connection(client.bev)) &&
			server.party.n_connected == 1);
	evhttp_connection_set_timeout_tv(client.connection, &short_time);
	LOOP_UNTIL(server.base, client.n_done == 1);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.error, EVREQ_HTTP_TIMEOUT);

	server.answer = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
	server.clean = true;
	evhttp_connection_set_timeout(client.connection, 30);
	request(&client, EVHTTP_REQ_GET, "/", 0);
	LOOP_UNTIL(server.base, client.n_done == 2);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.received, 2);
	evhttp_connection_free(client.connection);
	stop_fixed_server(&server);
}

/* The server accepts and says nothing: the handshake is part of connecting. */
static void test_a_handshake_without_an_answer_times_out(void **state)
{
	const struct timeval short_time = {0, 50000};
	const struct pair *pair = *state;
	struct event_base *base = event_base_new();
	struct sockaddr_in address;
	evutil_socket_t listener = fixture_listen(&address);
	struct client client;

	start_client(&client, base, pair->client->client, address.sin_port, BEV_OPT_CLOSE_ON_FREE);
	evhttp_connection_set_timeout_tv(client.connection, &short_time);
	request(&client, EVHTTP_REQ_GET, "/", 0);
	LOOP_UNTIL(base, client.n_done == 1);
	assert_int_equal(client.n_failed, 1);
	assert_int_equal(client.failure.error_class, UNITLS_ERROR_CLASS_NONE); /* the timeout was libevent's */
	evhttp_connection_free(client.connection);
	fixture_settle(base);
	event_base_free(base);
	(void)close(listener);
}

static void test_a_request_may_be_given_up_in_the_middle(void **state)
{
	struct site site;
	struct evhttp_request *ask;

	open_site(&site, *state, BEV_OPT_CLOSE_ON_FREE);
	ask = evhttp_request_new(on_answer, &site.client);
	assert_int_equal(evhttp_make_request(site.client.connection, ask, EVHTTP_REQ_GET, "/?10485760"), 0);
	LOOP_UNTIL(site.base, site.server.n_requests == 1);
	evhttp_cancel_request(ask);
	request(&site.client, EVHTTP_REQ_GET, "/?100", 0);
	LOOP_UNTIL(site.base, site.client.n_done == 1);
	assert_int_equal(site.client.received, 100);
	assert_int_equal(site.client.mismatches, 0);
	close_site(&site);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_pair[] = {
		cmocka_unit_test(test_large_bodies_go_both_ways_on_one_connection),
		cmocka_unit_test(test_many_connections_at_once),
	};
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_a_closed_connection_is_made_again),
		cmocka_unit_test(test_a_refused_certificate_fails_each_request_with_its_reason),
		cmocka_unit_test(test_a_body_that_ends_with_the_connection_must_end_cleanly),
		cmocka_unit_test(test_a_request_that_times_out_leaves_nothing_behind),
		cmocka_unit_test(test_a_request_may_be_given_up_in_the_middle),
	};
	static const struct CMUnitTest once[] = {
		cmocka_unit_test(test_connecting_is_tried_again),
		cmocka_unit_test(test_a_handshake_without_an_answer_times_out),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	return fixture_run("event_http", every_pair, COUNT(every_pair), every_backend, COUNT(every_backend), once,
		COUNT(once));
}

/*
 * The bufferevent over another bufferevent: pairs, sockets, and TLS itself.
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE    (1u << 20)
#define SHORT_MS 30

/* Two ends over two bufferevents that reach each other. */
static void cover(struct ends *ends, struct bufferevent *below[2], const struct pair *pair, int options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	party_take(&ends->client,
		unitls_bufferevent_client_filter_new(
			below[0], pair->client->client, &fixture_name, options, &error),
		&error);
	party_take(&ends->server,
		unitls_bufferevent_server_filter_new(below[1], pair->server->server, options, &error), &error);
}

static void open_over_pair(struct ends *ends, const struct pair *pair, struct bufferevent *below[2])
{
	*ends = (struct ends){.base = event_base_new(), .pair = pair};
	assert_int_equal(bufferevent_pair_new(ends->base, 0, below), 0);
	cover(ends, below, pair, BEV_OPT_CLOSE_ON_FREE);
}

static void exchange_and_end(struct ends *ends)
{
	party_send(&ends->client, LARGE);
	party_send(&ends->server, LARGE);
	LOOP_UNTIL(ends->base, ends->client.received == LARGE && ends->server.received == LARGE);
	assert_int_equal(ends->client.mismatches + ends->server.mismatches, 0);
	assert_int_equal(bufferevent_flush(ends->client.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends->base, ends->server.events & BEV_EVENT_EOF);
	/* Without half-close the end is that of both directions: below another such connection its answer may fail. */
	if (unitls_backend_capabilities(ends->pair->server->backend)->bits & UNITLS_CAP_HALF_CLOSE) {
		assert_int_equal(ends->server.n_events, 2);
		assert_int_equal(ends->server.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	}
	assert_int_equal(ends->client.n_connected + ends->server.n_connected, 2);
}

static void test_over_a_pair(void **state)
{
	struct bufferevent *below[2];
	struct ends ends;

	open_over_pair(&ends, *state, below);
	assert_ptr_equal(bufferevent_get_underlying(ends.client.bev), below[0]);
	assert_int_equal(bufferevent_getfd(ends.client.bev), -1);
	exchange_and_end(&ends);
	ends_close(&ends);
}

static void test_over_sockets_that_stay(void **state)
{
	struct bufferevent *below[2];
	struct ends ends = {.base = event_base_new(), .pair = *state};
	struct party plain[2] = {{.keep = false}};

	fixture_tcp_pair(ends.fds);
	for (int i = 0; i < 2; i++)
		below[i] = bufferevent_socket_new(ends.base, ends.fds[i], BEV_OPT_CLOSE_ON_FREE);
	cover(&ends, below, ends.pair, 0);
	assert_int_equal(bufferevent_getfd(ends.client.bev), ends.fds[0]);
	exchange_and_end(&ends);
	assert_int_equal(bufferevent_flush(ends.server.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	party_free(&ends.client);
	party_free(&ends.server);
	fixture_settle(ends.base);
	/* The protocol goes on without TLS. */
	for (int i = 0; i < 2; i++) {
		party_take(&plain[i], below[i], NULL);
		party_send(&plain[i], LARGE);
	}
	LOOP_UNTIL(ends.base, plain[0].received == LARGE && plain[1].received == LARGE);
	assert_int_equal(plain[0].mismatches + plain[1].mismatches, 0);
	party_free(&plain[0]);
	party_free(&plain[1]);
	ends_close(&ends);
}

static void test_tls_within_tls(void **state)
{
	struct bufferevent *below[2];
	struct ends outer;
	struct ends inner = {0};

	ends_open(&outer, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&outer); /* its parties hear nothing from here on */
	below[0] = outer.client.bev;
	below[1] = outer.server.bev;
	inner.base = outer.base;
	inner.pair = *state;
	cover(&inner, below, *state, BEV_OPT_CLOSE_ON_FREE);
	exchange_and_end(&inner);
	assert_int_equal(bufferevent_getfd(inner.client.bev), outer.fds[0]);
	assert_ptr_not_equal(
		unitls_bufferevent_connection(inner.client.bev), unitls_bufferevent_connection(below[0]));
	outer.client.bev = NULL;
	outer.server.bev = NULL;
	ends_close(&inner);
}

static void test_a_socket_may_be_connected_later(void **state)
{
	const struct pair *pair = *state;
	struct sockaddr_in address;
	struct ends ends = {.base = event_base_new(), .pair = pair};
	evutil_socket_t listener = fixture_listen(&address);
	struct bufferevent *below[2];

	below[0] = bufferevent_socket_new(ends.base, -1, BEV_OPT_CLOSE_ON_FREE);
	party_take(&ends.client,
		unitls_bufferevent_client_filter_new(
			below[0], pair->client->client, &fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	fixture_settle(ends.base); /* the hello waits */
	assert_int_equal(bufferevent_socket_connect(below[0], (struct sockaddr *)&address, sizeof(address)), 0);
	fixture_settle(ends.base);
	ends.fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(ends.fds[1] >= 0);
	party_take(&ends.server,
		unitls_bufferevent_server_new(
			ends.base, ends.fds[1], pair->server->server, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	exchange_and_end(&ends);
	(void)close(listener);
	ends_close(&ends);
}

static void test_a_failed_connect_below_is_an_error(void **state)
{
	const struct pair *pair = *state;
	struct sockaddr_in address;
	struct ends ends = {.base = event_base_new(), .pair = pair};
	struct bufferevent *below = bufferevent_socket_new(ends.base, -1, BEV_OPT_CLOSE_ON_FREE);

	(void)close(fixture_listen(&address));
	party_take(&ends.client,
		unitls_bufferevent_client_filter_new(
			below, pair->client->client, &fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	assert_int_equal(bufferevent_socket_connect(below, (struct sockaddr *)&address, sizeof(address)), 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 1);
	assert_true(ends.client.last & BEV_EVENT_ERROR);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_int_equal(ends.client.last_errno, ECONNREFUSED);
	ends_close(&ends);
}

static void test_an_end_below_is_a_truncation(void **state)
{
	struct bufferevent *below[2];
	struct ends ends;

	open_over_pair(&ends, *state, below);
	ends_connect(&ends);
	assert_int_equal(bufferevent_flush(below[1], EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_ERROR | BEV_EVENT_READING);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	ends_close(&ends);
}

static void test_a_reader_that_stops_stops_the_sender(void **state)
{
	struct bufferevent *below[2];
	struct ends ends;
	size_t sent;

	open_over_pair(&ends, *state, below);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	ends.client.to_send = (size_t)1 << 30;
	party_send(&ends.client, 0);
	do {
		sent = ends.client.sent;
		fixture_loop_for(ends.base, SHORT_MS);
	} while (ends.client.sent > sent);
	assert_in_range(sent, 1, 1000000);
	ends.client.to_send = 0;
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.received == sent);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

/* A filter that has no use for deferred callbacks tells at once, from within its own flush, that it has written. */
static void test_flushing_calls_nobody(void **state)
{
	struct bufferevent *below[2];
	struct ends ends = {.base = event_base_new(), .pair = *state};
	int told;

	fixture_tcp_pair(ends.fds);
	for (int i = 0; i < 2; i++)
		below[i] = bufferevent_filter_new(
			bufferevent_socket_new(ends.base, ends.fds[i], BEV_OPT_CLOSE_ON_FREE), NULL, NULL,
			BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	cover(&ends, below, ends.pair, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	fixture_settle(ends.base);
	party_send(&ends.client, 1000);
	told = ends.client.n_writes + ends.client.n_reads + ends.client.n_events;
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	assert_int_equal(ends.client.n_writes + ends.client.n_reads + ends.client.n_events, told);
	LOOP_UNTIL(ends.base, ends.client.n_writes > 0 && ends.server.events & BEV_EVENT_EOF);
	assert_int_equal(ends.server.received, 1000);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

static void take_and_disable(struct party *party)
{
	party->received += evbuffer_get_length(bufferevent_get_input(party->bev));
	assert_int_equal(bufferevent_disable(party->bev, EV_READ), 0);
	(void)evbuffer_drain(bufferevent_get_input(party->bev), (size_t)-1);
}

static void test_what_was_held_back_comes_when_reading_is_enabled(void **state)
{
	struct bufferevent *below[2];
	struct ends ends;

	open_over_pair(&ends, *state, below);
	ends_connect(&ends);
	ends.server.on_read = take_and_disable;
	bufferevent_setwatermark(ends.server.bev, EV_READ, 0, 100);
	party_send(&ends.client, 1000);
	for (size_t i = 1; i <= 10; i++) {
		LOOP_UNTIL(ends.base, ends.server.received == i * 100);
		fixture_settle(ends.base);
		assert_int_equal(ends.server.received, i * 100);
		assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	}
	ends_close(&ends);
}

/* Freeing at any time, with and without the one below. */
static void test_freeing_at_any_time(void **state)
{
	for (int i = 0; i < 30; i++) {
		struct bufferevent *below[2];
		struct ends ends = {.base = event_base_new(), .pair = *state};
		bool keep = i % 2 == 0;

		assert_int_equal(bufferevent_pair_new(ends.base, 0, below), 0);
		cover(&ends, below, *state, keep ? 0 : BEV_OPT_CLOSE_ON_FREE);
		party_send(&ends.client, LARGE);
		for (int j = 0; j < i / 2; j++)
			assert_int_not_equal(event_base_loop(ends.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), -1);
		party_free(&ends.client);
		if (i % 3 == 0)
			fixture_settle(ends.base);
		party_free(&ends.server);
		if (keep) {
			bufferevent_free(below[0]);
			bufferevent_free(below[1]);
		}
		if (i % 5 != 0)
			fixture_settle(ends.base);
		event_base_free(ends.base);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_pair[] = {
		cmocka_unit_test(test_over_a_pair),
	};
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_over_sockets_that_stay),
		cmocka_unit_test(test_tls_within_tls),
		cmocka_unit_test(test_flushing_calls_nobody),
		cmocka_unit_test(test_a_reader_that_stops_stops_the_sender),
		cmocka_unit_test(test_what_was_held_back_comes_when_reading_is_enabled),
	};
	static const struct CMUnitTest once[] = {
		cmocka_unit_test(test_a_socket_may_be_connected_later),
		cmocka_unit_test(test_a_failed_connect_below_is_an_error),
		cmocka_unit_test(test_an_end_below_is_a_truncation),
		cmocka_unit_test(test_freeing_at_any_time),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	return fixture_run("event_filter", every_pair, COUNT(every_pair), every_backend, COUNT(every_backend),
		once, COUNT(once));
}

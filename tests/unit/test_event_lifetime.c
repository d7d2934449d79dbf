/*
 * The bufferevent: making and freeing it at any time and in any callback, decisions that wait, threads.
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/thread.h>

#define SHORT_MS 20
#define DEFERRED (BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS)

static const struct timeval short_time = {0, SHORT_MS * 1000};

static bool is_open(evutil_socket_t fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Freeing -------------------------------------------------------------------------------------------------------------------- */

static const int all_options[] = {
	BEV_OPT_CLOSE_ON_FREE,
	BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS,
	BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE,
	BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | DEFERRED,
	0,
	BEV_OPT_THREADSAFE,
};

/* Makes every kind of callback happen at the client. */
static void free_at(const struct pair *pair, short at, int options)
{
	struct ends ends;

	ends_open(&ends, pair, options);
	ends.client.free_at = at;
	if (at == BEV_EVENT_TIMEOUT) {
		ends_connect(&ends);
		assert_int_equal(bufferevent_set_timeouts(ends.client.bev, &short_time, NULL), 0);
	}
	party_send(&ends.client, at == BEV_EVENT_CONNECTED || at == PARTY_FREE_AT_WRITE ? 10 : 0);
	if (at == PARTY_FREE_AT_READ || at == BEV_EVENT_EOF)
		party_send(&ends.server, 100000);
	if (at == BEV_EVENT_EOF)
		assert_int_equal(bufferevent_flush(ends.server.bev, EV_WRITE, BEV_FINISHED), 0);
	if (at == BEV_EVENT_ERROR) {
		ends_connect(&ends);
		(void)shutdown(ends.fds[1], SHUT_WR);
	}
	LOOP_UNTIL(ends.base, ends.client.bev == NULL);
	fixture_settle(ends.base);
	assert_true(is_open(ends.fds[0]) == !(options & BEV_OPT_CLOSE_ON_FREE));
	ends_close(&ends);
	for (int i = 0; i < 2 && !(options & BEV_OPT_CLOSE_ON_FREE); i++)
		assert_int_equal(close(ends.fds[i]), 0);
}

static void test_freeing_in_every_callback(void **state)
{
	static const short when[] = {BEV_EVENT_CONNECTED, BEV_EVENT_EOF, BEV_EVENT_ERROR, BEV_EVENT_TIMEOUT,
		PARTY_FREE_AT_READ, PARTY_FREE_AT_WRITE};

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++)
		for (size_t j = 0; j < sizeof(all_options) / sizeof(all_options[0]); j++)
			free_at(*state, when[i], all_options[j]);
}

/* After any number of turns of the loop, and the base directly afterwards or not. */
static void test_freeing_at_any_time(void **state)
{
	for (int i = 0; i < 60; i++) {
		struct ends ends;
		int options = all_options[(size_t)i % 4];

		ends_open(&ends, *state, options);
		party_send(&ends.client, 300000);
		party_send(&ends.server, 300000);
		for (int j = 0; j < i / 2; j++)
			assert_int_not_equal(event_base_loop(ends.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), -1);
		party_free(&ends.client);
		if (i % 3 == 0)
			fixture_settle(ends.base);
		party_free(&ends.server);
		if (i % 5 != 0)
			fixture_settle(ends.base);
		event_base_free(ends.base);
		assert_false(is_open(ends.fds[0]));
		assert_false(is_open(ends.fds[1]));
	}
}

static void drop_callbacks(struct party *party, short what)
{
	(void)what;
	bufferevent_setcb(party->bev, NULL, NULL, NULL, NULL);
}

static void test_a_bufferevent_without_callbacks_goes_on(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends.client.on_event = drop_callbacks; /* at BEV_EVENT_CONNECTED */
	ends.server.echo = true;
	party_send(&ends.client, 50000);
	LOOP_UNTIL(ends.base,
		ends.server.received == 50000 &&
			evbuffer_get_length(bufferevent_get_input(ends.client.bev)) == 50000);
	ends_close(&ends);
}

static void test_the_connection_and_the_error_belong_to_our_own_only(void **state)
{
	const struct pair *pair = *state;
	struct event_base *base = event_base_new();
	struct bufferevent *plain = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct bufferevent *filter = bufferevent_filter_new(plain, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	struct bufferevent *over;
	struct bufferevent *bev =
		unitls_bufferevent_server_new(base, -1, pair->server->server, BEV_OPT_CLOSE_ON_FREE, NULL);

	assert_null(unitls_bufferevent_connection(plain));
	assert_null(unitls_bufferevent_connection(filter));
	assert_null(unitls_bufferevent_error(filter));
	assert_int_equal(unitls_bufferevent_poke(filter), -1);
	unitls_bufferevent_set_allow_dirty_shutdown(filter, true);
	assert_false(unitls_bufferevent_get_allow_dirty_shutdown(filter));
	assert_non_null(bev);
	assert_non_null(unitls_bufferevent_connection(bev));
	assert_int_equal(unitls_bufferevent_error(bev)->error_class, UNITLS_ERROR_CLASS_NONE);
	over = bufferevent_filter_new(bev, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	assert_null(unitls_bufferevent_connection(over));
	bufferevent_free(over);
	bufferevent_free(filter);
	event_base_free(base);
}

static void test_what_cannot_be_made_leaves_the_descriptor_alone(void **state)
{
	const struct pair *pair = *state;
	struct event_base *base = event_base_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	const struct unitls_peer_name none = {.type = UNITLS_PEER_NAME_NONE};
	struct bufferevent *below[2];
	evutil_socket_t fds[2];

	fixture_local_pair(fds);
	assert_null(unitls_bufferevent_client_new(
		base, fds[0], pair->client->client, &none, BEV_OPT_CLOSE_ON_FREE, &error));
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_null(unitls_bufferevent_server_new(
		base, fds[0], pair->server->server, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_UNLOCK_CALLBACKS, &error));
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	assert_int_equal(bufferevent_pair_new(base, 0, below), 0);
	assert_null(unitls_bufferevent_client_filter_new(
		below[0], pair->client->client, &none, BEV_OPT_CLOSE_ON_FREE, NULL));
	bufferevent_free(below[0]);
	bufferevent_free(below[1]);
	fixture_settle(base);
	event_base_free(base);
	for (int i = 0; i < 2; i++)
		assert_int_equal(close(fds[i]), 0);
}

/* Decisions that wait -------------------------------------------------------------------------------------------------------- */

static void open_asking(struct ends *ends, const struct pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*ends = (struct ends){.base = event_base_new(), .pair = pair};
	fixture_tcp_pair(ends->fds);
	fixture_decision = UNITLS_HELLO_WAIT;
	fixture_asked = NULL;
	party_take(&ends->client,
		unitls_bufferevent_client_new(ends->base, ends->fds[0], pair->client->client, &fixture_name,
			BEV_OPT_CLOSE_ON_FREE, &error),
		&error);
	party_take(&ends->server,
		unitls_bufferevent_server_new(
			ends->base, ends->fds[1], pair->server->asking_server, BEV_OPT_CLOSE_ON_FREE, &error),
		&error);
	LOOP_UNTIL(ends->base, fixture_asked != NULL);
	assert_ptr_equal(unitls_bufferevent_connection(ends->server.bev), fixture_asked);
	fixture_settle(ends->base);
	assert_int_equal(ends->client.n_events + ends->server.n_events, 0);
}

static void test_a_decision_that_waits_is_acted_on_when_poked(void **state)
{
	struct ends ends;

	open_asking(&ends, *state);
	party_send(&ends.client, 1000);
	assert_int_equal(unitls_bufferevent_poke(ends.server.bev), 0); /* too early: nothing happens */
	fixture_settle(ends.base);
	assert_int_equal(ends.client.n_events + ends.server.n_events, 0);
	assert_int_equal(unitls_connection_decide_hello(fixture_asked, UNITLS_HELLO_ACCEPT, NULL, 0, NULL), 0);
	assert_int_equal(unitls_bufferevent_poke(ends.server.bev), 0);
	LOOP_UNTIL(ends.base, ends.server.received == 1000);
	assert_int_equal(ends.client.n_connected + ends.server.n_connected, 2);
	ends_close(&ends);
}

static void test_a_late_refusal_is_told_on_both_ends(void **state)
{
	struct ends ends;

	open_asking(&ends, *state);
	assert_int_equal(unitls_connection_decide_hello(
				 fixture_asked, UNITLS_HELLO_REJECT, NULL, UNITLS_ALERT_ACCESS_DENIED, NULL),
		0);
	assert_int_equal(unitls_bufferevent_poke(ends.server.bev), 0);
	LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_ERROR && ends.server.events & BEV_EVENT_ERROR);
	assert_int_equal(ends.server.failure.error_class, UNITLS_ERROR_CLASS_LOCAL_ALERT);
	assert_int_equal(ends.client.failure.alert, UNITLS_ALERT_ACCESS_DENIED);
	ends_close(&ends);
}

static void test_freeing_while_a_decision_waits(void **state)
{
	struct ends ends;

	open_asking(&ends, *state);
	party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_ERROR);
	ends_close(&ends);
}

/* What a client sends behind its hello while nobody decides is not read for ever, and the loop does not spin. */
static void test_a_flood_while_a_decision_waits_is_not_taken(void **state)
{
	static const uint8_t flood[65536];
	const struct pair *pair = *state;
	struct ends ends;
	ssize_t sent = 0;
	ssize_t before;

	open_asking(&ends, pair);
	do {
		before = sent;
		for (ssize_t n = 1; n > 0; sent += n > 0 ? n : 0) {
			n = send(ends.fds[0], flood, sizeof(flood), MSG_NOSIGNAL | MSG_DONTWAIT);
			fixture_settle(ends.base);
		}
		fixture_loop_for(ends.base, SHORT_MS);
	} while (sent > before);
	assert_in_range(sent, 1, 32 << 20);
	assert_in_range(
		evbuffer_get_length(bufferevent_get_input(bufferevent_get_underlying(ends.server.bev))), 1, 65536);
	assert_in_range(unitls_connection_incoming_size(unitls_bufferevent_connection(ends.server.bev)), 1,
		UNITLS_INCOMING_LIMIT_BYTES);
	assert_int_equal(ends.server.n_events, 0);
	assert_int_equal(unitls_connection_decide_hello(fixture_asked, UNITLS_HELLO_ACCEPT, NULL, 0, NULL), 0);
	assert_int_equal(unitls_bufferevent_poke(ends.server.bev), 0);
	LOOP_UNTIL(ends.base, ends.server.events & BEV_EVENT_ERROR); /* it was no TLS */
	ends_close(&ends);
}

/* Threads -------------------------------------------------------------------------------------------------------------------- */

#define THREAD_WRITES 200
#define THREAD_BYTES  1000

static atomic_size_t echoed;
static atomic_int ended;

static void on_echo(struct bufferevent *bev, void *argument)
{
	uint8_t data[4096];
	size_t n;

	(void)argument;
	while ((n = bufferevent_read(bev, data, sizeof(data))) > 0)
		(void)atomic_fetch_add(&echoed, n);
}

static void on_end(struct bufferevent *bev, short what, void *argument)
{
	(void)bev;
	(void)argument;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		(void)atomic_fetch_add(&ended, 1);
}

static void *run_loop(void *base)
{
	return (void *)(intptr_t)event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

/* One thread runs the loop, the other writes, pokes, and frees. */
static void test_another_thread_may_write_and_free(void **state)
{
	static const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE | BEV_OPT_DEFER_CALLBACKS;
	uint8_t data[THREAD_BYTES] = {0};
	struct ends ends;
	pthread_t thread;
	void *result;

	for (int round = 0; round < 5; round++) {
		int64_t deadline = unitls_deadline_after(60000);

		atomic_store(&echoed, 0);
		atomic_store(&ended, 0);
		ends_open(&ends, *state, options | (round % 2 == 0 ? DEFERRED : 0));
		ends.server.echo = true;
		bufferevent_setcb(ends.client.bev, on_echo, NULL, on_end, NULL);
		assert_int_equal(pthread_create(&thread, NULL, run_loop, ends.base), 0);
		for (int i = 0; i < THREAD_WRITES; i++) {
			assert_int_equal(bufferevent_write(ends.client.bev, data, sizeof(data)), 0);
			assert_int_equal(unitls_bufferevent_poke(ends.client.bev), 0);
		}
		while (round > 0 && atomic_load(&echoed) < THREAD_WRITES * THREAD_BYTES)
			assert_true(unitls_deadline_after(0) < deadline);
		bufferevent_free(ends.client.bev); /* in the first round in the middle of it all */
		ends.client.bev = NULL;
		assert_int_equal(event_base_loopexit(ends.base, NULL), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_null(result);
		assert_int_equal(atomic_load(&ended), 0);
		ends_close(&ends);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_freeing_in_every_callback),
		cmocka_unit_test(test_freeing_at_any_time),
		cmocka_unit_test(test_a_bufferevent_without_callbacks_goes_on),
		cmocka_unit_test(test_a_decision_that_waits_is_acted_on_when_poked),
		cmocka_unit_test(test_a_late_refusal_is_told_on_both_ends),
		cmocka_unit_test(test_freeing_while_a_decision_waits),
		cmocka_unit_test(test_another_thread_may_write_and_free),
	};
	static const struct CMUnitTest once[] = {
		cmocka_unit_test(test_the_connection_and_the_error_belong_to_our_own_only),
		cmocka_unit_test(test_what_cannot_be_made_leaves_the_descriptor_alone),
		cmocka_unit_test(test_a_flood_while_a_decision_waits_is_not_taken),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	if (evthread_use_pthreads() != 0)
		return 1;
	return fixture_run("event_lifetime", NULL, 0, every_backend, COUNT(every_backend), once, COUNT(once));
}

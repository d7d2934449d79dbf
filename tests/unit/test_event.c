/*
 * The bufferevent: what its callbacks are told, and when.
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE    (3u << 20)
#define SHORT_MS 30

static const struct timeval short_time = {0, SHORT_MS * 1000};

/* Data and ends -------------------------------------------------------------------------------------------------------------- */

static void test_data_goes_both_ways_and_ends_cleanly(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends.server.echo = true;
	party_send(&ends.client, LARGE); /* before the handshake */
	LOOP_UNTIL(ends.base, ends.client.received == LARGE);
	assert_int_equal(ends.client.mismatches + ends.server.mismatches, 0);
	assert_int_equal(ends.client.n_connected, 1);
	assert_int_equal(ends.server.n_connected, 1);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.server.n_events == 2);
	assert_int_equal(ends.server.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	assert_int_equal(bufferevent_flush(ends.server.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	ends_close(&ends);
}

static void test_both_ends_send_much_at_once(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	party_send(&ends.client, LARGE);
	party_send(&ends.server, LARGE);
	LOOP_UNTIL(ends.base, ends.client.received == LARGE && ends.server.received == LARGE);
	assert_int_equal(ends.client.mismatches + ends.server.mismatches, 0);
	ends_close(&ends);
}

static void test_writing_goes_on_after_the_peers_end(void **state)
{
	const struct pair *pair = *state;
	struct ends ends;

	ends_open(&ends, pair, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.server.events & BEV_EVENT_EOF);
	party_send(&ends.server, 100000);
	if (unitls_backend_capabilities(pair->client->backend)->bits & UNITLS_CAP_HALF_CLOSE) {
		LOOP_UNTIL(ends.base, ends.client.received == 100000);
		assert_int_equal((ends.client.events | ends.server.events) & BEV_EVENT_ERROR, 0);
	} else { /* the server cannot write any more, and may say so */
		LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_EOF);
		assert_int_equal(ends.client.events & BEV_EVENT_ERROR, 0);
	}
	ends_close(&ends);
}

static void test_writing_after_our_own_end_fails(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	assert_int_equal(bufferevent_write(ends.client.bev, "x", 1), 0);
	LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_ERROR);
	assert_int_equal(ends.client.last, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_USAGE);
	ends_close(&ends);
}

static void test_an_end_is_told_again_to_who_enables_reading_again(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.server.n_events == 2);
	assert_int_equal(bufferevent_get_enabled(ends.server.bev) & EV_READ, 0);
	fixture_settle(ends.base);
	assert_int_equal(ends.server.n_events, 2);
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.n_events == 3);
	assert_int_equal(ends.server.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	ends_close(&ends);
}

static void test_what_is_flushed_survives_being_freed(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	party_send(&ends.client, 20000);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	party_free(&ends.client);
	LOOP_UNTIL(ends.base, ends.server.n_events == 2);
	assert_int_equal(ends.server.received, 20000);
	assert_int_equal(ends.server.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	ends_close(&ends);
}

static void test_the_write_callback_runs_when_close_notify_is_out(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	assert_int_equal(bufferevent_disable(ends.client.bev, EV_WRITE), 0); /* which does not matter to a flush */
	party_send(&ends.client, 1000);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, ends.server.events & BEV_EVENT_EOF);
	assert_int_equal(ends.server.received, 1000);
	LOOP_UNTIL(ends.base, ends.client.n_writes == 2); /* one for the data */
	fixture_settle(ends.base);
	assert_int_equal(ends.client.n_writes, 2);
	ends_close(&ends);
}

/* Failures ------------------------------------------------------------------------------------------------------------------- */

static void test_a_truncation_is_an_error(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	party_send(&ends.server, 1000);
	LOOP_UNTIL(ends.base, ends.client.received == 1000);
	party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_ERROR | BEV_EVENT_READING);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_int_equal(ends.client.last_errno, 0);
	assert_string_equal(ends.client.failure.text,
		"the peer ended the connection without close_notify: data may be missing");
	ends_close(&ends);
}

static void test_a_truncation_is_an_end_where_that_is_allowed(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	assert_false(unitls_bufferevent_get_allow_dirty_shutdown(ends.client.bev));
	unitls_bufferevent_set_allow_dirty_shutdown(ends.client.bev, true);
	assert_true(unitls_bufferevent_get_allow_dirty_shutdown(ends.client.bev));
	ends_connect(&ends);
	party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_EOF | BEV_EVENT_READING);
	assert_int_equal(unitls_bufferevent_error(ends.client.bev)->error_class, UNITLS_ERROR_CLASS_NONE);
	ends_close(&ends);
}

static void test_an_end_within_the_handshake_is_always_an_error(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	unitls_bufferevent_set_allow_dirty_shutdown(ends.client.bev, true);
	party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.n_events == 1);
	assert_true(ends.client.last & BEV_EVENT_ERROR);
	assert_int_equal(ends.client.n_connected, 0);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	ends_close(&ends);
}

static void reset(evutil_socket_t fd)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
}

static void test_a_reset_is_always_an_error(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	unitls_bufferevent_set_allow_dirty_shutdown(ends.client.bev, true);
	ends_connect(&ends);
	reset(ends.fds[1]);
	party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_ERROR | BEV_EVENT_READING);
	assert_int_equal(ends.client.last_errno, ECONNRESET);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(ends.client.failure.text, "receiving: Connection reset by peer");
	ends_close(&ends);
}

static void test_sending_to_one_who_is_gone_is_an_error(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.client.bev, EV_READ), 0);
	reset(ends.fds[1]);
	party_free(&ends.server);
	fixture_settle(ends.base);
	assert_int_equal(ends.client.n_events, 1);
	party_send(&ends.client, LARGE);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
	assert_true(ends.client.last_errno == ECONNRESET || ends.client.last_errno == EPIPE);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	ends_close(&ends);
}

/* The client's context is another one than the pair's. */
static void open_refusing(struct ends *ends, const struct pair *pair, const struct unitls_peer_name *name,
	struct unitls_client_context *context)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*ends = (struct ends){.base = event_base_new(), .pair = pair};
	fixture_tcp_pair(ends->fds);
	party_take(&ends->client,
		unitls_bufferevent_client_new(
			ends->base, ends->fds[0], context, name, BEV_OPT_CLOSE_ON_FREE, &error),
		&error);
	party_take(&ends->server,
		unitls_bufferevent_server_new(
			ends->base, ends->fds[1], pair->server->server, BEV_OPT_CLOSE_ON_FREE, &error),
		&error);
}

static void on_failure_free(struct party *party, short what)
{
	if (what & BEV_EVENT_ERROR)
		party_free(party);
}

/* As most programs do, the client frees as soon as it is told: the alert must be on its way by then. */
static void test_a_refused_certificate_is_told_on_both_ends(void **state)
{
	const struct pair *pair = *state;
	struct ends ends;

	open_refusing(&ends, pair, &fixture_name, pair->client->distrusting_client);
	ends.client.on_event = on_failure_free;
	LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_ERROR && ends.server.events & BEV_EVENT_ERROR);
	assert_int_equal(ends.client.n_connected, 0);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_true(ends.client.failure.verify_reason == UNITLS_VERIFY_SELF_SIGNED ||
		ends.client.failure.verify_reason == UNITLS_VERIFY_UNKNOWN_CA);
	assert_int_equal(ends.server.failure.error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	assert_int_equal(ends.server.failure.alert, UNITLS_ALERT_UNKNOWN_CA);
	ends_close(&ends);
}

static void test_a_wrong_name_is_refused(void **state)
{
	const struct pair *pair = *state;
	struct unitls_peer_name name;
	struct ends ends;

	assert_int_equal(unitls_peer_name_dns("b.example", &name, NULL), 0);
	open_refusing(&ends, pair, &name, pair->client->client);
	LOOP_UNTIL(ends.base, ends.client.events & BEV_EVENT_ERROR && ends.server.events & BEV_EVENT_ERROR);
	assert_int_equal(ends.client.failure.error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_int_equal(ends.client.failure.verify_reason, UNITLS_VERIFY_NAME_MISMATCH);
	ends_close(&ends);
}

static void test_garbage_is_answered_with_an_alert(void **state)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
	const struct pair *pair = *state;
	struct party server = {.on_event = on_failure_free};
	struct event_base *base = event_base_new();
	evutil_socket_t fds[2];
	uint8_t answer[64];

	fixture_tcp_pair(fds);
	party_take(&server,
		unitls_bufferevent_server_new(base, fds[1], pair->server->server, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	assert_int_equal(send(fds[0], garbage, sizeof(garbage), MSG_NOSIGNAL), sizeof(garbage));
	LOOP_UNTIL(base, server.events & BEV_EVENT_ERROR);
	assert_int_equal(server.failure.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	assert_int_equal(recv(fds[0], answer, sizeof(answer), MSG_DONTWAIT), 7);
	assert_int_equal(answer[0], 21); /* alert */
	assert_int_equal(answer[6], server.failure.alert);
	(void)close(fds[0]);
	fixture_settle(base);
	event_base_free(base);
}

static void test_an_alert_is_found_behind_a_reset(void **state)
{
	const struct pair *pair = *state;
	struct party client = {0};
	struct event_base *base = event_base_new();
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, UNITLS_ALERT_ACCESS_DENIED};
	evutil_socket_t fds[2];

	/* The hello cannot be sent any more, but what the peer said before it closed can be read. */
	fixture_local_pair(fds);
	assert_int_equal(send(fds[1], alert, sizeof(alert), MSG_NOSIGNAL), sizeof(alert));
	(void)close(fds[1]);
	party_take(&client,
		unitls_bufferevent_client_new(
			base, fds[0], pair->client->client, &fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	LOOP_UNTIL(base, client.events & BEV_EVENT_ERROR);
	assert_int_equal(client.failure.error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	assert_int_equal(client.failure.alert, UNITLS_ALERT_ACCESS_DENIED);
	party_free(&client);
	fixture_settle(base);
	event_base_free(base);
}

/* Connecting ----------------------------------------------------------------------------------------------------------------- */

struct dialing {
	struct event_base *base;
	const struct pair *pair;
	struct sockaddr_in address;
	struct event *acceptor;
	struct party client;
	struct party server;
};

static void on_accept(evutil_socket_t fd, short what, void *argument)
{
	struct dialing *dialing = argument;
	evutil_socket_t accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	assert_true(accepted >= 0);
	party_free(&dialing->server);
	dialing->server = (struct party){.echo = true};
	party_take(&dialing->server,
		unitls_bufferevent_server_new(
			dialing->base, accepted, dialing->pair->server->server, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
}

static void open_dialing(struct dialing *dialing, const struct pair *pair)
{
	*dialing = (struct dialing){.base = event_base_new(), .pair = pair};
	dialing->acceptor = event_new(
		dialing->base, fixture_listen(&dialing->address), EV_READ | EV_PERSIST, on_accept, dialing);
	assert_int_equal(event_add(dialing->acceptor, NULL), 0);
	party_take(&dialing->client,
		unitls_bufferevent_client_new(
			dialing->base, -1, pair->client->client, &fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
}

static void close_dialing(struct dialing *dialing)
{
	evutil_socket_t listener = event_get_fd(dialing->acceptor);

	party_free(&dialing->client);
	party_free(&dialing->server);
	event_free(dialing->acceptor);
	(void)close(listener);
	fixture_settle(dialing->base);
	event_base_free(dialing->base);
}

static int dial(struct dialing *dialing)
{
	return bufferevent_socket_connect(
		dialing->client.bev, (struct sockaddr *)&dialing->address, sizeof(dialing->address));
}

static void test_connecting_by_address_and_by_name(void **state)
{
	struct dialing dialing;

	open_dialing(&dialing, *state);
	assert_int_equal(bufferevent_getfd(dialing.client.bev), -1);
	party_send(&dialing.client, 1000);
	fixture_settle(dialing.base);
	assert_int_equal(dialing.client.n_events, 0);
	assert_int_equal(dial(&dialing), 0);
	LOOP_UNTIL(dialing.base, dialing.client.received == 1000);
	assert_true(bufferevent_getfd(dialing.client.bev) >= 0);
	close_dialing(&dialing);

	open_dialing(&dialing, *state);
	assert_int_equal(bufferevent_socket_connect_hostname(
				 dialing.client.bev, NULL, AF_INET, "127.0.0.1", ntohs(dialing.address.sin_port)),
		0);
	LOOP_UNTIL(dialing.base, dialing.client.n_connected == 1);
	assert_int_equal(dialing.client.n_events, 1);
	close_dialing(&dialing);
}

static void test_a_refused_connection_is_an_error(void **state)
{
	struct dialing dialing;

	open_dialing(&dialing, *state);
	assert_int_equal(event_del(dialing.acceptor), 0);
	(void)shutdown(event_get_fd(dialing.acceptor), SHUT_RDWR); /* nobody listens there now */
	assert_int_equal(dial(&dialing), 0);
	LOOP_UNTIL(dialing.base, dialing.client.n_events == 1);
	assert_true(dialing.client.last & BEV_EVENT_ERROR);
	assert_int_equal(dialing.client.last_errno, ECONNREFUSED);
	assert_int_equal(dialing.client.failure.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(dialing.client.failure.text, "connecting: Connection refused");
	fixture_settle(dialing.base);
	assert_int_equal(dialing.client.n_events, 1);
	close_dialing(&dialing);
}

/* Where libevent's own reading would take the error away unseen. */
static void test_a_refusal_of_a_second_connection_is_an_error(void **state)
{
	struct dialing dialing;
	evutil_socket_t fd;

	open_dialing(&dialing, *state);
	assert_int_equal(dial(&dialing), 0);
	LOOP_UNTIL(dialing.base, dialing.client.n_connected == 1);
	fixture_settle(dialing.base);
	assert_int_equal(event_del(dialing.acceptor), 0);
	(void)shutdown(event_get_fd(dialing.acceptor), SHUT_RDWR);
	fd = bufferevent_getfd(dialing.client.bev);
	assert_int_equal(bufferevent_setfd(dialing.client.bev, -1), 0);
	(void)close(fd);
	assert_true(bufferevent_get_enabled(dialing.client.bev) & EV_READ);
	assert_int_equal(dial(&dialing), 0);
	LOOP_UNTIL(dialing.base, dialing.client.n_events == 2);
	assert_true(dialing.client.last & BEV_EVENT_ERROR);
	assert_string_equal(dialing.client.failure.text, "connecting: Connection refused");
	fixture_settle(dialing.base);
	assert_int_equal(dialing.client.n_events, 2);
	close_dialing(&dialing);
}

/* libevent itself reports a refusal that is there at once. */
static void test_an_immediate_refusal_is_told_once(void **state)
{
	struct sockaddr_storage address = {.ss_family = AF_UNIX};
	socklen_t size = sizeof(address);
	struct dialing dialing;
	int deaf = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* has a name, but does not listen */

	open_dialing(&dialing, *state);
	assert_int_equal(bind(deaf, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(deaf, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(
		bufferevent_socket_connect(dialing.client.bev, (struct sockaddr *)&address, (int)size), 0);
	LOOP_UNTIL(dialing.base, dialing.client.n_events == 1);
	assert_int_equal(dialing.client.last, BEV_EVENT_ERROR);
	fixture_settle(dialing.base);
	assert_int_equal(dialing.client.n_events, 1);
	(void)close(deaf);
	close_dialing(&dialing);
}

static void test_an_unknown_host_is_an_error(void **state)
{
	struct dialing dialing;

	open_dialing(&dialing, *state);
	assert_int_equal(bufferevent_socket_connect_hostname(dialing.client.bev, NULL, AF_INET, "a b", 443), 0);
	LOOP_UNTIL(dialing.base, dialing.client.n_events == 1);
	assert_true(dialing.client.last & BEV_EVENT_ERROR);
	assert_int_not_equal(bufferevent_socket_get_dns_error(dialing.client.bev), 0);
	close_dialing(&dialing);
}

/* Again and again with one bufferevent, also under the same number. */
static void test_another_descriptor_is_another_connection(void **state)
{
	struct dialing dialing;
	const struct unitls_connection *first;

	open_dialing(&dialing, *state);
	first = unitls_bufferevent_connection(dialing.client.bev);
	for (int i = 1; i <= 4; i++) {
		evutil_socket_t fd;

		assert_int_equal(dial(&dialing), 0);
		LOOP_UNTIL(dialing.base, dialing.client.n_connected == i);
		dialing.client.received = 0;
		dialing.client.sent = 0;
		party_send(&dialing.client, 100000);
		LOOP_UNTIL(dialing.base, dialing.client.received == 100000);
		assert_int_equal(dialing.client.mismatches, 0);
		if (i == 1)
			assert_ptr_equal(unitls_bufferevent_connection(dialing.client.bev), first);
		fd = bufferevent_getfd(dialing.client.bev);
		if (i > 1) { /* much is on its way */
			assert_int_equal(bufferevent_disable(dialing.server.bev, EV_READ), 0);
			party_send(&dialing.client, LARGE);
			fixture_loop_for(dialing.base, 5);
		}
		if (i == 3) /* first the end is found */
			LOOP_UNTIL(dialing.base,
				(party_free(&dialing.server), dialing.client.events & BEV_EVENT_ERROR));
		assert_int_equal(bufferevent_setfd(dialing.client.bev, -1), 0);
		(void)close(fd);
		dialing.client.to_send = 0;
		assert_int_equal(evbuffer_drain(bufferevent_get_output(dialing.client.bev), (size_t)-1), 0);
		assert_int_equal(bufferevent_enable(dialing.client.bev, EV_READ), 0);
	}
	close_dialing(&dialing);
}

/* Watermarks, enabling, timeouts ----------------------------------------------------------------------------------------------- */

static void keep_below_high(struct party *party)
{
	size_t held = evbuffer_get_length(bufferevent_get_input(party->bev));
	uint8_t data[100];

	assert_in_range(held, 1, 1000);
	while ((held = bufferevent_read(party->bev, data, sizeof(data))) > 0) {
		for (size_t i = 0; i < held; i++)
			if (data[i] != fixture_pattern(party->received + i))
				party->mismatches++;
		party->received += held;
	}
}

static void test_the_input_never_exceeds_its_high_watermark(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends.server.on_read = keep_below_high;
	bufferevent_setwatermark(ends.server.bev, EV_READ, 0, 1000);
	party_send(&ends.client, 200000);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FLUSH), 0);
	LOOP_UNTIL(ends.base, ends.server.received == 200000);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

static void test_the_read_callback_waits_for_the_low_watermark(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends.server.keep = true;
	bufferevent_setwatermark(ends.server.bev, EV_READ, 5000, 0);
	party_send(&ends.client, 4999);
	LOOP_UNTIL(ends.base, evbuffer_get_length(bufferevent_get_input(ends.server.bev)) == 4999);
	assert_int_equal(ends.server.n_reads, 0);
	party_send(&ends.client, 1);
	LOOP_UNTIL(ends.base, ends.server.n_reads == 1);
	ends_close(&ends);
}

static void test_the_write_callback_waits_for_the_low_watermark(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	bufferevent_setwatermark(ends.client.bev, EV_WRITE, 10000, 0);
	for (int i = 0; i < 40; i++)
		party_send(&ends.client, 50000);
	ends.client.n_writes = 0;
	fixture_loop_for(ends.base, SHORT_MS);
	if (evbuffer_get_length(bufferevent_get_output(ends.client.bev)) > 10000)
		assert_int_equal(ends.client.n_writes, 0);
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.received == 2000000);
	assert_true(ends.client.n_writes > 0);
	ends_close(&ends);
}

/* What a reader that has stopped holds, of a sender that has not. */
static void test_a_reader_that_stops_stops_the_sender(void **state)
{
	struct ends ends;
	size_t sent;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	ends.client.to_send = (size_t)1 << 30;
	party_send(&ends.client, 0);
	do {
		sent = ends.client.sent;
		fixture_loop_for(ends.base, 100);
	} while (ends.client.sent > sent);
	/* The kernel's buffers, two batches, and a piece that the test adds at a time. */
	assert_in_range(sent, 1, (size_t)12 << 20);
	assert_int_equal(ends.server.received, 0);
	assert_int_equal(evbuffer_get_length(bufferevent_get_input(ends.server.bev)), 0);
	assert_in_range(
		evbuffer_get_length(bufferevent_get_input(bufferevent_get_underlying(ends.server.bev))), 0, 65536);
	assert_in_range(evbuffer_get_length(bufferevent_get_output(bufferevent_get_underlying(ends.client.bev))),
		0, 131072 + UNITLS_OUTGOING_LIMIT_BYTES);
	ends.client.to_send = 0;
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.received == ends.client.sent);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

static void disable_reading(struct party *party)
{
	party->received += evbuffer_get_length(bufferevent_get_input(party->bev));
	assert_int_equal(bufferevent_disable(party->bev, EV_READ), 0);
	(void)evbuffer_drain(bufferevent_get_input(party->bev), (size_t)-1);
}

/* The rest of what came with the first bytes waits decrypted or not, and nothing more comes from the network that could bring it forth. */
static void test_what_was_held_back_comes_when_reading_is_enabled(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	ends.server.on_read = disable_reading;
	bufferevent_setwatermark(ends.server.bev, EV_READ, 0, 100);
	party_send(&ends.client, 1000);
	for (size_t i = 1; i <= 10; i++) {
		LOOP_UNTIL(ends.base, ends.server.received == i * 100);
		fixture_settle(ends.base);
		assert_int_equal(ends.server.received, i * 100);
		assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	}
	/* And the end likewise. */
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FINISHED), 0);
	fixture_loop_for(ends.base, SHORT_MS);
	assert_int_equal(ends.server.n_events, 1);
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.n_events == 2);
	ends_close(&ends);
}

/* The batch that is on its way stands at the front of the output, encrypted already: it is sent, once, whoever drains it. */
static void test_what_is_drained_on_its_way_is_sent_once(void **state)
{
	struct ends ends;
	size_t left;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	ends.client.to_send = (size_t)1 << 30;
	party_send(&ends.client, 0);
	do {
		left = ends.client.to_send;
		fixture_loop_for(ends.base, SHORT_MS);
	} while (ends.client.to_send < left);
	ends.client.to_send = 0;
	party_send(&ends.client, 5000); /* behind the batch */
	for (int i = 0; i < 3; i++)
		assert_int_equal(evbuffer_drain(bufferevent_get_output(ends.client.bev), 1000), 0);
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.received == ends.client.sent);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

static void test_disabled_writing_is_held_back_and_goes_on(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	assert_int_equal(bufferevent_disable(ends.client.bev, EV_WRITE), 0); /* the handshake does not need it */
	ends_connect(&ends);
	party_send(&ends.client, 1000);
	fixture_loop_for(ends.base, 3 * UNITLS_EVENT_RECHECK_MS);
	assert_int_equal(ends.server.received, 0);
	assert_int_equal(bufferevent_enable(ends.client.bev, EV_WRITE), 0);
	LOOP_UNTIL(ends.base, ends.server.received == 1000); /* found by itself */
	assert_int_equal(bufferevent_disable(ends.client.bev, EV_WRITE), 0);
	party_send(&ends.client, 1000);
	fixture_settle(ends.base);
	assert_int_equal(bufferevent_enable(ends.client.bev, EV_WRITE), 0);
	assert_int_equal(unitls_bufferevent_poke(ends.client.bev), 0);
	fixture_settle(ends.base);
	assert_int_equal(ends.server.received, 2000);
	assert_int_equal(bufferevent_disable(ends.client.bev, EV_WRITE), 0);
	party_send(&ends.client, 1000);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FLUSH), 0);
	fixture_settle(ends.base);
	assert_int_equal(ends.server.received, 3000);
	ends_close(&ends);
}

static void test_a_silent_peer_is_a_read_timeout(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_set_timeouts(ends.client.bev, &short_time, NULL), 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_TIMEOUT | BEV_EVENT_READING);
	/* It can go on. */
	party_send(&ends.server, 100);
	assert_int_equal(bufferevent_enable(ends.client.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.client.received == 100);
	ends_close(&ends);
}

static void test_a_peer_that_does_not_read_is_a_write_timeout(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	assert_int_equal(bufferevent_set_timeouts(ends.client.bev, NULL, &short_time), 0);
	ends.client.to_send = (size_t)1 << 30;
	party_send(&ends.client, 0);
	LOOP_UNTIL(ends.base, ends.client.n_events == 2);
	assert_int_equal(ends.client.last, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING);
	assert_int_equal(bufferevent_get_enabled(ends.client.bev) & EV_WRITE, 0);
	ends.client.to_send = 0;
	/* It can go on. */
	assert_int_equal(bufferevent_set_timeouts(ends.client.bev, NULL, NULL), 0);
	assert_int_equal(bufferevent_enable(ends.client.bev, EV_WRITE), 0);
	assert_int_equal(bufferevent_enable(ends.server.bev, EV_READ), 0);
	LOOP_UNTIL(ends.base, ends.server.received == ends.client.sent);
	assert_int_equal(ends.server.mismatches, 0);
	ends_close(&ends);
}

/* Where libevent's own filters report one. */
static void test_nothing_to_write_is_no_write_timeout(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	assert_int_equal(bufferevent_set_timeouts(ends.client.bev, NULL, &short_time), 0);
	assert_int_equal(bufferevent_enable(ends.client.bev, EV_WRITE), 0);
	fixture_loop_for(ends.base, 2 * SHORT_MS);
	party_send(&ends.client, 1000);
	LOOP_UNTIL(ends.base, ends.server.received == 1000);
	fixture_loop_for(ends.base, 2 * SHORT_MS);
	assert_int_equal(ends.client.n_events, 1);
	assert_true(bufferevent_get_enabled(ends.client.bev) & EV_WRITE);
	ends_close(&ends);
}

static void test_an_unanswered_handshake_is_a_timeout(void **state)
{
	const struct pair *pair = *state;
	struct event_base *base = event_base_new();
	struct party client = {0};
	evutil_socket_t fds[2];

	fixture_tcp_pair(fds);
	party_take(&client,
		unitls_bufferevent_client_new(
			base, fds[0], pair->client->client, &fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
		NULL);
	assert_int_equal(bufferevent_set_timeouts(client.bev, &short_time, NULL), 0);
	LOOP_UNTIL(base, client.n_events == 1);
	assert_true(client.last & BEV_EVENT_TIMEOUT);
	assert_int_equal(bufferevent_set_timeouts(client.bev, NULL, &short_time), 0);
	assert_int_equal(bufferevent_enable(client.bev, EV_WRITE), 0);
	LOOP_UNTIL(base, client.n_events == 2);
	assert_int_equal(client.last, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING);
	party_free(&client);
	(void)close(fds[1]);
	fixture_settle(base);
	event_base_free(base);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	*(bool *)argument = true;
}

/* Idle connections, also those whose directions are disabled or ended, wake nobody. */
static void test_idle_connections_sleep(void **state)
{
	struct ends ends;

	for (int i = 0; i < 5; i++) {
		bool late = false;
		struct event *tick;

		ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
		ends_connect(&ends);
		if (i == 1)
			assert_int_equal(bufferevent_disable(ends.client.bev, EV_READ | EV_WRITE), 0);
		if (i == 2)
			assert_int_equal(bufferevent_flush(ends.server.bev, EV_WRITE, BEV_FINISHED), 0);
		if (i == 3) {
			assert_int_equal(bufferevent_disable(ends.client.bev, EV_READ), 0);
			party_send(&ends.server, 1000);
		}
		if (i == 4)
			party_free(&ends.server); /* the client has failed */
		fixture_settle(ends.base);
		tick = event_new(ends.base, -1, 0, on_tick, &late);
		assert_int_equal(event_add(tick, &short_time), 0);
		assert_int_equal(event_base_loop(ends.base, EVLOOP_ONCE), 0);
		assert_true(late);
		event_free(tick);
		ends_close(&ends);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_pair[] = {
		cmocka_unit_test(test_data_goes_both_ways_and_ends_cleanly),
		cmocka_unit_test(test_both_ends_send_much_at_once),
		cmocka_unit_test(test_a_truncation_is_an_error),
		cmocka_unit_test(test_a_refused_certificate_is_told_on_both_ends),
	};
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_writing_goes_on_after_the_peers_end),
		cmocka_unit_test(test_writing_after_our_own_end_fails),
		cmocka_unit_test(test_an_end_is_told_again_to_who_enables_reading_again),
		cmocka_unit_test(test_what_is_flushed_survives_being_freed),
		cmocka_unit_test(test_the_write_callback_runs_when_close_notify_is_out),
		cmocka_unit_test(test_a_truncation_is_an_end_where_that_is_allowed),
		cmocka_unit_test(test_an_end_within_the_handshake_is_always_an_error),
		cmocka_unit_test(test_a_reset_is_always_an_error),
		cmocka_unit_test(test_sending_to_one_who_is_gone_is_an_error),
		cmocka_unit_test(test_a_wrong_name_is_refused),
		cmocka_unit_test(test_garbage_is_answered_with_an_alert),
		cmocka_unit_test(test_an_alert_is_found_behind_a_reset),
		cmocka_unit_test(test_another_descriptor_is_another_connection),
		cmocka_unit_test(test_the_input_never_exceeds_its_high_watermark),
		cmocka_unit_test(test_a_reader_that_stops_stops_the_sender),
		cmocka_unit_test(test_what_was_held_back_comes_when_reading_is_enabled),
	};
	static const struct CMUnitTest once[] = {
		cmocka_unit_test(test_connecting_by_address_and_by_name),
		cmocka_unit_test(test_a_refused_connection_is_an_error),
		cmocka_unit_test(test_a_refusal_of_a_second_connection_is_an_error),
		cmocka_unit_test(test_an_immediate_refusal_is_told_once),
		cmocka_unit_test(test_an_unknown_host_is_an_error),
		cmocka_unit_test(test_the_read_callback_waits_for_the_low_watermark),
		cmocka_unit_test(test_the_write_callback_waits_for_the_low_watermark),
		cmocka_unit_test(test_what_is_drained_on_its_way_is_sent_once),
		cmocka_unit_test(test_disabled_writing_is_held_back_and_goes_on),
		cmocka_unit_test(test_a_silent_peer_is_a_read_timeout),
		cmocka_unit_test(test_a_peer_that_does_not_read_is_a_write_timeout),
		cmocka_unit_test(test_nothing_to_write_is_no_write_timeout),
		cmocka_unit_test(test_an_unanswered_handshake_is_a_timeout),
		cmocka_unit_test(test_idle_connections_sleep),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	return fixture_run(
		"event", every_pair, COUNT(every_pair), every_backend, COUNT(every_backend), once, COUNT(once));
}

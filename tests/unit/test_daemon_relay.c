/* The relay and its streams over real sockets on loopback, without TLS. */

#include "daemon/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int ours;
	int peer;
};

struct bench {
	struct event_base *base;
	struct pair client;
	struct pair upstream;
	struct stream client_stream;
	struct stream upstream_stream;
	struct relay relay;
	struct relay_failure failure;
	struct unitls_error error;
	uint8_t *scratch;
	int result; /* of the last turn */
};

static struct pair tcp_pair(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pair pair;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	pair.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair.peer, (struct sockaddr *)&address, size), 0);
	pair.ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(pair.ours >= 0);
	assert_int_equal(fcntl(pair.peer, F_SETFL, O_NONBLOCK), 0);
	(void)close(listener);
	return pair;
}

static void on_event(struct stream *stream, void *argument)
{
	struct bench *bench = argument;

	(void)stream;
	if (bench->result < 0 || bench->result == STREAM_END)
		return;
	bench->result = relay_run(&bench->relay, bench->scratch, &bench->failure, &bench->error);
}

/* Handles what the kernel has to tell now, and goes on while a turn asks for more. */
static void spin(struct bench *bench)
{
	for (int i = 0; i < 3; i++) {
		(void)event_base_loop(bench->base, EVLOOP_NONBLOCK);
		while (bench->result == STREAM_MORE)
			on_event(NULL, bench);
	}
}

/* Waits for events until the relay has come to RESULT, as long as the test's own time limit. */
static void spin_until(struct bench *bench, int result)
{
	while (bench->result != result && bench->result >= 0)
		(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(bench->result, result);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->base = event_base_new();
	bench->scratch = malloc(RELAY_CHUNK_BYTES);
	bench->error = (struct unitls_error)UNITLS_ERROR_INIT;
	bench->client = tcp_pair();
	bench->upstream = tcp_pair();
	bench->result = STREAM_AGAIN;
	stream_init(&bench->client_stream);
	stream_init(&bench->upstream_stream);
	relay_init(&bench->relay, &bench->client_stream, &bench->upstream_stream);
	assert_int_equal(
		stream_open(&bench->client_stream, bench->base, bench->client.ours, true, on_event, bench), 0);
	assert_int_equal(
		stream_open(&bench->upstream_stream, bench->base, bench->upstream.ours, true, on_event, bench), 0);
	spin(bench);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	relay_fini(&bench->relay);
	stream_close(&bench->client_stream, STREAM_CLOSE_CLEAN);
	stream_close(&bench->upstream_stream, STREAM_CLOSE_CLEAN);
	(void)close(bench->client.peer);
	(void)close(bench->upstream.peer);
	event_base_free(bench->base);
	free(bench->scratch);
	free(bench);
	return 0;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads what is there by now, as long as the loop brings more. */
static void expect_text(struct bench *bench, int fd, const char *text)
{
	char buffer[256];
	size_t have = 0;
	ssize_t n;

	while (have < strlen(text)) {
		n = recv(fd, buffer + have, sizeof(buffer) - have, 0);
		if (n < 0 && errno == EAGAIN) {
			(void)event_base_loop(bench->base, EVLOOP_NONBLOCK);
			continue;
		}
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_int_equal(have, strlen(text));
	assert_memory_equal(buffer, text, have);
}

/* The next read: 0 at the end, -errno. */
static int read_end(struct bench *bench, int fd)
{
	char byte;
	ssize_t n;

	do {
		spin(bench);
		n = recv(fd, &byte, 1, 0);
	} while (n < 0 && errno == EAGAIN);
	return n < 0 ? -errno : (int)n;
}

static void reset(int fd)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	assert_int_equal(close(fd), 0);
}

static void bytes_pass_both_ways_and_are_counted(void **state)
{
	struct bench *bench = *state;

	send_text(bench->client.peer, "to the upstream");
	send_text(bench->upstream.peer, "hello client");
	expect_text(bench, bench->upstream.peer, "to the upstream");
	expect_text(bench, bench->client.peer, "hello client");
	assert_int_equal(bench->relay.up.bytes, strlen("to the upstream"));
	assert_int_equal(bench->relay.down.bytes, strlen("hello client"));
}

static void nothing_is_held_when_nothing_is_in_flight(void **state)
{
	struct bench *bench = *state;

	send_text(bench->client.peer, "x");
	expect_text(bench, bench->upstream.peer, "x");
	assert_null(bench->relay.up.held);
	assert_null(bench->relay.down.held);
}

/* Sends a pattern until the kernel takes no more for good. */
static size_t fill(struct bench *bench, int fd)
{
	uint8_t block[8192];
	size_t total = 0;
	int idle = 0;
	ssize_t n;

	while (idle < 10) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (uint8_t)((total + i) * 31 >> 3);
		n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		idle = n < 0 ? idle + 1 : 0;
		total += n > 0 ? (size_t)n : 0;
		spin(bench);
	}
	return total;
}

static void expect_pattern(struct bench *bench, int fd, size_t size)
{
	uint8_t block[8192];
	size_t total = 0;
	ssize_t n;

	while (total < size) {
		n = recv(fd, block, sizeof(block), 0);
		if (n < 0 && errno == EAGAIN) {
			spin(bench);
			continue;
		}
		assert_true(n > 0);
		for (size_t i = 0; i < (size_t)n; i++)
			assert_int_equal(block[i], (uint8_t)((total + i) * 31 >> 3));
		total += (size_t)n;
	}
}

static void a_sink_that_does_not_read_stops_the_source(void **state)
{
	struct bench *bench = *state;
	const int small = 65536;
	size_t sent;

	(void)setsockopt(bench->client.peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	sent = fill(bench, bench->client.peer);
	assert_int_equal(bench->result, STREAM_AGAIN);
	assert_non_null(bench->relay.up.held);
	assert_in_range(bench->relay.up.held_size, 1, RELAY_CHUNK_BYTES);
	/* The other direction is not held up by that. */
	send_text(bench->upstream.peer, "still here");
	expect_text(bench, bench->client.peer, "still here");
	expect_pattern(bench, bench->upstream.peer, sent);
	assert_null(bench->relay.up.held);
}

static void a_turn_ends_after_its_budget(void **state)
{
	struct bench *bench = *state;
	const int large = 4 << 20;
	uint64_t before;
	bool gave_way = false;

	if (setsockopt(bench->client.ours, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)) != 0)
		skip(); /* only root may have so much on its way */
	(void)setsockopt(bench->upstream.ours, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
	(void)setsockopt(bench->client.peer, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
	for (int i = 0; i < 400; i++) {
		static const uint8_t block[8192];

		if (send(bench->client.peer, block, sizeof(block), MSG_NOSIGNAL) < 0)
			break;
	}
	bench->client_stream.readable = true;
	do {
		before = bench->relay.up.bytes;
		bench->result = relay_run(&bench->relay, bench->scratch, &bench->failure, &bench->error);
		assert_in_range(bench->relay.up.bytes - before, 0, RELAY_TURN_BYTES + RELAY_CHUNK_BYTES);
		gave_way = gave_way || bench->result == STREAM_MORE;
	} while (bench->result == STREAM_MORE);
	assert_true(gave_way);
}

static void half_close_is_kept_from_the_client(void **state)
{
	struct bench *bench = *state;

	send_text(bench->client.peer, "question");
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	expect_text(bench, bench->upstream.peer, "question");
	assert_int_equal(read_end(bench, bench->upstream.peer), 0);
	assert_int_equal(bench->result, STREAM_AGAIN);
	send_text(bench->upstream.peer, "answer");
	expect_text(bench, bench->client.peer, "answer");
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	spin_until(bench, STREAM_END);
	assert_int_equal(read_end(bench, bench->client.peer), 0);
}

static void half_close_is_kept_from_the_upstream(void **state)
{
	struct bench *bench = *state;

	send_text(bench->upstream.peer, "banner");
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	expect_text(bench, bench->client.peer, "banner");
	assert_int_equal(read_end(bench, bench->client.peer), 0);
	send_text(bench->client.peer, "more");
	expect_text(bench, bench->upstream.peer, "more");
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	spin_until(bench, STREAM_END);
}

/* What cannot half-close is a TLS stream; here it is played by a socket of which only the flag is so. */
static void without_half_close_the_clients_end_waits_for_the_answer(void **state)
{
	struct bench *bench = *state;
	char byte;

	bench->upstream_stream.half_close = false;
	send_text(bench->client.peer, "question");
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	expect_text(bench, bench->upstream.peer, "question");
	spin(bench);
	assert_true(relay_is_waiting(&bench->relay));
	assert_int_equal(recv(bench->upstream.peer, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	send_text(bench->upstream.peer, "answer");
	expect_text(bench, bench->client.peer, "answer");
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	spin_until(bench, STREAM_END);
	assert_false(relay_is_waiting(&bench->relay));
	assert_int_equal(read_end(bench, bench->client.peer), 0);
}

static void without_half_close_the_clients_end_waits_no_longer_than_told(void **state)
{
	struct bench *bench = *state;

	bench->upstream_stream.half_close = false;
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	spin(bench);
	assert_true(relay_is_waiting(&bench->relay));
	relay_hurry(&bench->relay);
	assert_false(relay_is_waiting(&bench->relay));
	on_event(NULL, bench);
	assert_int_equal(read_end(bench, bench->upstream.peer), 0);
}

static void without_half_close_the_upstreams_end_does_not_wait(void **state)
{
	struct bench *bench = *state;

	bench->client_stream.half_close = false;
	send_text(bench->upstream.peer, "banner");
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	expect_text(bench, bench->client.peer, "banner");
	assert_int_equal(read_end(bench, bench->client.peer), 0);
}

/* A client that has ended both directions: the upstream hears of it, and what it still says is thrown away until it ends, too. */
static void without_half_close_what_comes_after_the_end_is_drained(void **state)
{
	struct bench *bench = *state;

	bench->client_stream.half_close = false;
	send_text(bench->client.peer, "last words");
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	expect_text(bench, bench->upstream.peer, "last words");
	assert_int_equal(read_end(bench, bench->upstream.peer), 0);
	assert_true(relay_is_draining(&bench->relay));
	send_text(bench->upstream.peer, "too late");
	spin(bench);
	assert_int_equal(bench->result, STREAM_AGAIN);
	assert_true(relay_is_draining(&bench->relay));
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	spin_until(bench, STREAM_END);
	assert_false(relay_is_draining(&bench->relay));
	assert_int_equal(bench->relay.down.bytes, 0);
}

static void an_end_that_comes_with_data_is_not_missed(void **state)
{
	struct bench *bench = *state;

	/* Both are in the socket before the loop looks: one edge. */
	send_text(bench->client.peer, "last words");
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	send_text(bench->upstream.peer, "ok");
	assert_int_equal(shutdown(bench->upstream.peer, SHUT_WR), 0);
	spin_until(bench, STREAM_END);
	expect_text(bench, bench->upstream.peer, "last words");
	expect_text(bench, bench->client.peer, "ok");
}

static void a_reset_by_the_client_is_told_from_an_end(void **state)
{
	struct bench *bench = *state;

	reset(bench->client.peer);
	bench->client.peer = -1;
	spin_until(bench, -1);
	assert_ptr_equal(bench->failure.stream, &bench->client_stream);
	assert_int_equal(bench->failure.result, STREAM_RESET);
}

static void a_reset_is_noticed_while_nobody_reads_that_side(void **state)
{
	struct bench *bench = *state;

	(void)fill(bench, bench->client.peer);
	reset(bench->client.peer);
	bench->client.peer = -1;
	spin_until(bench, -1);
	assert_ptr_equal(bench->failure.stream, &bench->client_stream);
	assert_int_equal(bench->failure.result, STREAM_RESET);
}

static void a_reset_after_the_clients_end_is_noticed(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	assert_int_equal(read_end(bench, bench->upstream.peer), 0);
	reset(bench->client.peer);
	bench->client.peer = -1;
	spin_until(bench, -1);
	assert_ptr_equal(bench->failure.stream, &bench->client_stream);
	assert_int_equal(bench->failure.result, STREAM_RESET);
}

static void an_answer_before_a_reset_still_arrives(void **state)
{
	struct bench *bench = *state;

	/* A server that answers and closes without reading the request: its answer, then a reset. */
	send_text(bench->client.peer, "a long request");
	spin(bench);
	send_text(bench->upstream.peer, "too large");
	assert_int_equal(close(bench->upstream.peer), 0);
	bench->upstream.peer = -1;
	send_text(bench->client.peer, "still sending");
	expect_text(bench, bench->client.peer, "too large");
	/* One event may have told of the answer and of the reset behind it; whoever owns the timer doubts that after a while. */
	if (bench->result >= 0) {
		stream_doubt(&bench->upstream_stream);
		on_event(&bench->upstream_stream, bench);
	}
	spin_until(bench, -1);
	assert_ptr_equal(bench->failure.stream, &bench->upstream_stream);
	assert_int_equal(bench->failure.result, STREAM_RESET);
}

static void a_side_that_broke_off_while_the_other_is_blocked_is_told(void **state)
{
	struct bench *bench = *state;
	struct relay_failure failure = {0};
	uint8_t block[8192] = {0};

	/* The upstream reads nothing and sends; the client is gone. */
	(void)fill(bench, bench->client.peer);
	assert_false(relay_is_broken(&bench->relay, &failure));
	reset(bench->client.peer);
	bench->client.peer = -1;
	assert_true(send(bench->upstream.peer, block, sizeof(block), MSG_NOSIGNAL) > 0);
	bench->client_stream.suspect = false;
	do
		(void)event_base_loop(bench->base, EVLOOP_ONCE);
	while (bench->result >= 0 && !relay_is_broken(&bench->relay, &failure));
	if (bench->result < 0)
		failure = bench->failure;
	assert_ptr_equal(failure.stream, &bench->client_stream);
	assert_int_equal(failure.result, STREAM_RESET);
}

static void closing_with_abort_resets_the_peer(void **state)
{
	struct bench *bench = *state;

	stream_close(&bench->client_stream, STREAM_CLOSE_ABORT);
	assert_int_equal(read_end(bench, bench->client.peer), -ECONNRESET);
}

static void discarding_ends_with_the_peer(void **state)
{
	struct bench *bench = *state;
	struct stream *stream = &bench->client_stream;

	bench->result = -1; /* the relay is not to read */
	send_text(bench->client.peer, "garbage");
	(void)event_base_loop(bench->base, EVLOOP_NONBLOCK);
	assert_int_equal(stream_discard(stream), STREAM_AGAIN);
	assert_int_equal(shutdown(bench->client.peer, SHUT_WR), 0);
	(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(stream_discard(stream), STREAM_END);
}

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RELAY_TEST(bytes_pass_both_ways_and_are_counted),
		RELAY_TEST(nothing_is_held_when_nothing_is_in_flight),
		RELAY_TEST(a_sink_that_does_not_read_stops_the_source),
		RELAY_TEST(a_turn_ends_after_its_budget),
		RELAY_TEST(half_close_is_kept_from_the_client),
		RELAY_TEST(half_close_is_kept_from_the_upstream),
		RELAY_TEST(without_half_close_the_clients_end_waits_for_the_answer),
		RELAY_TEST(without_half_close_the_clients_end_waits_no_longer_than_told),
		RELAY_TEST(without_half_close_the_upstreams_end_does_not_wait),
		RELAY_TEST(without_half_close_what_comes_after_the_end_is_drained),
		RELAY_TEST(an_end_that_comes_with_data_is_not_missed),
		RELAY_TEST(a_reset_by_the_client_is_told_from_an_end),
		RELAY_TEST(a_reset_is_noticed_while_nobody_reads_that_side),
		RELAY_TEST(a_reset_after_the_clients_end_is_noticed),
		RELAY_TEST(an_answer_before_a_reset_still_arrives),
		RELAY_TEST(a_side_that_broke_off_while_the_other_is_blocked_is_told),
		RELAY_TEST(closing_with_abort_resets_the_peer),
		RELAY_TEST(discarding_ends_with_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

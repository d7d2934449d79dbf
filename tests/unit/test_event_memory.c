/*
 * The bufferevent when libevent has no memory: nothing that was read is lost unseen, what could not be sent is sent later, and what could not be made
 * leaves nothing behind.
 */
#include "tests/unit/event_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS      40
#define RECORD_BYTES 1000
#define BLOCK_BYTES  1024 /* what holds data is larger; events and callbacks are smaller */

/* libevent's memory ------------------------------------------------------------------------------------------------------------ */

static size_t smallest; /* of the allocations that are counted */
static long countdown;  /* to the one that fails; negative: none */
static bool reached;
static size_t n_counted;
static long n_held;

static bool fails_now(size_t size)
{
	if (size < smallest)
		return false;
	n_counted++;
	if (countdown < 0 || countdown-- > 0)
		return false;
	reached = true;
	return true;
}

static void *take(size_t size)
{
	void *data = fails_now(size) ? NULL : malloc(size);

	n_held += data != NULL;
	return data;
}

static void *take_again(void *data, size_t size)
{
	void *again = fails_now(size) ? NULL : realloc(data, size);

	n_held += again != NULL && data == NULL;
	return again;
}

static void give_back(void *data)
{
	n_held -= data != NULL;
	free(data);
}

/* From now on the n-th (from 0) of libevent's allocations of that size fails, once. */
static void fail_allocation(long n, size_t size)
{
	smallest = size;
	n_counted = 0;
	reached = false;
	countdown = n;
}

/* Whether it was reached. */
static bool has_failed(void)
{
	countdown = -1;
	return reached;
}

/* Data ----------------------------------------------------------------------------------------------------------------------- */

static bool is_over(const struct ends *ends)
{
	return ends->server.received == ends->client.sent ||
		(ends->client.events | ends->server.events) & BEV_EVENT_ERROR;
}

/* Whatever fails, what comes is what was sent, up to where a failure is told. */
static void test_received_data_is_never_lost_unseen(void **state)
{
	bool failed = true;

	for (long n = 0; failed; n++) {
		struct ends ends;

		ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
		ends_connect(&ends);
		for (int i = 0; i < RECORDS; i++) {
			party_send(&ends.client, RECORD_BYTES);
			assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FLUSH), 0);
		}
		fail_allocation(n, BLOCK_BYTES);
		LOOP_UNTIL(ends.base, is_over(&ends));
		failed = has_failed();
		assert_int_equal(ends.server.mismatches, 0);
		if (!failed)
			assert_int_equal(ends.server.received, RECORDS * RECORD_BYTES);
		ends_close(&ends);
	}
}

/* The encrypted batch stays in the connection then, and nothing but us is to bring it forth. */
static void test_what_could_not_be_shipped_is_shipped_later(void **state)
{
	struct ends ends;

	ends_open(&ends, *state, BEV_OPT_CLOSE_ON_FREE);
	ends_connect(&ends);
	fixture_settle(ends.base);
	party_send(&ends.client, RECORD_BYTES);
	fail_allocation(0, BLOCK_BYTES);
	assert_int_equal(bufferevent_flush(ends.client.bev, EV_WRITE, BEV_FLUSH), 0);
	assert_true(has_failed());
	LOOP_UNTIL(ends.base, is_over(&ends));
	assert_int_equal(ends.server.received, RECORD_BYTES);
	LOOP_UNTIL(ends.base, ends.client.n_writes == 1);
	ends_close(&ends);
}

/* Making ----------------------------------------------------------------------------------------------------------------------- */

/* Makes one over a bufferevent of the program's, and ends it all. How many allocations libevent needed for the one. */
static size_t make_over(const struct pair *pair, int options, long failing)
{
	struct event_base *base = event_base_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct bufferevent *below[2];
	struct bufferevent *bev;
	size_t n;

	assert_int_equal(bufferevent_pair_new(base, 0, below), 0);
	fail_allocation(failing, 0);
	bev = unitls_bufferevent_server_filter_new(below[0], pair->server->server, options, &error);
	n = n_counted;
	assert_true(has_failed() == (bev == NULL));
	if (!bev)
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
	if (bev)
		bufferevent_free(bev);
	if (!bev || !(options & BEV_OPT_CLOSE_ON_FREE)) {
		assert_int_equal(bufferevent_write(below[0], "mine", 4), 0);
		bufferevent_free(below[0]);
	}
	bufferevent_free(below[1]);
	fixture_settle(base);
	event_base_free(base);
	return n;
}

/* Of libevent's allocations the last two are ours: where it watches the buffers. */
static void test_what_cannot_be_made_leaves_the_one_below_as_it_was(void **state)
{
	static const int all_options[] = {0, BEV_OPT_CLOSE_ON_FREE};

	for (size_t i = 0; i < 2; i++) {
		size_t needed = make_over(*state, all_options[i], -1);
		long held = n_held;

		for (size_t n = needed - 2; n < needed; n++) {
			(void)make_over(*state, all_options[i], (long)n);
			assert_int_equal(n_held, held);
		}
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_received_data_is_never_lost_unseen),
		cmocka_unit_test(test_what_could_not_be_shipped_is_shipped_later),
	};
	static const struct CMUnitTest once[] = {
		cmocka_unit_test(test_what_cannot_be_made_leaves_the_one_below_as_it_was),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	countdown = -1;
	event_set_mem_functions(take, take_again, give_back);
	return fixture_run("event_memory", NULL, 0, every_backend, COUNT(every_backend), once, COUNT(once));
}

/*
 * The bufferevent: what its callbacks are told, and when.
 */
#include "tests/unit/event_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/thread.h>

#define LARGE (3u << 20)

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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_pair[] = {
		cmocka_unit_test(test_data_goes_both_ways_and_ends_cleanly),
	};

	return fixture_run("event", every_pair, COUNT(every_pair), NULL, 0, NULL, 0);
}

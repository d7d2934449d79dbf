/* Turns: each once a round, in order, not for too long at a time. */

#include "daemon/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/clock.h"

struct bench;

struct job {
	struct turn turn;
	struct bench *bench;
	unsigned runs;
	unsigned again; /* how many more it wants */
	unsigned busy_ms;
};

struct bench {
	struct event_base *base;
	struct turns turns;
	struct job jobs[3];
	unsigned order[16];
	unsigned count;
};

static void on_turn(void *argument)
{
	struct job *job = argument;
	struct bench *bench = job->bench;
	uint64_t end = clock_now_ms() + job->busy_ms;

	bench->order[bench->count++] = (unsigned)(job - bench->jobs);
	job->runs++;
	while (clock_now_ms() < end)
		;
	if (job->again-- > 0)
		turns_push(&bench->turns, &job->turn);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->base = event_base_new();
	assert_int_equal(turns_init(&bench->turns, bench->base), 0);
	for (unsigned i = 0; i < 3; i++) {
		bench->jobs[i].bench = bench;
		bench->jobs[i].turn.run = on_turn;
		bench->jobs[i].turn.argument = &bench->jobs[i];
	}
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	turns_fini(&bench->turns);
	event_base_free(bench->base);
	free(bench);
	return 0;
}

static void push(struct bench *bench, unsigned i)
{
	turns_push(&bench->turns, &bench->jobs[i].turn);
}

static void each_runs_once_however_often_it_was_pushed(void **state)
{
	struct bench *bench = *state;

	push(bench, 0);
	push(bench, 1);
	push(bench, 0);
	(void)event_base_dispatch(bench->base);
	assert_int_equal(bench->count, 2);
	assert_int_equal(bench->order[0], 0);
	assert_int_equal(bench->order[1], 1);
}

static void one_that_wants_more_waits_behind_the_others(void **state)
{
	struct bench *bench = *state;

	bench->jobs[0].again = 2;
	push(bench, 0);
	push(bench, 1);
	(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(bench->count, 2);
	(void)event_base_dispatch(bench->base);
	assert_int_equal(bench->jobs[0].runs, 3);
	assert_int_equal(bench->jobs[1].runs, 1);
}

static void a_cancelled_one_does_not_run(void **state)
{
	struct bench *bench = *state;

	push(bench, 0);
	push(bench, 1);
	turns_cancel(&bench->turns, &bench->jobs[0].turn);
	turns_cancel(&bench->turns, &bench->jobs[2].turn);
	(void)event_base_dispatch(bench->base);
	assert_int_equal(bench->jobs[0].runs, 0);
	assert_int_equal(bench->jobs[1].runs, 1);
}

static void a_round_ends_when_its_time_is_up(void **state)
{
	struct bench *bench = *state;

	bench->jobs[0].busy_ms = TURNS_SLICE_MS + 1;
	push(bench, 0);
	push(bench, 1);
	(void)event_base_loop(bench->base, EVLOOP_ONCE);
	assert_int_equal(bench->jobs[1].runs, 0);
	(void)event_base_dispatch(bench->base);
	assert_int_equal(bench->jobs[1].runs, 1);
}

#define TURNS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURNS_TEST(each_runs_once_however_often_it_was_pushed),
		TURNS_TEST(one_that_wants_more_waits_behind_the_others),
		TURNS_TEST(a_cancelled_one_does_not_run),
		TURNS_TEST(a_round_ends_when_its_time_is_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Counters and gauges in shared memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/counters.h"

/* Runs BODY in a child with SLOT. Returns how it ended. */
static int in_child(struct counters *counters, unsigned slot, int (*body)(struct counters *))
{
	int status;
	pid_t pid;

	counters_use(counters, slot);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(counters_enter(counters, slot) == 0 ? body(counters) : 99);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int take_three(struct counters *counters)
{
	int taken = 0;

	while (taken < 3 && counters_acquire(counters, 7, 5) == 0)
		taken++;
	counters_add(counters, COUNTER_ACCEPTED, (uint64_t)taken);
	return taken;
}

static void a_limit_holds_across_workers(void **state)
{
	struct counters *counters;

	(void)state;
	assert_int_equal(counters_new(&counters), 0);
	assert_int_equal(WEXITSTATUS(in_child(counters, 1, take_three)), 3);
	assert_int_equal(WEXITSTATUS(in_child(counters, 2, take_three)), 2);
	assert_int_equal(WEXITSTATUS(in_child(counters, 3, take_three)), 0);
	assert_int_equal(counters_column(counters, 7), 5);
	assert_false(counters_has_room(counters, 7, 5));
	assert_true(counters_has_room(counters, 7, 6));
	assert_true(counters_has_room(counters, 8, 1));
	assert_int_equal(counters_connections(counters, 2), 2);
	counters_free(counters);
}

static void a_dead_workers_gauges_are_cleared_and_its_counters_kept(void **state)
{
	struct counters *counters;

	(void)state;
	assert_int_equal(counters_new(&counters), 0);
	assert_int_equal(WEXITSTATUS(in_child(counters, 4, take_three)), 3);
	counters_retire(counters, 4);
	assert_int_equal(counters_column(counters, 7), 0);
	assert_int_equal(counters_connections(counters, 4), 0);
	assert_int_equal(counters_total(counters, COUNTER_ACCEPTED), 3);
	assert_int_equal(WEXITSTATUS(in_child(counters, 4, take_three)), 3);
	assert_int_equal(counters_total(counters, COUNTER_ACCEPTED), 6);
	counters_free(counters);
}

static int give_back(struct counters *counters)
{
	if (counters_acquire(counters, 0, 1) != 0)
		return 1;
	if (counters_acquire(counters, 0, 1) != 1)
		return 2;
	counters_release(counters, 0);
	return counters_acquire(counters, 0, 1) == 0 ? 0 : 3;
}

static void what_is_released_is_free_again(void **state)
{
	struct counters *counters;

	(void)state;
	assert_int_equal(counters_new(&counters), 0);
	assert_int_equal(WEXITSTATUS(in_child(counters, 1, give_back)), 0);
	counters_free(counters);
}

static int write_elsewhere(struct counters *counters)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	(void)sigaction(SIGSEGV, &action, NULL);
	/* In a worker, retiring writes to slots that are not its own. */
	counters_retire(counters, 2);
	return 0;
}

static void a_worker_cannot_write_to_another_slot(void **state)
{
	struct counters *counters;
	int status;

	(void)state;
	assert_int_equal(counters_new(&counters), 0);
	status = in_child(counters, 1, write_elsewhere);
	/* A sanitizer turns the signal into an exit. */
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSEGV : WEXITSTATUS(status) != 0);
	counters_free(counters);
}

static void columns_out_of_range_are_refused(void **state)
{
	struct counters *counters;

	(void)state;
	assert_int_equal(counters_new(&counters), 0);
	assert_int_equal(counters_acquire(counters, COUNTERS_COLUMNS, 0), 1);
	counters_release(counters, COUNTERS_COLUMNS);
	assert_int_equal(counters_column(counters, COUNTERS_COLUMNS), 0);
	assert_int_equal(counters_connections(counters, COUNTERS_SLOTS), 0);
	counters_free(counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_holds_across_workers),
		cmocka_unit_test(a_dead_workers_gauges_are_cleared_and_its_counters_kept),
		cmocka_unit_test(what_is_released_is_free_again),
		cmocka_unit_test(a_worker_cannot_write_to_another_slot),
		cmocka_unit_test(columns_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

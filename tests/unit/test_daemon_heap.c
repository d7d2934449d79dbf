/* A worker's heap, given back when connections have settled. */

#include "daemon/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sanitized.h"

#define BLOCKS      4000
#define BLOCK_BYTES 3000
#define KEPT_EVERY  50 /* one block of so many lives on, so that the heap's end cannot move */

/* At least this much of the 12 MB comes back; what is left is the pages of the blocks that live on. */
#define BACK_BYTES ((size_t)8 << 20)

struct fixture {
	struct heap heap;
	void *blocks[BLOCKS];
	size_t full;
};

static size_t resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%*u %lu", &pages), 1);
	(void)fclose(statm);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	if (SANITIZED)
		return 0;
	heap_init(&fixture.heap);
	for (size_t i = 0; i < BLOCKS; i++) {
		fixture.blocks[i] = malloc(BLOCK_BYTES);
		assert_non_null(fixture.blocks[i]);
		memset(fixture.blocks[i], 1, BLOCK_BYTES);
	}
	fixture.full = resident_bytes();
	for (size_t i = 0; i < BLOCKS; i++) {
		if (i % KEPT_EVERY == 0)
			continue;
		free(fixture.blocks[i]);
		fixture.blocks[i] = NULL;
	}
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < BLOCKS; i++)
		free(fixture->blocks[i]);
	return 0;
}

static void need_the_c_librarys_heap(void)
{
	if (SANITIZED) {
		print_message("a sanitizer has a heap of its own\n");
		skip();
	}
}

static bool is_given_back(const struct fixture *fixture)
{
	return resident_bytes() + BACK_BYTES < fixture->full;
}

static void test_connections_settled(void **state)
{
	struct fixture *fixture = *state;

	need_the_c_librarys_heap();
	heap_tick(&fixture->heap, 7);
	assert_false(is_given_back(fixture));
	heap_tick(&fixture->heap, 7);
	assert_true(is_given_back(fixture));
}

static void test_connections_come_and_go(void **state)
{
	struct fixture *fixture = *state;

	need_the_c_librarys_heap();
	for (uint64_t turnover = 1; turnover < HEAP_BUSY_SECONDS; turnover++)
		heap_tick(&fixture->heap, turnover);
	assert_false(is_given_back(fixture));
	heap_tick(&fixture->heap, HEAP_BUSY_SECONDS);
	assert_true(is_given_back(fixture));
}

/* Walking the heap costs time; without connections there is nothing new to find. */
static void test_no_connections(void **state)
{
	struct fixture *fixture = *state;

	need_the_c_librarys_heap();
	for (int second = 0; second < 3 * HEAP_BUSY_SECONDS; second++)
		heap_tick(&fixture->heap, 0);
	assert_false(is_given_back(fixture));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connections_settled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_connections_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_connections, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("daemon/heap", tests, NULL, NULL);
}

/* The secrets of session tickets: how one set follows the other, by a clock of the test's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/tickets.h"

#define SECRET UNITLS_TICKET_SECRET_SIZE
#define HOUR   3600000u

static struct unitls_ticket_secrets read_set(const struct tickets *tickets)
{
	struct unitls_ticket_secrets set;

	assert_int_equal(tickets_read(tickets->fd, &set), 0);
	return set;
}

static bool same(const uint8_t a[SECRET], const uint8_t b[SECRET])
{
	return memcmp(a, b, SECRET) == 0;
}

static void the_next_secret_seals_and_the_last_one_still_opens(void **state)
{
	struct unitls_ticket_secrets set = {.secrets = {{'a'}, {'b'}}, .n = 2, .stable = {'s'}};
	const uint8_t fresh[][SECRET] = {{'c'}, {'d'}, {'e'}};

	(void)state;
	tickets_advance(&set, fresh[0]);
	assert_int_equal(set.n, 3);
	assert_true(set.secrets[0][0] == 'b' && set.secrets[1][0] == 'c' && set.secrets[2][0] == 'a');
	tickets_advance(&set, fresh[1]);
	assert_int_equal(set.n, 3);
	assert_true(set.secrets[0][0] == 'c' && set.secrets[1][0] == 'd' && set.secrets[2][0] == 'b');
	tickets_advance(&set, fresh[2]);
	assert_true(set.secrets[0][0] == 'd' && set.secrets[1][0] == 'e' && set.secrets[2][0] == 'c');
	assert_int_equal(set.stable[0], 's');
}

static void the_first_set_has_two_secrets_that_differ_and_a_stable_one(void **state)
{
	const uint8_t nothing[SECRET] = {0};
	struct unitls_ticket_secrets sets[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tickets tickets;

		assert_int_equal(tickets_init(&tickets, 7), 0);
		assert_true(tickets.since_ms == 7 && tickets.last_rotated == 0);
		sets[i] = read_set(&tickets);
		tickets_fini(&tickets);
		assert_int_equal(tickets.fd, -1);
		assert_int_equal(sets[i].n, 2);
		assert_false(same(sets[i].secrets[0], sets[i].secrets[1]));
		assert_false(same(sets[i].secrets[0], nothing) || same(sets[i].secrets[1], nothing));
		assert_false(same(sets[i].stable, nothing) || same(sets[i].stable, sets[i].secrets[0]));
	}
	assert_false(same(sets[0].secrets[0], sets[1].secrets[0]));
	assert_false(same(sets[0].secrets[1], sets[1].secrets[1]));
	assert_false(same(sets[0].stable, sets[1].stable));
}

static void a_set_is_due_when_its_period_is_over(void **state)
{
	const struct tickets tickets = {.since_ms = 1000};

	(void)state;
	assert_false(tickets_due(&tickets, 1000, HOUR));
	assert_false(tickets_due(&tickets, 1000 + HOUR - 1, HOUR));
	assert_true(tickets_due(&tickets, 1000 + HOUR, HOUR));
	assert_true(tickets_due(&tickets, 1000 + 5 * (uint64_t)HOUR, HOUR));
	/* A reload may have made it shorter, or longer. */
	assert_true(tickets_due(&tickets, 2000, 1000));
	assert_false(tickets_due(&tickets, 1000 + HOUR, 2 * (uint64_t)HOUR));
}

/* Ten hours, looked at each second as the master does. */
static void the_clock_rotates(void **state)
{
	struct tickets tickets;
	struct unitls_ticket_secrets before;
	unsigned rotations = 0;

	(void)state;
	assert_int_equal(tickets_init(&tickets, 500), 0);
	before = read_set(&tickets);
	for (uint64_t now_ms = 500; now_ms <= 500 + 10 * (uint64_t)HOUR; now_ms += 1000) {
		struct unitls_ticket_secrets after;

		if (!tickets_due(&tickets, now_ms, HOUR))
			continue;
		assert_int_equal(tickets_rotate(&tickets, now_ms), 0);
		assert_true(tickets.since_ms == now_ms && tickets.last_rotated != 0);
		after = read_set(&tickets);
		assert_int_equal(after.n, 3);
		assert_true(same(after.secrets[0], before.secrets[1]));
		assert_true(same(after.secrets[2], before.secrets[0]));
		for (size_t i = 0; i < before.n; i++)
			assert_false(same(after.secrets[1], before.secrets[i]));
		assert_true(same(after.stable, before.stable));
		before = after;
		rotations++;
	}
	assert_int_equal(rotations, 10);
	tickets_fini(&tickets);
}

static void a_set_in_a_file_cannot_be_changed(void **state)
{
	struct tickets tickets;
	const char byte = 'x';

	(void)state;
	assert_int_equal(tickets_init(&tickets, 0), 0);
	assert_int_equal(pwrite(tickets.fd, &byte, 1, 0), -1);
	assert_int_equal(ftruncate(tickets.fd, 0), -1);
	assert_int_equal(fcntl(tickets.fd, F_GETFD), FD_CLOEXEC);
	tickets_fini(&tickets);
}

static void a_rotation_that_fails_leaves_the_set_as_it_was(void **state)
{
	struct tickets tickets;
	struct unitls_ticket_secrets before;
	struct unitls_ticket_secrets after;
	struct rlimit limit;
	struct rlimit none;

	(void)state;
	assert_int_equal(tickets_init(&tickets, 3), 0);
	before = read_set(&tickets);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(tickets_rotate(&tickets, HOUR), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	after = read_set(&tickets);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_true(tickets.since_ms == 3 && tickets.last_rotated == 0);
	assert_int_equal(tickets_rotate(&tickets, HOUR), 0);
	tickets_fini(&tickets);
}

static void bytes_that_are_no_set_are_refused(void **state)
{
	struct unitls_ticket_secrets set = {.secrets = {{'a'}}, .n = 1, .stable = {'s'}};
	struct unitls_ticket_secrets parsed = {.n = 77};
	uint8_t longer[sizeof(set) + 1] = {0};
	const size_t counts[] = {0, UNITLS_TICKET_SECRETS_MAX + 1, SIZE_MAX};

	(void)state;
	memcpy(longer, &set, sizeof(set));
	for (size_t size = 0; size < sizeof(set); size++)
		assert_int_equal(tickets_parse(longer, size, &parsed), -EBADMSG);
	assert_int_equal(tickets_parse(longer, sizeof(longer), &parsed), -EBADMSG);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		set.n = counts[i];
		assert_int_equal(tickets_parse(&set, sizeof(set), &parsed), -EBADMSG);
	}
	assert_int_equal(parsed.n, 77);
	for (set.n = 1; set.n <= UNITLS_TICKET_SECRETS_MAX; set.n++) {
		assert_int_equal(tickets_parse(&set, sizeof(set), &parsed), 0);
		assert_memory_equal(&parsed, &set, sizeof(set));
	}
}

static void a_file_that_is_no_set_is_refused(void **state)
{
	struct unitls_ticket_secrets set;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC); /* longer than a set */

	(void)state;
	assert_int_equal(tickets_read(fd, &set), -EBADMSG);
	(void)close(fd);
	assert_int_equal(tickets_read(fd, &set), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_secret_seals_and_the_last_one_still_opens),
		cmocka_unit_test(the_first_set_has_two_secrets_that_differ_and_a_stable_one),
		cmocka_unit_test(a_set_is_due_when_its_period_is_over),
		cmocka_unit_test(the_clock_rotates),
		cmocka_unit_test(a_set_in_a_file_cannot_be_changed),
		cmocka_unit_test(a_rotation_that_fails_leaves_the_set_as_it_was),
		cmocka_unit_test(bytes_that_are_no_set_are_refused),
		cmocka_unit_test(a_file_that_is_no_set_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Snapshots: what goes in comes out, they cannot change, and a forged one is refused. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/snapshot.h"
#include "tests/unit/alloc_fail.h"

static int make(size_t count)
{
	struct snapshot_writer *writer;
	char name[SNAPSHOT_NAME_MAX];
	char data[128];
	int fd = -1;

	assert_int_equal(snapshot_writer_new(&writer), 0);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "entry-%zu", i * 7919 % count);
		(void)snprintf(data, sizeof(data), "data of %s", name);
		assert_int_equal(snapshot_writer_add(writer, name, data, i % 5 ? strlen(data) : 0), 0);
		assert_int_equal(snapshot_writer_add(writer, name, "other", 5), 1);
	}
	assert_int_equal(snapshot_writer_finish(writer, &fd), 0);
	snapshot_writer_free(writer);
	return fd;
}

static void test_all_entries_come_back(void **state)
{
	const size_t count = 10000;
	struct snapshot *snapshot;
	const uint8_t *data;
	size_t size;
	int fd = make(count);

	(void)state;
	assert_int_equal(snapshot_open(fd, &snapshot), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(snapshot_count(snapshot), count);
	for (size_t i = 0; i < count; i++) {
		char name[SNAPSHOT_NAME_MAX];
		char wanted[128];
		size_t at = i * 7919 % count;

		(void)snprintf(name, sizeof(name), "entry-%zu", at);
		(void)snprintf(wanted, sizeof(wanted), "data of %s", name);
		assert_int_equal(snapshot_find(snapshot, name, &data, &size), 0);
		assert_int_equal(size, i % 5 ? strlen(wanted) : 0);
		assert_memory_equal(data, wanted, size);
	}
	assert_int_equal(snapshot_find(snapshot, "nothing", &data, &size), -ENOENT);
	assert_int_equal(snapshot_find(snapshot, "", &data, &size), -ENOENT);
	snapshot_close(snapshot);
	snapshot_close(NULL);
}

static void test_it_cannot_change(void **state)
{
	int fd = make(3);

	(void)state;
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	(void)close(fd);
}

static void test_names_are_bounded(void **state)
{
	struct snapshot_writer *writer;
	char name[SNAPSHOT_NAME_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[SNAPSHOT_NAME_MAX] = '\0';
	assert_int_equal(snapshot_writer_new(&writer), 0);
	assert_int_equal(snapshot_writer_add(writer, name, "", 0), -ENAMETOOLONG);
	assert_int_equal(snapshot_writer_add(writer, "", "", 0), -ENAMETOOLONG);
	name[SNAPSHOT_NAME_MAX - 1] = '\0';
	assert_int_equal(snapshot_writer_add(writer, name, "", 0), 0);
	snapshot_writer_free(writer);
	snapshot_writer_free(NULL);
}

/* A sealed memfd with these bytes. */
static int forge(const uint8_t *data, size_t size, int seals)
{
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_forged_ones_are_refused(void **state)
{
	const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct snapshot *snapshot;
	uint8_t good[4096];
	int fd = make(3);
	ssize_t size = pread(fd, good, sizeof(good), 0);
	int pipes[2];

	(void)state;
	assert_true(size > 0);
	(void)close(fd);
	for (size_t cut = 0; cut < (size_t)size; cut++) {
		fd = forge(good, cut, all);
		assert_int_equal(snapshot_open(fd, &snapshot), -EBADMSG);
		(void)close(fd);
	}
	/* every bit: it is refused, or every entry still lies inside */
	for (size_t bit = 0; bit < (size_t)size * 8; bit++) {
		uint8_t bad[sizeof(good)];

		memcpy(bad, good, (size_t)size);
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		fd = forge(bad, (size_t)size, all);
		if (snapshot_open(fd, &snapshot) == 0) {
			for (size_t i = 0; i < snapshot_count(snapshot); i++) {
				const uint8_t *data;
				size_t length;
				volatile uint8_t sum = 0;

				assert_int_equal(
					snapshot_find(snapshot, snapshot_name(snapshot, i), &data, &length), 0);
				for (size_t k = 0; k < length; k++)
					sum = (uint8_t)(sum + data[k]);
			}
			snapshot_close(snapshot);
		}
		(void)close(fd);
	}
	fd = forge(good, (size_t)size, F_SEAL_SHRINK | F_SEAL_GROW);
	assert_int_equal(snapshot_open(fd, &snapshot), -EPERM);
	(void)close(fd);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(snapshot_open(pipes[0], &snapshot), -EPERM);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void test_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct snapshot_writer *writer = NULL;
		struct snapshot *snapshot = NULL;
		int fd = -1;
		int r;

		alloc_fail_start(n);
		r = snapshot_writer_new(&writer);
		for (unsigned i = 0; i < 70 && r == 0; i++) {
			char name[3] = {(char)('A' + i / 26), (char)('a' + i % 26), 0};

			r = snapshot_writer_add(writer, name, "x", 1);
		}
		if (r == 0)
			r = snapshot_writer_finish(writer, &fd);
		if (r == 0)
			r = snapshot_open(fd, &snapshot);
		failed = alloc_fail_stop();
		assert_int_equal(r, failed ? -ENOMEM : 0);
		snapshot_close(snapshot);
		snapshot_writer_free(writer);
		if (fd >= 0)
			(void)close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_entries_come_back),
		cmocka_unit_test(test_it_cannot_change),
		cmocka_unit_test(test_names_are_bounded),
		cmocka_unit_test(test_forged_ones_are_refused),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

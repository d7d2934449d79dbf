/* Counters and gauges in shared memory. */

#include "daemon/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_SIZE 20480 /* a multiple of the page size */

struct slot {
	_Atomic uint64_t counters[COUNTER_COUNT];
	_Atomic uint64_t connections;
	_Atomic uint32_t slots_used; /* of slot 0: slots from here on were never in use */
	_Atomic uint32_t columns[COUNTERS_COLUMNS];
};

_Static_assert(sizeof(struct slot) <= SLOT_SIZE, "a slot fits");
_Static_assert(SLOT_SIZE % 4096 == 0, "a slot is whole pages");

struct counters {
	char *memory;
	unsigned own;
	int write_fd;
	int read_fd;
};

static const char *const names[COUNTER_COUNT] = {
#define COUNTER_NAME(name, text) [COUNTER_##name] = text,
	COUNTERS_TABLE(COUNTER_NAME)
#undef COUNTER_NAME
};

#define MEMORY_SIZE ((size_t)COUNTERS_SLOTS * SLOT_SIZE)

const char *counters_name(enum counter counter)
{
	return names[counter];
}

static struct slot *slot_at(const struct counters *counters, unsigned slot)
{
	return (struct slot *)(void *)(counters->memory + (size_t)slot * SLOT_SIZE);
}

static unsigned slots_used(const struct counters *counters)
{
	unsigned used = atomic_load(&slot_at(counters, 0)->slots_used);

	return used < COUNTERS_SLOTS ? used : COUNTERS_SLOTS;
}

int counters_new(struct counters **ret)
{
	struct counters *counters;
	char path[40];
	int r;

	counters = calloc(1, sizeof(*counters));
	if (counters == NULL)
		return -ENOMEM;
	counters->memory = MAP_FAILED;
	counters->read_fd = -1;
	counters->write_fd = memfd_create("unitls-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (counters->write_fd < 0)
		goto fail;
	if (ftruncate(counters->write_fd, (off_t)MEMORY_SIZE) != 0)
		goto fail;
	if (fcntl(counters->write_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		goto fail;
	/* A second, read-only open: a mapping made from it cannot be made writable by mprotect(). */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", counters->write_fd);
	counters->read_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (counters->read_fd < 0)
		goto fail;
	counters->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, counters->write_fd, 0);
	if (counters->memory == MAP_FAILED)
		goto fail;
	atomic_store(&slot_at(counters, 0)->slots_used, 1);
	*ret = counters;
	return 0;
fail:
	r = -errno;
	counters_free(counters);
	return r;
}

int counters_enter(struct counters *counters, unsigned slot)
{
	char *all;
	char *own;
	int r = 0;

	if (slot == 0 || slot >= COUNTERS_SLOTS)
		return -EINVAL;
	all = mmap(NULL, MEMORY_SIZE, PROT_READ, MAP_SHARED, counters->read_fd, 0);
	if (all == MAP_FAILED)
		return -errno;
	own = mmap(all + (size_t)slot * SLOT_SIZE, SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		counters->write_fd, (off_t)slot * SLOT_SIZE);
	if (own == MAP_FAILED)
		r = -errno;
	(void)munmap(counters->memory, MEMORY_SIZE);
	(void)close(counters->read_fd);
	(void)close(counters->write_fd);
	counters->read_fd = -1;
	counters->write_fd = -1;
	counters->memory = all;
	counters->own = slot;
	return r;
}

void counters_free(struct counters *counters)
{
	if (counters == NULL)
		return;
	if (counters->memory != MAP_FAILED)
		(void)munmap(counters->memory, MEMORY_SIZE);
	if (counters->read_fd >= 0)
		(void)close(counters->read_fd);
	if (counters->write_fd >= 0)
		(void)close(counters->write_fd);
	free(counters);
}

void counters_use(struct counters *counters, unsigned slot)
{
	struct slot *first = slot_at(counters, 0);

	if (slot < COUNTERS_SLOTS && slot >= atomic_load(&first->slots_used))
		atomic_store(&first->slots_used, slot + 1);
}

void counters_add(struct counters *counters, enum counter counter, uint64_t amount)
{
	atomic_fetch_add_explicit(
		&slot_at(counters, counters->own)->counters[counter], amount, memory_order_relaxed);
}

uint64_t counters_column(const struct counters *counters, unsigned column)
{
	unsigned used = slots_used(counters);
	uint64_t sum = 0;
	unsigned i;

	if (column >= COUNTERS_COLUMNS)
		return 0;
	for (i = 0; i < used; i++)
		sum += atomic_load(&slot_at(counters, i)->columns[column]);
	return sum;
}

int counters_acquire(struct counters *counters, unsigned column, size_t limit)
{
	struct slot *own = slot_at(counters, counters->own);

	if (column >= COUNTERS_COLUMNS)
		return 1;
	atomic_fetch_add(&own->columns[column], 1);
	if (limit != 0 && counters_column(counters, column) > limit) {
		atomic_fetch_sub(&own->columns[column], 1);
		return 1;
	}
	atomic_fetch_add_explicit(&own->connections, 1, memory_order_relaxed);
	return 0;
}

void counters_release(struct counters *counters, unsigned column)
{
	struct slot *own = slot_at(counters, counters->own);

	if (column >= COUNTERS_COLUMNS)
		return;
	atomic_fetch_sub(&own->columns[column], 1);
	atomic_fetch_sub_explicit(&own->connections, 1, memory_order_relaxed);
}

bool counters_has_room(const struct counters *counters, unsigned column, size_t limit)
{
	return limit == 0 || counters_column(counters, column) < limit;
}

uint64_t counters_connections(const struct counters *counters, unsigned slot)
{
	return slot < COUNTERS_SLOTS ? atomic_load(&slot_at(counters, slot)->connections) : 0;
}

uint64_t counters_total(const struct counters *counters, enum counter counter)
{
	unsigned used = slots_used(counters);
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < used; i++)
		sum += atomic_load_explicit(&slot_at(counters, i)->counters[counter], memory_order_relaxed);
	return sum;
}

void counters_retire(struct counters *counters, unsigned slot)
{
	struct slot *dead;
	struct slot *kept = slot_at(counters, 0);
	unsigned i;

	if (slot == 0 || slot >= COUNTERS_SLOTS)
		return;
	dead = slot_at(counters, slot);
	for (i = 0; i < COUNTER_COUNT; i++)
		atomic_fetch_add(&kept->counters[i], atomic_exchange(&dead->counters[i], 0));
	for (i = 0; i < COUNTERS_COLUMNS; i++)
		atomic_store(&dead->columns[i], 0);
	atomic_store(&dead->connections, 0);
}

/* Counters and gauges in shared memory: a slot per worker that only it can write, read by all.
 *
 * No lock. Limits hold across workers: a worker adds to its own slot, sums over all, and takes it back when the sum is above the limit
 * (so two at once may both be refused; nobody is let in above it).
 * Invariant: in a child every slot but its own is mapped from a descriptor opened for reading, so it cannot be made
 * writable. Counters only grow; a dead worker's are moved to the master's slot, its gauges are cleared. */

#ifndef UNITLSD_COUNTERS_H
#define UNITLSD_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/reason.h"

#define COUNTERS_SLOTS   513  /* slot 0 is the master's */
#define COUNTERS_COLUMNS 4096 /* listeners with a gauge of their own */

/* name, text in status and metrics. A new one is a line here. */
#define COUNTERS_TABLE(X)                           \
	X(ACCEPTED, "accepted")                     \
	X(CLOSED, "closed")                         \
	X(HANDSHAKES, "handshakes")                 \
	X(RESUMED, "resumed")                       \
	X(HANDSHAKE_FAILURES, "handshake_failures") \
	X(UPSTREAM_FAILURES, "upstream_failures")   \
	X(TRUNCATIONS, "truncations")               \
	X(RESETS, "resets")                         \
	X(TIMEOUTS, "timeouts")                     \
	X(CUT_BY_DRAIN, "cut_by_drain")             \
	X(ACCEPT_PAUSES, "accept_pauses")           \
	X(BYTES_FROM_CLIENTS, "bytes_from_clients") \
	X(BYTES_TO_CLIENTS, "bytes_to_clients")     \
	X(LOG_DROPS, "log_drops")                   \
	X(RELOADS, "reloads")                       \
	X(RELOAD_FAILURES, "reload_failures")       \
	X(WORKER_DEATHS, "worker_deaths")           \
	REASONS(X) /* why connections ended: reason.h */

enum counter {
#define COUNTERS_ENUM(name, text) COUNTER_##name,
	COUNTERS_TABLE(COUNTERS_ENUM)
#undef COUNTERS_ENUM
	COUNTER_COUNT,
};

struct counters;

const char *counters_name(enum counter counter);

/* The master's: makes the memory and maps all of it. Returns 0 or a negative errno. */
int counters_new(struct counters **ret);

/* In a child after fork: maps SLOT for writing, the others for reading, closes the descriptors. Returns 0 or a negative errno. */
int counters_enter(struct counters *counters, unsigned slot);

/* The master's, before it starts a worker with SLOT: sums go up to the highest slot ever in use. */
void counters_use(struct counters *counters, unsigned slot);

/* Accepts NULL. */
void counters_free(struct counters *counters);

/* Adds to the own slot (the master's: slot 0). */
void counters_add(struct counters *counters, enum counter counter, uint64_t amount);

/* One more connection on the listener of COLUMN, unless there are LIMIT already in all workers (0: no limit).
 * Returns 0, or 1 when the limit is reached. */
int counters_acquire(struct counters *counters, unsigned column, size_t limit);

/* Ends what counters_acquire() began. */
void counters_release(struct counters *counters, unsigned column);

/* Whether counters_acquire() would succeed now. */
bool counters_has_room(const struct counters *counters, unsigned column, size_t limit);

/* Connections of a slot, of a listener in all workers; a counter over all slots. */
uint64_t counters_connections(const struct counters *counters, unsigned slot);
uint64_t counters_column(const struct counters *counters, unsigned column);
uint64_t counters_total(const struct counters *counters, enum counter counter);

/* The master's, when the worker of SLOT is gone: its counters are kept in slot 0, its gauges cleared. */
void counters_retire(struct counters *counters, unsigned slot);

#endif

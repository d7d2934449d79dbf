/* The workers as the master sees them: starting, watching, replacing, and which of them accepts from which socket.
 *
 * A seat is a worker's index; a worker that dies leaves its seat empty until another takes it. A worker that a reload has no seat for
 * is retired: it finishes its connections. The pool does what it is told with a generation and says by callback that something
 * changed; whether a reload succeeds is decided elsewhere.
 * Invariant: as long as one worker serves, every own socket is accepted from by exactly one that serves (or is about to, its COMMIT
 * being under way). */

#ifndef UNITLSD_POOL_H
#define UNITLSD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/child.h"
#include "daemon/ipc.h"

#define POOL_SEATS 256 /* workers; as many again may be retired and finishing */

#define POOL_HEARTBEAT_MS      1000
#define POOL_HEARTBEATS_MISSED 5     /* then it is replaced */
#define POOL_START_MS          30000 /* for a worker's first generation */
#define POOL_EMPTY_MS          3000  /* how long the socket of a retired worker is emptied */

struct counters;
struct event;
struct event_base;
struct generation;
struct pool;
struct sockets;

enum worker_phase {
	WORKER_STARTING, /* before its first COMMITTED */
	WORKER_SERVING,
	WORKER_RETIRED, /* finishes its connections, then exits */
};

enum worker_answer {
	WORKER_ANSWER_NONE,    /* nothing was asked */
	WORKER_ANSWER_AWAITED, /* PREPARE was sent */
	WORKER_ANSWER_PREPARED,
	WORKER_ANSWER_COMMIT, /* COMMIT was sent */
};

struct worker {
	LIST_ENTRY(worker) link;
	struct pool *pool;
	unsigned index;
	unsigned slot;
	pid_t pid;
	enum worker_phase phase;
	enum worker_answer answer;
	bool joining; /* takes the committed generation; no part of a reload */
	bool drained;
	bool doomed;         /* SIGKILL was sent */
	uint64_t generation; /* of the last PREPARE or COMMIT */
	uint64_t born_ms;
	uint64_t sequence; /* heartbeats sent, and the last that was answered */
	uint64_t answered;
	struct ipc_channel channel;
	struct event *readable;
	struct event *writable;
};

struct seat {
	struct pool *pool;
	unsigned index;
	struct worker *worker; /* NULL: empty */
	unsigned failures;     /* deaths in a row */
	struct event *respawn; /* back-off */
};

struct pool_callbacks {
	void (*on_change)(void *argument);                         /* look at pool_outcome() and the like again */
	void (*on_started)(void *argument, struct worker *worker); /* send it what it has to know besides */
	void *argument;
};

/* What a generation under way has come to. */
enum pool_outcome {
	POOL_WAITING,
	POOL_PREPARED,
	POOL_FAILED, /* see pool.failure */
};

struct pool {
	struct event_base *base;
	struct counters *counters;
	struct sockets *sockets;
	const char *module_dir;
	struct child_identity identity;
	struct pool_callbacks callbacks;
	const struct generation *committed; /* NULL at the start */
	const struct generation *pending;
	bool stopping;
	bool failed;
	struct ipc_message failure; /* a FAILED */
	struct seat seats[POOL_SEATS];
	LIST_HEAD(worker_list, worker) retired;
	unsigned retired_count;
	unsigned char slots[2 * POOL_SEATS + 1];
	uint64_t finished; /* by workers that drained */
	uint64_t cut;
};

void pool_init(struct pool *pool, struct event_base *base, struct counters *counters, struct sockets *sockets,
	const char *module_dir, const struct pool_callbacks *callbacks);

/* Kills what is left. */
void pool_fini(struct pool *pool);

/* No worker is at its first generation outside of a reload, so one can begin. */
bool pool_settled(const struct pool *pool);

/* Offers GENERATION (its sockets planned) to the workers and starts those that are missing. GENERATION stays the caller's and lives
 * until pool_commit() or pool_abort(). Returns 0 or a negative errno (then pool_abort()). */
int pool_prepare(struct pool *pool, const struct generation *generation);
enum pool_outcome pool_outcome(const struct pool *pool);

/* After the sockets' commit: GENERATION of pool_prepare() holds from now on, workers without a seat in it are retired. */
void pool_commit(struct pool *pool);

/* Whether every worker alive has answered COMMIT. */
bool pool_committed(const struct pool *pool);

/* Before the sockets' abort. */
void pool_abort(struct pool *pool);

/* SIGCHLD: reaps what has died. */
void pool_reap(struct pool *pool);

/* Every second: heartbeats, sockets to be emptied. */
void pool_tick(struct pool *pool);

/* Sends to every worker. */
void pool_broadcast(struct pool *pool, const struct ipc_message *message, int descriptor);

/* Sends to one; a worker that cannot take it is ended. */
void pool_send(struct worker *worker, const struct ipc_message *message, int descriptor);

/* The end: workers drain for at most TIMEOUT_MS (again: the new timeout holds), none is started any more. */
void pool_stop(struct pool *pool, uint32_t timeout_ms);
void pool_kill(struct pool *pool);
bool pool_is_empty(const struct pool *pool);

/* Workers that serve. */
unsigned pool_serving(const struct pool *pool);

/* Whether every worker answers its heartbeats, or has been killed because it did not. */
bool pool_is_healthy(const struct pool *pool);

#endif

/* The listening sockets of a worker: accepting in bounded batches, pausing at a limit, and emptying a socket before it is closed.
 *
 * It makes no socket; the master sends them. When max_connections or the descriptors are used up, accepting pauses and clients wait in
 * the kernel's queue; it resumes by itself.
 * Invariant: a connection is accepted only when the gauge of its listener, a descriptor for its upstream, and ACCEPTOR_RESERVE
 * descriptors beside that are there. */

#ifndef UNITLSD_ACCEPTOR_H
#define UNITLSD_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "daemon/engine.h"
#include "daemon/ipc.h"
#include "daemon/listener.h"

#define ACCEPTOR_BATCH      64   /* connections accepted from one socket in a turn */
#define ACCEPTOR_LAST_BATCH 4096 /* accepted at most from a socket that is being closed by a drain */
#define ACCEPTOR_RESERVE    64   /* descriptors kept for the log, reloads and the libraries */
#define ACCEPTOR_RETRY_MS   50   /* between looks whether a limit that another worker fills has room again */

struct acceptors;

struct acceptor {
	TAILQ_ENTRY(acceptor) link;
	struct acceptors *all;
	struct event event;
	struct listener *listener;
	int fd;
	uint32_t id; /* the master's */
	unsigned column;
	enum ipc_socket_kind kind;
	bool paused;
	bool releasing; /* closed as soon as it is empty */
	bool named;     /* acceptors_*'s users mark what a new generation has */
};

struct acceptors {
	TAILQ_HEAD(acceptor_list, acceptor) list;
	size_t count;
	size_t paused_count;
	size_t releasing_count;
	struct engine *engine;
	struct event retry;
	size_t descriptor_limit;
	struct log_limiter pause_log;
	void (*on_released)(void *argument, uint32_t id); /* a releasing socket is empty and closed */
	void *argument;
};

/* Raises the soft limit of descriptors to the hard one and reads it. Returns 0 or -ENOMEM. */
int acceptors_init(struct acceptors *all, struct engine *engine);
void acceptors_fini(struct acceptors *all);

struct acceptor_params {
	int fd; /* taken, also on failure */
	uint32_t id;
	unsigned column;
	enum ipc_socket_kind kind;
	struct listener *listener; /* lent */
};

/* Starts to accept. Returns 0 or -ENOMEM. */
int acceptors_add(struct acceptors *all, const struct acceptor_params *params);
struct acceptor *acceptors_find(struct acceptors *all, uint32_t id);

/* From the next connection on. */
void acceptor_set_listener(struct acceptor *acceptor, struct listener *listener, unsigned column);

/* Accepts what is queued, then closes it: on_released(), perhaps before this returns. A socket shared with others is closed at once. */
void acceptor_release(struct acceptor *acceptor);

/* Closes all, each emptied first as far as limits allow. on_released() is not called. */
void acceptors_close(struct acceptors *all);

/* There may be room again: a session ended. */
void acceptors_wake(struct acceptors *all);

#endif

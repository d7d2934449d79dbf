/* A queue of work that gave way to others: it goes on after the event loop has looked at everybody else.
 *
 * Invariant: the queue holds the loop for at most TURNS_SLICE_MS at a time (and one piece of work). */

#ifndef UNITLSD_TURNS_H
#define UNITLSD_TURNS_H

#include <stdbool.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#define TURNS_SLICE_MS 5

struct turn {
	TAILQ_ENTRY(turn) link;
	bool queued;
	void (*run)(void *argument); /* may free the turn */
	void *argument;
};

struct turns {
	TAILQ_HEAD(turn_list, turn) list;
	struct event timer;
};

/* Returns 0 or -ENOMEM. */
int turns_init(struct turns *turns, struct event_base *base);
void turns_fini(struct turns *turns);

/* Queues it once. */
void turns_push(struct turns *turns, struct turn *turn);

/* Legal when it is not queued. */
void turns_cancel(struct turns *turns, struct turn *turn);

#endif

/* What all connections of one worker share.
 *
 * Invariant: session_count is the number of sessions in the list, and each counts once in the gauge of its listener. */

#ifndef UNITLSD_ENGINE_H
#define UNITLSD_ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "daemon/counters.h"
#include "daemon/log.h"
#include "daemon/names.h"
#include "daemon/turns.h"

/* Lines a second about failed handshakes, and about failed upstreams. */
#define ENGINE_FAILURE_LINES 20

struct session;

struct engine {
	struct event_base *base;
	struct counters *counters; /* lent */
	struct names *names;
	struct turns turns;
	uint8_t *scratch; /* RELAY_CHUNK_BYTES, for the length of one call */
	TAILQ_HEAD(session_list, session) sessions;
	size_t session_count;
	uint64_t turnover; /* sessions begun, sessions ended, generations built, ever: heap.h */
	struct log_limiter handshake_log;
	struct log_limiter upstream_log;
	void (*on_session_gone)(void *argument); /* there is room for another connection */
	void *argument;
};

/* Returns 0 or -ENOMEM. COUNTERS is lent. */
int engine_init(struct engine *engine, struct counters *counters);

/* Legal after a failed init. No session may be left. */
void engine_fini(struct engine *engine);

#endif

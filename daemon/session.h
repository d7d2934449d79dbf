/* One connection from accept to its end: client handshake, upstream chosen and connected at the same time, relay, drop.
 *
 * It accepts nothing and knows no configuration but its listener's. A session frees itself when it has ended.
 * Invariant: it ends through session_end() alone, exactly once, with one reason that is logged and counted. Only when both
 * directions ended cleanly are its sockets closed cleanly; anything else is a reset to whoever is not at fault, after what was
 * relayed before has been delivered. */

#ifndef UNITLSD_SESSION_H
#define UNITLSD_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/engine.h"
#include "daemon/listener.h"
#include "daemon/reason.h"
#include "daemon/relay.h"
#include "daemon/stream.h"

#define SESSION_LINGER_MS 2000 /* how long an alert, or what was relayed before a reset, may take to arrive */
#define SESSION_RETRY_MS  20   /* between looks at what has no event */
#define SESSION_DOUBT_MS  250  /* how long a reset that no event told of may go unnoticed */
#define SESSION_ANSWER_MS \
	5000 /* how long an upstream that cannot half-close may be silent after the client's end */

/* The addresses kept for the log: everything but a unix socket's path. */
union session_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

enum session_phase {
	SESSION_OPENING, /* client handshake, connecting upstream */
	SESSION_RELAYING,
	SESSION_ALERTING,   /* ended; one side is still to read our alert or close_notify */
	SESSION_DELIVERING, /* ended; what was sent before is still to arrive, then a reset */
};

enum session_upstream {
	SESSION_UPSTREAM_IDLE,   /* the ClientHello has not come */
	SESSION_UPSTREAM_SELECT, /* the next address is to be tried */
	SESSION_UPSTREAM_CONNECTING,
	SESSION_UPSTREAM_HANDSHAKE,
	SESSION_UPSTREAM_READY,
};

struct session {
	TAILQ_ENTRY(session) link;
	struct turn turn;
	struct event timer;
	struct engine *engine;
	struct listener *listener;
	unsigned column; /* of its gauge */
	enum session_phase phase;
	enum session_upstream upstream_phase;
	bool client_ready;
	struct stream client;
	struct stream upstream;
	struct relay relay;
	struct stream *lingering; /* ALERTING, DELIVERING: the one still open */
	struct upstream_cursor cursor;
	size_t server;            /* of the listener's upstream, being tried or in use */
	enum reason last_failure; /* of the servers tried */
	uint64_t started_ms;
	uint64_t connect_deadline_ms; /* of this attempt; 0: none yet */
	uint64_t activity_ms;         /* when bytes last moved */
	uint64_t activity_bytes;      /* how many had by then */
	uint64_t
		linger_deadline_ms; /* of what is still delivered after the end, or after one side broke off; 0: none */
	uint64_t armed_ms;          /* when the timer fires; 0: it is not set */
	uint64_t counted_up;        /* bytes already in the counters */
	uint64_t counted_down;
	union session_address peer;
	union session_address target;
};

struct session_params {
	int fd; /* accepted, non-blocking */
	const struct sockaddr *peer;
	struct listener *listener; /* lent */
	unsigned column;           /* counters_acquire() was done for it */
};

/* Starts a connection; from here on the descriptor and the place in the gauge are the session's, also when it fails. It may have ended
 * when this returns. Returns 0 or -ENOMEM. */
int session_start(struct engine *engine, const struct session_params *params);

/* Ends all that are left, at once. REASON must be one that leaves nothing to linger. Returns how many had ended before and were only
 * lingering. */
size_t session_end_all(struct engine *engine, enum reason reason);

#endif

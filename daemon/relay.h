/* The relay: two one-way pumps between two streams, with backpressure and bounded buffers.
 *
 * It reads from a side only what the other can take now: at most RELAY_CHUNK_BYTES, and nothing while earlier bytes wait. It owns no timer
 * and no descriptor and logs nothing.
 * Invariant: a pump holds a buffer only while bytes are in flight. An end is passed on only after every byte before it. */

#ifndef UNITLSD_RELAY_H
#define UNITLSD_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/stream.h"

#define RELAY_CHUNK_BYTES 65536  /* read at once, so also the most a pump holds */
#define RELAY_TURN_BYTES  262144 /* moved by a pump in one turn, before other connections have theirs */

/* One direction. */
struct pump {
	struct stream *from;
	struct stream *to;
	uint8_t *held; /* what TO did not take yet; NULL as a rule */
	size_t held_at;
	size_t held_size;
	uint64_t bytes; /* plaintext read from FROM */
	bool ended;     /* FROM has ended cleanly */
	bool passed_on; /* the end was passed on to TO */
	bool broken;    /* TO takes no more; the other direction may still bring what TO sent before */
	bool patient;   /* where TO cannot half-close: its end waits for the other direction's */
};

struct relay {
	struct pump up;   /* client to upstream */
	struct pump down; /* upstream to client */
};

/* How a relay failed. */
struct relay_failure {
	const struct stream *stream; /* whose fault */
	enum stream_result result;   /* negative */
	bool out_of_memory;          /* ours, then */
};

void relay_init(struct relay *relay, struct stream *client, struct stream *upstream);
void relay_fini(struct relay *relay);

/* One turn. SCRATCH: RELAY_CHUNK_BYTES for the length of the call. AGAIN: an event will tell; MORE: call again after others had their
 * turn; END: both directions ended and everything is with the kernel; -1: failed, see *FAILURE (ERROR for the TLS part). */
int relay_run(struct relay *relay, uint8_t *scratch, struct relay_failure *failure, struct unitls_error *error);

/* Whether one side takes no more and only what it sent before is still being delivered: that is not to last for ever. *FAILURE then says
 * what relay_run() would. */
bool relay_is_broken(const struct relay *relay, struct relay_failure *failure);

/* A side that cannot half-close ends both its directions at once. So the upstream's end is passed on to such a client at once, as nothing is left to be
 * said to the upstream; but a client's end waits for such an upstream's answer, until the upstream has ended or relay_hurry() says that it was silent
 * for long enough. */
bool relay_is_waiting(const struct relay *relay);
void relay_hurry(struct relay *relay);

/* Whether one side has ended so, the other was told, and only the other's end is awaited, so that no reset overtakes what it was sent: that is not to last
 * for ever, and then the relay is done. */
bool relay_is_draining(const struct relay *relay);

#endif

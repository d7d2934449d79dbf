/* Names to addresses, without blocking: c-ares on the event loop.
 *
 * It keeps nothing of what it resolved and decides about no time but that of one question (RESOLVER_TIMEOUT_MS a try).
 * Invariant: every question that was accepted is answered exactly once, at the latest when the resolver is freed. */

#ifndef UNITLSD_RESOLVER_H
#define UNITLSD_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "daemon/ipc.h"

#define RESOLVER_TIMEOUT_MS 3000
#define RESOLVER_TRIES      3

struct resolver;

struct resolver_answer {
	size_t count; /* 0: not resolved */
	struct ipc_ip items[IPC_ADDRESSES_MAX];
	uint32_t ttl_s;     /* the least of all */
	const char *reason; /* why there are none; a constant */
};

typedef void (*resolver_callback)(void *argument, const struct resolver_answer *answer);

/* SERVERS: "127.0.0.1:5353,..." instead of the system's; NULL as a rule. Returns 0; -ENOMEM; -EIO with the reason in the log. */
int resolver_new(struct event_base *base, const char *servers, struct resolver **ret);

/* Answers what is open first, with no address. Accepts NULL. */
void resolver_free(struct resolver *resolver);

/* Asks for A and AAAA of HOST. The answer may come before this returns. Returns 0 or -ENOMEM (then none comes). */
int resolver_ask(struct resolver *resolver, const char *host, resolver_callback callback, void *argument);

#endif

/*
 * Clients that mean no good, beside those that are measured: garbage, handshakes that stall or break off, answers that are broken off or read slowly. What
 * becomes of them is not looked at. They last until the server ends them, until there are too many (then the oldest is reset), or until the run is over.
 */

#ifndef UNITLS_BENCH_HOSTILE_H
#define UNITLS_BENCH_HOSTILE_H

#include "tests/bench/client.h"

#define HOSTILE_OPEN_MAX 256

/* In turns. */
enum hostile_kind {
	HOSTILE_GARBAGE,         /* bytes that are no TLS */
	HOSTILE_STALL,           /* half a ClientHello, and then nothing */
	HOSTILE_RESET_HANDSHAKE, /* half a ClientHello, and then a reset */
	HOSTILE_RESET_ANSWER,    /* a reset in the middle of the answer */
	HOSTILE_SLOW,            /* asks for much and takes it in small bites */
};
#define HOSTILE_KINDS 5

struct hostile;

struct hostile_crowd {
	const struct client_target *target;
	struct event *bite; /* when the slow ones read */
	struct hostile *newest;
	struct hostile *oldest;
	size_t open;
	uint64_t started;
};

/* 0; -1 without memory. The target is lent. */
int hostile_init(struct hostile_crowd *crowd, const struct client_target *target);
/* Resets all. */
void hostile_fini(struct hostile_crowd *crowd);
void hostile_start(struct hostile_crowd *crowd);

#endif

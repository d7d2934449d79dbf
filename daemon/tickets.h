/* The secrets of session tickets: the master makes and rotates them, all workers seal and open with the same, so that a session resumes
 * on any of them, after a reload and on a worker that was started later.
 *
 * Between two calls they are in no memory of the master and in no message, but in a sealed memfd, so that a child that is forked meanwhile and has no
 * business with them (the helper) has nothing of them once its descriptors are closed. It knows no TLS library; the time comes from the caller.
 * Invariant: [0] of a set seals, [1] will do so after the next rotation (a worker that hears of it earlier than others may use it already), [2], once
 * there is one, did so before the last; the stable secret never changes. */

#ifndef UNITLSD_TICKETS_H
#define UNITLSD_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <unitls/ticket_keys.h>

struct tickets {
	int fd;              /* the set in force; -1: none */
	uint64_t since_ms;   /* clock_now_ms() when it came into force */
	time_t last_rotated; /* 0: not yet */
};

/* A first set. Returns 0 or a negative errno. */
int tickets_init(struct tickets *tickets, uint64_t now_ms);

/* Legal after a failed init, and before it when fd is -1. */
void tickets_fini(struct tickets *tickets);

/* Whether the set has been in force for PERIOD_MS. Pure. */
bool tickets_due(const struct tickets *tickets, uint64_t now_ms, uint64_t period_ms);

/* Puts the next set in force, which the caller then hands out. Returns 0; a negative errno: the set before stays. */
int tickets_rotate(struct tickets *tickets, uint64_t now_ms);

/* The set after SET: the next secret seals, FRESH is the next one, what sealed until now still opens. Pure. */
void tickets_advance(struct unitls_ticket_secrets *set, const uint8_t fresh[UNITLS_TICKET_SECRET_SIZE]);

/* A set out of the bytes of a memfd. Returns 0 or -EBADMSG. Pure. */
int tickets_parse(const void *data, size_t size, struct unitls_ticket_secrets *ret);

/* What a worker was handed; FD stays the caller's, who wipes *ret after use. Returns 0 or a negative errno. */
int tickets_read(int fd, struct unitls_ticket_secrets *ret);

#endif

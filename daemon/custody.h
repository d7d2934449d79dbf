/* Which worker accepts from which socket: its own, and those of a worker that is not there.
 *
 * It decides from what the pool and the sockets are now, so it can be asked again after every change; it starts and ends no worker.
 * Invariant: an own socket that is taken from a worker was given to another before. */

#ifndef UNITLSD_CUSTODY_H
#define UNITLSD_CUSTODY_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/ipc.h"
#include "daemon/pool.h"
#include "daemon/sockets.h"

/* A SOCKET or ADOPT message about SOCKET. */
struct ipc_message custody_describe(enum ipc_type type, uint64_t generation, const struct socket_group *group,
	const struct listening_socket *socket, size_t listener);

/* WORKER was sent COMMIT with its own sockets: whoever stood in for it lets them go. */
void custody_take_seat(struct worker *worker);

/* Sees to it that every own socket of the committed generation is accepted from. Does nothing while a reload prepares. */
void custody_reconcile(struct pool *pool);

/* The worker INDEX is gone: nobody has its sockets. */
void custody_drop(struct pool *pool, unsigned index);

/* Sockets of retired workers whose time has come are let go of, from the highest. */
void custody_release_emptied(struct pool *pool);

#endif

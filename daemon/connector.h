/* Starting a connection to one address without waiting for it.
 *
 * Invariant: a socket it hands out is non-blocking, close-on-exec and has the options every relayed socket has. */

#ifndef UNITLSD_CONNECTOR_H
#define UNITLSD_CONNECTOR_H

#include <stdbool.h>
#include <sys/socket.h>

/* Begins to connect. Returns 0 and the socket, *RET_CONNECTED or on its way (connector_result() when it is writable); or a negative errno.
 * -EAGAIN: the queue of a unix socket is full, try again soon. */
int connector_start(const struct sockaddr *address, socklen_t length, int *ret_fd, bool *ret_connected);

/* 0 when it is connected, else a negative errno. */
int connector_result(int fd);

#endif

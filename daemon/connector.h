/* Starting a connection to one address without waiting for it.
 *
 * Invariant: a socket it hands out is non-blocking, close-on-exec and has the options every relayed socket has. */

#ifndef UNITLSD_CONNECTOR_H
#define UNITLSD_CONNECTOR_H

#include <sys/socket.h>

/* Begins to connect. Returns 0 (connected, or on its way: connector_result() when it is writable) and the socket; or a negative errno.
 * -EAGAIN: the queue of a unix socket is full, try again soon. */
int connector_start(const struct sockaddr *address, socklen_t length, int *ret_fd);

/* 0 when it is connected, else a negative errno. */
int connector_result(int fd);

/* TCP_NODELAY and SO_KEEPALIVE; nothing for other families. */
void connector_tune(int fd, int family);

#endif

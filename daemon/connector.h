/* Starting a connection to one address without waiting for it.
 *
 * Invariant: a socket it hands out is non-blocking, close-on-exec and has the options every relayed socket has. */

#ifndef UNITLSD_CONNECTOR_H
#define UNITLSD_CONNECTOR_H

#include <sys/socket.h>

/* A peer that is gone without a word is noticed after 60 + 4 * 15 seconds; the kernel's default is over two hours. */
#define CONNECTOR_KEEPALIVE_IDLE_S     60
#define CONNECTOR_KEEPALIVE_INTERVAL_S 15
#define CONNECTOR_KEEPALIVE_PROBES     4

/* Begins to connect. Returns 0 (connected, or on its way: connector_result() when it is writable) and the socket; or a negative errno.
 * -EAGAIN: the queue of a unix socket is full, try again soon. */
int connector_start(const struct sockaddr *address, socklen_t length, int *ret_fd);

/* 0 when it is connected, else a negative errno. */
int connector_result(int fd);

/* TCP_NODELAY and keepalive; nothing for other families. */
void connector_tune(int fd, int family);

#endif

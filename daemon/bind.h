/* Making listening sockets: binding, the probe for a port in use, and the programs that steer clients away from a socket before it
 * is closed.
 *
 * Functions on descriptors; which sockets there are is sockets.h's business.
 * Invariant: a socket is made close-on-exec and non-blocking, and does not listen until bind_listen(). */

#ifndef UNITLSD_BIND_H
#define UNITLSD_BIND_H

#include "daemon/address.h"

/* A TCP socket bound to ADDRESS with SO_REUSEPORT (and IPV6_V6ONLY). Returns 0 or a negative errno. */
int bind_tcp(const struct address *address, int *ret_fd);

/* Whether ADDRESS could be bound by somebody who shares it with nobody: SO_REUSEPORT lets a second process of the same user in without
 * an error. Returns 0, or a negative errno: -EADDRINUSE. */
int bind_probe(const struct address *address);

/* A unix stream socket. A file that is a socket on which nobody answers is replaced. Returns 0, -EADDRINUSE when somebody does,
 * -EEXIST when the path is something else, or another negative errno. */
int bind_unix(const struct address *address, int *ret_fd);

/* Removes the file of a unix socket, if it is still the one that FD_ADDRESS was bound to: INODE is what bind_inode() said. */
void bind_unlink(const struct address *address, ino_t inode);
ino_t bind_inode(const struct address *address);

/* Returns 0 or a negative errno. */
int bind_listen(int fd);

/* From now on the kernel chooses among the first COUNT sockets (in the order in which they began to listen) of FD's SO_REUSEPORT group only.
 * Returns 0 or a negative errno. */
int bind_steer(int fd, unsigned count);

/* Ends bind_steer(). */
int bind_unsteer(int fd);

/* From now on FD takes no new connection, without refusing it: its SYNs are dropped, handshakes under way go on. */
int bind_deafen(int fd);

#endif

/* The options of every relayed TCP socket: bytes go at once, and a peer that is gone without a word is noticed. */

#ifndef UNITLSD_TCP_OPTIONS_H
#define UNITLSD_TCP_OPTIONS_H

#include <stdbool.h>
#include <sys/socket.h>

/* A peer is gone after 60 + 4 * 15 seconds; the kernel's default is over two hours. */
#define TCP_OPTIONS_IDLE_S     60
#define TCP_OPTIONS_INTERVAL_S 15
#define TCP_OPTIONS_PROBES     4

/* For a socket of FAMILY, and where it listens for all it will accept, which inherit them; nothing for other families than TCP's. */
void tcp_options_set(int fd, int family);

/* The same for a socket that is to connect to ADDRESS. A process of this machine cannot be gone without a word, as the kernel closes its sockets; so
 * towards a loopback address the four calls for the keepalive are left out. */
void tcp_options_set_towards(int fd, const struct sockaddr *address);

/* Whether the address is one of this machine's loopback. */
bool tcp_options_is_loopback(const struct sockaddr *address);

#endif

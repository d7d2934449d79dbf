/* The options of every relayed TCP socket. */

#include "daemon/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* A socket without an option still works, so failures do not matter. */
static void set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_keepalive(int fd)
{
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, TCP_OPTIONS_IDLE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, TCP_OPTIONS_INTERVAL_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, TCP_OPTIONS_PROBES);
}

void tcp_options_set(int fd, int family)
{
	if (family != AF_INET && family != AF_INET6)
		return;
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_keepalive(fd);
}

bool tcp_options_is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

void tcp_options_set_towards(int fd, const struct sockaddr *address)
{
	if (tcp_options_is_loopback(address))
		set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	else
		tcp_options_set(fd, address->sa_family);
}

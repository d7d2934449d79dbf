/* Starting a connection to one address. */

#include "daemon/connector.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

void connector_tune(int fd, int family)
{
	const int on = 1;
	const int idle_s = CONNECTOR_KEEPALIVE_IDLE_S;
	const int interval_s = CONNECTOR_KEEPALIVE_INTERVAL_S;
	const int probes = CONNECTOR_KEEPALIVE_PROBES;

	if (family != AF_INET && family != AF_INET6)
		return;
	/* A socket without them still works. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

int connector_start(const struct sockaddr *address, socklen_t length, int *ret_fd)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	connector_tune(fd, address->sa_family);
	/* An interrupted connect() goes on by itself. */
	if (connect(fd, address, length) < 0 && errno != EINPROGRESS && errno != EINTR) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int connector_result(int fd)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return -errno;
	return -code;
}

/* Starting a connection to one address. */

#include "daemon/connector.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "daemon/tcp_options.h"

/* Connects; true when that is done. An interrupted connect() goes on by itself. */
static int start(int fd, const struct sockaddr *address, socklen_t length, bool *ret_connected)
{
	int r = connect(fd, address, length);

	/* On this machine the other side has answered by now, but only a second call tells; to far ones it would be wasted. */
	if (r < 0 && errno == EINPROGRESS && tcp_options_is_loopback(address))
		r = connect(fd, address, length);
	*ret_connected = r == 0 || errno == EISCONN;
	if (*ret_connected || errno == EINPROGRESS || errno == EALREADY || errno == EINTR)
		return 0;
	return -errno;
}

int connector_start(const struct sockaddr *address, socklen_t length, int *ret_fd, bool *ret_connected)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	tcp_options_set_towards(fd, address);
	r = start(fd, address, length, ret_connected);
	if (r < 0) {
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

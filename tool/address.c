/* Sockets by name. */

#include "tool/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/clock.h"

#define LISTEN_BACKLOG 64
#define WHY_SIZE       256

/* ---- text ---- */

static bool copy(char *to, size_t size, const char *from, size_t n)
{
	if (n >= size)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

const char *address_parse(const char *text, bool may_lack_host, struct address *ret_address)
{
	const char *host = text;
	const char *colon = strrchr(text, ':');
	size_t host_size = colon ? (size_t)(colon - text) : 0;
	const char *port = colon ? colon + 1 : text;

	if (!colon && !may_lack_host)
		return "no port: write HOST:PORT";
	if (text[0] == '[') {
		const char *end = strchr(text, ']');

		if (!end || end[1] != ':' || end == text + 1)
			return "write an IPv6 address as [ADDRESS]:PORT";
		host = text + 1;
		host_size = (size_t)(end - host);
		port = end + 2;
	} else if (colon && memchr(text, ':', host_size)) {
		return "an IPv6 address needs brackets: [ADDRESS]:PORT";
	}
	if (host_size == 0 && !may_lack_host)
		return "no host: write HOST:PORT";
	if (port[0] == '\0')
		return "no port behind the colon";
	if (!copy(ret_address->host, sizeof(ret_address->host), host, host_size) ||
		!copy(ret_address->port, sizeof(ret_address->port), port, strlen(port)))
		return "too long";
	return NULL;
}

static void format(const struct sockaddr *address, socklen_t size, char text[ADDRESS_TEXT_SIZE])
{
	char host[ADDRESS_TEXT_SIZE - 9];
	char port[6];

	if (getnameinfo(address, size, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) !=
		0)
		(void)snprintf(text, ADDRESS_TEXT_SIZE, "unknown");
	else
		(void)snprintf(text, ADDRESS_TEXT_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* getaddrinfo's answer, or NULL and why. */
static struct addrinfo *resolve(const struct address *address, const char *host, int flags, char *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found = NULL;
	int code = getaddrinfo(host, address->port, &hints, &found);

	if (code == EAI_SYSTEM)
		(void)snprintf(why, WHY_SIZE, "%s: %s", host ? host : "*", strerrordesc_np(errno));
	else if (code == EAI_SERVICE)
		(void)snprintf(why, WHY_SIZE, "\"%s\" is no port", address->port);
	else if (code != 0)
		(void)snprintf(why, WHY_SIZE, "%s: %s", host ? host : "*", gai_strerror(code));
	return code == 0 ? found : NULL;
}

static int open_socket(const struct addrinfo *info)
{
	return socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
}

/* Records go out when they are complete: waiting for more only delays a handshake. */
static void set_no_delay(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without, not wrong */
}

/* ---- connecting ---- */

/* 0, or the errno of why not. */
static int finish_connect(int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		int code = 0;
		socklen_t size = sizeof(code);
		int n = poll(&ready, 1, clock_left_ms(deadline_ms));

		if (n == 0)
			return ETIMEDOUT;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
			return errno;
		return code;
	}
}

static int connect_one(const struct addrinfo *info, int64_t deadline_ms)
{
	int fd = open_socket(info);
	int code = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, info->ai_addr, info->ai_addrlen) != 0)
		code = errno == EINPROGRESS ? finish_connect(fd, deadline_ms) : errno;
	if (code == 0)
		return fd;
	(void)close(fd);
	errno = code;
	return -1;
}

int address_connect(
	const struct address *address, int64_t deadline_ms, char peer[ADDRESS_TEXT_SIZE], char why[WHY_SIZE])
{
	struct addrinfo *found = resolve(address, address->host, 0, why);
	int left = 0;
	int fd = -1;

	for (const struct addrinfo *info = found; info; info = info->ai_next)
		left++;
	for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next) {
		int64_t now = clock_now_ms();

		format(info->ai_addr, info->ai_addrlen, peer);
		fd = connect_one(info, now + (deadline_ms - now) / left--);
		if (fd < 0)
			(void)snprintf(why, WHY_SIZE, "%s: %s", peer, strerrordesc_np(errno));
	}
	if (found)
		freeaddrinfo(found);
	if (fd >= 0)
		set_no_delay(fd);
	return fd;
}

/* ---- listening ---- */

static int listen_one(const struct addrinfo *info)
{
	const int on = 1;
	int fd = open_socket(info);
	int code;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	code = errno;
	(void)close(fd);
	errno = code;
	return -1;
}

int address_listen(const struct address *address, char bound[ADDRESS_TEXT_SIZE], char why[WHY_SIZE])
{
	bool all = strcmp(address->host, "*") == 0;
	const char *host = all ? NULL : address->host[0] ? address->host : "127.0.0.1";
	struct addrinfo *found = resolve(address, host, AI_PASSIVE, why);
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);
	int fd = -1;

	for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next) {
		fd = listen_one(info);
		format(info->ai_addr, info->ai_addrlen, bound);
		if (fd < 0)
			(void)snprintf(why, WHY_SIZE, "%s: %s", bound, strerrordesc_np(errno));
	}
	if (found)
		freeaddrinfo(found);
	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&own, &size) == 0)
		format((const struct sockaddr *)&own, size, bound);
	return fd;
}

int address_accept(int listener, char peer[ADDRESS_TEXT_SIZE])
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	format((const struct sockaddr *)&address, size, peer);
	set_no_delay(fd);
	return fd;
}

/* What systemd is told, and what it hands over. */

#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_FD 3

/* A decimal number and nothing else. */
static bool read_number(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long value;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10); /* allowed: checked on both sides */
	if (errno != 0 || *end != '\0')
		return false;
	*ret = value;
	return true;
}

static bool is_for_us(const char *pid_text)
{
	uint64_t pid;

	return read_number(pid_text, &pid) && pid == (uint64_t)getpid();
}

static bool set_address(struct notify *notify, const char *path)
{
	size_t length = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(notify->address.sun_path))
		return false;
	memset(&notify->address, 0, sizeof(notify->address));
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	notify->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (path[0] == '@')
		notify->address.sun_path[0] = '\0';
	else
		notify->length++;
	return true;
}

void notify_open(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const char *pid = getenv("WATCHDOG_PID");

	notify->fd = -1;
	notify->watchdog_usec = 0;
	if (path != NULL && set_address(notify, path))
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pid == NULL || is_for_us(pid))
		(void)read_number(getenv("WATCHDOG_USEC"), &notify->watchdog_usec);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		(void)close(notify->fd);
	notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *lines)
{
	if (notify->fd < 0)
		return;
	/* Lost when systemd does not read: there is nobody to tell it to. */
	(void)sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&notify->address, notify->length);
}

/* STATUS is one line: what would start another becomes a space. */
static void send_status(const struct notify *notify, const char *before, const char *status)
{
	char lines[1024];
	size_t i;
	int n = snprintf(lines, sizeof(lines), "%sSTATUS=%s", before, status);

	for (i = strlen(before); n > 0 && i < (size_t)n && i < sizeof(lines); i++)
		if (lines[i] == '\n')
			lines[i] = ' ';
	notify_send(notify, lines);
}

void notify_ready(const struct notify *notify, const char *status)
{
	send_status(notify, "READY=1\n", status);
}

const char *notify_format_reloading(uint64_t monotonic_usec, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading", monotonic_usec);
	return buffer;
}

void notify_reloading(const struct notify *notify)
{
	struct timespec now;
	char lines[128];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	notify_send(notify,
		notify_format_reloading(
			(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, lines, sizeof(lines)));
}

void notify_stopping(const struct notify *notify, const char *status)
{
	send_status(notify, "STOPPING=1\n", status);
}

void notify_status(const struct notify *notify, const char *status)
{
	send_status(notify, "", status);
}

void notify_watchdog(const struct notify *notify)
{
	if (notify->watchdog_usec > 0)
		notify_send(notify, "WATCHDOG=1");
}

/* The next of the names between colons; "unknown" when there is none, as sd_listen_fds_with_names() has it. */
static void take_name(const char **names, char *ret, size_t size)
{
	const char *start = *names;
	const char *end;

	if (start == NULL) {
		(void)snprintf(ret, size, "unknown");
		return;
	}
	end = strchrnul(start, ':');
	(void)snprintf(ret, size, "%.*s", (int)(end - start), start);
	*names = *end == ':' ? end + 1 : NULL;
}

static size_t take_all(struct notify_listen **ret)
{
	const char *names = getenv("LISTEN_FDNAMES");
	struct notify_listen *list;
	uint64_t count;
	size_t i;

	if (!is_for_us(getenv("LISTEN_PID")) || !read_number(getenv("LISTEN_FDS"), &count))
		return 0;
	if (count == 0 || count > NOTIFY_LISTEN_MAX)
		return 0;
	list = calloc(count, sizeof(*list));
	if (list == NULL)
		return 0;
	for (i = 0; i < count; i++) {
		int fd = FIRST_FD + (int)i;
		int flags = fcntl(fd, F_GETFL);

		list[i].fd = fd;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (flags >= 0)
			(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		take_name(&names, list[i].name, sizeof(list[i].name));
	}
	*ret = list;
	return count;
}

size_t notify_take_listen(struct notify_listen **ret)
{
	size_t count;

	*ret = NULL;
	count = take_all(ret);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return count;
}

/* What systemd is told (sd_notify(3)), what it hands over (sd_listen_fds(3)), without libsystemd.
 *
 * Without NOTIFY_SOCKET everything here does nothing. It never blocks: a message that cannot be sent at once is lost.
 * Invariant: the variables of the protocol are gone from the environment after notify_open(). */

#ifndef UNITLSD_NOTIFY_H
#define UNITLSD_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_LISTEN_MAX 1024 /* descriptors taken from systemd */

struct notify {
	int fd; /* -1: nobody to tell */
	struct sockaddr_un address;
	socklen_t length;
	uint64_t watchdog_usec; /* 0: no watchdog */
};

/* Reads NOTIFY_SOCKET (a path, or @ for the abstract namespace), WATCHDOG_USEC and WATCHDOG_PID, and removes them. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends lines of NAME=VALUE. */
void notify_send(const struct notify *notify, const char *lines);

void notify_ready(const struct notify *notify, const char *status);
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify, const char *status);
void notify_status(const struct notify *notify, const char *status);
void notify_watchdog(const struct notify *notify);

/* The text of a RELOADING message for a monotonic time. Pure. Returns BUFFER. */
const char *notify_format_reloading(uint64_t monotonic_usec, char *buffer, size_t size);

/* One descriptor that systemd passed, with its FileDescriptorName. */
struct notify_listen {
	int fd;
	char name[256];
};

/* Takes what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say, made close-on-exec and non-blocking, and removes them. Returns the number of
 * descriptors; 0 when there are none for this process. The array is the caller's to free(). */
size_t notify_take_listen(struct notify_listen **ret);

#endif

/* A load: the loader in a child of its own. */

#include "daemon/load.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/child.h"
#include "daemon/diagnostics.h"
#include "daemon/loader.h"

/* What the child sends first, with the snapshot's descriptor if there is one; then SIZE bytes of diagnostics_encode(). */
struct load_header {
	int32_t result;
	uint32_t size;
};

struct load {
	const struct loader_options *options;
	load_done *done;
	void *argument;
	pid_t pid;
	int fd;
	int child_fd;
	struct event *readable; /* with the timeout */
	struct event *timer;
	int snapshot_fd;
	char *data; /* header and text as they come */
	size_t size;
	size_t capacity;
};

/* ---- In the child ---- */

static int send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int send_header(int fd, const struct load_header *header, int descriptor)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct load_header copy = *header;
	struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (descriptor >= 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(copy) ? 0 : -EIO;
}

static int run_loader(void *argument)
{
	const struct load *load = argument;
	struct load_header header = {0};
	struct diagnostics list;
	int snapshot_fd = -1;
	char *text = NULL;
	size_t size = 0;
	int r;

	diagnostics_init(&list);
	header.result = loader_run(load->options, &list, &snapshot_fd);
	r = diagnostics_encode(&list, &text, &size);
	if (r < 0 || size > LOAD_TEXT_MAX)
		goto out;
	header.size = (uint32_t)size;
	r = send_header(load->child_fd, &header, header.result == 0 ? snapshot_fd : -1);
	if (r == 0)
		r = send_all(load->child_fd, text, size);
out:
	free(text);
	diagnostics_fini(&list);
	return r < 0 ? 1 : 0;
}

/* ---- In the master ---- */

static void load_free(struct load *load)
{
	if (load->readable != NULL)
		event_free(load->readable);
	if (load->timer != NULL)
		event_free(load->timer);
	if (load->fd >= 0)
		(void)close(load->fd);
	if (load->snapshot_fd >= 0)
		(void)close(load->snapshot_fd);
	free(load->data);
	free(load);
}

/* How the child ended. It is made to, if it has not: it said all it has to say. */
static int reap(const struct load *load)
{
	int status = 0;

	(void)kill(load->pid, SIGKILL);
	while (waitpid(load->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What the child sent. Returns 0, or -EBADMSG when it is not what a loader sends. */
static int read_answer(struct load *load, struct diagnostics *list)
{
	struct load_header header;
	int r;

	if (load->size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, load->data, sizeof(header));
	if (header.size != load->size - sizeof(header))
		return -EBADMSG;
	r = diagnostics_decode(list, load->data + sizeof(header), header.size);
	if (r < 0)
		return r;
	if (header.result < 0) {
		diagnostics_add(list, DIAGNOSTIC_ERROR, NULL, 0, "the configuration could not be loaded: %s",
			strerror(-header.result));
		return 0;
	}
	if ((header.result == 0) != diagnostics_ok(list) || (header.result == 0) != (load->snapshot_fd >= 0))
		return -EBADMSG;
	return 0;
}

/* REASON: what went wrong, or NULL when the child finished. */
static void finish(struct load *load, const char *reason)
{
	struct diagnostics list;
	int status = reap(load);
	int snapshot_fd = -1;
	char end[64];

	diagnostics_init(&list);
	if (reason != NULL) {
		diagnostics_add(&list, DIAGNOSTIC_ERROR, NULL, 0, "%s", reason);
	} else if (read_answer(load, &list) < 0) {
		diagnostics_add(&list, DIAGNOSTIC_ERROR, NULL, 0,
			"the process that loads the configuration died: %s",
			child_describe_end(status, end, sizeof(end)));
	}
	if (diagnostics_ok(&list)) {
		snapshot_fd = load->snapshot_fd;
		load->snapshot_fd = -1;
	}
	load->done(load->argument, &list, snapshot_fd);
	diagnostics_fini(&list);
	load_free(load);
}

static void on_timeout(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	finish(argument, "loading the configuration took too long (30 seconds)");
}

static int make_room(struct load *load)
{
	size_t capacity = load->capacity == 0 ? 4096 : load->capacity * 2;
	char *grown;

	if (load->size < load->capacity)
		return 0;
	if (capacity > 2 * (LOAD_TEXT_MAX + sizeof(struct load_header)))
		return -EMSGSIZE;
	grown = realloc(load->data, capacity);
	if (grown == NULL)
		return -ENOMEM;
	load->data = grown;
	load->capacity = capacity;
	return 0;
}

/* Keeps the first descriptor; nothing else is expected. */
static void take_descriptor(struct load *load, struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	int descriptor;

	if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
		return;
	if (control->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	memcpy(&descriptor, CMSG_DATA(control), sizeof(descriptor));
	if (load->snapshot_fd >= 0)
		(void)close(descriptor);
	else
		load->snapshot_fd = descriptor;
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct load *load = argument;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	(void)what;
	if (make_room(load) < 0) {
		finish(load, "the process that loads the configuration said too much");
		return;
	}
	part.iov_base = load->data + load->size;
	part.iov_len = load->capacity - load->size;
	message.msg_control = control.bytes;
	message.msg_controllen = sizeof(control.bytes);
	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(load, NULL);
		return;
	}
	take_descriptor(load, &message);
	load->size += (size_t)n;
}

static int watch(struct load *load, struct event_base *base, unsigned timeout_ms)
{
	struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};

	load->readable = event_new(base, load->fd, EV_READ | EV_PERSIST, on_readable, load);
	load->timer = evtimer_new(base, on_timeout, load);
	if (load->readable == NULL || load->timer == NULL)
		return -ENOMEM;
	if (event_add(load->readable, NULL) != 0 || event_add(load->timer, &timeout) != 0)
		return -ENOMEM;
	return 0;
}

int load_start(struct event_base *base, const struct loader_options *options, unsigned timeout_ms, load_done *done,
	void *argument, struct load **ret)
{
	struct child_body body = {.process = "loader", .run = run_loader};
	struct load *load = calloc(1, sizeof(*load));
	int fds[2];
	int r;

	if (load == NULL)
		return -ENOMEM;
	*load = (struct load){.options = options, .done = done, .argument = argument, .fd = -1, .snapshot_fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		r = -errno;
		goto fail;
	}
	load->fd = fds[0];
	load->child_fd = fds[1];
	r = watch(load, base, timeout_ms);
	if (r == 0) {
		body.channel_fd = fds[1];
		body.argument = load;
		r = child_fork(&body, &load->pid);
	}
	(void)close(fds[1]);
	if (r < 0)
		goto fail;
	*ret = load;
	return 0;
fail:
	load_free(load);
	return r;
}

void load_cancel(struct load *load)
{
	if (load == NULL)
		return;
	(void)reap(load);
	load_free(load);
}

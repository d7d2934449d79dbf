/* Messages between the master and its children. */

#include "daemon/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ipc_queued {
	struct ipc_message message;
	int descriptor; /* own duplicate, or -1 */
};

struct type_row {
	const char *name;
	unsigned sources;
	bool descriptor;
};

static const struct type_row rows[] = {{"?", 0, false},
#define TYPE_ROW(name, source, descriptor) {#name, source, descriptor},
	IPC_TYPES(TYPE_ROW)
#undef TYPE_ROW
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == IPC_TYPE_COUNT, "a row for every type");

struct ipc_message ipc_make(enum ipc_type type)
{
	struct ipc_message message;

	/* Not an initialiser: padding goes to another process too. */
	memset(&message, 0, sizeof(message));
	message.type = type;
	return message;
}

const char *ipc_type_name(uint32_t type)
{
	return type < IPC_TYPE_COUNT ? rows[type].name : "?";
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static int check_addresses(const struct ipc_message *message)
{
	uint32_t i;

	if (!is_text(message->body.addresses.host, sizeof(message->body.addresses.host)))
		return -EBADMSG;
	if (message->body.addresses.host[0] == '\0')
		return -EBADMSG;
	if (message->type == IPC_NAME)
		return 0;
	if (!is_text(message->body.addresses.reason, sizeof(message->body.addresses.reason)))
		return -EBADMSG;
	if (message->body.addresses.count > IPC_ADDRESSES_MAX)
		return -EBADMSG;
	for (i = 0; i < message->body.addresses.count; i++) {
		uint32_t family = message->body.addresses.items[i].family;
		if (family != 4 && family != 6)
			return -EBADMSG;
	}
	return 0;
}

static int check_body(const struct ipc_message *message)
{
	switch ((enum ipc_type)message->type) {
	case IPC_SOCKET:
	case IPC_ADOPT:
		return message->body.kind <= IPC_SOCKET_INHERITED ? 0 : -EBADMSG;
	case IPC_FAILED:
		if (!is_text(message->body.failed.file, sizeof(message->body.failed.file)) ||
			!is_text(message->body.failed.text, sizeof(message->body.failed.text)))
			return -EBADMSG;
		return 0;
	case IPC_NAME:
	case IPC_ADDRESSES:
		return check_addresses(message);
	case IPC_NONE:
	case IPC_TYPE_COUNT:
		return -EBADMSG;
	case IPC_SNAPSHOT:
	case IPC_PREPARE:
	case IPC_COMMIT:
	case IPC_ABORT:
	case IPC_RELEASE:
	case IPC_DRAIN:
	case IPC_LOG:
	case IPC_TICKETS:
	case IPC_NAMES_BEGIN:
	case IPC_NAMES_END:
	case IPC_HEARTBEAT:
	case IPC_READY:
	case IPC_PREPARED:
	case IPC_COMMITTED:
	case IPC_RELEASED:
	case IPC_DRAINED:
		return 0;
	}
	return -EBADMSG;
}

int ipc_parse(const void *data, size_t size, enum ipc_source source, bool has_descriptor, struct ipc_message *ret)
{
	struct ipc_message message;

	if (size != sizeof(message))
		return -EBADMSG;
	memcpy(&message, data, sizeof(message));
	if (message.type >= IPC_TYPE_COUNT || (rows[message.type].sources & (unsigned)source) == 0)
		return -EBADMSG;
	if (rows[message.type].descriptor != has_descriptor)
		return -EBADMSG;
	if (check_body(&message) != 0)
		return -EBADMSG;
	*ret = message;
	return 0;
}

static int expect_generation(const struct ipc_message *message, const struct ipc_expected *expected)
{
	if (message->generation > expected->generation)
		return -EBADMSG;
	return expected->preparing && message->generation == expected->generation ? 0 : 1;
}

int ipc_expect(const struct ipc_message *message, const struct ipc_expected *expected)
{
	switch ((enum ipc_type)message->type) {
	case IPC_READY:
	case IPC_ADDRESSES:
		return 0;
	case IPC_HEARTBEAT:
		return message->body.sequence <= expected->sequence ? 0 : -EBADMSG;
	case IPC_PREPARED:
	case IPC_FAILED:
		return expect_generation(message, expected);
	case IPC_COMMITTED:
		return expected->committing && message->generation == expected->generation ? 0 : -EBADMSG;
	case IPC_RELEASED:
		return message->socket < expected->next_socket ? 0 : -EBADMSG;
	case IPC_DRAINED:
		return expected->draining ? 0 : -EBADMSG;
	case IPC_SNAPSHOT:
	case IPC_SOCKET:
	case IPC_PREPARE:
	case IPC_COMMIT:
	case IPC_ABORT:
	case IPC_ADOPT:
	case IPC_RELEASE:
	case IPC_DRAIN:
	case IPC_LOG:
	case IPC_TICKETS:
	case IPC_NAMES_BEGIN:
	case IPC_NAME:
	case IPC_NAMES_END:
	case IPC_NONE:
	case IPC_TYPE_COUNT:
		return -EBADMSG;
	}
	return -EBADMSG;
}

int ipc_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) != 0)
		return -errno;
	return 0;
}

void ipc_channel_init(struct ipc_channel *channel, int fd, enum ipc_source peer)
{
	*channel = (struct ipc_channel){.fd = fd, .source = peer};
}

static void queue_free(struct ipc_channel *channel)
{
	free(channel->queue);
	channel->queue = NULL;
	channel->head = 0;
	channel->count = 0;
	channel->capacity = 0;
}

void ipc_channel_fini(struct ipc_channel *channel)
{
	size_t i;

	for (i = 0; i < channel->count; i++) {
		int descriptor = channel->queue[(channel->head + i) % channel->capacity].descriptor;
		if (descriptor >= 0)
			(void)close(descriptor);
	}
	queue_free(channel);
	if (channel->fd >= 0)
		(void)close(channel->fd);
	channel->fd = -1;
}

/* Returns 0, 1 when it would block, or negative. */
static int send_now(const struct ipc_channel *channel, const struct ipc_message *message, int descriptor)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct ipc_message copy = *message;
	struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (channel->fd < 0)
		return -EPIPE;
	if (descriptor >= 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
	}
	do
		n = sendmsg(channel->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 1;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

static int queue_grow(struct ipc_channel *channel)
{
	size_t capacity = channel->capacity == 0 ? 16 : channel->capacity * 2;
	struct ipc_queued *grown;
	size_t i;

	if (capacity > IPC_QUEUE_MAX)
		return -ENOBUFS;
	grown = calloc(capacity, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	for (i = 0; i < channel->count; i++)
		grown[i] = channel->queue[(channel->head + i) % channel->capacity];
	free(channel->queue);
	channel->queue = grown;
	channel->head = 0;
	channel->capacity = capacity;
	return 0;
}

static int enqueue(struct ipc_channel *channel, const struct ipc_message *message, int descriptor)
{
	struct ipc_queued *last;
	int copy = -1;
	int r;

	if (channel->count == channel->capacity) {
		r = queue_grow(channel);
		if (r < 0)
			return r;
	}
	if (descriptor >= 0) {
		copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	last = &channel->queue[(channel->head + channel->count) % channel->capacity];
	last->message = *message;
	last->descriptor = copy;
	channel->count++;
	return 0;
}

int ipc_flush(struct ipc_channel *channel)
{
	while (channel->count > 0) {
		struct ipc_queued *first = &channel->queue[channel->head];
		int r = send_now(channel, &first->message, first->descriptor);

		if (r == 1)
			return 0;
		if (r < 0)
			return r;
		if (first->descriptor >= 0)
			(void)close(first->descriptor);
		channel->head = (channel->head + 1) % channel->capacity;
		channel->count--;
	}
	queue_free(channel);
	return 0;
}

int ipc_send(struct ipc_channel *channel, const struct ipc_message *message, int descriptor)
{
	int r;

	if (channel->count == 0) {
		r = send_now(channel, message, descriptor);
		if (r <= 0)
			return r;
	}
	return enqueue(channel, message, descriptor);
}

bool ipc_pending(const struct ipc_channel *channel)
{
	return channel->count > 0;
}

/* Takes the descriptors out of HEADER. Returns how many there were, the first in *ret; the others are closed. */
static size_t take_descriptors(struct msghdr *header, int *ret)
{
	struct cmsghdr *control;
	size_t found = 0;

	for (control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
		size_t i;
		size_t count;

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			int descriptor;

			memcpy(&descriptor, CMSG_DATA(control) + i * sizeof(int), sizeof(descriptor));
			if (found++ == 0)
				*ret = descriptor;
			else
				(void)close(descriptor);
		}
	}
	return found;
}

int ipc_receive(struct ipc_channel *channel, struct ipc_message *ret, int *ret_descriptor)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	/* One byte more than a message, to see one that is too long. */
	char data[sizeof(struct ipc_message) + 1];
	struct iovec part = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	int descriptor = -1;
	size_t descriptors;
	ssize_t n;
	int r;

	if (channel->fd < 0)
		return -EPIPE;
	do
		n = recvmsg(channel->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno == EAGAIN)
			return 1;
		return errno == ECONNRESET ? -EPIPE : -errno;
	}
	descriptors = take_descriptors(&header, &descriptor);
	if (n == 0 && descriptors == 0)
		return -EPIPE;
	r = -EBADMSG;
	if (descriptors <= 1 && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		r = ipc_parse(data, (size_t)n, channel->source, descriptors == 1, ret);
	if (r < 0) {
		if (descriptor >= 0)
			(void)close(descriptor);
		return r;
	}
	*ret_descriptor = descriptor;
	return 0;
}

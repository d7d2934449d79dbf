/*
 * TLS on a connected stream socket with deadlines: moves bytes between a descriptor and a connection, whatever its backend.
 * The descriptor is non-blocking throughout; waiting is done by poll alone. After every call on the connection what it has to say is sent.
 *
 * A peer that refuses us may close right after its alert, so that our own sending fails first. While there may be something to read such a failure
 * is kept back, and the reading goes on until it finds the alert, or the end.
 */
#include <unitls/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/backend.h"

#define RECORD_HEADER_SIZE 5

struct unitls_socket {
	struct unitls_connection *connection;
	int fd;
	int flags; /* as they were before */
	int64_t deadline_ms;
	int receive_errno; /* failures of the transport, sticky; 0 = none */
	int send_errno;
	bool closing; /* our close_notify is on its way: read no further than a record's end */
	uint8_t header[RECORD_HEADER_SIZE];
	size_t header_size; /* octets held of the header of the record being read */
	size_t body_left;   /* octets to come of its body */
};

/* What a single attempt on the descriptor came to. */
enum progress {
	PROGRESS_DONE = 0,
	PROGRESS_BLOCKED = 1,
};

/*
 * Waiting ------------------------------------------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t unitls_deadline_after(int64_t timeout_ms)
{
	int64_t now = now_ms();

	return timeout_ms > UNITLS_NO_DEADLINE - now ? UNITLS_NO_DEADLINE : now + timeout_ms;
}

static int fail_io(struct unitls_error *error, const char *what, int number)
{
	char buffer[96];

	return unitls_error_set(
		error, UNITLS_ERROR_CLASS_IO, "%s: %s", what, strerror_r(number, buffer, sizeof(buffer)));
}

static int remaining_ms(const struct unitls_socket *socket)
{
	int64_t left;

	if (socket->deadline_ms == UNITLS_NO_DEADLINE)
		return -1;
	left = socket->deadline_ms - now_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* For loops that a fast peer could keep from ever waiting. */
static int check_deadline(const struct unitls_socket *socket, struct unitls_error *error)
{
	if (remaining_ms(socket) != 0)
		return 0;
	return unitls_error_set(error, UNITLS_ERROR_CLASS_IO, "timed out");
}

static int wait_for(const struct unitls_socket *socket, short events, struct unitls_error *error)
{
	struct pollfd pollfd = {.fd = socket->fd, .events = events};

	for (;;) {
		int timeout_ms = remaining_ms(socket);
		int n = poll(&pollfd, 1, timeout_ms);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return fail_io(error, "waiting", errno);
		if (n == 0 && check_deadline(socket, error) < 0)
			return UNITLS_ERROR;
	}
}

/*
 * Sending ------------------------------------------------------------------------------------------------------------------
 */

static size_t outgoing_size(const struct unitls_socket *socket)
{
	return unitls_connection_outgoing_size(socket->connection);
}

/* The transport takes nothing more: what waits for it will never be sent. */
static void give_up_sending(struct unitls_socket *socket, int number)
{
	socket->send_errno = number;
	unitls_connection_consume_outgoing(socket->connection, outgoing_size(socket));
}

/* Sends what can be sent without waiting. */
static enum progress send_some(struct unitls_socket *socket)
{
	struct unitls_bytes bytes;

	if (socket->send_errno != 0)
		give_up_sending(socket, socket->send_errno);
	while ((bytes = unitls_connection_peek_outgoing(socket->connection)).size > 0) {
		ssize_t n = send(socket->fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			unitls_connection_consume_outgoing(socket->connection, (size_t)n);
		else if (errno == EAGAIN)
			return PROGRESS_BLOCKED;
		else if (errno != EINTR)
			give_up_sending(socket, errno);
	}
	return PROGRESS_DONE;
}

/* Sends all there is. A failure of the transport is not reported here. */
static int send_all(struct unitls_socket *socket, struct unitls_error *error)
{
	while (send_some(socket) == PROGRESS_BLOCKED)
		if (wait_for(socket, POLLOUT, error) < 0)
			return UNITLS_ERROR;
	return 0;
}

/* The same where the failure is the answer. */
static int send_all_or_fail(struct unitls_socket *socket, struct unitls_error *error)
{
	if (send_all(socket, error) < 0)
		return UNITLS_ERROR;
	return socket->send_errno != 0 ? fail_io(error, "sending", socket->send_errno) : 0;
}

/*
 * Receiving ----------------------------------------------------------------------------------------------------------------
 */

/* Follows the records (RFC 8446, 5.1) in what was received. Garbage is followed too: the backend finds it out. */
static void follow_records(struct unitls_socket *socket, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = size < socket->body_left ? size : socket->body_left;

		if (socket->header_size < RECORD_HEADER_SIZE) {
			socket->header[socket->header_size++] = *data++;
			size--;
			if (socket->header_size == RECORD_HEADER_SIZE)
				socket->body_left = (size_t)socket->header[3] << 8 | socket->header[4];
		} else {
			data += n;
			size -= n;
			socket->body_left -= n;
		}
		if (socket->header_size == RECORD_HEADER_SIZE && socket->body_left == 0)
			socket->header_size = 0;
	}
}

/* How much to read at most: what follows the peer's close_notify belongs to whoever gets the descriptor back. */
static size_t receive_limit(const struct unitls_socket *socket, size_t room)
{
	size_t rest = socket->body_left;

	if (socket->header_size < RECORD_HEADER_SIZE)
		rest = RECORD_HEADER_SIZE - socket->header_size;
	return socket->closing && rest < room ? rest : room;
}

/* Reads once from the descriptor, without waiting. PROGRESS_*, or UNITLS_ERROR. */
static int receive_some(struct unitls_socket *socket, struct unitls_error *error)
{
	uint8_t *room;
	size_t size;
	ssize_t n;

	if (socket->receive_errno != 0)
		return fail_io(error, "receiving", socket->receive_errno);
	if (unitls_connection_reserve_incoming(socket->connection, &room, &size, error) < 0)
		return UNITLS_ERROR;
	do
		n = recv(socket->fd, room, receive_limit(socket, size), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return PROGRESS_BLOCKED;
	if (n < 0) {
		socket->receive_errno = errno;
		return fail_io(error, "receiving", errno);
	}
	if (n == 0) {
		unitls_connection_receive_eof(socket->connection);
		return PROGRESS_DONE;
	}
	follow_records(socket, room, (size_t)n);
	unitls_connection_commit_incoming(socket->connection, (size_t)n);
	return PROGRESS_DONE;
}

/* Waits until something came, and sends meanwhile what is left to send. */
static int exchange(struct unitls_socket *socket, struct unitls_error *error)
{
	for (;;) {
		enum progress sent = send_some(socket);
		int received = receive_some(socket, error);

		if (received != PROGRESS_BLOCKED)
			return received;
		if (wait_for(socket, (short)(POLLIN | (sent == PROGRESS_BLOCKED ? POLLOUT : 0)), error) < 0)
			return UNITLS_ERROR;
	}
}

/*
 * The calls of the connection, each with what has to be done when it wants something -----------------------------------------
 */

/* Does what a status asks for. 0: call again. Anything else is passed up. */
static int serve_want(struct unitls_socket *socket, int status, struct unitls_error *error)
{
	switch (status) {
	case UNITLS_WANT_READ:
		status = exchange(socket, error);
		return status == 0 ? check_deadline(socket, error) : status;
	case UNITLS_WANT_WRITE:
		if (outgoing_size(socket) == 0)
			return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL,
				"the connection waits for output to be sent, but there is none");
		return send_all_or_fail(socket, error);
	default:
		(void)send_some(socket); /* an alert may be in there; who sent us away may be gone */
		return status;
	}
}

int unitls_socket_do_handshake(struct unitls_socket *socket, struct unitls_error *error)
{
	for (;;) {
		int status = unitls_connection_handshake(socket->connection, error);

		if (status == 0)
			return send_all(socket, error);
		status = serve_want(socket, status, error);
		if (status != 0)
			return status;
	}
}

int unitls_socket_recv(
	struct unitls_socket *socket, void *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	int status = 0;

	*ret_n = 0;
	if (size == 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "no room to receive into");
	if (!unitls_connection_handshake_done(socket->connection))
		status = unitls_socket_do_handshake(socket, error);
	while (status == 0) {
		status = unitls_connection_read(socket->connection, buffer, size, ret_n, error);
		if (status == 0) {
			(void)send_some(socket); /* what is left goes with the next call */
			return 0;
		}
		status = serve_want(socket, status, error);
	}
	return status;
}

int unitls_socket_send(
	struct unitls_socket *socket, const void *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	int status = 0;

	*ret_n = 0;
	if (!unitls_connection_handshake_done(socket->connection))
		status = unitls_socket_do_handshake(socket, error);
	if (status == 0)
		status = send_all_or_fail(socket, error);
	while (status == 0) {
		status = unitls_connection_write(socket->connection, data, size, ret_n, error);
		if (status == 0)
			return send_all_or_fail(socket, error);
		status = serve_want(socket, status, error);
	}
	return status;
}

int unitls_socket_sendall(struct unitls_socket *socket, const void *data, size_t size, struct unitls_error *error)
{
	const uint8_t *bytes = data;

	do {
		size_t n;
		int status = unitls_socket_send(socket, bytes, size, &n, error);

		if (status != 0)
			return status;
		bytes += n;
		size -= n;
	} while (size > 0 && check_deadline(socket, error) == 0);
	return size > 0 ? UNITLS_ERROR : 0;
}

int unitls_socket_shutdown(struct unitls_socket *socket, struct unitls_error *error)
{
	socket->closing = true;
	for (;;) {
		int status = unitls_connection_shutdown(socket->connection, error);

		if (status == 0)
			return send_all_or_fail(socket, error);
		status = serve_want(socket, status, error);
		if (status != 0)
			return status;
	}
}

/* Reads on to the peer's close_notify. */
static int discard_to_end(struct unitls_socket *socket, struct unitls_error *error)
{
	uint8_t scratch[4096];
	size_t n;
	int status;

	do
		status = unitls_socket_recv(socket, scratch, sizeof(scratch), &n, error);
	while (status == 0);
	explicit_bzero(scratch, sizeof(scratch));
	if (status != UNITLS_EOF)
		return status;
	if (unitls_connection_incoming_size(socket->connection) > 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_IO,
			"what the peer sent after its close_notify was read already");
	return 0;
}

int unitls_socket_unwrap(struct unitls_socket *socket, int *ret_fd, struct unitls_error *error)
{
	int status = unitls_socket_do_handshake(socket, error);
	int fd = socket->fd;

	if (status == 0)
		status = unitls_socket_shutdown(socket, error);
	if (status == 0)
		status = discard_to_end(socket, error);
	if (status != 0)
		return status;
	if (fcntl(fd, F_SETFL, socket->flags) < 0)
		return fail_io(error, "restoring the descriptor", errno);
	socket->fd = -1;
	unitls_socket_free(socket);
	*ret_fd = fd;
	return 0;
}

/*
 * Making and freeing ---------------------------------------------------------------------------------------------------------
 */

/* Takes the connection in any case, the descriptor when it succeeds. */
static int wrap(struct unitls_connection *connection, int fd, struct unitls_socket **ret_socket,
	struct unitls_error *error)
{
	struct unitls_socket *socket = calloc(1, sizeof(*socket));

	if (!socket) {
		unitls_connection_free(connection);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	socket->connection = connection;
	socket->deadline_ms = UNITLS_NO_DEADLINE;
	socket->fd = -1;
	socket->flags = fcntl(fd, F_GETFL);
	if (socket->flags < 0 || fcntl(fd, F_SETFL, socket->flags | O_NONBLOCK) < 0) {
		int number = errno;

		unitls_socket_free(socket);
		return fail_io(error, "preparing the descriptor", number);
	}
	socket->fd = fd;
	*ret_socket = socket;
	return 0;
}

int unitls_client_wrap_socket(struct unitls_client_context *context, int fd,
	const struct unitls_peer_name *peer_name, struct unitls_socket **ret_socket, struct unitls_error *error)
{
	struct unitls_connection *connection;

	if (unitls_client_connection_new(context, peer_name, &connection, error) < 0)
		return UNITLS_ERROR;
	return wrap(connection, fd, ret_socket, error);
}

int unitls_server_wrap_socket(struct unitls_server_context *context, int fd, struct unitls_socket **ret_socket,
	struct unitls_error *error)
{
	struct unitls_connection *connection;

	if (unitls_server_connection_new(context, &connection, error) < 0)
		return UNITLS_ERROR;
	return wrap(connection, fd, ret_socket, error);
}

void unitls_socket_free(struct unitls_socket *socket)
{
	if (!socket)
		return;
	unitls_connection_free(socket->connection);
	if (socket->fd >= 0)
		(void)close(socket->fd); /* nothing is left to do about a failure */
	free(socket);
}

void unitls_socket_set_deadline(struct unitls_socket *socket, int64_t deadline_ms)
{
	socket->deadline_ms = deadline_ms;
}

int unitls_socket_fileno(const struct unitls_socket *socket)
{
	return socket->fd;
}

struct unitls_connection *unitls_socket_connection(const struct unitls_socket *socket)
{
	return socket->connection;
}

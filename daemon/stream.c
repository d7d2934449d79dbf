/* One side of a connection. */

#include "daemon/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_DISCARD_BYTES 65536 /* thrown away in one turn */

void stream_init(struct stream *stream)
{
	*stream = (struct stream){.fd = -1};
}

static void on_event(evutil_socket_t fd, short what, void *argument)
{
	struct stream *stream = argument;

	(void)fd;
	if (what & EV_READ)
		stream->readable = true;
	if (what & EV_WRITE)
		stream->writable = true;
	if (what & EV_CLOSED) {
		stream->readable = true;
		stream->hangup = true;
	}
	/* An error looks like bytes. */
	if (what & (EV_READ | EV_CLOSED))
		stream->suspect = true;
	stream->on_event(stream, stream->argument);
}

/* 0 or -ENOMEM. */
static int watch(struct stream *stream, struct event_base *base, int fd, bool output)
{
	short what = (short)(EV_READ | EV_CLOSED | EV_ET | EV_PERSIST | (output ? EV_WRITE : 0));

	if (event_assign(&stream->event, base, fd, what, on_event, stream) != 0 ||
		event_add(&stream->event, NULL) != 0)
		return -ENOMEM;
	stream->watches_output = output;
	return 0;
}

int stream_open(struct stream *stream, struct event_base *base, int fd, bool connected, stream_callback callback,
	void *argument)
{
	if (watch(stream, base, fd, !connected) < 0)
		return -ENOMEM;
	stream->fd = fd;
	stream->on_event = callback;
	stream->argument = argument;
	stream->half_close = true;
	stream->writable = connected;
	return 0;
}

void stream_set_tls(struct stream *stream, struct unitls_connection *connection)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(unitls_connection_backend(connection));

	stream->tls = connection;
	stream->half_close = (can->bits & UNITLS_CAP_HALF_CLOSE) != 0;
}

void stream_abort(int fd)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	/* A unix socket does not know it; then the peer sees an end. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(fd);
}

void stream_close(struct stream *stream, enum stream_close how)
{
	unitls_connection_free(stream->tls);
	stream->tls = NULL;
	if (stream->fd < 0)
		return;
	(void)event_del(&stream->event);
	if (how == STREAM_CLOSE_ABORT)
		stream_abort(stream->fd);
	else
		(void)close(stream->fd);
	stream->fd = -1;
}

/* Remembers an error of the socket as the sticky end of one direction. */
static enum stream_result fail(struct stream *stream, enum stream_result *direction, int code)
{
	stream->os_error = code;
	*direction = code == ECONNRESET || code == EPIPE ? STREAM_RESET : STREAM_IO;
	return *direction;
}

/* Bytes from the kernel. DONE with *ret_n > 0, AGAIN, or how the input ended. */
static enum stream_result pull(struct stream *stream, void *data, size_t size, size_t *ret_n)
{
	ssize_t n;

	*ret_n = 0;
	if (stream->input != STREAM_DONE)
		return stream->input;
	if (!stream->readable)
		return STREAM_AGAIN;
	do
		n = recv(stream->fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		stream->readable = false;
		stream->hangup = false;
		stream->suspect = false;
		return STREAM_AGAIN;
	}
	if (n < 0)
		return fail(stream, &stream->input, errno);
	if (n == 0) {
		/* A reset that a send was told of first is not told to a read any more. */
		stream->input = stream->output == STREAM_RESET ? STREAM_RESET : STREAM_END;
		return stream->input;
	}
	if ((size_t)n < size && !stream->hangup)
		stream->readable = false;
	stream->received += (size_t)n;
	*ret_n = (size_t)n;
	return STREAM_DONE;
}

/* Has an event tell when there is room; from then on for life, as who filled the socket once will do so again. */
static enum stream_result wait_for_room(struct stream *stream)
{
	struct event_base *base = event_get_base(&stream->event);

	stream->writable = false;
	if (stream->watches_output)
		return STREAM_AGAIN;
	(void)event_del(&stream->event);
	return watch(stream, base, stream->fd, true) == 0 ? STREAM_AGAIN : fail(stream, &stream->output, ENOMEM);
}

/* Bytes to the kernel. DONE when all went. */
static enum stream_result push(struct stream *stream, const void *data, size_t size, size_t *ret_n)
{
	ssize_t n;

	*ret_n = 0;
	if (stream->output != STREAM_DONE)
		return stream->output;
	while (size > 0) {
		if (!stream->writable)
			return STREAM_AGAIN;
		n = send(stream->fd, data, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return wait_for_room(stream);
		if (n < 0)
			return fail(stream, &stream->output, errno);
		stream->sent += (size_t)n;
		*ret_n += (size_t)n;
		data = (const uint8_t *)data + n;
		size -= (size_t)n;
	}
	return STREAM_DONE;
}

enum stream_result stream_flush(struct stream *stream)
{
	struct unitls_bytes out;
	enum stream_result result = STREAM_DONE;
	size_t n;

	if (stream->tls == NULL)
		return stream->output;
	while (result == STREAM_DONE) {
		out = unitls_connection_peek_outgoing(stream->tls);
		if (out.size == 0)
			return stream->output;
		result = push(stream, out.data, out.size, &n);
		/* What cannot be sent any more must not look like progress to come. */
		unitls_connection_consume_outgoing(stream->tls, result < 0 ? out.size : n);
	}
	return result;
}

bool stream_is_flushed(const struct stream *stream)
{
	return stream->tls == NULL || unitls_connection_outgoing_size(stream->tls) == 0;
}

/* Ciphertext from the kernel into the connection. DONE: something changed, bytes or the end. */
static enum stream_result feed(struct stream *stream, struct unitls_error *error)
{
	enum stream_result result;
	uint8_t *data = NULL;
	size_t size = 0;
	size_t n;

	if (!stream->readable && stream->input == STREAM_DONE)
		return STREAM_AGAIN;
	if (unitls_connection_reserve_incoming(stream->tls, &data, &size, error) < 0)
		return STREAM_TLS;
	result = pull(stream, data, size, &n);
	unitls_connection_commit_incoming(stream->tls, n);
	if (result == STREAM_AGAIN || result == STREAM_DONE)
		return result;
	unitls_connection_receive_eof(stream->tls);
	return STREAM_DONE;
}

/* What a negative status means, given how the transport ended. */
static enum stream_result failure(const struct stream *stream, int status)
{
	if (status != UNITLS_RAGGED_EOF)
		return STREAM_TLS;
	return stream->input < 0 ? stream->input : STREAM_TRUNCATED;
}

/* After a WANT: DONE = call the connection again. */
static enum stream_result wait_for(struct stream *stream, int status, struct unitls_error *error)
{
	enum stream_result flushed = stream_flush(stream);
	enum stream_result fed;

	if (status == UNITLS_WANT_WRITE)
		return flushed;
	if (status != UNITLS_WANT_READ)
		return STREAM_AGAIN;
	/* When sending failed, an alert that says why may still be there to be read. */
	fed = feed(stream, error);
	return fed == STREAM_AGAIN && flushed < 0 ? flushed : fed;
}

/*
 * A whole flight has an answer. What came in without one was cut, and who cuts a flight and resets must not be kept until the next look, or a flood of
 * them would be held.
 */
static bool is_cut_flight(const struct stream *stream, uint64_t received, uint64_t sent)
{
	return stream->suspect && stream->received > received && stream->sent == sent;
}

enum stream_result stream_handshake(struct stream *stream, struct unitls_error *error)
{
	uint64_t received = stream->received;
	uint64_t sent = stream->sent;
	enum stream_result result;
	int status;

	if (stream->tls == NULL)
		return STREAM_DONE;
	for (int round = 0; round < STREAM_ROUNDS_MAX; round++) {
		status = unitls_connection_handshake(stream->tls, error);
		if (status <= 0) {
			(void)stream_flush(stream); /* a failure shows at the next read or write */
			return status == 0 ? STREAM_DONE : failure(stream, status);
		}
		result = wait_for(stream, status, error);
		if (result == STREAM_AGAIN && is_cut_flight(stream, received, sent))
			stream_doubt(stream);
		else if (result != STREAM_DONE)
			return result;
	}
	return STREAM_MORE;
}

static enum stream_result read_tls(
	struct stream *stream, void *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	enum stream_result result;
	int status;

	for (int round = 0; round < STREAM_ROUNDS_MAX; round++) {
		status = unitls_connection_read(stream->tls, data, size, ret_n, error);
		if (status <= 0 || status == UNITLS_EOF)
			(void)stream_flush(stream); /* a failure shows at the next write */
		if (status == 0)
			return STREAM_DONE;
		if (status == UNITLS_EOF)
			return STREAM_END;
		if (status < 0)
			return failure(stream, status);
		result = wait_for(stream, status, error);
		if (result != STREAM_DONE)
			return result;
	}
	return STREAM_MORE;
}

enum stream_result stream_read(
	struct stream *stream, void *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	*ret_n = 0;
	if (stream->tls == NULL)
		return pull(stream, data, size, ret_n);
	return read_tls(stream, data, size, ret_n, error);
}

static enum stream_result write_tls(
	struct stream *stream, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	enum stream_result result;
	size_t n;
	int status;

	while (*ret_n < size) {
		status = unitls_connection_write(stream->tls, data + *ret_n, size - *ret_n, &n, error);
		*ret_n += n;
		if (status < 0) {
			(void)stream_flush(stream);
			return failure(stream, status);
		}
		if (status == UNITLS_OK)
			continue;
		result = stream_flush(stream);
		if (result != STREAM_DONE)
			return result;
		if (status != UNITLS_WANT_WRITE)
			return STREAM_AGAIN;
	}
	result = stream_flush(stream);
	return result < 0 ? result : STREAM_DONE;
}

enum stream_result stream_write(
	struct stream *stream, const void *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	*ret_n = 0;
	if (stream->tls == NULL)
		return push(stream, data, size, ret_n);
	if (stream->output != STREAM_DONE)
		return stream->output;
	return write_tls(stream, data, size, ret_n, error);
}

void stream_send_fin(struct stream *stream)
{
	/* ENOTCONN: the peer has gone; the next read says so. */
	(void)shutdown(stream->fd, SHUT_WR);
}

enum stream_result stream_shutdown(struct stream *stream, struct unitls_error *error)
{
	enum stream_result result;
	int status;

	if (stream->tls == NULL) {
		if (!stream->shut)
			stream_send_fin(stream);
		stream->shut = true;
		return STREAM_DONE;
	}
	while (!stream->shut) {
		status = unitls_connection_shutdown(stream->tls, error);
		if (status < 0)
			return failure(stream, status);
		stream->shut = status == 0;
		result = stream_flush(stream);
		if (result != STREAM_DONE)
			return result;
	}
	return stream_flush(stream);
}

enum stream_result stream_discard(struct stream *stream)
{
	uint8_t waste[4096];
	enum stream_result result = STREAM_DONE;
	size_t total = 0;
	size_t n;

	while (result == STREAM_DONE && total < STREAM_DISCARD_BYTES) {
		result = pull(stream, waste, sizeof(waste), &n);
		total += n;
	}
	return result == STREAM_DONE ? STREAM_MORE : result;
}

void stream_doubt(struct stream *stream)
{
	if (stream->suspect)
		stream->readable = true;
}

enum stream_result stream_check(struct stream *stream)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (stream->input < 0)
		return stream->input;
	if (!stream->suspect)
		return STREAM_DONE;
	stream->suspect = false;
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0)
		return fail(stream, &stream->input, code);
	return STREAM_DONE;
}

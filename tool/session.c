/* The engine: ciphertext between socket and connection, plaintext between connection and buffers. */

#include "tool/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/clock.h"

/* Steps of one run; a peer that sends without end gets no more before others have their turn. */
#define STEPS_MAX 64

static void set_error(
	struct session_end *end, enum status status, enum unitls_error_class error_class, const char *text)
{
	*end = (struct session_end){status, UNITLS_ERROR_INIT};
	end->error.error_class = error_class;
	(void)snprintf(end->error.text, sizeof(end->error.text), "%s", text);
}

/* ---- buffers ---- */

static size_t buffer_held(const struct session_buffer *buffer)
{
	return buffer->size - buffer->at;
}

static size_t buffer_room(struct session_buffer *buffer, uint8_t **ret_at)
{
	size_t held = buffer_held(buffer);

	if (buffer->at > 0)
		memmove(buffer->data, buffer->data + buffer->at, held);
	buffer->at = 0;
	buffer->size = held;
	*ret_at = buffer->data + held;
	return sizeof(buffer->data) - held;
}

/* ---- what its user does ---- */

size_t session_room(struct session *session, uint8_t **ret_at)
{
	return session->out_ended ? 0 : buffer_room(&session->out, ret_at);
}

void session_put(struct session *session, size_t n)
{
	session->out.size += n;
	session->hungry = true;
}

void session_end_output(struct session *session)
{
	session->out_ended = true;
	session->moved_ms = clock_now_ms();
	session->hungry = true;
}

struct unitls_bytes session_held(const struct session *session)
{
	return (struct unitls_bytes){session->in.data + session->in.at, buffer_held(&session->in)};
}

void session_take(struct session *session, size_t n)
{
	session->in.at += n;
	session->moved_ms = clock_now_ms();
	session->hungry = true; /* more may have been decrypted already, of which the socket says nothing */
}

/* ---- the socket ---- */

static void socket_failed(struct session *session, int code)
{
	if (session->socket_error == 0)
		session->socket_error = code;
}

/* Sends what the connection has to send. True when bytes moved. */
static bool flush(struct session *session)
{
	bool moved = false;

	for (;;) {
		struct unitls_bytes bytes = unitls_connection_peek_outgoing(session->tls);
		ssize_t n;

		if (bytes.size == 0)
			return moved;
		if (session->write_failed) {
			unitls_connection_consume_outgoing(session->tls, bytes.size); /* nobody gets it any more */
			continue;
		}
		n = send(session->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
		if (n >= 0) {
			unitls_connection_consume_outgoing(session->tls, (size_t)n);
			moved = true;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			return moved;
		/* The reason may still be there to be read, as an alert. */
		socket_failed(session, errno);
		session->write_failed = true;
		moved = true;
	}
}

static void end_of_socket(struct session *session)
{
	session->read_ended = true;
	unitls_connection_receive_eof(session->tls);
}

/* Reads from the socket into the connection. True when something changed. */
static bool feed(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t *at;
	size_t room;
	ssize_t n;

	if (session->read_ended || unitls_connection_incoming_size(session->tls) >= UNITLS_INCOMING_LIMIT_BYTES)
		return false;
	if (unitls_connection_reserve_incoming(session->tls, &at, &room, &error) < 0) {
		session_fail(session, STATUS_LOCAL, &error);
		return true;
	}
	n = recv(session->fd, at, room, 0);
	unitls_connection_commit_incoming(session->tls, n > 0 ? (size_t)n : 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		socket_failed(session, errno);
	if (n <= 0)
		end_of_socket(session);
	return true;
}

/* ---- ends ---- */

void session_fail(struct session *session, enum status status, const struct unitls_error *error)
{
	if (session->phase >= SESSION_ENDING)
		return;
	session->end = (struct session_end){status, *error};
	/* What fails here is not for the peer to worry about. */
	if (status == STATUS_LOCAL && session->phase == SESSION_OPEN)
		session->close_sent = unitls_connection_shutdown(session->tls, NULL) == UNITLS_OK;
	session->phase = SESSION_ENDING;
	session->ending_ms = clock_now_ms();
}

/* The transport ended, which the connection cannot know more about. */
static void fail_cut(struct session *session, const struct unitls_error *error)
{
	bool handshake = session->phase == SESSION_HANDSHAKE;
	struct session_end end;
	char text[sizeof(error->text)];
	const char *how =
		session->socket_error ? strerrordesc_np(session->socket_error) : "the peer closed the connection";

	(void)snprintf(text, sizeof(text), "%s %s", how,
		handshake ? "within the handshake" : "without a close_notify: what came may not be all");
	set_error(&end, handshake ? STATUS_TLS : STATUS_TRUNCATED, UNITLS_ERROR_CLASS_IO, text);
	memcpy(end.error.backend, error->backend, sizeof(end.error.backend));
	session_fail(session, end.status, &end.error);
}

static void fail_tls(struct session *session, int status, const struct unitls_error *error)
{
	if (status == UNITLS_RAGGED_EOF) {
		fail_cut(session, error);
		return;
	}
	session_fail(session, error->error_class == UNITLS_ERROR_CLASS_VERIFY ? STATUS_VERIFY : STATUS_TLS, error);
}

static void fail_late(struct session *session, const char *text)
{
	struct session_end end;

	set_error(&end, STATUS_TIMEOUT, UNITLS_ERROR_CLASS_IO, text);
	session_fail(session, end.status, &end.error);
}

/* The peer has ended and then did not take all that we had to say. */
static void fail_unsent(struct session *session)
{
	struct session_end end;
	char text[sizeof(end.error.text)];
	const char *how = session->socket_error ? strerrordesc_np(session->socket_error) : "the peer went";

	(void)snprintf(text, sizeof(text), "%s after its close_notify, before it had taken all", how);
	set_error(&end, STATUS_TRUNCATED, UNITLS_ERROR_CLASS_IO, text);
	session_fail(session, end.status, &end.error);
}

/* ---- handshake ---- */

/* After a WANT: true when it may be called again. */
static bool wait_for(struct session *session, int status)
{
	bool moved = flush(session);

	return status == UNITLS_WANT_READ ? feed(session) || moved : moved;
}

static bool handshake(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int status = unitls_connection_handshake(session->tls, &error);

	if (status > 0)
		return wait_for(session, status);
	(void)flush(session);
	if (status < 0) {
		fail_tls(session, status, &error);
		return true;
	}
	session->phase = SESSION_OPEN;
	session->moved_ms = clock_now_ms();
	session->handshake_ms = session->moved_ms - session->started_ms;
	return false; /* its user looks at it first */
}

/* ---- plaintext ---- */

static bool read_plaintext(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t *at;
	size_t room = buffer_room(&session->in, &at);
	size_t n;
	int status = unitls_connection_read(session->tls, at, room, &n, &error);

	session->in.size += n;
	session->bytes_in += n;
	if (status == UNITLS_OK)
		return true;
	if (status == UNITLS_EOF) {
		session->in_ended = true;
		return true;
	}
	if (status < 0) {
		fail_tls(session, status, &error);
		return true;
	}
	return wait_for(session, status);
}

static bool write_plaintext(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n;
	int status = unitls_connection_write(
		session->tls, session->out.data + session->out.at, buffer_held(&session->out), &n, &error);

	session->out.at += n;
	session->bytes_out += n;
	if (status < 0) {
		fail_tls(session, status, &error);
		return true;
	}
	if (n == 0)
		return wait_for(session, status);
	(void)flush(session);
	return true;
}

static bool send_close(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int status = unitls_connection_shutdown(session->tls, &error);

	if (status < 0) {
		fail_tls(session, status, &error);
		return true;
	}
	session->close_sent = status == UNITLS_OK;
	return flush(session) || session->close_sent;
}

/* Whether close_notify may go out now: where the peer could not be read after it, the peer's end comes first. */
static bool is_time_to_close(const struct session *session)
{
	return !session->close_sent && session->out_ended && buffer_held(&session->out) == 0 &&
		(!session->hold_close || session->in_ended);
}

/*
 * The peer's close_notify was not half of an end but all of it: it has closed its socket, so that nothing we could say would be read, or the
 * library cannot write after it.
 */
static void peer_has_gone(struct session *session)
{
	session->gone = true;
	if (buffer_held(&session->out) > 0)
		fail_unsent(session);
	else if (!session->out_ended)
		session_end_output(session);
}

/* Where the peer's end is ours too, what we have to say goes first. */
static bool may_read(const struct session *session)
{
	return !session->in_ended && buffer_held(&session->in) == 0 &&
		(session->half_close || session->write_failed || buffer_held(&session->out) == 0);
}

static bool relay(struct session *session)
{
	bool moved = false;

	if (may_read(session))
		moved = read_plaintext(session);
	if (session->in_ended && !session->half_close && !session->gone)
		peer_has_gone(session);
	if (session->phase == SESSION_OPEN && !session->write_failed && buffer_held(&session->out) > 0)
		moved = write_plaintext(session) || moved;
	if (session->phase == SESSION_OPEN && is_time_to_close(session))
		moved = send_close(session) || moved;
	if (session->phase != SESSION_OPEN || !session->in_ended)
		return moved;
	if (session->write_failed && (!session->out_ended || buffer_held(&session->out) > 0)) {
		fail_unsent(session);
		return true;
	}
	if (session->close_sent && unitls_connection_outgoing_size(session->tls) == 0)
		session->phase = SESSION_OVER;
	return moved;
}

/* ---- after a failure ---- */

/* Closing with bytes unread would reset the connection, and the alert would be lost: they are read first, for a while. */
static bool discard(struct session *session)
{
	uint8_t waste[4096];
	ssize_t n;

	if (unitls_connection_outgoing_size(session->tls) == 0 && !session->fin_sent) {
		session->fin_sent = true;
		(void)shutdown(session->fd, SHUT_WR); /* fails when the peer has gone, as the next read says */
	}
	n = session->read_ended ? 0 : recv(session->fd, waste, sizeof(waste), 0);
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	session->read_ended = true;
	if (session->fin_sent)
		session->phase = SESSION_OVER;
	return false;
}

/* ---- time ---- */

int64_t session_deadline(const struct session *session)
{
	switch (session->phase) {
	case SESSION_HANDSHAKE:
		return session->started_ms + session->timeout_ms;
	case SESSION_OPEN:
		/* While it holds what our side has not taken, it is not the peer that is silent. */
		if (buffer_held(&session->in) > 0 ||
			(!session->limit_silence && !session->in_ended && !session->out_ended))
			return CLOCK_NEVER;
		return session->moved_ms + session->timeout_ms;
	case SESSION_ENDING:
		return session->ending_ms + SESSION_ALERT_MS;
	case SESSION_OVER:
		break;
	}
	return CLOCK_NEVER;
}

static void give_up(struct session *session)
{
	switch (session->phase) {
	case SESSION_HANDSHAKE:
		fail_late(session, "the handshake was not complete in time");
		return;
	case SESSION_OPEN:
		if (session->in_ended && !session->out_ended) {
			session_end_output(session); /* the peer has ended, and here nothing more comes either */
			return;
		}
		if (!session->close_sent)
			(void)send_close(session);
		fail_late(session,
			session->in_ended ? "the peer stopped reading"
					  : "the peer has not ended, and nothing more came from it");
		return;
	case SESSION_ENDING:
		session->phase = SESSION_OVER;
		return;
	case SESSION_OVER:
		return;
	}
}

/* ---- running ---- */

static bool step(struct session *session)
{
	bool moved = flush(session);

	switch (session->phase) {
	case SESSION_HANDSHAKE:
		return handshake(session) || moved;
	case SESSION_OPEN:
		return relay(session) || moved;
	case SESSION_ENDING:
		return discard(session) || moved;
	case SESSION_OVER:
		break;
	}
	return false;
}

/* An error or hang-up is reported by poll(2) again and again, also while nobody wants to read. */
static void look_at_hang_up(struct session *session, short revents)
{
	int code = 0;
	socklen_t size = sizeof(code);

	session->hung_up = (revents & (POLLERR | POLLHUP)) != 0;
	if ((revents & POLLERR) == 0) {
		if ((revents & POLLRDHUP) != 0 && session->phase == SESSION_OPEN && session->in_ended &&
			!session->gone)
			peer_has_gone(session);
		return;
	}
	if (getsockopt(session->fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0) {
		socket_failed(session, code);
		session->write_failed = true;
	}
}

void session_run(struct session *session, short revents)
{
	bool was_open = session->phase != SESSION_HANDSHAKE;
	bool moved = true;

	look_at_hang_up(session, revents);
	for (int steps = 0; moved && steps < STEPS_MAX && session->phase != SESSION_OVER; steps++) {
		moved = step(session);
		if (moved)
			session->moved_ms = clock_now_ms();
	}
	/* Once the handshake is complete, plaintext may be there already. */
	session->hungry =
		session->phase != SESSION_OVER && (moved || (!was_open && session->phase == SESSION_OPEN));
	if (session->phase != SESSION_OVER && clock_left_ms(session_deadline(session)) == 0)
		give_up(session);
}

struct pollfd session_pollfd(const struct session *session)
{
	struct pollfd wanted = {.fd = session->fd};
	bool wants_input = session->phase == SESSION_OPEN ? !session->in_ended && buffer_held(&session->in) == 0
							  : session->phase != SESSION_OVER;

	if (wants_input && !session->read_ended)
		wanted.events |= POLLIN;
	if (!session->write_failed && unitls_connection_outgoing_size(session->tls) > 0)
		wanted.events |= POLLOUT;
	if (session->phase == SESSION_OPEN && session->in_ended && !session->gone && !session->hung_up)
		wanted.events |= POLLRDHUP;
	if (session->phase == SESSION_OVER || (wanted.events == 0 && session->hung_up))
		wanted.fd = -1;
	return wanted;
}

/* ---- life ---- */

void session_init(struct session *session, struct unitls_connection *tls, int fd, int64_t timeout_ms)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(unitls_connection_backend(tls));

	memset(session, 0, sizeof(*session));
	session->tls = tls;
	session->fd = fd;
	session->timeout_ms = timeout_ms;
	session->half_close = (can->bits & UNITLS_CAP_HALF_CLOSE) != 0;
	session->hold_close = !session->half_close;
	session->started_ms = clock_now_ms();
	session->moved_ms = session->started_ms;
	session->hungry = true; /* a client speaks first */
	session->end = (struct session_end){STATUS_CLEAN, UNITLS_ERROR_INIT};
}

void session_fini(struct session *session)
{
	if (session->fd >= 0)
		(void)close(session->fd);
	unitls_connection_free(session->tls);
	session->fd = -1;
	session->tls = NULL;
}

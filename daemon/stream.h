/* One side of a connection: a non-blocking stream socket with or without TLS on it, and what is known of its readiness.
 *
 * It moves bytes and translates what went wrong; it decides nothing about the other side, owns no timer, logs nothing.
 * One edge-triggered persistent event serves the socket for life, so readiness is remembered here (readable, writable) until the kernel
 * says EAGAIN or gives less than was asked for. It is for reading alone until a send has to wait: an event that is for both tells of every arrival that there is
 * room to write, too, which is as libevent tells of an error. Invariants: after every call on the TLS connection its outgoing bytes are sent or wait for the next writable event; what
 * ended the input or the output is sticky. */

#ifndef UNITLSD_STREAM_H
#define UNITLSD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <unitls/connection.h>

/* Calls into the TLS connection in one turn that brought no plaintext (handshake messages, KeyUpdates), before others have theirs. */
#define STREAM_ROUNDS_MAX 16

enum stream_result {
	STREAM_DONE = 0,
	STREAM_AGAIN = 1, /* an event will tell when to call again */
	STREAM_MORE = 2,  /* others' turn; call again later without an event */
	STREAM_END = 3,   /* the peer ended its direction: close_notify, or FIN without TLS */
	STREAM_RESET = -1,
	STREAM_TRUNCATED = -2, /* TLS without a close_notify at the end */
	STREAM_TLS = -3,       /* the record says why */
	STREAM_IO = -4,        /* another error of the socket: os_error */
};

struct stream;

/* Called with the stream of an event whose hints are already updated. May free the stream. */
typedef void (*stream_callback)(struct stream *stream, void *argument);

struct stream {
	int fd; /* -1: none */
	int os_error;
	struct unitls_connection *tls; /* owned; NULL: plaintext */
	struct event event;
	stream_callback on_event;
	void *argument;
	uint64_t received; /* bytes of the transport */
	uint64_t sent;
	enum stream_result input;  /* STREAM_DONE, or how the transport's input ended */
	enum stream_result output; /* STREAM_DONE, or how sending failed */
	bool readable;
	bool writable;
	bool watches_output; /* the event is for writing, too */
	bool hangup;         /* the kernel announced the end: a short read does not mean "empty" */
	bool suspect; /* the kernel announced something, which may have been a reset behind the bytes: stream_check() tells */
	bool half_close; /* one direction goes on when the other has ended */
	bool shut;       /* stream_shutdown() was done */
};

void stream_init(struct stream *stream);

/* Takes FD and starts to watch it; CONNECTED: or it is on its way, and will be writable. Returns 0, or -ENOMEM: then FD stays the caller's. */
int stream_open(struct stream *stream, struct event_base *base, int fd, bool connected, stream_callback on_event,
	void *argument);

/* Puts TLS on it; takes CONNECTION. */
void stream_set_tls(struct stream *stream, struct unitls_connection *connection);

enum stream_close {
	STREAM_CLOSE_CLEAN,
	STREAM_CLOSE_ABORT, /* a reset, where the socket knows one */
};

/* Closes a descriptor as STREAM_CLOSE_ABORT does. */
void stream_abort(int fd);

/* Stops watching, closes, frees the TLS connection. Sends nothing of its own. Legal in every state. */
void stream_close(struct stream *stream, enum stream_close how);

/* Goes on with the handshake. DONE (at once without TLS), AGAIN, MORE, or negative, with the alert already sent as far as it went. */
enum stream_result stream_handshake(struct stream *stream, struct unitls_error *error);

/* Reads 1 to SIZE bytes of plaintext. DONE exactly when *ret_n > 0. Negative results and END repeat. */
enum stream_result stream_read(
	struct stream *stream, void *data, size_t size, size_t *ret_n, struct unitls_error *error);

/* Takes up to SIZE bytes; *ret_n says how many. DONE when all were taken, AGAIN when some were not; what was taken may still wait
 * (stream_is_flushed()). */
enum stream_result stream_write(
	struct stream *stream, const void *data, size_t size, size_t *ret_n, struct unitls_error *error);

/* Sends what waits. DONE when nothing is left. */
enum stream_result stream_flush(struct stream *stream);
bool stream_is_flushed(const struct stream *stream);

/* Ends our direction: close_notify, or FIN without TLS. DONE when it is with the kernel. */
enum stream_result stream_shutdown(struct stream *stream, struct unitls_error *error);

/* Ends the transport's direction: FIN after a close_notify or an alert that was flushed. */
void stream_send_fin(struct stream *stream);

/* Reads and throws away what comes, up to a bound. AGAIN, MORE, or END and negative when nothing more will come. */
enum stream_result stream_discard(struct stream *stream);

/* Asks the kernel whether a stream that nobody is reading was reset meanwhile. DONE or RESET. */
enum stream_result stream_check(struct stream *stream);

/* Has the next read of a suspect stream ask the kernel again: when a reset came so close behind bytes that one event told of both, the bytes were all that was read, and
 * no other event will come. */
void stream_doubt(struct stream *stream);

#endif

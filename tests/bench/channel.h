/*
 * One end of a connection: a non-blocking socket, with TLS or without, and its one edge-triggered event for life. Both the load generator and
 * the upstream are made of these. Not the daemon's streams: what measures is to stay as it is when what is measured changes.
 */

#ifndef UNITLS_BENCH_CHANNEL_H
#define UNITLS_BENCH_CHANNEL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unitls/connection.h>

/* What moves without end gives way to other connections after so many rounds of a read and a write. */
#define CHANNEL_ROUNDS_MAX 4

typedef void (*channel_callback)(void *argument);

/* Positive: the direct caller's to handle; negative: it is over, channel_fault says why. */
enum channel_result {
	CHANNEL_DONE = 0,
	CHANNEL_AGAIN,       /* the callback will be called */
	CHANNEL_END,         /* close_notify, or FIN without TLS */
	CHANNEL_FAILED = -1, /* TLS or the socket */
	CHANNEL_CUT = -2,    /* FIN without a close_notify */
	CHANNEL_RESET = -3,
};

struct channel {
	int fd;
	struct unitls_connection *tls; /* NULL: none */
	struct event event;
	channel_callback on_event;
	void *argument;
	bool readable; /* as far as is known */
	bool writable;
	bool hangup;       /* the socket's input ends: a short read is not its end */
	bool input_ended;  /* of the socket, or it failed */
	bool output_ended; /* it failed */
	bool closed;       /* close_notify is on its way */
	bool fin_sent;
	int os_error;
	struct unitls_error error;
};

/* A loop in which giving way is of use. NULL when there can be none. */
struct event_base *channel_base_new(void);
/* Takes the socket and the connection (NULL: no TLS) over, also when it fails. 0; -1: the event could not be added. */
int channel_open(struct channel *channel, struct event_base *base, int fd, struct unitls_connection *tls,
	channel_callback callback, void *argument);
/* Calls the callback again after other connections had their turn. */
void channel_give_way(struct channel *channel);
/* Closes what is open, with what the kernel still has to send going out. */
void channel_close(struct channel *channel);
/* The same with a reset. */
void channel_reset(struct channel *channel);

/* DONE when it is complete; what the client has to send last then goes out with the first write, in one segment. */
enum channel_result channel_handshake(struct channel *channel);
/* DONE with *ret_n > 0; END; AGAIN or negative with nothing. */
enum channel_result channel_read(struct channel *channel, uint8_t *data, size_t size, size_t *ret_n);
/* DONE when all was taken; AGAIN with *ret_n less than size. What was taken may not be sent yet; channel_flush goes on. */
enum channel_result channel_write(struct channel *channel, const uint8_t *data, size_t size, size_t *ret_n);
enum channel_result channel_flush(struct channel *channel);
/* close_notify and FIN, after all that was written. DONE when both are out. */
enum channel_result channel_end(struct channel *channel);

/* Throws away what comes, as it comes. END at the socket's end. */
enum channel_result channel_discard(struct channel *channel);

/* Why the last call failed; lent. */
const char *channel_fault(const struct channel *channel, enum channel_result result);

#endif

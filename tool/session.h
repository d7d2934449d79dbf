/*
 * One TLS connection on one non-blocking socket: moves ciphertext between the two, plaintext between the connection and two bounded buffers, and knows
 * how it ended. Nothing here blocks, and nothing here knows where plaintext comes from or goes to: its user puts and takes it.
 *
 * A session ends in one way, told by `end`; plaintext that came before can still be taken.
 */

#ifndef UNITLS_TOOL_SESSION_H
#define UNITLS_TOOL_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <unitls/connection.h>

#include "tool/status.h"

#define SESSION_BUFFER_BYTES 16384
#define SESSION_ALERT_MS     1000 /* how long a peer may take to read the alert that ends a failed connection */

struct session_buffer {
	size_t at; /* [at, size) of data are held */
	size_t size;
	uint8_t data[SESSION_BUFFER_BYTES];
};

enum session_phase {
	SESSION_HANDSHAKE,
	SESSION_OPEN,
	SESSION_ENDING, /* failed: the alert goes out, and the peer gets the time to read it */
	SESSION_OVER,
};

struct session_end {
	enum status status;
	struct unitls_error error; /* class NONE for a clean end */
};

struct session {
	struct unitls_connection *tls;
	int fd;
	enum session_phase phase;
	struct session_buffer in;  /* from the peer */
	struct session_buffer out; /* to the peer */
	bool out_ended;            /* nothing more will be put: close_notify follows */
	bool in_ended;             /* the peer's close_notify has come */
	bool half_close;           /* one direction goes on when close_notify ended the other */
	bool hold_close;           /* close_notify waits for the peer's */
	bool limit_silence;        /* timeout_ms counts also while both directions are open */
	bool hungry;               /* there is work left: run it again without waiting */
	uint64_t bytes_in;         /* plaintext */
	uint64_t bytes_out;
	int64_t handshake_ms; /* how long it took */
	struct session_end end;

	/* its own */
	bool close_sent;
	bool read_ended; /* the socket's, or it failed */
	bool write_failed;
	bool fin_sent;
	bool gone;    /* after its close_notify the peer closed its socket */
	bool hung_up; /* poll(2) reports an end that is not to be looked at yet */
	int socket_error;
	int64_t started_ms;
	int64_t timeout_ms;
	int64_t moved_ms; /* when a byte last moved */
	int64_t ending_ms;
};

/*
 * Takes both over. timeout_ms: for the handshake, and later how long the peer or our side may be silent once one direction has ended.
 */
void session_init(struct session *session, struct unitls_connection *tls, int fd, int64_t timeout_ms);
/* Closes and frees what was taken over. */
void session_fini(struct session *session);

/* What to poll(2) for; fd is -1 when there is nothing to wait for. */
struct pollfd session_pollfd(const struct session *session);
/* When it wants to be run without an event; CLOCK_NEVER. */
int64_t session_deadline(const struct session *session);
/* Does what can be done now. revents: poll's, 0 when something else gave the reason (room in a buffer, a deadline). */
void session_run(struct session *session, short revents);
/* Ends it for a reason of the program's own. */
void session_fail(struct session *session, enum status status, const struct unitls_error *error);

/* Where plaintext for the peer may be put, and how much; then session_put. None once the output has ended. */
size_t session_room(struct session *session, uint8_t **ret_at);
void session_put(struct session *session, size_t n);
/* Nothing more will be put: close_notify follows what there is. */
void session_end_output(struct session *session);
/* Plaintext of the peer, to be removed by session_take. */
struct unitls_bytes session_held(const struct session *session);
void session_take(struct session *session, size_t n);

#endif

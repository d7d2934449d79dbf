/*
 * The inside of a TLS bufferevent, shared by bufferevent.c (making, freeing, the public functions), engine.c (the protocol) and transport.c (the
 * bufferevent below it and its descriptor).
 *
 * Three objects: the *outer* bufferevent, which the program has, is a filter of libevent's over the one *below*, a socket's or the program's own. Of the
 * filter only its place is used (options, timeouts, freeing, the way to the descriptor): its two filter functions move nothing. The engine takes the callbacks
 * of the one below for itself, and moves bytes between the buffers of the two and the connection.
 *
 * Lifetime: the engine lives until the outer one's finalisation, which libevent runs from the loop some time after bufferevent_free; until then the one
 * below is alive, too. In between the outer one has no references left and must not get new ones (it would be finalised twice). bufferevent_free takes its
 * callbacks away first, so who finds it without callbacks takes no reference and calls nothing; that is right as well for one that merely has none.
 *
 * Locks: with BEV_OPT_THREADSAFE both bufferevents have locks, taken in the order outer, below, as libevent does when a program enables or frees the outer
 * one. Everything here runs with the outer one's held, but for the callbacks of the one below: those run with its lock held, so they only take down
 * what happened (news) and have the engine run from the loop, which holds none. The outer lock is taken by way of its output buffer, which has the same
 * one: bufferevent_lock would take a reference.
 */
#ifndef UNITLS_EVENT_ENGINE_H
#define UNITLS_EVENT_ENGINE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <unitls/event.h>

enum engine_state {
	ENGINE_UNBOUND, /* there is no connected descriptor */
	ENGINE_HANDSHAKE,
	ENGINE_OPEN,
	ENGINE_FAILED,
};

struct engine {
	struct bufferevent *outer;
	struct bufferevent *below;
	struct bufferevent *valve; /* transport.c; NULL when not needed */
	struct event *turn;        /* runs the engine from the loop */
	struct evbuffer_cb_entry *on_input;
	struct evbuffer_cb_entry *on_output;
	bool owns_below;  /* made here, not given: it is a socket's */
	bool frees_below; /* owns_below, and libevent does not free it with the outer one */
	bool threadsafe;
	bool running; /* within unitls_event_run */
	short news;   /* transport.c: what its callbacks were called for since the last run */
	int news_errno;
	bool draining;     /* the outer output is drained by us */
	bool watching;     /* transport.c: waits for the outer one to be enabled for reading */
	uint64_t identity; /* of the socket that the connection is for; 0 = none known */

	struct unitls_client_context *client_context; /* one of the two is NULL */
	struct unitls_server_context *server_context;
	struct unitls_peer_name peer_name;
	struct unitls_connection *connection;
	bool connection_used; /* it has begun: another descriptor needs another one */
	bool allow_dirty_shutdown;

	enum engine_state state;
	short end_event; /* how the program was told of the end of reading; 0 = not yet */
	bool retell;     /* it has enabled reading again */
	struct unitls_error error;
	int transport_errno;  /* of the transport's failure; 0 = none */
	bool send_failed;     /* transport_errno is of sending: what came in may still say why */
	bool transport_ended; /* nothing more will come in */
	bool unread;          /* the connection may have plaintext, or the end, for the outer input */
	bool lost;            /* there was no memory for plaintext: it fails once what was before it is told */
	bool reads_to_write;  /* the library must read before it can write */
	bool flushing;        /* BEV_FLUSH: EV_WRITE does not matter until the output is empty */
	bool finishing;       /* BEV_FINISHED: close_notify goes behind the output */
	bool finished;        /* close_notify has been handed to the bufferevent below */
	bool finish_settled;  /* ... and to the transport */
	bool written;         /* the write callback is due */
	size_t in_flight;     /* bytes at the front of the outer output that are encrypted in the output below */
	size_t left_below;    /* bytes in the input below when the engine was last left */
};

/* engine.c ------------------------------------------------------------------------------------------------------------------- */

/* Does all that can be done now, and calls the program's callbacks. Whoever calls it touches nothing of the outer bufferevent afterwards. */
void unitls_event_run(struct engine *engine);
/* Sends at once what can be sent at once, without calling anybody: what is flushed may be freed next. */
void unitls_event_flush(struct engine *engine);
/* Has the engine run soon, from the loop. */
void unitls_event_schedule(struct engine *engine);
/* Whether the program has callbacks. Without, the outer bufferevent must not be referenced: it may be in the course of being freed. */
bool unitls_event_has_callbacks(const struct engine *engine);
/* Finds out whether the descriptor is another one or gone, and begins anew if so. */
void unitls_event_follow(struct engine *engine);
/* Ciphertext came in: the read timeout starts again. */
void unitls_event_restart_read_timeout(struct engine *engine);
/* Makes a connection for the next descriptor; the one before is freed. */
int unitls_event_new_connection(struct engine *engine, struct unitls_error *error);
/* Whether there is something that the write timeout is about. */
bool unitls_event_is_writing(const struct engine *engine);

/* transport.c ---------------------------------------------------------------------------------------------------------------- */

/* What the descriptor came to since the last look. */
enum descriptor_news {
	DESCRIPTOR_SAME,
	DESCRIPTOR_GONE,
	DESCRIPTOR_NEW,    /* another, connected socket: engine->identity is set */
	DESCRIPTOR_FAILED, /* connecting failed: engine->transport_errno and identity are set */
};

/* Acts on the news. */
void unitls_event_take_news(struct engine *engine);
enum descriptor_news unitls_event_look_at_descriptor(struct engine *engine);
/* Throws away what is left of an earlier connection below. */
void unitls_event_discard_below(struct engine *engine);
/*
 * Hands on what is in the output below, as far as that goes without waiting (to the kernel, when it is a socket's that was made here): who is told of a
 * failure, or flushes, may free everything at once.
 */
void unitls_event_push(struct engine *engine);
/* After a failure of sending, for which libevent has disabled the one below: a new descriptor is to be told all the same. */
void unitls_event_stop_sending(struct engine *engine);
/* Whether a socket's below, made here, has something to read, which the loop will bring. */
bool unitls_event_more_to_read(const struct engine *engine);
/* When the one below reads. */
enum reading {
	READING_STOPPED,
	READING_AS_OUTER, /* while the outer one is enabled for it */
	READING_ALWAYS,   /* also while it is not: what the protocol needs does not wait for the program */
};
/* UNITLS_ERROR without memory. */
int unitls_event_set_reading(struct engine *engine, enum reading reading);
/* Has the engine run once the outer one is enabled for reading; or no longer. */
void unitls_event_watch_outer(struct engine *engine, bool watch);
/* Gives the callbacks of the one below to the engine, or takes them away. */
void unitls_event_attach(struct engine *engine);
void unitls_event_detach(struct engine *engine);
/* The engine of a bufferevent that the program has; NULL when it has none. */
struct engine *unitls_event_engine_of(struct bufferevent *outer);

#endif

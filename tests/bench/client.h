/*
 * One connection of the load generator: handshake, one request, its answer verified to the last byte, and a proper end. It ends by telling its
 * owner, once, and is then only to be freed.
 */

#ifndef UNITLS_BENCH_CLIENT_H
#define UNITLS_BENCH_CLIENT_H

#include <netinet/in.h>
#include <unitls/session.h>

#include "tests/bench/channel.h"
#include "tests/bench/request.h"
#include "tests/bench/tally.h"

/* Where to and how; the same for all connections of a run. */
struct client_target {
	struct event_base *base;
	struct sockaddr_in address;
	struct unitls_client_context *context; /* NULL: plaintext */
	struct unitls_peer_name name;
	bool half_close; /* the backend can read after its close_notify */
};

/* What one connection asks for. */
struct client_task {
	enum request_verb verb;
	uint64_t size;  /* of the request */
	uint64_t chunk; /* ECHO: sent at once, then its echo is awaited */
	bool hold;      /* stays open after the answer until client_release */
};

enum client_phase {
	CLIENT_HANDSHAKE,
	CLIENT_EXCHANGE,
	CLIENT_HOLDING,
	CLIENT_CLOSING, /* close_notify and FIN are sent, the server's are awaited */
	CLIENT_OVER,
};

struct client;

/* What its owner wants to know. on_over may free the client. */
struct client_owner {
	void (*on_held)(struct client *client, void *argument); /* with hold: the answer has come */
	void (*on_over)(struct client *client, void *argument);
	void *argument;
};

struct client {
	struct channel channel;
	const struct client_target *target;
	const struct client_owner *owner;
	struct tally *tally;
	struct client_task task;
	enum client_phase phase;
	struct unitls_session
		*session; /* to be offered; replaced by the newest one when it is over. May be NULL */
	bool must_resume;
	bool counts; /* false: what it does is preparation, only its failure goes into the tally */
	bool failed;
	uint64_t scheduled_ns; /* from when latencies count */
	uint64_t chunk_ns;     /* ECHO: when the present round trip began */
	uint64_t sent;         /* with the request */
	uint64_t received;
	struct client *next; /* its owner's list */
	struct client **link;
};

uint64_t client_clock_ns(void);
/* Zero what its owner does not set: task, session, must_resume, counts, scheduled_ns. May end it before it returns. */
void client_start(struct client *client, const struct client_target *target, const struct client_owner *owner,
	struct tally *tally);
void client_release(struct client *client);
/* Ends it from outside, for this reason. */
void client_give_up(struct client *client, const char *reason);
/* Closes and frees what it holds. */
void client_fini(struct client *client);

/* A socket on its way to the target, with a connection that has said nothing yet (NULL without TLS). -1 with a reason. */
int client_connect(
	const struct client_target *target, struct unitls_connection **ret_tls, const char **ret_reason);

#endif

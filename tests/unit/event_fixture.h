/*
 * What the tests of the bufferevent share: contexts of every built backend, connected sockets, one end of a connection that keeps account of what
 * it is told, and a loop that fails the test when it takes too long.
 */
#ifndef UNITLS_TESTS_EVENT_FIXTURE_H
#define UNITLS_TESTS_EVENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <unitls/event.h>
#include <unitls/unitls.h>

#define BACKENDS_MAX 16

/* One backend's contexts. The certificate is for a.example and 127.0.0.1. */
struct backend_fixture {
	char *name;
	struct unitls_backend *backend;
	struct unitls_server_context *server;
	struct unitls_server_context *asking_server; /* its hello callback is fixture_hello */
	struct unitls_client_context *client;
	struct unitls_client_context *distrusting_client; /* trusts another certificate */
};

struct pair {
	const struct backend_fixture *client;
	const struct backend_fixture *server;
};

/* What fixture_hello says next, and whom it was asked about last. */
extern enum unitls_hello_decision fixture_decision;
extern struct unitls_connection *fixture_asked;

/* The name a.example. */
extern struct unitls_peer_name fixture_name;

/*
 * Runs each of the tests: those of every_pair once for each client and server backend, those of every_backend for each with itself, those of
 * once with the first backend. The state of a test is a const struct pair *. Returns what main returns.
 */
int fixture_run(const char *name, const struct CMUnitTest *every_pair, size_t n_every_pair,
	const struct CMUnitTest *every_backend, size_t n_every_backend, const struct CMUnitTest *once,
	size_t n_once);

/* Connected non-blocking sockets: over TCP on the loopback interface without delays, or local ones. */
void fixture_tcp_pair(evutil_socket_t fds[2]);
void fixture_local_pair(evutil_socket_t fds[2]);
/* A listening TCP socket on a free port of 127.0.0.1. */
evutil_socket_t fixture_listen(struct sockaddr_in *ret_address);

/* One end. */
struct party {
	struct bufferevent *bev; /* NULL after it was freed */
	short events;            /* all that the event callback was called with */
	short last;              /* the last one */
	int n_events;
	int n_connected;
	int last_errno;
	int n_reads;
	int n_writes;
	struct unitls_error failure; /* of BEV_EVENT_ERROR */
	size_t received;
	size_t mismatches; /* bytes that are not those of fixture_pattern */
	bool keep;         /* what comes stays in the input */
	bool echo;         /* what comes is sent back */
	size_t to_send;    /* bytes of the pattern that the write callback still sends */
	size_t sent;       /* ... and has put into the output */
	short free_at;     /* free the bufferevent when called with any of these events; see PARTY_ */
	void (*on_event)(struct party *party, short what); /* may be NULL */
	void (*on_read)(struct party *party);
	void *argument;
};

/* Beside libevent's BEV_EVENT_: at which callback to free. */
#define PARTY_FREE_AT_READ  0x1000
#define PARTY_FREE_AT_WRITE 0x2000

/* Gives party the bufferevent and sets its callbacks, and enables both directions. Fails the test when bev is NULL. */
void party_take(struct party *party, struct bufferevent *bev, const struct unitls_error *error);
/* Puts the first bytes of party->to_send into the output; the write callback sends the rest, a piece at a time. */
void party_send(struct party *party, size_t size);
void party_free(struct party *party);

/* Byte i of what is sent. */
uint8_t fixture_pattern(size_t i);

/* Two ends on one loop. */
struct ends {
	struct event_base *base;
	const struct pair *pair;
	evutil_socket_t fds[2];
	struct party client;
	struct party server;
};

/* With TCP sockets; options are those of both. */
void ends_open(struct ends *ends, const struct pair *pair, int options);
/* Frees what is left, runs the finalisers, frees the base. */
void ends_close(struct ends *ends);
/* Until both ends are connected. */
void ends_connect(struct ends *ends);

/* Runs the loop until the expression holds; fails the test when that takes more than two minutes. */
#define LOOP_UNTIL(base, expression)                               \
	do {                                                       \
		int64_t deadline = unitls_deadline_after(120000);  \
		while (!(expression))                              \
			fixture_step(base, deadline, #expression); \
	} while (0)
void fixture_step(struct event_base *base, int64_t deadline, const char *expression);
/* Runs it for so long, whatever happens. */
void fixture_loop_for(struct event_base *base, int ms);
/* Runs what is due now, and what follows from it at once. */
void fixture_settle(struct event_base *base);

#endif

/*
 * The inside of a connection, shared by connection.c (buffers, handshake, plaintext) and connection_hello.c (the server's ClientHello).
 */
#ifndef UNITLS_CORE_CONNECTION_H
#define UNITLS_CORE_CONNECTION_H

#include "core/client_hello.h"
#include "core/context.h"
#include "core/der.h"
#include "core/hello_reader.h"
#include <unitls/connection.h>
#include <unitls/session.h>

enum state {
	STATE_HELLO,     /* server: waiting for the first ClientHello */
	STATE_DECISION,  /* server: the application has not decided on the hello yet */
	STATE_HANDSHAKE, /* the native handshake is under way */
	STATE_OPEN,      /* the handshake is complete */
	STATE_CLOSED,    /* shut down before the handshake was complete */
	STATE_FAILED,    /* a sticky failure */
};

/* How the core treats what comes in while the native handshake is under way. */
enum filter {
	FILTER_WATCH,  /* server: look for a HelloRetryRequest in the first flight */
	FILTER_SECOND, /* server: judge the second ClientHello first */
	FILTER_PASS,   /* everything is the backend's */
};

struct unitls_connection {
	struct unitls_transport transport;
	enum state state;
	enum filter filter;
	bool eof;         /* the peer's close_notify was read */
	bool write_ended; /* our close_notify is out; also one that the library sent by itself */
	bool resumed;
	bool extended_master_secret;
	bool reading; /* the last read gave bytes: with none pending and nothing new come in, the next one would be in vain */
	bool asked; /* the backend was called: no session can be offered any more */
	uint16_t version;
	uint16_t cipher_suite;
	uint16_t group;
	uint16_t signature_scheme;
	int failure_status;           /* STATE_FAILED: what every call answers */
	struct unitls_error *failure; /* its details; NULL when there was no memory to keep them */

	struct unitls_client_context *client_context; /* one of the two is NULL */
	struct unitls_server_context *server_context;
	struct unitls_identity *identity;
	const struct unitls_backend_ops *ops; /* the identity's; NULL before it is chosen */
	void *native;

	struct unitls_peer_name *peer_name; /* client */
	char *server_name;                  /* asked for or sent; NULL when none */
	struct unitls_bytes alpn;           /* negotiated; lent by the native object */

	struct unitls_session *offered;    /* client: the session that was offered; NULL = none */
	struct unitls_client_hello *hello; /* server, until the handshake is complete */
	struct unitls_hello_reader hello_reader;
	enum unitls_hello_decision decision; /* of the application, after STATE_DECISION */
	struct unitls_server_context *decided_context;
	int decided_alert;

	struct unitls_certificate **peer_chain; /* made when first asked for */
	size_t n_peer_chain;
	bool peer_chain_known;
};

/* connection.c ----------------------------------------------------------------------------------------------------------------- */

/* Remembers a failure and answers it. What came in is of no use any more. */
int unitls_connection_fail(struct unitls_connection *connection, int status, const struct unitls_error *details,
	struct unitls_error *error);
int unitls_connection_fail_truncated(struct unitls_connection *connection, struct unitls_error *error);
/* The counters of the context in use. */
struct unitls_counters *unitls_connection_counters(const struct unitls_connection *connection);
/* Makes the native object of the identity that was chosen. error is not NULL. */
int unitls_connection_start_native(
	struct unitls_connection *connection, struct unitls_bytes alpn_selected, struct unitls_error *error);

/* connection_hello.c ----------------------------------------------------------------------------------------------------------- */

/* STATE_HELLO: gets the hello together, parses it, has it decided. 0: the native handshake can begin. */
int unitls_connection_read_first_hello(struct unitls_connection *connection, struct unitls_error *error);
/* Does what was decided on the hello. */
int unitls_connection_act_on_decision(struct unitls_connection *connection, enum unitls_hello_decision decision,
	struct unitls_server_context *context, int alert, struct unitls_error *error);
/* FILTER_WATCH: looks for a HelloRetryRequest in what the native server sends first. */
void unitls_connection_watch_first_flight(struct unitls_connection *connection);
/* FILTER_SECOND: 0 when the backend may go on, which it may also for a record that is no handshake. */
int unitls_connection_read_second_hello(struct unitls_connection *connection, struct unitls_error *error);

#endif

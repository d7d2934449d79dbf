/*
 * A server's session tickets, sealed with the core's keys.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_TICKETS_H
#define UNITLS_BACKEND_MBEDTLS_TICKETS_H

#include "backends/mbedtls/compat.h"

struct mbed_connection;

/* What one connection of a server knows of the ticket that it was offered. */
struct mbed_ticket {
	int64_t made;        /* when the session of the ticket was */
	bool hello_extended; /* the client offers the extended master secret */
	bool hello_has_id;   /* and has named a session */
	int suites[2];       /* the session's suite alone, for the library to choose */
	struct compat_cache
		renewed; /* the session, while the library is to believe that it has found it elsewhere */
};

/* Before the handshake of a server whose context has tickets. */
void mbed_tickets_setup(struct mbed_connection *connection);
/* When the ClientHello is there (one record, from its header). */
void mbed_tickets_note_hello(struct mbed_connection *connection, struct unitls_bytes hello);
void mbed_tickets_free(struct mbed_connection *connection);

#endif

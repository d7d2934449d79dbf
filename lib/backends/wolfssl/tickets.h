/*
 * Session tickets of a server context, sealed with the core's keys. The library has keys of its own and a lock, but looks at their age without it (5.5.4:
 * DefTicketEncCb).
 */
#ifndef UNITLS_BACKEND_WOLFSSL_TICKETS_H
#define UNITLS_BACKEND_WOLFSSL_TICKETS_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

/* Gives the context tickets. What the library says; 0 when all is well. source lives as long as the context. */
int wolf_tickets_load(WOLFSSL_CTX *ctx, struct unitls_ticket_source *source);
/* Whether a ticket of TLS 1.2 has the library's layout. It ends the connection over one that has not, where a full handshake is due (RFC 5077, 3.4). */
bool wolf_tickets_is_ours(struct unitls_bytes ticket);

#endif

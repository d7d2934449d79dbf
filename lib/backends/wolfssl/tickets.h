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

#endif

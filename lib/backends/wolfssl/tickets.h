/*
 * Session tickets, sealed with the core's keys.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_TICKETS_H
#define UNITLS_BACKEND_WOLFSSL_TICKETS_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

/* Makes a server context seal its tickets with the keys of source, which outlives it. 0, or the library's error. */
int wolf_tickets_load(WOLFSSL_CTX *ctx, struct unitls_ticket_source *source);

#endif

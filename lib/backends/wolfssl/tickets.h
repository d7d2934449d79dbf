/*
 * Session tickets of a server context: keys of its own, which change.
 *
 * The library has keys and a lock, but looks at the keys' age without it (5.5.4: DefTicketEncCb).
 */
#ifndef UNITLS_BACKEND_WOLFSSL_TICKETS_H
#define UNITLS_BACKEND_WOLFSSL_TICKETS_H

#include <pthread.h>

#include "backends/wolfssl/library.h"
#include "core/backend.h"

#define WOLF_TICKET_KEY_SIZE  32
#define WOLF_TICKET_NAME_SIZE 16

struct wolf_ticket_key {
	uint8_t name[WOLF_TICKET_NAME_SIZE];
	uint8_t key[WOLF_TICKET_KEY_SIZE];
	int64_t made_at; /* seconds of the monotonic clock */
	bool usable;
};

struct wolf_tickets {
	pthread_mutex_t lock;
	struct wolf_ticket_key current;
	struct wolf_ticket_key previous;
	bool ready; /* the lock was made */
};

/* Gives the context tickets. What the library says; 0 when all is well. tickets lives as long as the context. */
int wolf_tickets_init(struct wolf_tickets *tickets, WOLFSSL_CTX *ctx);
/* Wipes the keys; zeros are fine. */
void wolf_tickets_fini(struct wolf_tickets *tickets);

#endif

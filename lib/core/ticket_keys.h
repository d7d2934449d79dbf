/*
 * Session ticket keys from the core's side: the source that one native context takes its keys from.
 */
#ifndef UNITLS_CORE_TICKET_KEYS_H
#define UNITLS_CORE_TICKET_KEYS_H

#include "core/backend.h"
#include <unitls/ticket_keys.h>

/* A source of keys' secrets for one resumption scope; takes a reference of keys. NULL without memory. */
struct unitls_ticket_source *unitls_ticket_source_new(
	struct unitls_ticket_keys *keys, const uint8_t scope[UNITLS_DIGEST_SIZE]);
void unitls_ticket_source_free(struct unitls_ticket_source *source);

#endif

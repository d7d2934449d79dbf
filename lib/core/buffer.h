/*
 * The linear buffers of a connection: storage on demand, bounded, given back when empty.
 */
#ifndef UNITLS_CORE_BUFFER_H
#define UNITLS_CORE_BUFFER_H

#include "core/backend.h"

/* What a backend may add above UNITLS_OUTGOING_LIMIT_BYTES on its own: handshake flights, tickets, KeyUpdates, alerts. */
#define UNITLS_OUTGOING_SLACK_BYTES 32768

static inline size_t unitls_buffer_size(const struct unitls_buffer *buffer)
{
	return buffer->tail - buffer->head;
}

/*
 * Makes room for n bytes at the tail: moves what is held to the front, or grows, so that held + n <= limit. UNITLS_ERROR when it would exceed the
 * limit or there is no memory (the buffer is as before).
 */
int unitls_buffer_reserve(struct unitls_buffer *buffer, size_t n, size_t limit);
/* Removes n bytes from the front; gives the storage back when nothing is left. */
void unitls_buffer_consume(struct unitls_buffer *buffer, size_t n);
/* Gives the storage back if nothing is held. */
void unitls_buffer_release_if_empty(struct unitls_buffer *buffer);
/* Drops everything. */
void unitls_buffer_clear(struct unitls_buffer *buffer);

#endif

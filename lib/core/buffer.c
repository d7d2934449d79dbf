#include "core/buffer.h"

#include <stdlib.h>

#define BUFFER_SIZE_MIN  4096
#define BUFFER_SIZE_STEP 16384

/*
 * Doubles from the smallest size, so that a handshake holds little and what grows reallocates a few times at most; beyond the step, where a writer has said what will come,
 * no more than is needed.
 */
static size_t capacity_for(size_t needed, size_t limit)
{
	size_t capacity = BUFFER_SIZE_MIN;

	while (capacity < needed && capacity < BUFFER_SIZE_STEP)
		capacity *= 2;
	if (capacity < needed)
		capacity = (needed + BUFFER_SIZE_STEP - 1) / BUFFER_SIZE_STEP * BUFFER_SIZE_STEP;
	return capacity < limit ? capacity : limit;
}

int unitls_buffer_reserve(struct unitls_buffer *buffer, size_t n, size_t limit)
{
	size_t held = unitls_buffer_size(buffer);
	size_t capacity;
	uint8_t *data;

	if (n > limit || held > limit - n)
		return UNITLS_ERROR;
	if (buffer->capacity - buffer->tail >= n)
		return UNITLS_OK;
	if (buffer->capacity >= held + n) {
		memmove(buffer->data, buffer->data + buffer->head, held);
		buffer->head = 0;
		buffer->tail = held;
		return UNITLS_OK;
	}
	capacity = capacity_for(held + n, limit);
	data = malloc(capacity);
	if (!data)
		return UNITLS_ERROR;
	if (held > 0)
		memcpy(data, buffer->data + buffer->head, held);
	free(buffer->data);
	*buffer = (struct unitls_buffer){.data = data, .head = 0, .tail = held, .capacity = capacity};
	return UNITLS_OK;
}

void unitls_buffer_consume(struct unitls_buffer *buffer, size_t n)
{
	buffer->head += n;
	unitls_buffer_release_if_empty(buffer);
}

void unitls_buffer_release_if_empty(struct unitls_buffer *buffer)
{
	if (buffer->head == buffer->tail)
		unitls_buffer_clear(buffer);
}

void unitls_buffer_clear(struct unitls_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct unitls_buffer){0};
}

size_t unitls_transport_write(struct unitls_transport *transport, const void *data, size_t size)
{
	struct unitls_buffer *outgoing = &transport->outgoing;
	size_t limit = UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES;
	size_t room = limit - unitls_buffer_size(outgoing);
	size_t n = size < room ? size : room;

	if (n == 0)
		return 0;
	if (unitls_buffer_reserve(outgoing, n, limit) < 0) {
		transport->out_of_memory = true;
		return 0;
	}
	memcpy(outgoing->data + outgoing->tail, data, n);
	outgoing->tail += n;
	return n;
}

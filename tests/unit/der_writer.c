/*
 * A writer of DER with a fixed buffer: a test that outgrows it fails.
 */
#include "tests/unit/der_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void der_writer_init(struct der_writer *writer)
{
	*writer = (struct der_writer){.data = malloc(DER_WRITER_SIZE)};
	assert_non_null(writer->data);
}

void der_writer_fini(struct der_writer *writer)
{
	free(writer->data);
	writer->data = NULL;
}

void der_raw(struct der_writer *writer, struct unitls_bytes bytes)
{
	assert_true(bytes.size <= DER_WRITER_SIZE - writer->size);
	if (bytes.size > 0)
		memcpy(writer->data + writer->size, bytes.data, bytes.size);
	writer->size += bytes.size;
}

void der_open(struct der_writer *writer, uint8_t tag)
{
	assert_true(writer->depth < DER_WRITER_DEPTH);
	der_raw(writer, (struct unitls_bytes){&tag, 1});
	writer->open[writer->depth++] = writer->size;
}

void der_close(struct der_writer *writer)
{
	size_t start = writer->open[--writer->depth];
	size_t content = writer->size - start;
	uint8_t length[5];
	size_t n = 1;

	if (content < 0x80) {
		length[0] = (uint8_t)content;
	} else {
		while (n < 5 && content >> (8 * (n - 1)) != 0)
			n++;
		length[0] = (uint8_t)(0x80 | (n - 1));
		for (size_t i = 1; i < n; i++)
			length[i] = (uint8_t)(content >> (8 * (n - 1 - i)));
	}
	assert_true(n <= DER_WRITER_SIZE - writer->size);
	memmove(writer->data + start + n, writer->data + start, content);
	memcpy(writer->data + start, length, n);
	writer->size += n;
}

void der_value(struct der_writer *writer, uint8_t tag, struct unitls_bytes content)
{
	der_open(writer, tag);
	der_raw(writer, content);
	der_close(writer);
}

struct unitls_bytes der_bytes(const struct der_writer *writer)
{
	return (struct unitls_bytes){writer->data, writer->size};
}

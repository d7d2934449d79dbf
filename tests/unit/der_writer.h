/*
 * Writes DER values for tests: lengths are minimal, contents are whatever the test wants.
 */
#ifndef UNITLS_TESTS_DER_WRITER_H
#define UNITLS_TESTS_DER_WRITER_H

#include <unitls/common.h>

#define DER_WRITER_SIZE  (1u << 20)
#define DER_WRITER_DEPTH 16

/* A view of a string literal's bytes, its NUL left out; the second for what is initialised statically. */
#define BYTES(literal) ((struct unitls_bytes)BYTES_INIT(literal))
#define BYTES_INIT(literal)                                     \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

struct der_writer {
	uint8_t *data; /* of DER_WRITER_SIZE bytes */
	size_t size;
	size_t open[DER_WRITER_DEPTH];
	size_t depth;
};

void der_writer_init(struct der_writer *writer);
void der_writer_fini(struct der_writer *writer);
/* Starts a value; what is written up to its close is its content. */
void der_open(struct der_writer *writer, uint8_t tag);
void der_close(struct der_writer *writer);
/* A whole value. */
void der_value(struct der_writer *writer, uint8_t tag, struct unitls_bytes content);
/* Bytes as they are. */
void der_raw(struct der_writer *writer, struct unitls_bytes bytes);
struct unitls_bytes der_bytes(const struct der_writer *writer);

#endif

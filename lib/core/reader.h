/*
 * A bounded reader of wire bytes that fails sticky: after one read past the end every read yields zero and `failed` stays set, so a
 * parser may check once at the end of a group. Pure; never touches a byte outside its view.
 */
#ifndef UNITLS_CORE_READER_H
#define UNITLS_CORE_READER_H

#include <unitls/common.h>

struct unitls_reader {
	const uint8_t *data;
	size_t size;
	bool failed;
};

static inline struct unitls_reader unitls_reader_init(struct unitls_bytes bytes)
{
	return (struct unitls_reader){.data = bytes.data, .size = bytes.size, .failed = false};
}

/* The next n bytes as a view; {NULL, 0} and failed when there are fewer. */
static inline struct unitls_bytes unitls_reader_bytes(struct unitls_reader *reader, size_t n)
{
	struct unitls_bytes bytes = {NULL, 0};

	if (reader->failed || reader->size < n) {
		reader->failed = true;
		return bytes;
	}
	bytes.data = reader->data;
	bytes.size = n;
	reader->data += n;
	reader->size -= n;
	return bytes;
}

static inline uint8_t unitls_reader_u8(struct unitls_reader *reader)
{
	struct unitls_bytes bytes = unitls_reader_bytes(reader, 1);

	return bytes.data ? bytes.data[0] : 0;
}

static inline uint16_t unitls_reader_u16(struct unitls_reader *reader)
{
	struct unitls_bytes bytes = unitls_reader_bytes(reader, 2);

	if (!bytes.data)
		return 0;
	return (uint16_t)((unsigned)bytes.data[0] << 8 | bytes.data[1]);
}

static inline uint32_t unitls_reader_u24(struct unitls_reader *reader)
{
	struct unitls_bytes bytes = unitls_reader_bytes(reader, 3);

	return bytes.data ? (uint32_t)bytes.data[0] << 16 | (uint32_t)bytes.data[1] << 8 | bytes.data[2] : 0;
}

/* Vectors with a length prefix of one or two octets (RFC 8446, 3.4). */
static inline struct unitls_bytes unitls_reader_vector8(struct unitls_reader *reader)
{
	return unitls_reader_bytes(reader, unitls_reader_u8(reader));
}

static inline struct unitls_bytes unitls_reader_vector16(struct unitls_reader *reader)
{
	return unitls_reader_bytes(reader, unitls_reader_u16(reader));
}

/* True when everything was read and nothing failed. */
static inline bool unitls_reader_done(const struct unitls_reader *reader)
{
	return !reader->failed && reader->size == 0;
}

#endif

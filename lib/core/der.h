/*
 * A bounded reader of DER (X.690): definite, minimal lengths and one-octet tags only. Reads foreign bytes; allocates nothing.
 *
 * It fails sticky: after the first fault every call returns false, so a sequence of reads may be checked once, with unitls_der_done.
 */
#ifndef UNITLS_CORE_DER_H
#define UNITLS_CORE_DER_H

#include <unitls/common.h>

enum unitls_der_tag {
	UNITLS_DER_BOOLEAN = 0x01,
	UNITLS_DER_INTEGER = 0x02,
	UNITLS_DER_BIT_STRING = 0x03,
	UNITLS_DER_OCTET_STRING = 0x04,
	UNITLS_DER_NULL = 0x05,
	UNITLS_DER_OID = 0x06,
	UNITLS_DER_ENUMERATED = 0x0a,
	UNITLS_DER_UTF8_STRING = 0x0c,
	UNITLS_DER_PRINTABLE_STRING = 0x13,
	UNITLS_DER_TELETEX_STRING = 0x14,
	UNITLS_DER_IA5_STRING = 0x16,
	UNITLS_DER_UTC_TIME = 0x17,
	UNITLS_DER_GENERALIZED_TIME = 0x18,
	UNITLS_DER_SEQUENCE = 0x30,
	UNITLS_DER_SET = 0x31,
	UNITLS_DER_CONTEXT = 0x80,     /* | number: [number] IMPLICIT of a primitive type */
	UNITLS_DER_CONSTRUCTED = 0xa0, /* | number: [number] of a constructed type, or EXPLICIT */
};

struct unitls_der {
	const uint8_t *at;
	size_t left;
	bool failed;
};

/* One value: its tag, its content, and the whole of it with tag and length. Lent. */
struct unitls_der_value {
	uint8_t tag;
	struct unitls_bytes content;
	struct unitls_bytes whole;
};

void unitls_der_init(struct unitls_der *reader, struct unitls_bytes bytes);
/* True when nothing failed and all was read. */
bool unitls_der_done(const struct unitls_der *reader);
/* Marks the reader failed; always false. */
bool unitls_der_fail(struct unitls_der *reader);
/* Whether a value with this tag comes next. */
bool unitls_der_next_is(const struct unitls_der *reader, uint8_t tag);

/* The next value, whatever it is; its content is not looked at. */
bool unitls_der_any(struct unitls_der *reader, struct unitls_der_value *ret_value);
/* The next value, which must have this tag. */
bool unitls_der_take(struct unitls_der *reader, uint8_t tag, struct unitls_der_value *ret_value);
/* The same, and a reader for its content. */
bool unitls_der_enter(struct unitls_der *reader, uint8_t tag, struct unitls_der *ret_inner);
/* Passes over a value with this tag if it comes next; true also when it does not. */
bool unitls_der_skip_optional(struct unitls_der *reader, uint8_t tag);

/* BOOLEAN. */
bool unitls_der_boolean(struct unitls_der *reader, bool *ret_boolean);
/* INTEGER, minimal, of any size and sign; lends its octets. */
bool unitls_der_integer(struct unitls_der *reader, struct unitls_bytes *ret_octets);
/* INTEGER above zero; lends its magnitude without leading zeros. */
bool unitls_der_positive(struct unitls_der *reader, struct unitls_bytes *ret_magnitude);
/* INTEGER from 0 to 127. */
bool unitls_der_small(struct unitls_der *reader, unsigned *ret_number);
/* BIT STRING of whole octets, with this tag (UNITLS_DER_BIT_STRING, or an implicit one). */
bool unitls_der_bits(struct unitls_der *reader, uint8_t tag, struct unitls_bytes *ret_octets);

/* The one value that bytes starts with: its size with tag and length, or 0 when there is none. */
size_t unitls_der_size(struct unitls_bytes bytes);
bool unitls_bytes_equal(struct unitls_bytes a, struct unitls_bytes b);

#endif

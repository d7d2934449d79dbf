/*
 * The DER reader. Pure: foreign bytes in, views of them out. Never reads outside its bounds, never recurses.
 */
#include "core/der.h"

#include <string.h>

void unitls_der_init(struct unitls_der *reader, struct unitls_bytes bytes)
{
	reader->at = bytes.data;
	reader->left = bytes.size;
	reader->failed = false;
}

bool unitls_der_done(const struct unitls_der *reader)
{
	return !reader->failed && reader->left == 0;
}

bool unitls_der_fail(struct unitls_der *reader)
{
	reader->failed = true;
	return false;
}

bool unitls_der_next_is(const struct unitls_der *reader, uint8_t tag)
{
	return !reader->failed && reader->left > 0 && reader->at[0] == tag;
}

/* X.690, 10.1: the length in the fewest octets. Sets the size of the header and that of the content. */
static bool read_header(const uint8_t *at, size_t left, size_t *ret_header, size_t *ret_content)
{
	size_t octets;
	size_t content = 0;

	if (left < 2 || (at[0] & 0x1f) == 0x1f)
		return false;
	if (at[1] < 0x80) {
		*ret_header = 2;
		*ret_content = at[1];
		return at[1] <= left - 2;
	}
	octets = at[1] & 0x7fu;
	if (octets == 0 || octets > 4 || octets > left - 2 || at[2] == 0)
		return false;
	for (size_t i = 0; i < octets; i++)
		content = content << 8 | at[2 + i];
	if (content < 0x80)
		return false;
	*ret_header = 2 + octets;
	*ret_content = content;
	return content <= left - 2 - octets;
}

bool unitls_der_any(struct unitls_der *reader, struct unitls_der_value *ret_value)
{
	size_t header;
	size_t content;

	if (reader->failed)
		return false;
	if (!read_header(reader->at, reader->left, &header, &content))
		return unitls_der_fail(reader);
	ret_value->tag = reader->at[0];
	ret_value->content.data = reader->at + header;
	ret_value->content.size = content;
	ret_value->whole.data = reader->at;
	ret_value->whole.size = header + content;
	reader->at += header + content;
	reader->left -= header + content;
	return true;
}

bool unitls_der_take(struct unitls_der *reader, uint8_t tag, struct unitls_der_value *ret_value)
{
	if (!unitls_der_next_is(reader, tag))
		return unitls_der_fail(reader);
	return unitls_der_any(reader, ret_value);
}

bool unitls_der_enter(struct unitls_der *reader, uint8_t tag, struct unitls_der *ret_inner)
{
	struct unitls_der_value value;

	if (!unitls_der_take(reader, tag, &value)) {
		*ret_inner = (struct unitls_der){.failed = true};
		return false;
	}
	unitls_der_init(ret_inner, value.content);
	return true;
}

bool unitls_der_skip_optional(struct unitls_der *reader, uint8_t tag)
{
	struct unitls_der_value value;

	if (!unitls_der_next_is(reader, tag))
		return !reader->failed;
	return unitls_der_any(reader, &value);
}

bool unitls_der_boolean(struct unitls_der *reader, bool *ret_boolean)
{
	struct unitls_der_value value;

	if (!unitls_der_take(reader, UNITLS_DER_BOOLEAN, &value))
		return false;
	if (value.content.size != 1 || (value.content.data[0] != 0x00 && value.content.data[0] != 0xff))
		return unitls_der_fail(reader);
	*ret_boolean = value.content.data[0] != 0;
	return true;
}

bool unitls_der_integer(struct unitls_der *reader, struct unitls_bytes *ret_octets)
{
	struct unitls_der_value value;
	const uint8_t *octets;

	if (!unitls_der_take(reader, UNITLS_DER_INTEGER, &value))
		return false;
	octets = value.content.data;
	if (value.content.size == 0)
		return unitls_der_fail(reader);
	/* X.690, 8.3.2: the first nine bits are neither all zeros nor all ones. */
	if (value.content.size > 1 &&
		((octets[0] == 0x00 && (octets[1] & 0x80) == 0) || (octets[0] == 0xff && (octets[1] & 0x80) != 0)))
		return unitls_der_fail(reader);
	*ret_octets = value.content;
	return true;
}

bool unitls_der_positive(struct unitls_der *reader, struct unitls_bytes *ret_magnitude)
{
	struct unitls_bytes octets;

	if (!unitls_der_integer(reader, &octets))
		return false;
	if ((octets.data[0] & 0x80) != 0)
		return unitls_der_fail(reader);
	if (octets.data[0] == 0) {
		octets.data++;
		octets.size--;
	}
	if (octets.size == 0)
		return unitls_der_fail(reader);
	*ret_magnitude = octets;
	return true;
}

bool unitls_der_small(struct unitls_der *reader, unsigned *ret_number)
{
	struct unitls_bytes octets;

	if (!unitls_der_integer(reader, &octets))
		return false;
	if (octets.size != 1 || (octets.data[0] & 0x80) != 0)
		return unitls_der_fail(reader);
	*ret_number = octets.data[0];
	return true;
}

bool unitls_der_bits(struct unitls_der *reader, uint8_t tag, struct unitls_bytes *ret_octets)
{
	struct unitls_der_value value;

	if (!unitls_der_take(reader, tag, &value))
		return false;
	if (value.content.size == 0 || value.content.data[0] != 0)
		return unitls_der_fail(reader);
	ret_octets->data = value.content.data + 1;
	ret_octets->size = value.content.size - 1;
	return true;
}

size_t unitls_der_size(struct unitls_bytes bytes)
{
	size_t header;
	size_t content;

	return read_header(bytes.data, bytes.size, &header, &content) ? header + content : 0;
}

bool unitls_bytes_equal(struct unitls_bytes a, struct unitls_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

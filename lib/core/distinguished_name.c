/*
 * Names of subjects and issuers as text (RFC 4514), safe to show: control characters and what is no UTF-8 are escaped. Pure; allocates nothing.
 */
#include "core/distinguished_name.h"

#include <stdio.h>
#include <string.h>

#include <unitls/certificate.h>

#include "core/der.h"

#define UNIT_MAX 12 /* the longest piece that is written whole: four octets escaped as \XX */

/* Writes as snprintf does: counts everything, keeps what fits; nothing follows what did not. */
struct writer {
	char *buffer;
	size_t capacity; /* without the NUL */
	size_t used;
	size_t needed;
};

static struct writer start(char *buffer, size_t size)
{
	return (struct writer){buffer, size > 0 ? size - 1 : 0, 0, 0};
}

/* Ends the text, or takes it all back; how long it would be. */
static size_t finish(struct writer *writer, size_t size, bool is_good)
{
	if (!is_good)
		writer->used = writer->needed = 0;
	if (size > 0)
		writer->buffer[writer->used] = '\0';
	return writer->needed;
}

static void put(struct writer *writer, const char *text, size_t n)
{
	if (writer->used == writer->needed && n <= writer->capacity - writer->used) {
		memcpy(writer->buffer + writer->used, text, n);
		writer->used += n;
	}
	writer->needed += n;
}

static void put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

static void put_octets(struct writer *writer, const uint8_t *octets, size_t n, const char *before_each)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		const char pair[] = {digits[octets[i] >> 4], digits[octets[i] & 15]};

		put_text(writer, before_each);
		put(writer, pair, sizeof(pair));
	}
}

/*
 * Values --------------------------------------------------------------------------------------------------------------------
 */

/* Length of the well-formed UTF-8 sequence (RFC 3629) that is neither ASCII nor a C1 control character; 0 when there is none. */
static size_t sequence_length(const uint8_t *at, size_t left)
{
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t point = at[0] & (0x7fu >> n);

	if (at[0] < 0xc2 || at[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3fu);
	}
	return point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? 0 : n;
}

/* RFC 4514, 2.4: which characters need a backslash, some of them only at the ends. */
static bool needs_backslash(char c, bool first, bool last)
{
	if (c == '\0')
		return false;
	return strchr("\"+,;<>\\", c) != NULL || (first && (c == ' ' || c == '#')) || (last && c == ' ');
}

static void put_utf8(struct writer *writer, struct unitls_bytes text)
{
	for (size_t i = 0; i < text.size;) {
		size_t n = text.data[i] >= 0x80 ? sequence_length(text.data + i, text.size - i) : 1;
		char unit[UNIT_MAX];

		if (n == 0 || text.data[i] < ' ' || text.data[i] == 0x7f) {
			put_octets(writer, text.data + i, 1, "\\");
			i++;
			continue;
		}
		unit[0] = '\\';
		memcpy(unit + 1, text.data + i, n);
		if (needs_backslash(unit[1], i == 0, i + n == text.size))
			put(writer, unit, n + 1);
		else
			put(writer, unit + 1, n);
		i += n;
	}
}

/* What is no text that all read alike (RFC 4514, 2.4): '#' and the DER value in hex. */
static void put_value(struct writer *writer, const struct unitls_der_value *value)
{
	switch (value->tag) {
	case UNITLS_DER_UTF8_STRING:
	case UNITLS_DER_PRINTABLE_STRING:
	case UNITLS_DER_TELETEX_STRING:
	case UNITLS_DER_IA5_STRING:
		put_utf8(writer, value->content);
		return;
	default:
		put_text(writer, "#");
		put_octets(writer, value->whole.data, value->whole.size, "");
	}
}

/*
 * Types ---------------------------------------------------------------------------------------------------------------------
 */

/* RFC 4514, 3, and the one for mail addresses that everybody writes so. */
static const struct {
	const char *name;
	size_t size;
	uint8_t oid[10];
} types[] = {
	{"CN", 3, {0x55, 0x04, 0x03}},
	{"L", 3, {0x55, 0x04, 0x07}},
	{"ST", 3, {0x55, 0x04, 0x08}},
	{"O", 3, {0x55, 0x04, 0x0a}},
	{"OU", 3, {0x55, 0x04, 0x0b}},
	{"C", 3, {0x55, 0x04, 0x06}},
	{"STREET", 3, {0x55, 0x04, 0x09}},
	{"DC", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19}},
	{"UID", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01}},
	{"emailAddress", 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01}},
};

static void put_number(struct writer *writer, uint64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

	put(writer, text, n > 0 ? (size_t)n : 0);
}

/* 2.5.4.3 (X.690, 8.19); false for what is no object identifier of arcs up to 56 bits. */
static bool put_dotted(struct writer *writer, struct unitls_bytes oid)
{
	uint64_t arc = 0;
	bool first = true;

	if (oid.size == 0 || (oid.data[oid.size - 1] & 0x80) != 0)
		return false;
	for (size_t i = 0; i < oid.size; i++) {
		if (arc >> 49 != 0)
			return false;
		arc = arc << 7 | (oid.data[i] & 0x7fu);
		if ((oid.data[i] & 0x80) != 0)
			continue;
		if (first) {
			put_number(writer, arc < 80 ? arc / 40 : 2);
			arc = arc < 80 ? arc % 40 : arc - 80;
		}
		put_text(writer, ".");
		put_number(writer, arc);
		first = false;
		arc = 0;
	}
	return true;
}

static bool put_type(struct writer *writer, struct unitls_bytes oid)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (oid.size == types[i].size && memcmp(oid.data, types[i].oid, oid.size) == 0) {
			put_text(writer, types[i].name);
			return true;
		}
	return put_dotted(writer, oid);
}

/*
 * Names ---------------------------------------------------------------------------------------------------------------------
 */

static bool put_pair(struct writer *writer, struct unitls_der *set)
{
	struct unitls_der pair;
	struct unitls_der_value type;
	struct unitls_der_value value;

	if (!unitls_der_enter(set, UNITLS_DER_SEQUENCE, &pair) || !unitls_der_take(&pair, UNITLS_DER_OID, &type) ||
		!unitls_der_any(&pair, &value) || !unitls_der_done(&pair) || !put_type(writer, type.content))
		return false;
	put_text(writer, "=");
	put_value(writer, &value);
	return true;
}

/* The sets of a name, which RFC 4514 writes in reverse; how many, or 0 when there are none, too many, or it is no name. */
static size_t find_sets(struct unitls_bytes name, struct unitls_der sets[UNITLS_NAME_PARTS_MAX])
{
	struct unitls_der outer;
	struct unitls_der reader;
	size_t n = 0;

	unitls_der_init(&outer, name);
	if (!unitls_der_enter(&outer, UNITLS_DER_SEQUENCE, &reader) || !unitls_der_done(&outer))
		return 0;
	while (reader.left > 0)
		if (n == UNITLS_NAME_PARTS_MAX || !unitls_der_enter(&reader, UNITLS_DER_SET, &sets[n++]))
			return 0;
	return n;
}

size_t unitls_distinguished_name_text(struct unitls_bytes name, char *buffer, size_t size)
{
	struct writer writer = start(buffer, size);
	struct unitls_der sets[UNITLS_NAME_PARTS_MAX];
	size_t n = find_sets(name, sets);
	bool is_name = true;

	for (size_t i = n; i-- > 0 && is_name;) {
		if (i + 1 < n)
			put_text(&writer, ",");
		do {
			is_name = put_pair(&writer, &sets[i]);
			if (is_name && sets[i].left > 0)
				put_text(&writer, "+");
		} while (is_name && sets[i].left > 0);
	}
	return finish(&writer, size, is_name);
}

size_t unitls_oid_text(struct unitls_bytes oid, char *buffer, size_t size)
{
	struct writer writer = start(buffer, size);
	bool is_oid = put_dotted(&writer, oid);

	return finish(&writer, size, is_oid);
}

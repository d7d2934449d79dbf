/*
 * A bounded reader of DER that fails sticky, and the walk through a certificate (RFC 5280, 4.1).
 */
#include "backends/bearssl/certificate.h"

#define TAG_BOOLEAN        0x01
#define TAG_INTEGER        0x02
#define TAG_BIT_STRING     0x03
#define TAG_OCTET_STRING   0x04
#define TAG_OID            0x06
#define TAG_SEQUENCE       0x30
#define TAG_VERSION        0xa0 /* [0] EXPLICIT */
#define TAG_ISSUER_UNIQUE  0x81
#define TAG_SUBJECT_UNIQUE 0x82
#define TAG_EXTENSIONS     0xa3 /* [3] EXPLICIT */

#define DAYS_TO_1970 719528 /* BearSSL counts days from the year 0 */
#define DAY_SECONDS  86400

#define PATH_LENGTH_MAX 255

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static struct reader reader_of(struct unitls_bytes bytes)
{
	return (struct reader){bytes.data, bytes.data + bytes.size, false};
}

static size_t left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* The tag that comes next; 0 at the end. */
static int next_tag(const struct reader *reader)
{
	return reader->failed || left(reader) == 0 ? 0 : reader->at[0];
}

static bool fail(struct reader *reader)
{
	reader->failed = true;
	return false;
}

/* Length octets of the definite form, at most three behind the first. */
static bool read_length(struct reader *reader, size_t *ret_length)
{
	size_t length;
	size_t octets;

	if (left(reader) == 0)
		return fail(reader);
	length = *reader->at++;
	if (length >= 0x80) {
		octets = length & 0x7f;
		if (octets == 0 || octets > 3 || left(reader) < octets)
			return fail(reader);
		for (length = 0; octets > 0; octets--)
			length = length << 8 | *reader->at++;
	}
	if (length > left(reader))
		return fail(reader);
	*ret_length = length;
	return true;
}

/* Takes one element with this tag. ret_whole may be NULL. */
static bool take(struct reader *reader, int tag, struct unitls_bytes *ret_body, struct unitls_bytes *ret_whole)
{
	const uint8_t *begin = reader->at;
	size_t length;

	if (next_tag(reader) != tag)
		return fail(reader);
	reader->at++;
	if (!read_length(reader, &length))
		return false;
	*ret_body = (struct unitls_bytes){reader->at, length};
	reader->at += length;
	if (ret_whole != NULL)
		*ret_whole = (struct unitls_bytes){begin, (size_t)(reader->at - begin)};
	return true;
}

/* Takes one element if it has this tag. */
static bool take_optional(struct reader *reader, int tag, struct unitls_bytes *ret_body)
{
	return next_tag(reader) == tag && take(reader, tag, ret_body, NULL);
}

static bool is_oid(struct unitls_bytes oid, const char *expected, size_t size)
{
	return oid.size == size && memcmp(oid.data, expected, size) == 0;
}

#define IS_OID(oid, literal) is_oid(oid, literal, sizeof(literal) - 1)

static bool is_true(struct unitls_bytes boolean)
{
	return boolean.size == 1 && boolean.data[0] != 0;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
static bool read_basic_constraints(struct unitls_bytes value, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(value);
	struct unitls_bytes body;

	if (!take(&reader, TAG_SEQUENCE, &body, NULL))
		return false;
	reader = reader_of(body);
	if (take_optional(&reader, TAG_BOOLEAN, &body))
		certificate->is_ca = is_true(body);
	if (take_optional(&reader, TAG_INTEGER, &body)) {
		if (body.size == 0 || (body.data[0] & 0x80) != 0)
			return false;
		certificate->has_path_length = true;
		certificate->path_length = body.size == 1 ? body.data[0] : PATH_LENGTH_MAX;
	}
	return !reader.failed && left(&reader) == 0;
}

/* KeyUsage ::= BIT STRING, digitalSignature first: 0x80 0x40 sign, 0x20 0x10 0x08 exchange keys, 0x04 signs certificates. */
static bool read_key_usage(struct unitls_bytes value, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(value);
	struct unitls_bytes body;
	unsigned bits;

	if (!take(&reader, TAG_BIT_STRING, &body, NULL) || body.size < 2 || body.data[0] > 7)
		return false;
	bits = body.data[1];
	certificate->usages = 0;
	if ((bits & 0xc0) != 0)
		certificate->usages |= BR_KEYTYPE_SIGN;
	if ((bits & 0x38) != 0)
		certificate->usages |= BR_KEYTYPE_KEYX;
	certificate->can_sign = (bits & 0x04) != 0;
	return true;
}

/* ExtKeyUsage ::= SEQUENCE OF OBJECT IDENTIFIER */
static bool read_extended_key_usage(struct unitls_bytes value, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(value);
	struct unitls_bytes body;

	if (!take(&reader, TAG_SEQUENCE, &body, NULL))
		return false;
	certificate->for_servers = certificate->for_clients = false;
	for (reader = reader_of(body); left(&reader) > 0;) {
		if (!take(&reader, TAG_OID, &body, NULL))
			return false;
		if (IS_OID(body, "\x2b\x06\x01\x05\x05\x07\x03\x01") || IS_OID(body, "\x55\x1d\x25\x00"))
			certificate->for_servers = true;
		if (IS_OID(body, "\x2b\x06\x01\x05\x05\x07\x03\x02") || IS_OID(body, "\x55\x1d\x25\x00"))
			certificate->for_clients = true;
	}
	return true;
}

/* Extensions below 2.5.29 that BearSSL judges, or passes over whatever they say, even when they are critical. */
static bool is_judged_by_library(uint8_t number)
{
	static const uint8_t numbers[] = {9, 14, 17, 18, 31, 32, 35, 46};

	return memchr(numbers, number, sizeof(numbers)) != NULL;
}

static bool read_extension_value(
	struct unitls_bytes oid, bool critical, struct unitls_bytes value, struct bear_certificate *certificate)
{
	bool standard = oid.size == 3 && oid.data[0] == 0x55 && oid.data[1] == 0x1d;

	switch (standard ? oid.data[2] : 0) {
	case 15:
		return read_key_usage(value, certificate);
	case 19:
		return read_basic_constraints(value, certificate);
	case 30:
		certificate->name_constraints = true;
		return true;
	case 37:
		return read_extended_key_usage(value, certificate);
	default:
		if (critical && !(standard && is_judged_by_library(oid.data[2])))
			certificate->unknown_critical = true;
		return true;
	}
}

/* Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING } */
static bool read_extension(struct unitls_bytes extension, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(extension);
	struct unitls_bytes oid;
	struct unitls_bytes boolean = {NULL, 0};
	struct unitls_bytes value;

	if (!take(&reader, TAG_OID, &oid, NULL))
		return false;
	(void)take_optional(&reader, TAG_BOOLEAN, &boolean);
	if (!take(&reader, TAG_OCTET_STRING, &value, NULL))
		return false;
	return read_extension_value(oid, is_true(boolean), value, certificate);
}

static bool read_extensions(struct unitls_bytes body, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(body);

	if (!take(&reader, TAG_SEQUENCE, &body, NULL) || left(&reader) > 0)
		return false;
	certificate->has_extensions = true;
	for (reader = reader_of(body); left(&reader) > 0;) {
		if (!take(&reader, TAG_SEQUENCE, &body, NULL) || !read_extension(body, certificate))
			return false;
	}
	return true;
}

/* TBSCertificate, RFC 5280, 4.1. */
static bool read_body(struct unitls_bytes tbs, struct bear_certificate *certificate)
{
	struct reader reader = reader_of(tbs);
	struct unitls_bytes ignored;
	struct unitls_bytes extensions;

	(void)take_optional(&reader, TAG_VERSION, &ignored);
	if (!take(&reader, TAG_INTEGER, &ignored, NULL) || !take(&reader, TAG_SEQUENCE, &ignored, NULL) ||
		!take(&reader, TAG_SEQUENCE, &ignored, &certificate->issuer) ||
		!take(&reader, TAG_SEQUENCE, &ignored, NULL) ||
		!take(&reader, TAG_SEQUENCE, &ignored, &certificate->subject) ||
		!take(&reader, TAG_SEQUENCE, &ignored, NULL))
		return false;
	(void)take_optional(&reader, TAG_ISSUER_UNIQUE, &ignored);
	(void)take_optional(&reader, TAG_SUBJECT_UNIQUE, &ignored);
	if (take_optional(&reader, TAG_EXTENSIONS, &extensions) && !read_extensions(extensions, certificate))
		return false;
	return !reader.failed && left(&reader) == 0;
}

int bear_certificate_read(struct unitls_bytes der, struct bear_certificate *ret_certificate)
{
	struct reader reader = reader_of(der);
	struct unitls_bytes body;
	struct unitls_bytes tbs;
	struct unitls_bytes algorithm;

	*ret_certificate = (struct bear_certificate){
		.der = der,
		.usages = BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX,
		.can_sign = true,
		.for_servers = true,
		.for_clients = true,
	};
	if (!take(&reader, TAG_SEQUENCE, &body, NULL) || left(&reader) > 0)
		return -1;
	reader = reader_of(body);
	if (!take(&reader, TAG_SEQUENCE, &tbs, NULL) || !take(&reader, TAG_SEQUENCE, &algorithm, NULL) ||
		!read_body(tbs, ret_certificate))
		return -1;
	reader = reader_of(algorithm);
	return take(&reader, TAG_OID, &ret_certificate->signature_algorithm, NULL) ? 0 : -1;
}

bool bear_certificate_is_self_issued(const struct bear_certificate *certificate)
{
	return bear_bytes_equal(certificate->issuer, certificate->subject);
}

bool bear_certificate_is_weakly_signed(const struct bear_certificate *certificate)
{
	struct unitls_bytes oid = certificate->signature_algorithm;

	return IS_OID(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04") ||  /* md5WithRSAEncryption */
		IS_OID(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05") || /* sha1WithRSAEncryption */
		IS_OID(oid, "\x2a\x86\x48\xce\x3d\x04\x01");           /* ecdsa-with-SHA1 */
}

static int64_t seconds(uint32_t days, uint32_t second_of_day)
{
	return ((int64_t)days - DAYS_TO_1970) * DAY_SECONDS + second_of_day;
}

static void copy_key(const br_x509_pkey *from, struct bear_subject *to)
{
	to->key = *from;
	if (from->key_type == BR_KEYTYPE_EC) {
		memcpy(to->key_data, from->key.ec.q, from->key.ec.qlen);
		to->key.key.ec.q = to->key_data;
		return;
	}
	memcpy(to->key_data, from->key.rsa.n, from->key.rsa.nlen);
	memcpy(to->key_data + from->key.rsa.nlen, from->key.rsa.e, from->key.rsa.elen);
	to->key.key.rsa.n = to->key_data;
	to->key.key.rsa.e = to->key_data + from->key.rsa.nlen;
}

int bear_subject_read(struct unitls_bytes der, struct bear_subject *ret_subject)
{
	br_x509_decoder_context decoder;

	br_x509_decoder_init(&decoder, NULL, NULL);
	br_x509_decoder_push(&decoder, der.data, der.size);
	if (br_x509_decoder_get_pkey(&decoder) == NULL)
		return br_x509_decoder_last_error(&decoder);
	copy_key(br_x509_decoder_get_pkey(&decoder), ret_subject);
	ret_subject->not_before = seconds(decoder.notbefore_days, decoder.notbefore_seconds);
	ret_subject->not_after = seconds(decoder.notafter_days, decoder.notafter_seconds);
	return 0;
}

/* Integers without their leading zeros. */
static struct unitls_bytes number(const uint8_t *data, size_t size)
{
	for (; size > 0 && *data == 0; size--)
		data++;
	return (struct unitls_bytes){data, size};
}

bool bear_key_equal(const br_x509_pkey *a, const br_x509_pkey *b)
{
	if (a->key_type != b->key_type)
		return false;
	if (a->key_type == BR_KEYTYPE_EC)
		return a->key.ec.curve == b->key.ec.curve &&
			bear_bytes_equal((struct unitls_bytes){a->key.ec.q, a->key.ec.qlen},
				(struct unitls_bytes){b->key.ec.q, b->key.ec.qlen});
	return bear_bytes_equal(number(a->key.rsa.n, a->key.rsa.nlen), number(b->key.rsa.n, b->key.rsa.nlen)) &&
		bear_bytes_equal(number(a->key.rsa.e, a->key.rsa.elen), number(b->key.rsa.e, b->key.rsa.elen));
}

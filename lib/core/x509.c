/*
 * Reads certificates. Pure: foreign bytes in, views and numbers out. Every walk is over the certificate's own bytes, once.
 */
#include "core/x509.h"

#include <string.h>

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_subject_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_alternative_name[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_authority_key_id[] = {0x55, 0x1d, 0x23};

#define IS_OID(bytes, oid) ((bytes).size == sizeof(oid) && memcmp((bytes).data, oid, sizeof(oid)) == 0)

static bool is_ascii(struct unitls_bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

static bool is_readable(const struct unitls_der_value *text)
{
	switch (text->tag) {
	case UNITLS_DER_UTF8_STRING:
		return true;
	case UNITLS_DER_PRINTABLE_STRING:
	case UNITLS_DER_TELETEX_STRING:
	case UNITLS_DER_IA5_STRING:
		return is_ascii(text->content);
	default:
		return false;
	}
}

/* Name: a sequence of sets of (type, value). common_name may be NULL. */
static bool read_name(struct unitls_der *reader, struct unitls_bytes *ret_name, struct unitls_bytes *common_name)
{
	struct unitls_der_value name;
	struct unitls_der sets;

	if (!unitls_der_take(reader, UNITLS_DER_SEQUENCE, &name))
		return false;
	unitls_der_init(&sets, name.content);
	while (sets.left > 0) {
		struct unitls_der set;

		if (!unitls_der_enter(&sets, UNITLS_DER_SET, &set) || set.left == 0)
			return false;
		while (set.left > 0) {
			struct unitls_der pair;
			struct unitls_der_value type;
			struct unitls_der_value value;

			if (!unitls_der_enter(&set, UNITLS_DER_SEQUENCE, &pair) ||
				!unitls_der_take(&pair, UNITLS_DER_OID, &type) || !unitls_der_any(&pair, &value) ||
				!unitls_der_done(&pair))
				return false;
			if (common_name != NULL && IS_OID(type.content, oid_common_name) && is_readable(&value))
				*common_name = value.content;
		}
	}
	*ret_name = name.whole;
	return true;
}

/* n decimal digits; -1 when they are none. */
static int digits(const uint8_t *at, size_t n)
{
	int number = 0;

	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		number = number * 10 + (at[i] - '0');
	}
	return number;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of a year from 0 on. */
static int64_t days_before_year(int year)
{
	int64_t last = year - 1;

	if (year == 0)
		return -719528;
	return 365 * (int64_t)year + last / 4 - last / 100 + last / 400 + 1 - 719528;
}

/* MMDDHHMMSSZ of a year. */
static bool read_date(int year, const uint8_t *at, int64_t *ret_time)
{
	int month = digits(at, 2);
	int day = digits(at + 2, 2);
	int hour = digits(at + 4, 2);
	int minute = digits(at + 6, 2);
	int second = digits(at + 8, 2);
	int64_t days;

	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour < 0 ||
		hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || at[10] != 'Z')
		return false;
	days = days_before_year(year) + day - 1;
	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	*ret_time = days * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

/* RFC 5280, 4.1.2.5: UTCTime YYMMDDHHMMSSZ (50 and up: 19YY) or GeneralizedTime YYYYMMDDHHMMSSZ. */
static bool read_time(struct unitls_der *reader, int64_t *ret_time)
{
	struct unitls_der_value value;
	int year;

	if (!unitls_der_any(reader, &value))
		return false;
	if (value.tag == UNITLS_DER_UTC_TIME && value.content.size == 13) {
		year = digits(value.content.data, 2);
		if (year >= 0)
			year += year >= 50 ? 1900 : 2000;
		return read_date(year, value.content.data + 2, ret_time);
	}
	if (value.tag == UNITLS_DER_GENERALIZED_TIME && value.content.size == 15)
		return read_date(digits(value.content.data, 4), value.content.data + 4, ret_time);
	return false;
}

/* RFC 5280, 4.2.1.9 */
static bool read_basic_constraints(struct unitls_bytes extension, struct unitls_x509 *certificate)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_bytes path_length;

	unitls_der_init(&reader, extension);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner))
		return false;
	if (unitls_der_next_is(&inner, UNITLS_DER_BOOLEAN))
		(void)unitls_der_boolean(&inner, &certificate->is_ca); /* fails sticky */
	if (unitls_der_next_is(&inner, UNITLS_DER_INTEGER))
		(void)unitls_der_integer(&inner, &path_length);
	return unitls_der_done(&inner) && unitls_der_done(&reader);
}

/* Tags of GeneralName (RFC 5280, 4.2.1.6). */
enum general_name {
	GENERAL_NAME_EMAIL = 0x81,
	GENERAL_NAME_DNS = 0x82,
	GENERAL_NAME_URI = 0x86,
	GENERAL_NAME_IP = 0x87,
	GENERAL_NAME_REGISTERED_ID = 0x88,
};

static bool is_general_name(uint8_t tag)
{
	switch (tag) {
	case GENERAL_NAME_EMAIL:
	case GENERAL_NAME_DNS:
	case GENERAL_NAME_URI:
	case GENERAL_NAME_IP:
	case GENERAL_NAME_REGISTERED_ID:
	case UNITLS_DER_CONSTRUCTED | 0: /* otherName */
	case UNITLS_DER_CONSTRUCTED | 3: /* x400Address */
	case UNITLS_DER_CONSTRUCTED | 4: /* directoryName */
	case UNITLS_DER_CONSTRUCTED | 5: /* ediPartyName */
		return true;
	default:
		return false;
	}
}

static bool read_alternative_names(struct unitls_bytes extension, struct unitls_x509 *certificate)
{
	struct unitls_der reader;
	struct unitls_der_value names;
	struct unitls_der_value name;
	size_t n = 0;

	unitls_der_init(&reader, extension);
	if (!unitls_der_take(&reader, UNITLS_DER_SEQUENCE, &names) || !unitls_der_done(&reader))
		return false;
	unitls_der_init(&reader, names.content);
	while (reader.left > 0)
		if (!unitls_der_any(&reader, &name) || !is_general_name(name.tag) || ++n > UNITLS_X509_NAMES_MAX)
			return false;
	certificate->alternative_names = names.content;
	return true;
}

static bool read_subject_key_id(struct unitls_bytes extension, struct unitls_x509 *certificate)
{
	struct unitls_der reader;
	struct unitls_der_value id;

	unitls_der_init(&reader, extension);
	if (!unitls_der_take(&reader, UNITLS_DER_OCTET_STRING, &id) || !unitls_der_done(&reader))
		return false;
	certificate->subject_key_id = id.content;
	return true;
}

static bool read_authority_key_id(struct unitls_bytes extension, struct unitls_x509 *certificate)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_der_value id;

	unitls_der_init(&reader, extension);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner))
		return false;
	if (unitls_der_next_is(&inner, UNITLS_DER_CONTEXT | 0) &&
		unitls_der_take(&inner, UNITLS_DER_CONTEXT | 0, &id))
		certificate->authority_key_id = id.content;
	/* authorityCertIssuer and authorityCertSerialNumber */
	return unitls_der_skip_optional(&inner, UNITLS_DER_CONSTRUCTED | 1) &&
		unitls_der_skip_optional(&inner, UNITLS_DER_CONTEXT | 2) && unitls_der_done(&inner) &&
		unitls_der_done(&reader);
}

/* One known extension each; RFC 5280, 4.2: none may be there twice. */
static const char *read_extension(struct unitls_der *extensions, struct unitls_x509 *certificate, unsigned *seen)
{
	static const struct {
		const uint8_t *oid;
		size_t oid_size;
		bool (*read)(struct unitls_bytes extension, struct unitls_x509 *certificate);
		const char *fault;
	} known[] = {
		{oid_subject_key_id, sizeof(oid_subject_key_id), read_subject_key_id,
			"has a malformed subject key identifier"},
		{oid_alternative_name, sizeof(oid_alternative_name), read_alternative_names,
			"has malformed or too many subject alternative names"},
		{oid_basic_constraints, sizeof(oid_basic_constraints), read_basic_constraints,
			"has malformed basic constraints"},
		{oid_authority_key_id, sizeof(oid_authority_key_id), read_authority_key_id,
			"has a malformed authority key identifier"},
	};
	struct unitls_der extension;
	struct unitls_der_value oid;
	struct unitls_der_value value;
	bool critical = false;

	if (!unitls_der_enter(extensions, UNITLS_DER_SEQUENCE, &extension) ||
		!unitls_der_take(&extension, UNITLS_DER_OID, &oid))
		return "has malformed extensions";
	if (unitls_der_next_is(&extension, UNITLS_DER_BOOLEAN))
		(void)unitls_der_boolean(
			&extension, &critical); /* fails sticky; what it says is the backend's matter */
	if (!unitls_der_take(&extension, UNITLS_DER_OCTET_STRING, &value) || !unitls_der_done(&extension))
		return "has malformed extensions";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (oid.content.size != known[i].oid_size ||
			memcmp(oid.content.data, known[i].oid, known[i].oid_size) != 0)
			continue;
		if ((*seen & 1u << i) != 0)
			return "has an extension twice";
		*seen |= 1u << i;
		return known[i].read(value.content, certificate) ? NULL : known[i].fault;
	}
	return NULL;
}

/* What comes after the key: unique identifiers (v2 and v3) and extensions (v3). */
static const char *read_rest(struct unitls_der *tbs, unsigned version, struct unitls_x509 *certificate)
{
	struct unitls_der wrapper;
	struct unitls_der extensions;
	unsigned seen = 0;

	if (version >= 1 &&
		(!unitls_der_skip_optional(tbs, UNITLS_DER_CONTEXT | 1) ||
			!unitls_der_skip_optional(tbs, UNITLS_DER_CONTEXT | 2)))
		return "has malformed unique identifiers";
	if (version == 2 && unitls_der_next_is(tbs, UNITLS_DER_CONSTRUCTED | 3)) {
		if (!unitls_der_enter(tbs, UNITLS_DER_CONSTRUCTED | 3, &wrapper) ||
			!unitls_der_enter(&wrapper, UNITLS_DER_SEQUENCE, &extensions) ||
			!unitls_der_done(&wrapper))
			return "has malformed extensions";
		while (extensions.left > 0) {
			const char *fault = read_extension(&extensions, certificate, &seen);

			if (fault != NULL)
				return fault;
		}
	}
	return unitls_der_done(tbs) ? NULL : "has trailing fields";
}

/* Version and serial number. */
static const char *read_start(struct unitls_der *tbs, unsigned *ret_version)
{
	struct unitls_der wrapper;
	struct unitls_bytes serial;

	*ret_version = 0;
	if (unitls_der_next_is(tbs, UNITLS_DER_CONSTRUCTED | 0) &&
		(!unitls_der_enter(tbs, UNITLS_DER_CONSTRUCTED | 0, &wrapper) ||
			!unitls_der_small(&wrapper, ret_version) || !unitls_der_done(&wrapper) ||
			*ret_version > 2))
		return "has an unknown version";
	if (!unitls_der_integer(tbs, &serial) || serial.size > UNITLS_X509_SERIAL_MAX)
		return "has a malformed serial number";
	return NULL;
}

/* Validity, subject and key. */
static const char *read_middle(struct unitls_der *tbs, struct unitls_x509 *certificate)
{
	struct unitls_der validity;
	struct unitls_der_value spki;

	if (!unitls_der_enter(tbs, UNITLS_DER_SEQUENCE, &validity) ||
		!read_time(&validity, &certificate->not_before) ||
		!read_time(&validity, &certificate->not_after) || !unitls_der_done(&validity))
		return "has a malformed validity";
	if (!read_name(tbs, &certificate->subject, &certificate->common_name))
		return "has a malformed subject";
	if (!unitls_der_take(tbs, UNITLS_DER_SEQUENCE, &spki) ||
		!unitls_public_key_parse(spki.whole, &certificate->key))
		return "has a malformed public key";
	certificate->spki = spki.whole;
	return NULL;
}

static const char *read_tbs(
	struct unitls_bytes bytes, struct unitls_bytes signature_algorithm, struct unitls_x509 *certificate)
{
	struct unitls_der tbs;
	struct unitls_der_value algorithm;
	unsigned version;
	const char *fault;

	unitls_der_init(&tbs, bytes);
	fault = read_start(&tbs, &version);
	if (fault != NULL)
		return fault;
	/* RFC 5280, 4.1.2.3: the same as outside. */
	if (!unitls_der_take(&tbs, UNITLS_DER_SEQUENCE, &algorithm) ||
		!unitls_bytes_equal(algorithm.whole, signature_algorithm))
		return "names two signature algorithms";
	if (!read_name(&tbs, &certificate->issuer, NULL))
		return "has a malformed issuer";
	fault = read_middle(&tbs, certificate);
	if (fault != NULL)
		return fault;
	return read_rest(&tbs, version, certificate);
}

/* OIDs of signatures and hashes, by the hash they stand for (RFC 3279, RFC 4055, RFC 5754, RFC 5758). */
static const struct {
	enum unitls_hash hash;
	uint8_t size;
	uint8_t oid[9];
} hash_oids[] = {
	{UNITLS_HASH_MD5, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04}},
	{UNITLS_HASH_SHA1, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}},
	{UNITLS_HASH_SHA256, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}},
	{UNITLS_HASH_SHA384, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}},
	{UNITLS_HASH_SHA512, 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}},
	{UNITLS_HASH_SHA1, 7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01}},
	{UNITLS_HASH_SHA256, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}},
	{UNITLS_HASH_SHA384, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}},
	{UNITLS_HASH_SHA512, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}},
	{UNITLS_HASH_SHA256, 9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}},
	{UNITLS_HASH_SHA384, 9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}},
	{UNITLS_HASH_SHA512, 9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}},
};

static const uint8_t oid_rsa_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};

static enum unitls_hash hash_of_oid(struct unitls_bytes oid)
{
	for (size_t i = 0; i < sizeof(hash_oids) / sizeof(hash_oids[0]); i++)
		if (oid.size == hash_oids[i].size && memcmp(oid.data, hash_oids[i].oid, oid.size) == 0)
			return hash_oids[i].hash;
	return UNITLS_HASH_NONE;
}

/* RSASSA-PSS-params (RFC 4055, 3.1): the hash is [0], SHA-1 when absent. */
static enum unitls_hash hash_of_pss(struct unitls_der *reader)
{
	struct unitls_der params;
	struct unitls_der wrapper;
	struct unitls_der algorithm;
	struct unitls_der_value oid;

	if (reader->left == 0)
		return UNITLS_HASH_SHA1;
	if (!unitls_der_enter(reader, UNITLS_DER_SEQUENCE, &params))
		return UNITLS_HASH_NONE;
	if (!unitls_der_next_is(&params, UNITLS_DER_CONSTRUCTED | 0))
		return UNITLS_HASH_SHA1;
	if (!unitls_der_enter(&params, UNITLS_DER_CONSTRUCTED | 0, &wrapper) ||
		!unitls_der_enter(&wrapper, UNITLS_DER_SEQUENCE, &algorithm) ||
		!unitls_der_take(&algorithm, UNITLS_DER_OID, &oid))
		return UNITLS_HASH_NONE;
	return hash_of_oid(oid.content);
}

const char *unitls_x509_parse(struct unitls_bytes der, struct unitls_x509 *ret_certificate)
{
	struct unitls_x509 certificate = {.is_ca = false};
	struct unitls_der reader;
	struct unitls_der outer;
	struct unitls_der algorithm_reader;
	struct unitls_der_value tbs;
	struct unitls_der_value algorithm;
	struct unitls_der_value oid;
	struct unitls_bytes signature;
	const char *fault;

	unitls_der_init(&reader, der);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &outer) || !unitls_der_done(&reader) ||
		!unitls_der_take(&outer, UNITLS_DER_SEQUENCE, &tbs) ||
		!unitls_der_take(&outer, UNITLS_DER_SEQUENCE, &algorithm) ||
		!unitls_der_bits(&outer, UNITLS_DER_BIT_STRING, &signature) || !unitls_der_done(&outer))
		return "is neither PEM nor DER of a certificate";
	unitls_der_init(&algorithm_reader, algorithm.content);
	if (!unitls_der_take(&algorithm_reader, UNITLS_DER_OID, &oid))
		return "has a malformed signature algorithm";
	certificate.signature_hash =
		IS_OID(oid.content, oid_rsa_pss) ? hash_of_pss(&algorithm_reader) : hash_of_oid(oid.content);
	fault = read_tbs(tbs.content, algorithm.whole, &certificate);
	if (fault != NULL)
		return fault;
	*ret_certificate = certificate;
	return NULL;
}

bool unitls_x509_next_name(
	struct unitls_der *reader, enum unitls_name_type *ret_type, struct unitls_bytes *ret_name)
{
	struct unitls_der_value name;

	while (reader->left > 0 && unitls_der_any(reader, &name)) {
		*ret_name = name.content;
		switch (name.tag) {
		case GENERAL_NAME_EMAIL:
			*ret_type = UNITLS_NAME_EMAIL;
			return true;
		case GENERAL_NAME_DNS:
			*ret_type = UNITLS_NAME_DNS;
			return true;
		case GENERAL_NAME_URI:
			*ret_type = UNITLS_NAME_URI;
			return true;
		case GENERAL_NAME_IP:
			*ret_type = UNITLS_NAME_IP;
			if (name.content.size == 4 || name.content.size == 16)
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

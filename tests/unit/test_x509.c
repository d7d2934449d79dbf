/*
 * The parser of certificates, on certificates put together field by field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/backend.h"
#include "core/peer_name.h"
#include "core/x509.h"
#include "tests/unit/der_writer.h"

#define ED25519_ALGORITHM "\x30\x05\x06\x03\x2b\x65\x70"
#define NAME_A            "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
#define POINT_32          "pppppppppppppppppppppppppppppppp"

/* The fields of a certificate as they are written; what is left NULL is written as it should be. */
struct parts {
	struct unitls_bytes version;
	struct unitls_bytes serial;
	struct unitls_bytes algorithm;
	struct unitls_bytes issuer;
	struct unitls_bytes not_before; /* time value, whole */
	struct unitls_bytes not_after;
	struct unitls_bytes subject;
	struct unitls_bytes spki;
	struct unitls_bytes rest; /* after the key */
	struct unitls_bytes outer_algorithm;
	struct unitls_bytes signature;
	struct unitls_bytes trailing; /* after the signature, inside */
	struct unitls_bytes behind;   /* after the certificate */
};

static void put(struct der_writer *writer, struct unitls_bytes part, struct unitls_bytes usual)
{
	der_raw(writer, part.data != NULL ? part : usual);
}

static void write_certificate(struct der_writer *writer, const struct parts *parts)
{
	der_writer_init(writer);
	der_open(writer, 0x30);
	der_open(writer, 0x30);
	put(writer, parts->version, BYTES("\xa0\x03\x02\x01\x02"));
	put(writer, parts->serial, BYTES("\x02\x01\x01"));
	put(writer, parts->algorithm, BYTES(ED25519_ALGORITHM));
	put(writer, parts->issuer, BYTES(NAME_A "i"));
	der_open(writer, 0x30);
	put(writer, parts->not_before,
		BYTES("\x17\x0d"
		      "250101000000Z"));
	put(writer, parts->not_after,
		BYTES("\x17\x0d"
		      "260101000000Z"));
	der_close(writer);
	put(writer, parts->subject, BYTES(NAME_A "s"));
	put(writer, parts->spki, BYTES("\x30\x2a" ED25519_ALGORITHM "\x03\x21\x00" POINT_32));
	der_raw(writer, parts->rest);
	der_close(writer);
	put(writer, parts->outer_algorithm, BYTES(ED25519_ALGORITHM));
	put(writer, parts->signature,
		BYTES("\x03\x03\x00"
		      "ss"));
	der_raw(writer, parts->trailing);
	der_close(writer);
	der_raw(writer, parts->behind);
}

/* NULL, or the fault. */
static const char *fault_of(struct parts parts)
{
	struct der_writer writer;
	struct unitls_x509 certificate;
	const char *fault;

	write_certificate(&writer, &parts);
	fault = unitls_x509_parse(der_bytes(&writer), &certificate);
	der_writer_fini(&writer);
	return fault;
}

static void refused(struct parts parts, const char *fault)
{
	const char *found = fault_of(parts);

	if (found == NULL)
		fail_msg("accepted, but it %s", fault);
	else
		assert_string_equal(found, fault);
}

#define accepted(...) assert_null(fault_of((struct parts){__VA_ARGS__}))

static void a_plain_certificate_is_read(void **state)
{
	struct der_writer writer;
	struct unitls_x509 certificate;

	(void)state;
	write_certificate(&writer, &(struct parts){.spki = {NULL, 0}});
	assert_null(unitls_x509_parse(der_bytes(&writer), &certificate));
	assert_true(unitls_bytes_equal(certificate.issuer, BYTES(NAME_A "i")));
	assert_true(unitls_bytes_equal(certificate.subject, BYTES(NAME_A "s")));
	assert_true(unitls_bytes_equal(certificate.common_name, BYTES("s")));
	assert_int_equal(certificate.key.type, UNITLS_KEY_ED25519);
	assert_int_equal(certificate.key.bits, 256);
	assert_int_equal(certificate.signature_hash, UNITLS_HASH_NONE); /* Ed25519 */
	assert_int_equal(certificate.not_before, 1735689600);
	assert_int_equal(certificate.not_after, 1767225600);
	assert_false(certificate.is_ca);
	assert_int_equal(certificate.alternative_names.size, 0);
	der_writer_fini(&writer);
}

static void every_cut_of_a_certificate_is_refused(void **state)
{
	struct der_writer writer;
	struct unitls_x509 certificate;

	(void)state;
	write_certificate(&writer, &(struct parts){.spki = {NULL, 0}});
	for (size_t size = 0; size < writer.size; size++) {
		uint8_t *copy = malloc(size > 0 ? size : 1);

		assert_non_null(copy);
		memcpy(copy, writer.data, size);
		assert_non_null(unitls_x509_parse((struct unitls_bytes){copy, size}, &certificate));
		free(copy);
	}
	der_writer_fini(&writer);
}

static void versions_1_to_3_are_known(void **state)
{
	static const struct unitls_bytes unique_id = BYTES_INIT("\x81\x02\x00\x01");
	static const struct unitls_bytes extensions =
		BYTES_INIT("\xa3\x0c\x30\x0a\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00");

	(void)state;
	accepted(.version = BYTES(""));
	accepted(.version = BYTES("\xa0\x03\x02\x01\x00"));
	accepted(.version = BYTES("\xa0\x03\x02\x01\x01"), .rest = unique_id);
	refused((struct parts){.rest = BYTES("\x81\x05\x00\x01")}, "has malformed unique identifiers");
	accepted(.rest = extensions);
	refused((struct parts){.version = BYTES("\xa0\x03\x02\x01\x03")}, "has an unknown version");
	refused((struct parts){.version = BYTES("\xa0\x06\x02\x01\x02\x02\x01\x02")}, "has an unknown version");
	refused((struct parts){.version = BYTES(""), .rest = unique_id}, "has trailing fields");
	refused((struct parts){.version = BYTES(""), .rest = extensions}, "has trailing fields");
	refused((struct parts){.version = BYTES("\xa0\x03\x02\x01\x01"), .rest = extensions},
		"has trailing fields");
}

static void serial_numbers_are_bounded(void **state)
{
	uint8_t serial[80] = {0x02, 64, 0x11};

	(void)state;
	accepted(.serial = {serial, 66});
	accepted(.serial = BYTES("\x02\x01\x00"));
	accepted(.serial = BYTES("\x02\x01\xff"));
	serial[1] = 65;
	refused((struct parts){.serial = {serial, 67}}, "has a malformed serial number");
	refused((struct parts){.serial = BYTES("\x02\x00")}, "has a malformed serial number");
	refused((struct parts){.serial = BYTES("\x02\x02\x00\x01")}, "has a malformed serial number");
}

static void the_frame_is_exact(void **state)
{
	static const char no_certificate[] = "is neither PEM nor DER of a certificate";

	(void)state;
	refused((struct parts){.behind = BYTES("x")}, no_certificate);
	refused((struct parts){.behind = BYTES("\x05\x00")}, no_certificate);
	refused((struct parts){.trailing = BYTES("\x05\x00")}, no_certificate);
	refused((struct parts){.signature = BYTES("\x04\x02ss")}, no_certificate);
	refused((struct parts){.signature = BYTES("\x03\x02\x01\x80")}, no_certificate);
	refused((struct parts){.outer_algorithm = BYTES("\x30\x05\x06\x03\x2b\x65\x71")},
		"names two signature algorithms");
	refused((struct parts){.algorithm = BYTES("\x30\x00"), .outer_algorithm = BYTES("\x30\x00")},
		"has a malformed signature algorithm");
	refused((struct parts){.rest = BYTES("\x05\x00")}, "has trailing fields");
}

static int64_t time_of(struct unitls_bytes value)
{
	struct der_writer writer;
	struct unitls_x509 certificate;
	int64_t result = INT64_MIN;
	const char *fault;

	write_certificate(&writer, &(struct parts){.not_after = value});
	fault = unitls_x509_parse(der_bytes(&writer), &certificate);
	if (fault == NULL)
		result = certificate.not_after;
	else
		assert_string_equal(fault, "has a malformed validity");
	der_writer_fini(&writer);
	return result;
}

#define UTC(text)         BYTES_INIT("\x17\x0d" text)
#define GENERALIZED(text) BYTES_INIT("\x18\x0f" text)

static void times_are_read(void **state)
{
	(void)state;
	assert_int_equal(time_of((struct unitls_bytes)UTC("700101000000Z")), 0);
	assert_int_equal(time_of((struct unitls_bytes)UTC("700101000001Z")), 1);
	assert_int_equal(time_of((struct unitls_bytes)UTC("691231235959Z")), -1);
	assert_int_equal(time_of((struct unitls_bytes)UTC("500101000000Z")), -631152000);
	assert_int_equal(time_of((struct unitls_bytes)UTC("491231235959Z")), 2524607999);
	assert_int_equal(time_of((struct unitls_bytes)UTC("240229120000Z")), 1709208000);
	assert_int_equal(time_of((struct unitls_bytes)UTC("380119031408Z")), 2147483648);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("20500101000000Z")), 2524608000);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("99991231235959Z")), 253402300799);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("00000101000000Z")), -62167219200);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("00010101000000Z")), -62135596800);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("20000229000000Z")), 951782400);
	assert_int_equal(time_of((struct unitls_bytes)GENERALIZED("19000301000000Z")), -2203891200);
}

static void malformed_times_are_refused(void **state)
{
	static const struct unitls_bytes others[] = {
		UTC("250001000000Z"),
		UTC("251301000000Z"),
		UTC("250100000000Z"),
		UTC("250132000000Z"),
		UTC("250431000000Z"),
		UTC("250229000000Z"),
		UTC("250101240000Z"),
		UTC("250101006000Z"),
		UTC("250101000060Z"),
		UTC("2501010000000"),
		UTC("250101000000z"),
		UTC("25010100000 Z"),
		UTC("+50101000000Z"),
		UTC("-10101000000Z"),
		UTC("25010100000\0Z"),
		BYTES_INIT("\x17\x0b"
			   "2501010000Z"), /* without seconds */
		BYTES_INIT("\x17\x11"
			   "250101000000+0000"), /* with an offset */
		GENERALIZED("21000229000000Z"),
		GENERALIZED("2025010100000Z0"),
		BYTES_INIT("\x18\x11"
			   "20250101000000.5Z"), /* with a fraction */
		BYTES_INIT("\x18\x0e"
			   "20250101000000"), /* local time */
		BYTES_INIT("\x18\x0d"
			   "250101000000Z"), /* the one in the other's tag */
		BYTES_INIT("\x17\x0f"
			   "20250101000000Z"),
		BYTES_INIT("\x0c\x0d"
			   "250101000000Z"),
		BYTES_INIT("\x17\x00"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (time_of(others[i]) != INT64_MIN)
			fail_msg("time %zu was accepted", i);
}

/* The common name of a subject that holds these sets. */
static bool common_name_is(struct unitls_bytes sets, struct unitls_bytes expected)
{
	struct der_writer writer;
	struct der_writer subject;
	struct unitls_x509 certificate;
	bool equal;

	der_writer_init(&subject);
	der_value(&subject, 0x30, sets);
	write_certificate(&writer, &(struct parts){.subject = der_bytes(&subject)});
	assert_null(unitls_x509_parse(der_bytes(&writer), &certificate));
	equal = unitls_bytes_equal(certificate.common_name, expected);
	der_writer_fini(&subject);
	der_writer_fini(&writer);
	return equal;
}

#define CN(tag, letter) "\x31\x0a\x30\x08\x06\x03\x55\x04\x03" tag "\x01" letter
#define O(letter)       "\x31\x0a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01" letter

static void the_last_readable_common_name_counts(void **state)
{
	(void)state;
	assert_true(common_name_is(BYTES(""), BYTES("")));
	assert_true(common_name_is(BYTES(O("o")), BYTES("")));
	assert_true(common_name_is(BYTES(CN("\x0c", "a") O("o") CN("\x13", "b") O("p")), BYTES("b")));
	assert_true(common_name_is(BYTES(CN("\x16", "c")), BYTES("c")));
	assert_true(common_name_is(BYTES(CN("\x14", "t")), BYTES("t")));
	assert_true(common_name_is(BYTES(CN("\x0c", "a") CN("\x1e", "b")), BYTES("a")));    /* BMPString */
	assert_true(common_name_is(BYTES(CN("\x0c", "a") CN("\x14", "\xe4")), BYTES("a"))); /* not ASCII */
	/* two in one set */
	assert_true(common_name_is(BYTES("\x31\x14\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
					 "a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
					 "b"),
		BYTES("b")));
}

static void malformed_names_are_refused(void **state)
{
	(void)state;
	accepted(.subject = BYTES("\x30\x00"), .issuer = BYTES("\x30\x00"));
	refused((struct parts){.subject = BYTES("\x31\x00")}, "has a malformed subject");
	refused((struct parts){.subject = BYTES("\x30\x02\x31\x00")}, "has a malformed subject");
	refused((struct parts){.subject = BYTES("\x30\x04\x30\x02\x05\x00")}, "has a malformed subject");
	refused((struct parts){.subject = BYTES("\x30\x04\x31\x02\x30\x00")}, "has a malformed subject");
	refused((struct parts){.subject = BYTES("\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03")},
		"has a malformed subject");
	refused((struct parts){.issuer = BYTES("\x30\x02\x31\x00")}, "has a malformed issuer");
}

static void public_keys_are_exact(void **state)
{
	static const char fault[] = "has a malformed public key";

	(void)state;
	refused((struct parts){.spki = BYTES("\x30\x02\x30\x00")}, fault);
	/* an EC key without parameters, and with a point of no known form */
	refused((struct parts){.spki = BYTES(
				       "\x30\x0f\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x03\x02\x00\x04")},
		fault);
	refused((struct parts){.spki = BYTES(
				       "\x30\x14\x30\x0d\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x02\x2a\x03\x03"
				       "\x03\x00\x05p")},
		fault);
	/* an unknown algorithm, with and without parameters */
	accepted(.spki = BYTES("\x30\x0a\x30\x04\x06\x02\x2a\x03\x03\x02\x00x"));
	accepted(.spki = BYTES("\x30\x0c\x30\x06\x06\x02\x2a\x03\x05\x00\x03\x02\x00x"));
	refused((struct parts){.spki = BYTES("\x30\x2c\x30\x07\x06\x03\x2b\x65\x70\x05\x00\x03\x21\x00" POINT_32)},
		fault);
	refused((struct parts){.spki = BYTES("\x30\x29\x30\x05\x06\x03\x2b\x65\x70\x03\x20\x00"
					     "ppppppppppppppppppppppppppppppp")},
		fault);
	/* P-256 with a point of 32 octets, and at infinity */
	refused((struct parts){.spki = BYTES(
				       "\x30\x38\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48"
				       "\xce\x3d\x03\x01\x07\x03\x21\x00\x04"
				       "ppppppppppppppppppppppppppppppp")},
		fault);
	refused((struct parts){.spki = BYTES(
				       "\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48"
				       "\xce\x3d\x03\x01\x07\x03\x02\x00\x00")},
		fault);
	/* a compressed one is fine */
	accepted(.spki = BYTES(
			 "\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03"
			 "\x01\x07\x03\x22\x00\x02" POINT_32));
	/* RSA: NULL or no parameters, positive numbers */
	accepted(.spki = BYTES(
			 "\x30\x1b\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x0a\x00\x30"
			 "\x07\x02\x02\x00\x81\x02\x01\x03"));
	accepted(.spki = BYTES(
			 "\x30\x19\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x0a\x00\x30\x07\x02"
			 "\x02\x00\x81\x02\x01\x03"));
	refused((struct parts){.spki = BYTES(
				       "\x30\x1a\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03"
				       "\x09\x00\x30\x06\x02\x01\x81\x02\x01\x03")},
		fault);
	refused((struct parts){.spki = BYTES(
				       "\x30\x1a\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03"
				       "\x09\x00\x30\x06\x02\x01\x00\x02\x01\x03")},
		fault);
}

static void the_bits_of_a_modulus_are_counted(void **state)
{
	struct unitls_public_key key = {.family = UNITLS_KEY_FAMILY_RSA};

	(void)state;
	unitls_public_key_set_rsa(&key, BYTES("\x81"), BYTES("\x03"));
	assert_int_equal(key.bits, 8);
	unitls_public_key_set_rsa(&key, BYTES("\x01\x00\x00"), BYTES("\x03"));
	assert_int_equal(key.bits, 17);
}

/* Writes [3] with one extension for each pair of object identifier and value that is given. */
static void write_extensions(struct der_writer *writer, const struct unitls_bytes *pairs, size_t n)
{
	der_writer_init(writer);
	der_open(writer, 0xa3);
	der_open(writer, 0x30);
	for (size_t i = 0; i < n; i++) {
		der_open(writer, 0x30);
		der_value(writer, 0x06, pairs[2 * i]);
		der_value(writer, 0x04, pairs[2 * i + 1]);
		der_close(writer);
	}
	der_close(writer);
	der_close(writer);
}

static const struct unitls_bytes alternative_names = BYTES_INIT("\x55\x1d\x11");
static const struct unitls_bytes basic_constraints = BYTES_INIT("\x55\x1d\x13");
static const struct unitls_bytes subject_key_id = BYTES_INIT("\x55\x1d\x0e");
static const struct unitls_bytes authority_key_id = BYTES_INIT("\x55\x1d\x23");

static const char *fault_of_extension(struct unitls_bytes oid, struct unitls_bytes value)
{
	struct unitls_bytes pair[2] = {oid, value};
	struct der_writer writer;
	const char *fault;

	write_extensions(&writer, pair, 1);
	fault = fault_of((struct parts){.rest = der_bytes(&writer)});
	der_writer_fini(&writer);
	return fault;
}

static void malformed_extensions_are_refused(void **state)
{
	(void)state;
	assert_null(fault_of_extension(BYTES("\x2a\x03"), BYTES("whatever")));
	assert_null(fault_of_extension(basic_constraints, BYTES("\x30\x00")));
	assert_null(fault_of_extension(basic_constraints, BYTES("\x30\x06\x01\x01\xff\x02\x01\x00")));
	assert_non_null(fault_of_extension(basic_constraints, BYTES("")));
	assert_non_null(fault_of_extension(basic_constraints, BYTES("\x30\x03\x01\x01\x01")));
	assert_non_null(fault_of_extension(basic_constraints, BYTES("\x30\x00\x00")));
	assert_non_null(fault_of_extension(basic_constraints, BYTES("\x30\x06\x02\x01\x00\x01\x01\xff")));
	assert_null(fault_of_extension(subject_key_id, BYTES("\x04\x01k")));
	assert_non_null(fault_of_extension(subject_key_id, BYTES("k")));
	assert_null(fault_of_extension(authority_key_id, BYTES("\x30\x03\x80\x01k")));
	assert_null(fault_of_extension(authority_key_id, BYTES("\x30\x05\xa1\x00\x82\x01\x01")));
	assert_non_null(fault_of_extension(authority_key_id, BYTES("\x30\x02\x83\x00")));
	assert_null(fault_of_extension(alternative_names, BYTES("\x30\x00")));
	assert_null(fault_of_extension(alternative_names,
		BYTES("\x30\x03\x82\x01"
		      "a")));
	assert_non_null(fault_of_extension(alternative_names,
		BYTES("\x30\x03\xa2\x01"
		      "a")));
	assert_non_null(fault_of_extension(alternative_names,
		BYTES("\x30\x03\x89\x01"
		      "a")));
	assert_non_null(fault_of_extension(alternative_names,
		BYTES("\x30\x03\x82\x02"
		      "a")));
	assert_non_null(fault_of_extension(alternative_names,
		BYTES("\x30\x81\x03\x82\x01"
		      "a")));
	refused((struct parts){.rest = BYTES("\xa3\x00")}, "has malformed extensions");
	refused((struct parts){.rest = BYTES("\xa3\x04\x30\x02\x30\x00")}, "has malformed extensions");
	/* critical says something else than true or false */
	refused((struct parts){.rest = BYTES("\xa3\x0e\x30\x0c\x30\x0a\x06\x02\x2a\x03\x01\x01\x07\x04\x01x")},
		"has malformed extensions");
}

static void a_known_extension_comes_once(void **state)
{
	struct unitls_bytes pairs[4] = {
		basic_constraints, BYTES("\x30\x00"), basic_constraints, BYTES("\x30\x00")};
	struct der_writer writer;

	(void)state;
	write_extensions(&writer, pairs, 2);
	refused((struct parts){.rest = der_bytes(&writer)}, "has an extension twice");
	der_writer_fini(&writer);
}

static void write_names(struct der_writer *writer, size_t n)
{
	struct der_writer names;
	struct unitls_bytes pair[2] = {alternative_names, {NULL, 0}};

	der_writer_init(&names);
	der_open(&names, 0x30);
	for (size_t i = 0; i < n; i++)
		der_value(&names, 0x82, BYTES("a.example"));
	der_close(&names);
	pair[1] = der_bytes(&names);
	write_extensions(writer, pair, 1);
	der_writer_fini(&names);
}

static void the_number_of_names_is_bounded(void **state)
{
	struct der_writer writer;

	(void)state;
	write_names(&writer, UNITLS_X509_NAMES_MAX);
	accepted(.rest = der_bytes(&writer));
	der_writer_fini(&writer);
	write_names(&writer, UNITLS_X509_NAMES_MAX + 1);
	refused((struct parts){.rest = der_bytes(&writer)}, "has malformed or too many subject alternative names");
	der_writer_fini(&writer);
}

/* What the backends ask: the reason why a certificate with these GeneralNames is not for that peer. */
static enum unitls_verify_reason check(struct unitls_bytes names, const char *expected)
{
	struct unitls_bytes pair[2] = {alternative_names, names};
	struct der_writer extensions;
	struct der_writer writer;
	struct unitls_peer_name name;
	enum unitls_verify_reason reason;

	assert_int_equal(unitls_peer_name_parse(expected, &name, NULL), 0);
	write_extensions(&extensions, pair, names.size > 0 ? 1 : 0);
	write_certificate(&writer, &(struct parts){.rest = der_bytes(&extensions)});
	reason = unitls_backend_check_peer_name(&name, der_bytes(&writer));
	der_writer_fini(&extensions);
	der_writer_fini(&writer);
	return reason;
}

static void peer_names_are_checked_against_alternative_names_only(void **state)
{
	(void)state;
	assert_int_equal(check(BYTES("\x30\x0b\x82\x09"
				     "a.example"),
				 "a.example"),
		UNITLS_VERIFY_NONE);
	assert_int_equal(check(BYTES("\x30\x0b\x82\x09"
				     "a.example"),
				 "b.example"),
		UNITLS_VERIFY_NAME_MISMATCH);
	assert_int_equal(check(BYTES("\x30\x0b\x82\x09"
				     "a.example"),
				 "192.0.2.1"),
		UNITLS_VERIFY_NAME_MISMATCH);
	/* another type with the same bytes */
	assert_int_equal(check(BYTES("\x30\x0b\x86\x09"
				     "a.example"),
				 "a.example"),
		UNITLS_VERIFY_NAME_MISMATCH);
	assert_int_equal(check(BYTES("\x30\x0b\x81\x09"
				     "a.example"),
				 "a.example"),
		UNITLS_VERIFY_NAME_MISMATCH);
	/* the common name is "s" */
	assert_int_equal(check(BYTES(""), "s"), UNITLS_VERIFY_NAME_MISMATCH);
	/* a NUL, and the right name after it */
	assert_int_equal(check(BYTES("\x30\x0d\x82\x0b"
				     "a.example\0x"),
				 "a.example"),
		UNITLS_VERIFY_NAME_MISMATCH);
	assert_int_equal(check(BYTES("\x30\x0b\x82\x09"
				     "192.0.2.1"),
				 "192.0.2.1"),
		UNITLS_VERIFY_NAME_MISMATCH);
}

static void addresses_match_octet_by_octet(void **state)
{
	(void)state;
	assert_int_equal(check(BYTES("\x30\x06\x87\x04\xc0\x00\x02\x01"), "192.0.2.1"), UNITLS_VERIFY_NONE);
	assert_int_equal(
		check(BYTES("\x30\x06\x87\x04\xc0\x00\x02\x01"), "192.0.2.2"), UNITLS_VERIFY_NAME_MISMATCH);
	assert_int_equal(check(BYTES("\x30\x12\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), "2001:db8::1"),
		UNITLS_VERIFY_NONE);
	/* an IPv4 address mapped into IPv6 is another one */
	assert_int_equal(check(BYTES("\x30\x12\x87\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"), "192.0.2.1"),
		UNITLS_VERIFY_NAME_MISMATCH);
	/* an address with its mask, as in name constraints */
	assert_int_equal(check(BYTES("\x30\x0a\x87\x08\xc0\x00\x02\x01\xff\xff\xff\xff"), "192.0.2.1"),
		UNITLS_VERIFY_NAME_MISMATCH);
}

static void a_malformed_certificate_is_for_nobody(void **state)
{
	struct unitls_peer_name name;

	(void)state;
	assert_int_equal(unitls_peer_name_dns("a.example", &name, NULL), 0);
	assert_int_equal(unitls_backend_check_peer_name(&name, BYTES("junk")), UNITLS_VERIFY_MALFORMED);
	name.type = UNITLS_PEER_NAME_NONE;
	assert_int_equal(unitls_backend_check_peer_name(&name, BYTES("junk")), UNITLS_VERIFY_MALFORMED);
	name.type = UNITLS_PEER_NAME_UNCHECKED;
	assert_int_equal(unitls_backend_check_peer_name(&name, BYTES("junk")), UNITLS_VERIFY_NONE);
}

static void a_peer_name_of_no_type_matches_nothing(void **state)
{
	struct unitls_peer_name none = {.type = UNITLS_PEER_NAME_NONE};
	struct unitls_x509 certificate = {.alternative_names = BYTES("\x82\x01"
								     "a")};

	(void)state;
	assert_false(unitls_peer_name_matches(&none, &certificate));
	none.type = UNITLS_PEER_NAME_UNCHECKED;
	assert_true(unitls_peer_name_matches(&none, &certificate));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_certificate_is_read),
		cmocka_unit_test(every_cut_of_a_certificate_is_refused),
		cmocka_unit_test(versions_1_to_3_are_known),
		cmocka_unit_test(serial_numbers_are_bounded),
		cmocka_unit_test(the_frame_is_exact),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(malformed_times_are_refused),
		cmocka_unit_test(the_last_readable_common_name_counts),
		cmocka_unit_test(malformed_names_are_refused),
		cmocka_unit_test(public_keys_are_exact),
		cmocka_unit_test(the_bits_of_a_modulus_are_counted),
		cmocka_unit_test(malformed_extensions_are_refused),
		cmocka_unit_test(a_known_extension_comes_once),
		cmocka_unit_test(the_number_of_names_is_bounded),
		cmocka_unit_test(peer_names_are_checked_against_alternative_names_only),
		cmocka_unit_test(addresses_match_octet_by_octet),
		cmocka_unit_test(a_malformed_certificate_is_for_nobody),
		cmocka_unit_test(a_peer_name_of_no_type_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

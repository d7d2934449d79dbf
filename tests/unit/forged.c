/*
 * Writes DER by hand, from the end to the beginning, so that every length is known when it is written.
 */
#include "tests/unit/forged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WRITER_SIZE 8192

/* Bytes [at, WRITER_SIZE) are written. */
struct writer {
	uint8_t data[WRITER_SIZE];
	size_t at;
};

static void put(struct writer *writer, const void *bytes, size_t n)
{
	assert_true(n <= writer->at);
	writer->at -= n;
	if (n > 0)
		memcpy(writer->data + writer->at, bytes, n);
}

/* Tag and length of what was written since the writer stood at end. */
static void wrap(struct writer *writer, uint8_t tag, size_t end)
{
	size_t n = end - writer->at;
	uint8_t head[4] = {tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n};

	if (n >= 256) {
		put(writer, head, 4);
	} else if (n >= 128) {
		head[1] = 0x81;
		head[2] = (uint8_t)n;
		put(writer, head, 3);
	} else {
		head[1] = (uint8_t)n;
		put(writer, head, 2);
	}
}

static void put_value(struct writer *writer, uint8_t tag, const void *bytes, size_t n)
{
	size_t end = writer->at;

	put(writer, bytes, n);
	wrap(writer, tag, end);
}

static void put_oid(struct writer *writer, const char *hex_bytes, size_t n)
{
	put_value(writer, 0x06, hex_bytes, n);
}

#define OID(writer, bytes) put_oid(writer, bytes, sizeof(bytes) - 1)

static const char rsa_oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
static const char rsa_pss_oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
static const char sha256_rsa_oid[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
static const char ec_oid[] = "\x2a\x86\x48\xce\x3d\x02\x01";
static const char san_oid[] = "\x55\x1d\x11";
static const char cn_oid[] = "\x55\x04\x03";

static void put_rsa_bits(struct writer *writer, unsigned bits)
{
	uint8_t modulus[2049];
	size_t end = writer->at;
	size_t n = bits / 8;

	assert_true(n < sizeof(modulus));
	memset(modulus, 0xa5, sizeof(modulus));
	modulus[0] = 0;
	put_value(writer, 0x02, "\x01\x00\x01", 3);
	put_value(writer, 0x02, modulus, n + 1);
	wrap(writer, 0x30, end);
	put(writer, "\0", 1);
	wrap(writer, 0x03, end);
}

static void put_point_bits(struct writer *writer, size_t n, bool uncompressed)
{
	uint8_t point[160];

	memset(point, 0x5a, sizeof(point));
	point[0] = 0;
	if (uncompressed)
		point[1] = 4;
	put_value(writer, 0x03, point, 1 + n);
}

static void put_ec_algorithm(struct writer *writer, const char *curve, size_t n)
{
	put_oid(writer, curve, n);
	OID(writer, ec_oid);
}

static void put_key(struct writer *writer, enum unitls_key_type type, unsigned bits)
{
	size_t end = writer->at;
	size_t algorithm;

	switch (type) {
	case UNITLS_KEY_RSA:
	case UNITLS_KEY_RSA_PSS:
		put_rsa_bits(writer, bits);
		break;
	case UNITLS_KEY_ECDSA_P256:
		put_point_bits(writer, 65, true);
		break;
	case UNITLS_KEY_ECDSA_P384:
		put_point_bits(writer, 97, true);
		break;
	case UNITLS_KEY_ECDSA_P521:
		put_point_bits(writer, 133, true);
		break;
	case UNITLS_KEY_ED448:
		put_point_bits(writer, 57, false);
		break;
	case UNITLS_KEY_ED25519:
	case UNITLS_KEY_UNKNOWN:
		put_point_bits(writer, 32, false);
		break;
	}
	algorithm = writer->at;
	switch (type) {
	case UNITLS_KEY_RSA:
		put(writer, "\x05\x00", 2);
		OID(writer, rsa_oid);
		break;
	case UNITLS_KEY_RSA_PSS:
		OID(writer, rsa_pss_oid);
		break;
	case UNITLS_KEY_ECDSA_P256:
		put_ec_algorithm(writer, "\x2a\x86\x48\xce\x3d\x03\x01\x07", 8);
		break;
	case UNITLS_KEY_ECDSA_P384:
		put_ec_algorithm(writer, "\x2b\x81\x04\x00\x22", 5);
		break;
	case UNITLS_KEY_ECDSA_P521:
		put_ec_algorithm(writer, "\x2b\x81\x04\x00\x23", 5);
		break;
	case UNITLS_KEY_ED25519:
		OID(writer, "\x2b\x65\x70");
		break;
	case UNITLS_KEY_ED448:
		OID(writer, "\x2b\x65\x71");
		break;
	case UNITLS_KEY_UNKNOWN:
		OID(writer, "\x2b\x65\x01");
		break;
	}
	wrap(writer, 0x30, algorithm);
	wrap(writer, 0x30, end);
}

static void put_names(struct writer *writer, const char *const *names, size_t n)
{
	size_t end = writer->at;

	for (size_t i = n; i > 0; i--)
		put_value(writer, 0x82, names[i - 1], strlen(names[i - 1]));
	wrap(writer, 0x30, end);
	wrap(writer, 0x04, end);
	OID(writer, san_oid);
	wrap(writer, 0x30, end);
	wrap(writer, 0x30, end);
	wrap(writer, 0xa3, end);
}

/* A name of one common name. */
static void put_name(struct writer *writer, const char *common_name)
{
	size_t end = writer->at;

	put_value(writer, 0x0c, common_name, strlen(common_name));
	OID(writer, cn_oid);
	wrap(writer, 0x30, end);
	wrap(writer, 0x31, end);
	wrap(writer, 0x30, end);
}

static void put_signature_algorithm(struct writer *writer)
{
	size_t end = writer->at;

	put(writer, "\x05\x00", 2);
	OID(writer, sha256_rsa_oid);
	wrap(writer, 0x30, end);
}

struct unitls_certificate *forged_certificate(
	enum unitls_key_type type, unsigned bits, uint32_t serial, const char *const *names, size_t n)
{
	struct writer *writer = malloc(sizeof(*writer));
	struct unitls_certificate *certificate = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t number[5] = {
		1, (uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8), (uint8_t)serial};
	size_t end;
	size_t validity;

	assert_non_null(writer);
	writer->at = WRITER_SIZE;
	put_value(writer, 0x03, "\x00\x01\x02\x03", 4);
	put_signature_algorithm(writer);
	end = writer->at;
	if (n > 0)
		put_names(writer, names, n);
	put_key(writer, type, bits);
	put_name(writer, n > 0 ? names[0] : "nobody");
	validity = writer->at;
	put_value(writer, 0x17, "490101000000Z", 13);
	put_value(writer, 0x17, "200101000000Z", 13);
	wrap(writer, 0x30, validity);
	put_name(writer, "forger");
	put_signature_algorithm(writer);
	put_value(writer, 0x02, number, sizeof(number));
	put(writer, "\xa0\x03\x02\x01\x02", 5);
	wrap(writer, 0x30, end);
	wrap(writer, 0x30, WRITER_SIZE);
	if (unitls_certificate_from_mem(
		    writer->data + writer->at, WRITER_SIZE - writer->at, &certificate, &error) < 0)
		fail_msg("%s", error.text);
	free(writer);
	return certificate;
}

struct unitls_private_key *forged_key(uint8_t seed, const char *password)
{
	uint8_t der[] = {0x30, 0x0d, 0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x04, 0x04, 1, 2, 3, seed};
	struct unitls_private_key *key = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_private_key_from_mem(der, sizeof(der), password, &key, &error) < 0)
		fail_msg("%s", error.text);
	return key;
}

struct unitls_signing_chain *forged_chain(
	enum unitls_key_type type, unsigned bits, uint32_t serial, const char *const *names, size_t n)
{
	struct unitls_certificate *leaf = forged_certificate(type, bits, serial, names, n);
	struct unitls_private_key *key = forged_key(1, "password");
	struct unitls_signing_chain *chain = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_signing_chain_new(leaf, key, NULL, 0, &chain, &error) < 0)
		fail_msg("%s", error.text);
	unitls_certificate_unref(leaf);
	unitls_private_key_unref(key);
	return chain;
}

struct unitls_signing_chain *forged_chain_for(enum unitls_key_type type, uint32_t serial, const char *name)
{
	return forged_chain(type, 2048, serial, &name, 1);
}

struct unitls_trust_store *forged_trust_store(uint32_t first, int step, size_t n)
{
	struct unitls_trust_store *store = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (size_t i = 0; i < n; i++) {
		static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		struct unitls_certificate *certificate =
			forged_certificate(UNITLS_KEY_ECDSA_P256, 256, first + (uint32_t)((int)i * step), NULL, 0);
		struct unitls_bytes der = unitls_certificate_der(certificate);

		(void)fputs("-----BEGIN CERTIFICATE-----\n", stream);
		for (size_t at = 0; at < der.size; at += 3) {
			size_t left = der.size - at;
			uint32_t group = (uint32_t)der.data[at] << 16;

			group |= left > 1 ? (uint32_t)der.data[at + 1] << 8 : 0;
			group |= left > 2 ? der.data[at + 2] : 0;
			(void)fprintf(stream, "%c%c%c%c%s", alphabet[group >> 18], alphabet[group >> 12 & 63],
				left > 1 ? alphabet[group >> 6 & 63] : '=', left > 2 ? alphabet[group & 63] : '=',
				at % 48 == 45 ? "\n" : "");
		}
		(void)fputs("\n-----END CERTIFICATE-----\n", stream);
		unitls_certificate_unref(certificate);
	}
	(void)fclose(stream);
	if (unitls_trust_store_from_mem(text, size, &store, &error) < 0)
		fail_msg("%s", error.text);
	free(text);
	return store;
}

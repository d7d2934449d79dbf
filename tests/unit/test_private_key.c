/*
 * Private keys in every form that openssl writes, their match with certificates, and that they are wiped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/private_key.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/der_writer.h"
#include "tests/unit/free_watch.h"
#include "tests/unit/pki.h"

static const struct {
	const char *name;
	const char *algorithm;
	enum unitls_key_type type;
} pairs[] = {
	{"rsa", "RSA:2048", UNITLS_KEY_RSA},
	{"rsa-other", "RSA:2048", UNITLS_KEY_RSA},
	{"rsa4096", "RSA:4096", UNITLS_KEY_RSA},
	{"pss", "RSA-PSS:2048", UNITLS_KEY_RSA_PSS},
	{"p256", "EC:P-256", UNITLS_KEY_ECDSA_P256},
	{"p256-other", "EC:P-256", UNITLS_KEY_ECDSA_P256},
	{"p384", "EC:P-384", UNITLS_KEY_ECDSA_P384},
	{"p521", "EC:P-521", UNITLS_KEY_ECDSA_P521},
	{"k256", "EC:secp256k1", UNITLS_KEY_UNKNOWN},
	{"ed25519", "ED25519", UNITLS_KEY_ED25519},
	{"ed25519-other", "ED25519", UNITLS_KEY_ED25519},
	{"ed448", "ED448", UNITLS_KEY_ED448},
};

#define N_PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static struct unitls_private_key *load(const char *file, const char *password)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;
	char *path = pki_path(file);

	if (unitls_private_key_from_file(path, password, &key, &error) < 0)
		fail_msg("%s", error.text);
	free(path);
	return key;
}

static struct unitls_certificate *load_certificate(const char *name)
{
	struct unitls_certificate *certificate = NULL;
	char file[256];
	char *path;

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	path = pki_path(file);
	assert_int_equal(unitls_certificate_from_file(path, &certificate, NULL), 0);
	free(path);
	return certificate;
}

/* Whether the key in a file belongs to the certificate of that name. */
static enum unitls_key_match match(const char *file, const char *password, const char *name)
{
	struct unitls_private_key *key = load(file, password);
	struct unitls_certificate *certificate = load_certificate(name);
	enum unitls_key_match result = unitls_private_key_matches(key, certificate);

	unitls_private_key_unref(key);
	unitls_certificate_unref(certificate);
	return result;
}

/* The Ed25519 key of that name as OneAsymmetricKey of version 2, with attributes and its public half. */
static void write_version_2(const char *name, const char *file, struct unitls_bytes attributes, bool public_half)
{
	struct unitls_certificate *certificate = load_certificate(name);
	struct unitls_bytes spki = unitls_certificate_spki(certificate);
	struct der_writer writer;
	size_t size;
	char *der;
	uint8_t point[33] = {0};

	pki_openssl("pkey -in %s.key -outform DER -out v1.der", name);
	der = pki_read("v1.der", &size);
	der_writer_init(&writer);
	der_open(&writer, 0x30);
	der_raw(&writer, BYTES("\x02\x01\x01"));
	der_raw(&writer, (struct unitls_bytes){(uint8_t *)der + 5, size - 5});
	der_raw(&writer, attributes);
	memcpy(point + 1, spki.data + spki.size - 32, 32);
	if (public_half)
		der_value(&writer, 0x81, (struct unitls_bytes){point, sizeof(point)});
	der_close(&writer);
	pki_write(file, writer.data, writer.size);
	der_writer_fini(&writer);
	unitls_certificate_unref(certificate);
	free(der);
}

static int make_material(void **state)
{
	if (pki_setup(state) < 0)
		return -1;
	for (size_t i = 0; i < N_PAIRS; i++)
		pki_certificate(pairs[i].name, pairs[i].algorithm, NULL, NULL);
	pki_openssl("rsa -in rsa.key -traditional -out rsa.pkcs1");
	pki_openssl("rsa -in rsa.key -traditional -outform DER -out rsa.pkcs1.der");
	pki_openssl("ec -in p256.key -out p256.sec1");
	pki_openssl("ec -in p384.key -outform DER -out p384.sec1.der");
	pki_openssl("pkey -in rsa.key -outform DER -out rsa.der");
	pki_openssl("pkcs8 -topk8 -nocrypt -in p521.key -outform DER -out p521.der");
	pki_openssl("pkcs8 -topk8 -v2 aes-256-cbc -in rsa.key -passout pass:geheim -out rsa.enc8");
	pki_openssl(
		"pkcs8 -topk8 -v2 aes-256-cbc -in rsa.key -passout pass:geheim -outform DER -out rsa.enc8.der");
	pki_openssl("rsa -in rsa.key -traditional -aes128 -passout pass:geheim -out rsa.enc1");
	pki_openssl("ec -in p256.key -aes256 -passout pass:geheim -out p256.enc");
	write_version_2("ed25519", "v2.der", BYTES("\xa0\x00"), true);
	return 0;
}

static bool is_edwards(size_t i)
{
	return strncmp(pairs[i].name, "ed", 2) == 0;
}

static void pkcs8_keys_match_their_own_certificate_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PAIRS; i++) {
		struct unitls_private_key *key;
		char file[64];

		(void)snprintf(file, sizeof(file), "%s.key", pairs[i].name);
		key = load(file, NULL);
		assert_int_equal(unitls_private_key_type(key), pairs[i].type);
		for (size_t j = 0; j < N_PAIRS; j++) {
			struct unitls_certificate *certificate = load_certificate(pairs[j].name);
			enum unitls_key_match expected = i == j ? UNITLS_KEY_MATCH_YES : UNITLS_KEY_MATCH_NO;

			/* A key on an Edwards curve is a seed: no public half. */
			if (is_edwards(i) && pairs[i].type == pairs[j].type)
				expected = UNITLS_KEY_MATCH_UNKNOWN;
			if (unitls_private_key_matches(key, certificate) != expected)
				fail_msg("key %s and certificate %s", pairs[i].name, pairs[j].name);
			unitls_certificate_unref(certificate);
		}
		unitls_private_key_unref(key);
	}
}

static void pkcs1_and_sec1_keys_are_read(void **state)
{
	(void)state;
	assert_int_equal(match("rsa.pkcs1", NULL, "rsa"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("rsa.pkcs1", NULL, "rsa-other"), UNITLS_KEY_MATCH_NO);
	assert_int_equal(match("rsa.pkcs1.der", NULL, "rsa"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256.sec1", NULL, "p256"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256.sec1", NULL, "p256-other"), UNITLS_KEY_MATCH_NO);
	assert_int_equal(match("p384.sec1.der", NULL, "p384"), UNITLS_KEY_MATCH_YES);
}

static void pkcs8_in_der_is_read(void **state)
{
	(void)state;
	assert_int_equal(match("rsa.der", NULL, "rsa"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p521.der", NULL, "p521"), UNITLS_KEY_MATCH_YES);
}

static void a_key_with_more_than_two_primes_is_read(void **state)
{
	(void)state;
	pki_openssl("genrsa -primes 3 -out three.key 2048");
	assert_int_equal(match("three.key", NULL, "rsa"), UNITLS_KEY_MATCH_NO);
}

static void an_ec_key_without_its_public_half_is_left_open(void **state)
{
	(void)state;
	pki_openssl("ec -in p256.key -no_public -out p256.half");
	assert_int_equal(match("p256.half", NULL, "p256"), UNITLS_KEY_MATCH_UNKNOWN);
	assert_int_equal(match("p256.half", NULL, "p256-other"), UNITLS_KEY_MATCH_UNKNOWN);
	assert_int_equal(match("p256.half", NULL, "p384"), UNITLS_KEY_MATCH_NO);
	assert_int_equal(match("p256.half", NULL, "rsa"), UNITLS_KEY_MATCH_NO);
}

static void compressed_points_are_compared_too(void **state)
{
	(void)state;
	pki_openssl("ec -in p256.key -conv_form compressed -out p256.small");
	pki_openssl("ec -in p256-other.key -conv_form compressed -out p256-other.small");
	pki_openssl("req -new -key p256.small -subj /CN=c -config p256.cnf -out c.csr");
	pki_openssl("x509 -req -in c.csr -key p256.small -out c.pem");
	assert_int_equal(match("p256.small", NULL, "p256"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256-other.small", NULL, "p256"), UNITLS_KEY_MATCH_NO);
	assert_int_equal(match("p256.key", NULL, "c"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256.small", NULL, "c"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256-other.key", NULL, "c"), UNITLS_KEY_MATCH_NO);
}

static void explicit_parameters_are_compared_by_point(void **state)
{
	(void)state;
	pki_openssl("ec -in p256.key -param_enc explicit -out p256.explicit");
	assert_int_equal(match("p256.explicit", NULL, "p256"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("p256.explicit", NULL, "p256-other"), UNITLS_KEY_MATCH_NO);
}

static void the_first_private_key_among_other_blocks_is_read(void **state)
{
	(void)state;
	pki_openssl("ecparam -name prime256v1 -genkey -out parameters.key"); /* EC PARAMETERS come first */
	pki_openssl("req -new -key parameters.key -subj /CN=c -config p256.cnf -out c.csr");
	pki_openssl("x509 -req -in c.csr -key parameters.key -out parameters.pem");
	assert_int_equal(match("parameters.key", NULL, "parameters"), UNITLS_KEY_MATCH_YES);
	pki_join("all", "rsa.pem", "p256.key", "rsa.key", NULL);
	assert_int_equal(match("all", NULL, "p256"), UNITLS_KEY_MATCH_YES);
}

static void encrypted_keys_are_kept_for_the_backend(void **state)
{
	static const struct {
		const char *file;
		enum unitls_key_format format;
		const char *right;
		const char *wrong; /* a certificate that it surely does not belong to, or NULL */
	} keys[] = {
		{"rsa.enc8", UNITLS_KEY_FORMAT_DER, "rsa", NULL},
		{"rsa.enc8.der", UNITLS_KEY_FORMAT_DER, "rsa", NULL},
		{"rsa.enc1", UNITLS_KEY_FORMAT_PEM, "rsa", "p256"},
		{"p256.enc", UNITLS_KEY_FORMAT_PEM, "p256", "rsa"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct unitls_private_key *key = load(keys[i].file, "geheim");
		enum unitls_key_format format;
		struct unitls_bytes bytes;
		const char *password;

		assert_int_equal(unitls_private_key_type(key), UNITLS_KEY_UNKNOWN);
		unitls_private_key_material(key, &format, &bytes, &password);
		assert_int_equal(format, keys[i].format);
		assert_string_equal(password, "geheim");
		if (format == UNITLS_KEY_FORMAT_PEM) {
			assert_int_equal(bytes.data[bytes.size - 1], '\0');
			assert_int_equal(strlen((const char *)bytes.data), bytes.size - 1);
			assert_memory_equal(bytes.data, "-----BEGIN ", 11);
		}
		unitls_private_key_unref(key);
		assert_int_equal(match(keys[i].file, "geheim", keys[i].right), UNITLS_KEY_MATCH_UNKNOWN);
		if (keys[i].wrong != NULL)
			assert_int_equal(match(keys[i].file, "geheim", keys[i].wrong), UNITLS_KEY_MATCH_NO);
	}
}

static void file_refused(const char *file, const char *password, const char *expected)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;
	char *path = pki_path(file);

	assert_int_equal(unitls_private_key_from_file(path, password, &key, &error), UNITLS_ERROR);
	assert_null(key);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	assert_memory_equal(error.text, path, strlen(path));
	assert_string_equal(error.text + strlen(path) + 2, expected);
	free(path);
}

static void an_encrypted_key_needs_a_password(void **state)
{
	char longest[UNITLS_PASSWORD_MAX + 2];
	struct unitls_private_key *key;

	(void)state;
	file_refused("rsa.enc8", NULL, "line 1: the private key is encrypted and no password was given");
	file_refused("rsa.enc8.der", NULL, "the private key is encrypted and no password was given");
	file_refused("rsa.enc1", NULL, "line 1: the private key is encrypted and no password was given");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	file_refused("rsa.enc1", longest, "the password is longer than 1023 bytes");
	longest[UNITLS_PASSWORD_MAX] = '\0';
	key = load("rsa.enc1", longest);
	unitls_private_key_unref(key);
}

static void a_password_for_a_plain_key_is_not_kept(void **state)
{
	struct unitls_private_key *key = load("rsa.key", "geheim");
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	const char *password;

	(void)state;
	unitls_private_key_material(key, &format, &bytes, &password);
	assert_int_equal(format, UNITLS_KEY_FORMAT_DER);
	assert_null(password);
	unitls_private_key_unref(key);
}

static void a_public_half_in_pkcs8_is_compared(void **state)
{
	(void)state;
	assert_int_equal(match("v2.der", NULL, "ed25519"), UNITLS_KEY_MATCH_YES);
	assert_int_equal(match("v2.der", NULL, "ed25519-other"), UNITLS_KEY_MATCH_NO);
	assert_int_equal(match("v2.der", NULL, "ed448"), UNITLS_KEY_MATCH_NO);
}

static void a_backend_gets_pkcs8_of_version_1(void **state)
{
	static const struct {
		struct unitls_bytes attributes;
		bool public_half;
	} forms[] = {
		{BYTES_INIT(""), true},
		{BYTES_INIT("\xa0\x00"), true},
		{BYTES_INIT("\xa0\x02\x05\x00"), false},
		{BYTES_INIT(""), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct unitls_private_key *key;
		enum unitls_key_format format;
		struct unitls_bytes bytes;
		const char *password;
		size_t size;
		char *expected;

		write_version_2("ed25519", "form.der", forms[i].attributes, forms[i].public_half);
		expected = pki_read("v1.der", &size);
		key = load("form.der", NULL);
		unitls_private_key_material(key, &format, &bytes, &password);
		assert_int_equal(bytes.size, size);
		assert_memory_equal(bytes.data, expected, size);
		unitls_private_key_unref(key);
		free(expected);
	}
}

static void large_keys_are_rewritten_too(void **state)
{
	struct unitls_private_key *key;
	enum unitls_key_format format;
	struct unitls_bytes bytes;
	struct der_writer writer;
	const char *password;
	size_t size;
	char *der;

	(void)state;
	pki_openssl("pkcs8 -topk8 -nocrypt -in rsa4096.key -outform DER -out large.der");
	der = pki_read("large.der", &size);
	der_writer_init(&writer);
	der_open(&writer, 0x30);
	der_raw(&writer, (struct unitls_bytes){(uint8_t *)der + 4, size - 4});
	der_raw(&writer, BYTES("\xa0\x00"));
	der_close(&writer);
	pki_write("large-attributes.der", writer.data, writer.size);
	der_writer_fini(&writer);
	key = load("large-attributes.der", NULL);
	unitls_private_key_material(key, &format, &bytes, &password);
	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, der, size);
	unitls_private_key_unref(key);
	free(der);
	assert_int_equal(match("large-attributes.der", NULL, "rsa4096"), UNITLS_KEY_MATCH_YES);
}

static void refused(struct unitls_bytes data, const char *text)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;

	assert_int_equal(unitls_private_key_from_mem(data.data, data.size, NULL, &key, &error), UNITLS_ERROR);
	assert_null(key);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
	assert_string_equal(error.text, text);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char nothing[] = "this is no private key, neither PEM nor DER";

	(void)state;
	refused(BYTES(""), nothing);
	refused(BYTES("junk"), nothing);
	refused(BYTES("\x30\x00"), nothing);
	refused(BYTES("\x30\x03\x02\x01\x00"), nothing);
	refused(BYTES("\x30\x05\x02\x01\x00\x05\x00"), nothing);
	refused(BYTES("-----BEGIN X-----\nAA==\n-----END X-----\n"), "the PEM text holds no private key");
	refused(BYTES("a\n-----BEGIN DSA PRIVATE KEY-----\nAA==\n-----END DSA PRIVATE KEY-----\n"),
		"line 2: a key of the kind \"DSA PRIVATE KEY\" cannot be used");
	refused(BYTES("-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----\n"),
		"line 1: a key of the kind \"OPENSSH PRIVATE KEY\" cannot be used");
	refused(BYTES("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
		"line 1: the private key is malformed");
	refused(BYTES("-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n"),
		"line 1: the PRIVATE KEY block is empty or not base64");
	refused(BYTES("-----BEGIN PRIVATE KEY-----\nAA==\n"), "line 1: BEGIN without END");
	refused(BYTES("\x30\x08\x02\x01\x01\x04\x01k\x05\x00"), "the private key names no curve");
	pki_openssl("x509 -in rsa.pem -outform DER -out certificate.der");
	file_refused("certificate.der", NULL, "the private key is malformed");
	file_refused("rsa.pem", NULL, "the PEM text holds no private key");
}

static void a_key_is_what_its_label_says(void **state)
{
	(void)state;
	refused(BYTES("-----BEGIN RSA PRIVATE KEY-----\n"
		      "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		      "-----END RSA PRIVATE KEY-----\n"),
		"line 1: the private key is not what its label says");
	refused(BYTES("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		      "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		      "-----END ENCRYPTED PRIVATE KEY-----\n"),
		"line 1: the private key is not what its label says");
}

static void every_cut_of_a_key_is_refused(void **state)
{
	static const char *const files[] = {
		"rsa.der", "p521.der", "rsa.pkcs1.der", "p384.sec1.der", "v1.der", "rsa.enc8.der"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t size;
		char *der = pki_read(files[i], &size);

		for (size_t n = 0; n < size; n++) {
			struct unitls_private_key *key = NULL;
			char *copy = malloc(n > 0 ? n : 1);

			assert_non_null(copy);
			memcpy(copy, der, n);
			assert_int_equal(unitls_private_key_from_mem(copy, n, "x", &key, NULL), UNITLS_ERROR);
			free(copy);
		}
		free(der);
	}
}

static void numbers_of_a_key_are_checked(void **state)
{
	(void)state;
	/* RSAPrivateKey with a negative prime, with a zero exponent, with a field missing */
	refused(BYTES("\x30\x1b\x02\x01\x00\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x85\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05"),
		"the private key is malformed");
	refused(BYTES("\x30\x1b\x02\x01\x00\x02\x01\x05\x02\x01\x00\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05"),
		"the private key is malformed");
	refused(BYTES("\x30\x18\x02\x01\x00\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05"),
		"the private key is malformed");
	/* version 2 */
	refused(BYTES("\x30\x1b\x02\x01\x02\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05\x02\x01\x05"),
		"the private key is malformed");
}

/* PKCS#8 of these parts; algorithm and rest are whole values, secret is the content of one. */
static void pkcs8_refused(struct unitls_bytes algorithm, struct unitls_bytes secret, struct unitls_bytes rest)
{
	struct der_writer writer;

	der_writer_init(&writer);
	der_open(&writer, 0x30);
	der_raw(&writer, BYTES("\x02\x01\x00"));
	der_raw(&writer, algorithm);
	der_value(&writer, 0x04, secret);
	der_raw(&writer, rest);
	der_close(&writer);
	refused(der_bytes(&writer), "the private key is malformed");
	der_writer_fini(&writer);
}

#define P256 "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define ED   "\x30\x05\x06\x03\x2b\x65\x70"
#define SEED       \
	"\x04\x20" \
	"ssssssssssssssssssssssssssssssss"
#define OTHER "\x30\x04\x06\x02\x2a\x03"

static void parts_of_pkcs8_are_checked(void **state)
{
	struct unitls_private_key *key;

	(void)state;
	pkcs8_refused(BYTES("\x30\x00"), BYTES(SEED), BYTES(""));
	pkcs8_refused(BYTES("\x30\x07\x06\x03\x2b\x65\x70\x05\x00"), BYTES(SEED), BYTES(""));
	pkcs8_refused(BYTES(ED), BYTES("\x04\x01s"), BYTES(""));
	pkcs8_refused(BYTES(ED), BYTES(SEED "\x05\x00"), BYTES(""));
	pkcs8_refused(BYTES(ED), BYTES(SEED), BYTES("\xa0\x05"));
	pkcs8_refused(BYTES(ED), BYTES(SEED), BYTES("\x81\x02\x01p"));
	pkcs8_refused(BYTES(ED), BYTES(SEED), BYTES("\x81\x02\x00p"));
	pkcs8_refused(BYTES(ED), BYTES(SEED), BYTES("\x05\x00"));
	/* ECPrivateKey: another version, a malformed curve, a point that is none, something behind */
	pkcs8_refused(BYTES(P256), BYTES("\x30\x06\x02\x01\x02\x04\x01k"), BYTES(""));
	pkcs8_refused(BYTES(P256), BYTES("\x30\x08\x02\x01\x01\x04\x01k\xa0\x00"), BYTES(""));
	pkcs8_refused(BYTES(P256), BYTES("\x30\x0d\x02\x01\x01\x04\x01k\xa1\x05\x03\x03\x00\x04p"), BYTES(""));
	pkcs8_refused(BYTES(P256), BYTES("\x30\x08\x02\x01\x01\x04\x01k\x05\x00"), BYTES(""));
	/* An algorithm that nobody here knows is for the backend. */
	assert_int_equal(
		unitls_private_key_from_mem("\x30\x0c\x02\x01\x00" OTHER "\x04\x01k", 14, NULL, &key, NULL), 0);
	assert_int_equal(unitls_private_key_type(key), UNITLS_KEY_UNKNOWN);
	unitls_private_key_unref(key);
}

struct asked {
	const char *password; /* NULL: nobody knows it */
	unsigned times;
};

static bool answer(void *argument, char *password, size_t size)
{
	struct asked *asked = argument;

	asked->times++;
	assert_int_equal(size, UNITLS_PASSWORD_MAX + 1);
	if (asked->password == NULL)
		return false;
	memcpy(password, asked->password, strlen(asked->password) + 1);
	return true;
}

/* Asks; returns the status and how often that was. */
static int ask_for(
	const char *file, struct asked *asked, struct unitls_private_key **key, struct unitls_error *error)
{
	size_t size;
	char *data = pki_read(file, &size);
	int status = unitls_private_key_from_mem_asking(data, size, answer, asked, key, error);

	free(data);
	return status;
}

static void a_password_is_asked_for_once_if_it_is_needed(void **state)
{
	static const struct {
		const char *file;
		unsigned times;
	} files[] = {{"rsa.enc8", 1}, {"rsa.enc8.der", 1}, {"rsa.enc1", 1}, {"rsa.key", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct asked knows = {.password = "secret"};
		struct asked does_not = {.password = NULL};
		struct unitls_private_key *key = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;
		enum unitls_key_format format;
		struct unitls_bytes bytes;
		const char *password;

		assert_int_equal(ask_for(files[i].file, &knows, &key, &error), 0);
		assert_int_equal(knows.times, files[i].times);
		unitls_private_key_material(key, &format, &bytes, &password);
		if (files[i].times > 0)
			assert_string_equal(password, "secret");
		else
			assert_null(password);
		unitls_private_key_unref(key);
		key = NULL;
		assert_int_equal(
			ask_for(files[i].file, &does_not, &key, &error), files[i].times > 0 ? UNITLS_ERROR : 0);
		assert_int_equal(does_not.times, files[i].times);
		unitls_private_key_unref(key);
	}
}

static void malformed_encrypted_keys_are_refused(void **state)
{
	(void)state;
	refused(BYTES("\x30\x02\x30\x00"), "the private key is malformed");
	refused(BYTES("\x30\x08" OTHER "\x04\x00"), "the private key is malformed");
	refused(BYTES("\x30\x0b" OTHER "\x04\x01k\x05\x00"), "the private key is malformed");
	refused(BYTES("\x30\x09" OTHER "\x04\x01k"), "the private key is encrypted and no password was given");
}

static void a_traditional_block_of_garbage_is_refused(void **state)
{
	struct unitls_private_key *key = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	static const char text[] =
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
		"*\n-----END RSA PRIVATE KEY-----\n";

	(void)state;
	assert_int_equal(unitls_private_key_from_mem(text, strlen(text), "x", &key, &error), UNITLS_ERROR);
	assert_string_equal(error.text, "line 1: the RSA PRIVATE KEY block is empty or not base64");
}

static void more_than_16_mib_are_refused(void **state)
{
	size_t size = UNITLS_FILE_LIMIT_BYTES + 1;
	uint8_t *data = calloc(1, size);

	(void)state;
	assert_non_null(data);
	refused((struct unitls_bytes){data, size}, "the private key is larger than 16 MiB");
	free(data);
}

/* Loads the key of a file and drops it; the secret must not be in anything that is freed. */
static void wiped(const char *file, const char *password, const void *secret, size_t size)
{
	struct unitls_private_key *key = NULL;
	char *path = pki_path(file);

	free_watch_start(secret, size);
	assert_int_equal(unitls_private_key_from_file(path, password, &key, NULL), 0);
	unitls_private_key_unref(key);
	if (free_watch_stop() != 0)
		fail_msg("%s: memory was freed with a secret in it", file);
	free(path);
}

static void secrets_are_wiped(void **state)
{
	size_t size;
	char *der;
	char *pem;

	(void)state;
	der = pki_read("v1.der", &size);
	pem = pki_read("ed25519.key", &size);
	wiped("v1.der", NULL, der + 16, 32);
	wiped("v2.der", NULL, der + 16, 32);
	wiped("ed25519.key", NULL, der + 16, 32);
	wiped("ed25519.key", NULL, pem + 28 + 24, 32);
	free(der);
	free(pem);
	wiped("rsa.enc8", "a very long password", "a very long password", 20);
	wiped("rsa.enc1", "a very long password", "a very long password", 20);
	pem = pki_read("rsa.enc1", &size);
	wiped("rsa.enc1", "x", pem + size / 2, 40);
	free(pem);
}

static void a_refused_key_is_wiped_too(void **state)
{
	size_t size;
	char *der = pki_read("v1.der", &size);
	char *path = pki_path("broken.pem");
	struct unitls_private_key *key = NULL;
	struct der_writer writer;
	size_t found;

	(void)state;
	/* as PEM, with an octet too many in the secret's value */
	der_writer_init(&writer);
	der_open(&writer, 0x30);
	der_raw(&writer, (struct unitls_bytes){(uint8_t *)der + 2, size - 2});
	der_value(&writer, 0x05, BYTES(""));
	der_close(&writer);
	pki_write("broken.der", writer.data, writer.size);
	der_writer_fini(&writer);
	pki_openssl("base64 -in broken.der -out broken.b64");
	pki_write("begin", "-----BEGIN PRIVATE KEY-----\n", 28);
	pki_write("end", "-----END PRIVATE KEY-----\n", 26);
	pki_join("broken.pem", "begin", "broken.b64", "end", NULL);
	free_watch_start(der + 16, 32);
	assert_int_equal(unitls_private_key_from_file(path, NULL, &key, NULL), UNITLS_ERROR);
	found = free_watch_stop();
	assert_int_equal(found, 0);
	free(der);
	free(path);
}

static void references_are_counted(void **state)
{
	struct unitls_private_key *key = load("rsa.key", NULL);

	(void)state;
	assert_ptr_equal(unitls_private_key_ref(key), key);
	unitls_private_key_unref(key);
	assert_int_equal(unitls_private_key_type(key), UNITLS_KEY_RSA);
	unitls_private_key_unref(key);
	unitls_private_key_unref(NULL);
}

static void loading_survives_failing_allocations(void **state)
{
	static const char *const files[] = {"rsa.key", "rsa.enc1", "rsa.enc8", "v2.der"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = pki_path(files[i]);
		bool failed = true;

		for (size_t n = 0; failed; n++) {
			struct unitls_error error = UNITLS_ERROR_INIT;
			struct unitls_private_key *key = NULL;
			int status;

			alloc_fail_start(n);
			status = unitls_private_key_from_file(path, "x", &key, &error);
			failed = alloc_fail_stop();
			assert_int_equal(status, failed ? UNITLS_ERROR : 0);
			assert_int_equal(
				error.error_class, failed ? UNITLS_ERROR_CLASS_MEMORY : UNITLS_ERROR_CLASS_NONE);
			unitls_private_key_unref(key);
		}
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pkcs8_keys_match_their_own_certificate_only),
		cmocka_unit_test(pkcs1_and_sec1_keys_are_read),
		cmocka_unit_test(pkcs8_in_der_is_read),
		cmocka_unit_test(a_key_with_more_than_two_primes_is_read),
		cmocka_unit_test(an_ec_key_without_its_public_half_is_left_open),
		cmocka_unit_test(compressed_points_are_compared_too),
		cmocka_unit_test(explicit_parameters_are_compared_by_point),
		cmocka_unit_test(the_first_private_key_among_other_blocks_is_read),
		cmocka_unit_test(encrypted_keys_are_kept_for_the_backend),
		cmocka_unit_test(an_encrypted_key_needs_a_password),
		cmocka_unit_test(a_password_is_asked_for_once_if_it_is_needed),
		cmocka_unit_test(a_password_for_a_plain_key_is_not_kept),
		cmocka_unit_test(a_public_half_in_pkcs8_is_compared),
		cmocka_unit_test(a_backend_gets_pkcs8_of_version_1),
		cmocka_unit_test(large_keys_are_rewritten_too),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_key_is_what_its_label_says),
		cmocka_unit_test(every_cut_of_a_key_is_refused),
		cmocka_unit_test(numbers_of_a_key_are_checked),
		cmocka_unit_test(parts_of_pkcs8_are_checked),
		cmocka_unit_test(malformed_encrypted_keys_are_refused),
		cmocka_unit_test(a_traditional_block_of_garbage_is_refused),
		cmocka_unit_test(more_than_16_mib_are_refused),
		cmocka_unit_test(secrets_are_wiped),
		cmocka_unit_test(a_refused_key_is_wiped_too),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(loading_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, make_material, pki_teardown);
}

/*
 * Private keys as bytes: tells their kind, finds their public half, and keeps them until a backend asks. It never decrypts and does no
 * arithmetic. Invariant: every copy of the secret that is made here is wiped before it is freed.
 */
#include "core/private_key.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/certificate.h"
#include "core/der.h"
#include "core/file.h"
#include "core/pem.h"
#include "core/public_key.h"
#include "core/signer.h"

enum kind {
	KIND_ANY,
	KIND_PKCS8,
	KIND_ENCRYPTED_PKCS8,
	KIND_PKCS1,
	KIND_SEC1,
};

struct unitls_private_key {
	atomic_size_t references;
	enum unitls_key_format format;
	uint8_t *data; /* as it was read; the views of public_key are in here */
	size_t size;
	uint8_t *rewritten; /* PKCS#8 of version 1 made from a later one; NULL when data is good as it is */
	size_t rewritten_size;
	char *password; /* NULL unless encrypted; of a token, its PIN */
	bool encrypted;
	struct unitls_public_key public_key;
	struct unitls_external_key *external; /* NULL unless external; its public half is data */
};

/* What the bytes of a key say. */
struct reading {
	bool encrypted;
	struct unitls_public_key public_key;
	struct unitls_bytes
		algorithm; /* when it is PKCS#8 that other readers may not know: the parts that they do */
	struct unitls_bytes secret;
};

static const char malformed[] = "the private key is malformed";

/* RSAPrivateKey (RFC 8017, A.1.2). Version 1 has more than two primes. */
static const char *read_rsa(struct unitls_der *reader, struct unitls_public_key *key)
{
	struct unitls_der inner;
	struct unitls_bytes modulus;
	struct unitls_bytes exponent;
	struct unitls_bytes number;
	unsigned version;

	if (!unitls_der_enter(reader, UNITLS_DER_SEQUENCE, &inner) || !unitls_der_small(&inner, &version) ||
		version > 1 || !unitls_der_positive(&inner, &modulus) || !unitls_der_positive(&inner, &exponent))
		return malformed;
	for (int i = 0; i < 6; i++)
		if (!unitls_der_positive(&inner, &number))
			return malformed;
	if (version == 1 && !unitls_der_skip_optional(&inner, UNITLS_DER_SEQUENCE))
		return malformed;
	if (!unitls_der_done(&inner))
		return malformed;
	unitls_public_key_set_rsa(key, modulus, exponent);
	return NULL;
}

/* ECPrivateKey (RFC 5915, 3). The curve comes from outside, in PKCS#8, or is in here. */
static const char *read_ec(struct unitls_der *reader, bool has_curve, struct unitls_public_key *key)
{
	struct unitls_der inner;
	struct unitls_der wrapper;
	struct unitls_der_value value;
	struct unitls_bytes point;
	unsigned version;

	if (!unitls_der_enter(reader, UNITLS_DER_SEQUENCE, &inner) || !unitls_der_small(&inner, &version) ||
		version != 1 || !unitls_der_take(&inner, UNITLS_DER_OCTET_STRING, &value))
		return malformed;
	if (unitls_der_next_is(&inner, UNITLS_DER_CONSTRUCTED | 0)) {
		if (!unitls_der_enter(&inner, UNITLS_DER_CONSTRUCTED | 0, &wrapper) ||
			!unitls_der_any(&wrapper, &value) || !unitls_der_done(&wrapper))
			return malformed;
		if (!has_curve && value.tag == UNITLS_DER_OID)
			unitls_public_key_set_curve(key, value.content);
		has_curve = true;
	}
	if (!has_curve)
		return "the private key names no curve";
	if (unitls_der_next_is(&inner, UNITLS_DER_CONSTRUCTED | 1)) {
		if (!unitls_der_enter(&inner, UNITLS_DER_CONSTRUCTED | 1, &wrapper) ||
			!unitls_der_bits(&wrapper, UNITLS_DER_BIT_STRING, &point) || !unitls_der_done(&wrapper) ||
			!unitls_public_key_set_point(key, point))
			return malformed;
	}
	return unitls_der_done(&inner) ? NULL : malformed;
}

/* CurvePrivateKey (RFC 8410, 7) */
static const char *read_edwards(struct unitls_der *reader, const struct unitls_public_key *key)
{
	struct unitls_der_value seed;

	if (!unitls_der_take(reader, UNITLS_DER_OCTET_STRING, &seed) ||
		seed.content.size != (key->type == UNITLS_KEY_ED25519 ? 32 : 57))
		return malformed;
	return NULL;
}

/* The key inside PKCS#8, by its algorithm. */
static const char *read_inner(struct unitls_bytes secret, struct unitls_public_key *key)
{
	struct unitls_der reader;
	const char *fault = NULL;

	unitls_der_init(&reader, secret);
	switch (key->family) {
	case UNITLS_KEY_FAMILY_RSA:
	case UNITLS_KEY_FAMILY_RSA_PSS:
		fault = read_rsa(&reader, key);
		break;
	case UNITLS_KEY_FAMILY_EC:
		fault = read_ec(&reader, true, key);
		break;
	case UNITLS_KEY_FAMILY_EDWARDS:
		fault = read_edwards(&reader, key);
		break;
	case UNITLS_KEY_FAMILY_OTHER:
		return NULL;
	}
	if (fault == NULL && !unitls_der_done(&reader))
		fault = malformed;
	return fault;
}

/* What follows the key in OneAsymmetricKey (RFC 5958, 2): attributes and the public half. */
static const char *read_pkcs8_rest(struct unitls_der *inner, struct unitls_public_key *key)
{
	struct unitls_bytes octets;

	if (!unitls_der_skip_optional(inner, UNITLS_DER_CONSTRUCTED | 0))
		return malformed;
	if (unitls_der_next_is(inner, UNITLS_DER_CONTEXT | 1)) {
		if (!unitls_der_bits(inner, UNITLS_DER_CONTEXT | 1, &octets))
			return malformed;
		if ((key->family == UNITLS_KEY_FAMILY_EC || key->family == UNITLS_KEY_FAMILY_EDWARDS) &&
			key->point.size == 0 && !unitls_public_key_set_point(key, octets))
			return malformed;
	}
	return unitls_der_done(inner) ? NULL : malformed;
}

static const char *read_pkcs8(struct unitls_bytes der, struct reading *reading)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_der algorithm_reader;
	struct unitls_der_value algorithm;
	struct unitls_der_value secret;
	bool plain;
	unsigned version;
	const char *fault;

	unitls_der_init(&reader, der);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner) || !unitls_der_small(&inner, &version) ||
		version > 1 || !unitls_der_take(&inner, UNITLS_DER_SEQUENCE, &algorithm) ||
		!unitls_der_take(&inner, UNITLS_DER_OCTET_STRING, &secret))
		return malformed;
	plain = version == 0 && unitls_der_done(&inner);
	unitls_der_init(&algorithm_reader, algorithm.whole);
	if (!unitls_public_key_read_algorithm(&algorithm_reader, &reading->public_key))
		return malformed;
	fault = read_inner(secret.content, &reading->public_key);
	if (fault == NULL)
		fault = read_pkcs8_rest(&inner, &reading->public_key);
	if (fault == NULL && !plain) {
		reading->algorithm = algorithm.whole;
		reading->secret = secret.whole;
	}
	return fault;
}

/* EncryptedPrivateKeyInfo (RFC 5958, 3) */
static const char *read_encrypted_pkcs8(struct unitls_bytes der, struct reading *reading)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_der algorithm;
	struct unitls_der_value value;

	unitls_der_init(&reader, der);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner) ||
		!unitls_der_enter(&inner, UNITLS_DER_SEQUENCE, &algorithm) ||
		!unitls_der_take(&algorithm, UNITLS_DER_OID, &value) ||
		!unitls_der_take(&inner, UNITLS_DER_OCTET_STRING, &value) || value.content.size == 0 ||
		!unitls_der_done(&inner))
		return malformed;
	reading->encrypted = true;
	return NULL;
}

/* Tells the four forms apart by the types of their first fields. */
static enum kind find_kind(struct unitls_bytes der)
{
	struct unitls_der reader;
	struct unitls_der inner;
	struct unitls_bytes version;

	unitls_der_init(&reader, der);
	if (!unitls_der_enter(&reader, UNITLS_DER_SEQUENCE, &inner) || !unitls_der_done(&reader))
		return KIND_ANY;
	if (unitls_der_next_is(&inner, UNITLS_DER_SEQUENCE))
		return KIND_ENCRYPTED_PKCS8;
	if (!unitls_der_integer(&inner, &version))
		return KIND_ANY;
	if (unitls_der_next_is(&inner, UNITLS_DER_SEQUENCE))
		return KIND_PKCS8;
	if (unitls_der_next_is(&inner, UNITLS_DER_INTEGER))
		return KIND_PKCS1;
	if (unitls_der_next_is(&inner, UNITLS_DER_OCTET_STRING))
		return KIND_SEC1;
	return KIND_ANY;
}

static const char *read_key(struct unitls_bytes der, enum kind expected, struct reading *reading)
{
	enum kind kind = find_kind(der);
	struct unitls_der reader;

	if (kind == KIND_ANY)
		return expected == KIND_ANY ? "this is no private key, neither PEM nor DER" : malformed;
	if (expected != KIND_ANY && kind != expected)
		return "the private key is not what its label says";
	unitls_der_init(&reader, der);
	switch (kind) {
	case KIND_PKCS8:
		return read_pkcs8(der, reading);
	case KIND_ENCRYPTED_PKCS8:
		return read_encrypted_pkcs8(der, reading);
	case KIND_PKCS1:
		reading->public_key.family = UNITLS_KEY_FAMILY_RSA;
		reading->public_key.type = UNITLS_KEY_RSA;
		return read_rsa(&reader, &reading->public_key);
	case KIND_SEC1:
		reading->public_key.family = UNITLS_KEY_FAMILY_EC;
		return read_ec(&reader, false, &reading->public_key);
	case KIND_ANY:
		break;
	}
	return malformed;
}

static void destroy(struct unitls_private_key *key)
{
	unitls_pem_free(key->data, key->size);
	unitls_pem_free(key->rewritten, key->rewritten_size);
	if (key->password != NULL) {
		explicit_bzero(key->password, strlen(key->password));
		free(key->password);
	}
	if (key->external != NULL && key->external->signer.release != NULL)
		key->external->signer.release(key->external->argument);
	free(key->external);
	explicit_bzero(key, sizeof(*key));
	free(key);
}

struct unitls_private_key *unitls_private_key_ref(struct unitls_private_key *key)
{
	atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
	return key;
}

void unitls_private_key_unref(struct unitls_private_key *key)
{
	if (key != NULL && atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) == 1)
		destroy(key);
}

static int no_memory(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a private key");
}

static int refuse(struct unitls_error *error, unsigned line, const char *fault)
{
	if (line > 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "key", "line %u: %s", line, fault);
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "key", "%s", fault);
}

/* Tag and length of a SEQUENCE (X.690, 10.1); returns the octets written. */
static size_t write_sequence_header(uint8_t header[6], size_t content)
{
	size_t octets = 1;

	header[0] = UNITLS_DER_SEQUENCE;
	if (content < 0x80) {
		header[1] = (uint8_t)content;
		return 2;
	}
	while (octets < 4 && content >> (8 * octets) != 0)
		octets++;
	header[1] = (uint8_t)(0x80 | octets);
	for (size_t i = 0; i < octets; i++)
		header[2 + i] = (uint8_t)(content >> (8 * (octets - 1 - i)));
	return 2 + octets;
}

/*
 * PrivateKeyInfo of version 1 (RFC 5208, 5), without attributes and public half: OpenSSL 3.0 and mbedTLS 2.28 read no later version.
 */
static bool rewrite(struct unitls_private_key *key, const struct reading *reading)
{
	static const uint8_t version[] = {UNITLS_DER_INTEGER, 1, 0};
	size_t content = sizeof(version) + reading->algorithm.size + reading->secret.size;
	uint8_t header[6];
	size_t header_size = write_sequence_header(header, content);
	uint8_t *at = malloc(header_size + content);

	if (at == NULL)
		return false;
	key->rewritten = at;
	key->rewritten_size = header_size + content;
	memcpy(at, header, header_size);
	at += header_size;
	memcpy(at, version, sizeof(version));
	at += sizeof(version);
	memcpy(at, reading->algorithm.data, reading->algorithm.size);
	at += reading->algorithm.size;
	memcpy(at, reading->secret.data, reading->secret.size);
	return true;
}

/* An object that owns a copy of data, with a NUL after it, and of the password when the key is encrypted. NULL without memory. */
static struct unitls_private_key *make(
	enum unitls_key_format format, struct unitls_bytes data, bool encrypted, const char *password)
{
	struct unitls_private_key *key = calloc(1, sizeof(*key));

	if (key == NULL)
		return NULL;
	atomic_init(&key->references, 1);
	key->format = format;
	key->encrypted = encrypted;
	key->data = malloc(data.size + 1);
	if (key->data == NULL)
		goto fail;
	memcpy(key->data, data.data, data.size);
	key->data[data.size] = '\0';
	key->size = data.size;
	if (encrypted) {
		key->password = strdup(password);
		if (key->password == NULL)
			goto fail;
	}
	return key;

fail:
	destroy(key);
	return NULL;
}

/* Where the password of an encrypted key comes from: given with the call, or asked for when it is needed. */
struct password {
	const char *given;
	unitls_password_callback ask; /* NULL: nobody to ask */
	void *argument;
	char answer[UNITLS_PASSWORD_MAX + 1];
};

/* NULL when there is none. Asks once at most, since a key is read once. */
static const char *password_get(struct password *password)
{
	if (password->ask == NULL)
		return password->given;
	if (!password->ask(password->argument, password->answer, sizeof(password->answer)))
		return NULL;
	password->answer[sizeof(password->answer) - 1] = '\0';
	return password->answer;
}

/* line: of the PEM block; 0 for a DER key. */
static int from_der(struct unitls_bytes der, enum kind expected, unsigned line, struct password *password,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct reading reading = {.encrypted = false};
	const char *fault = read_key(der, expected, &reading);
	struct unitls_private_key *key;
	const char *text = NULL;

	if (fault == NULL && reading.encrypted)
		text = password_get(password);
	if (fault == NULL && reading.encrypted && text == NULL)
		fault = "the private key is encrypted and no password was given";
	if (fault != NULL)
		return refuse(error, line, fault);
	key = make(UNITLS_KEY_FORMAT_DER, der, reading.encrypted, text);
	if (key == NULL)
		return no_memory(error);
	/* Again, for views of the copy. It is the same bytes, so there is no fault. */
	reading = (struct reading){.encrypted = false};
	(void)read_key((struct unitls_bytes){key->data, key->size}, expected, &reading);
	key->public_key = reading.public_key;
	if (reading.secret.size > 0 && !rewrite(key, &reading)) {
		destroy(key);
		return no_memory(error);
	}
	*ret_key = key;
	return UNITLS_OK;
}

/* A block that is encrypted in the traditional way goes on as it is; its label says the type of the key. */
static int from_encrypted_block(const struct unitls_pem_block *block, enum kind kind, struct password *password,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct unitls_private_key *key;
	uint8_t *data;
	size_t size;
	const char *text = password_get(password);
	int status;

	if (text == NULL)
		return refuse(error, block->line, "the private key is encrypted and no password was given");
	status = unitls_pem_decode(block, "key", &data, &size, error); /* only to see that it can be */
	if (status < 0)
		return status;
	unitls_pem_free(data, size);
	key = make(UNITLS_KEY_FORMAT_PEM, block->text, true, text);
	if (key == NULL)
		return no_memory(error);
	key->size++; /* the NUL counts */
	if (kind == KIND_PKCS1)
		key->public_key.family = UNITLS_KEY_FAMILY_RSA;
	else if (kind == KIND_SEC1)
		key->public_key.family = UNITLS_KEY_FAMILY_EC;
	*ret_key = key;
	return UNITLS_OK;
}

static bool is_key_label(const char *label)
{
	static const char suffix[] = "PRIVATE KEY";
	size_t size = strlen(label);

	return size >= sizeof(suffix) - 1 && strcmp(label + size - (sizeof(suffix) - 1), suffix) == 0;
}

/* The form that a label promises; KIND_ANY for a label that nothing here reads. */
static enum kind kind_of_label(const char *label)
{
	static const struct {
		const char *label;
		enum kind kind;
	} labels[] = {
		{"PRIVATE KEY", KIND_PKCS8},
		{"ENCRYPTED PRIVATE KEY", KIND_ENCRYPTED_PKCS8},
		{"RSA PRIVATE KEY", KIND_PKCS1},
		{"EC PRIVATE KEY", KIND_SEC1},
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strcmp(labels[i].label, label) == 0)
			return labels[i].kind;
	return KIND_ANY;
}

static int from_block(const struct unitls_pem_block *block, struct password *password,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	enum kind kind = kind_of_label(block->label);
	struct unitls_bytes der;
	uint8_t *data;
	size_t size;
	int status;

	if (kind == KIND_ANY)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "key",
			"line %u: a key of the kind \"%s\" cannot be used", block->line, block->label);
	if (block->encrypted)
		return from_encrypted_block(block, kind, password, ret_key, error);
	status = unitls_pem_decode(block, "key", &data, &size, error);
	if (status < 0)
		return status;
	der.data = data;
	der.size = size;
	status = from_der(der, kind, block->line, password, ret_key, error);
	unitls_pem_free(data, size);
	return status;
}

static int from_mem(const void *data, size_t size, struct password *password, struct unitls_private_key **ret_key,
	struct unitls_error *error)
{
	struct unitls_bytes der = {data, size};
	struct unitls_pem_reader reader;
	struct unitls_pem_block block;
	int status;

	if (size > UNITLS_FILE_LIMIT_BYTES)
		return refuse(error, 0, "the private key is larger than 16 MiB");
	if (password->given != NULL && strnlen(password->given, UNITLS_PASSWORD_MAX + 1) > UNITLS_PASSWORD_MAX)
		return refuse(error, 0, "the password is longer than 1023 bytes");
	if (!unitls_pem_is_text(data, size))
		return from_der(der, KIND_ANY, 0, password, ret_key, error);
	unitls_pem_init(&reader, data, size, "key");
	while ((status = unitls_pem_next(&reader, &block, error)) == UNITLS_OK)
		if (is_key_label(block.label))
			return from_block(&block, password, ret_key, error);
	if (status < 0)
		return status;
	return refuse(error, 0, "the PEM text holds no private key");
}

int unitls_private_key_from_mem(const void *data, size_t size, const char *password,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct password source = {.given = password};

	return from_mem(data, size, &source, ret_key, error);
}

int unitls_private_key_from_mem_asking(const void *data, size_t size, unitls_password_callback ask, void *argument,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct password source = {.ask = ask, .argument = argument};
	int status = from_mem(data, size, &source, ret_key, error);

	explicit_bzero(source.answer, sizeof(source.answer));
	return status;
}

int unitls_private_key_from_file(
	const char *path, const char *password, struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct unitls_error inner = UNITLS_ERROR_INIT;
	uint8_t *data;
	size_t size;
	int status;

	status = unitls_file_read(path, "key", &data, &size, error);
	if (status < 0)
		return status;
	status = unitls_private_key_from_mem(data, size, password, ret_key, &inner);
	unitls_file_free(data, size);
	return status < 0 ? unitls_file_error(error, path, &inner) : UNITLS_OK;
}

int unitls_private_key_from_id(
	const char *uri, const char *pin, struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct unitls_private_key *key;
	size_t size = strnlen(uri, UNITLS_KEY_URI_MAX + 1);

	if (strncmp(uri, "pkcs11:", 7) != 0)
		return refuse(error, 0, "a key's id is a PKCS#11 URI, which begins with \"pkcs11:\"");
	if (size > UNITLS_KEY_URI_MAX)
		return refuse(error, 0, "the PKCS#11 URI is longer than 4095 bytes");
	if (pin != NULL && strnlen(pin, UNITLS_PASSWORD_MAX + 1) > UNITLS_PASSWORD_MAX)
		return refuse(error, 0, "the PIN is longer than 1023 bytes");
	key = make(UNITLS_KEY_FORMAT_URI, (struct unitls_bytes){(const uint8_t *)uri, size}, pin != NULL, pin);
	if (key == NULL)
		return no_memory(error);
	key->size++;           /* the NUL counts */
	key->encrypted = true; /* as far as the core is concerned: nothing of it can be read */
	*ret_key = key;
	return UNITLS_OK;
}

int unitls_private_key_external(const struct unitls_signer *signer, void *argument, struct unitls_bytes spki,
	struct unitls_private_key **ret_key, struct unitls_error *error)
{
	struct unitls_private_key *key;

	if (signer->sign == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "an external key needs a sign function");
	key = make(UNITLS_KEY_FORMAT_EXTERNAL, spki, false, NULL);
	if (key == NULL)
		return no_memory(error);
	if (!unitls_public_key_parse((struct unitls_bytes){key->data, key->size}, &key->public_key)) {
		destroy(key);
		return refuse(error, 0, "the external key's public half is no SubjectPublicKeyInfo");
	}
	key->external = calloc(1, sizeof(*key->external));
	if (key->external == NULL) {
		destroy(key);
		return no_memory(error);
	}
	key->external->signer = *signer;
	key->external->argument = argument;
	key->external->spki = (struct unitls_bytes){key->data, key->size};
	key->external->public_key = key->public_key;
	*ret_key = key;
	return UNITLS_OK;
}

const struct unitls_external_key *unitls_private_key_external_part(const struct unitls_private_key *key)
{
	return key->external;
}

enum unitls_key_type unitls_private_key_type(const struct unitls_private_key *key)
{
	return key->encrypted ? UNITLS_KEY_UNKNOWN : key->public_key.type;
}

enum unitls_key_match unitls_private_key_matches(
	const struct unitls_private_key *key, const struct unitls_certificate *certificate)
{
	if (key->encrypted && key->public_key.family == UNITLS_KEY_FAMILY_OTHER)
		return UNITLS_KEY_MATCH_UNKNOWN;
	return unitls_public_key_compare(&key->public_key, &unitls_certificate_x509(certificate)->key);
}

void unitls_private_key_material(const struct unitls_private_key *key, enum unitls_key_format *ret_format,
	struct unitls_bytes *ret_bytes, const char **ret_password)
{
	*ret_format = key->format;
	ret_bytes->data = key->rewritten != NULL ? key->rewritten : key->data;
	ret_bytes->size = key->rewritten != NULL ? key->rewritten_size : key->size;
	*ret_password = key->password;
}

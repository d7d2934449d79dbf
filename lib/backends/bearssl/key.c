/*
 * Private keys: PKCS#8, PKCS#1 and SEC1 by the library's decoder, which takes the three apart by itself.
 */
#include "backends/bearssl/key.h"

#include <unitls/signature_scheme.h>

#include "backends/bearssl/certificate.h"
#include "backends/bearssl/error.h"

#define RSA_BYTES_MAX  512
#define HASH_BYTES_MAX 64

int bear_key_read(struct bear_key *key, const struct unitls_context_params *params, struct unitls_error *error)
{
	int native;

	if (params->key_format == UNITLS_KEY_FORMAT_EXTERNAL) {
		key->external = params->external_key;
		return 0;
	}
	if (params->key_format != UNITLS_KEY_FORMAT_DER || params->password != NULL)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_UNSUPPORTED, "key", "BearSSL cannot read encrypted keys");
	br_skey_decoder_init(&key->decoder);
	br_skey_decoder_push(&key->decoder, params->key.data, params->key.size);
	native = br_skey_decoder_last_error(&key->decoder);
	return native == 0 ? 0 : bear_error_set_field(error, native, "key", "the private key");
}

void bear_key_fini(struct bear_key *key)
{
	explicit_bzero(key, sizeof(*key));
}

int bear_key_type(const struct bear_key *key)
{
	if (key->external == NULL)
		return br_skey_decoder_key_type(&key->decoder);
	return unitls_external_key_type(key->external) == UNITLS_KEY_RSA ? BR_KEYTYPE_RSA : BR_KEYTYPE_EC;
}

static const struct hash {
	int id;
	size_t size;
	const br_hash_class *class;
	const char *oid; /* as the library wants it for PKCS#1: length first */
	uint16_t rsa;    /* IANA's scheme with a key of RSA, and with one on a curve */
	uint16_t ecdsa;
} hashes[] = {
	{br_sha256_ID, br_sha256_SIZE, &br_sha256_vtable, "\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01",
		UNITLS_SIGNATURE_rsa_pkcs1_sha256, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256},
	{br_sha384_ID, br_sha384_SIZE, &br_sha384_vtable, "\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02",
		UNITLS_SIGNATURE_rsa_pkcs1_sha384, UNITLS_SIGNATURE_ecdsa_secp384r1_sha384},
	{br_sha512_ID, br_sha512_SIZE, &br_sha512_vtable, "\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03",
		UNITLS_SIGNATURE_rsa_pkcs1_sha512, UNITLS_SIGNATURE_ecdsa_secp521r1_sha512},
};

static const struct hash *find_hash(int id, size_t size)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (hashes[i].id == id && hashes[i].size == size)
			return &hashes[i];
	}
	return NULL;
}

/* The signer has to answer at once: the engine has no way to wait. */
static size_t sign_externally(
	const struct bear_key *key, uint16_t scheme, uint8_t *data, size_t hash_size, size_t capacity)
{
	struct unitls_error error = UNITLS_ERROR_INIT; /* the connection says it in its own words */
	struct unitls_sign_request *request;
	struct unitls_bytes signature = {NULL, 0};
	size_t size = 0;

	if (unitls_signature_start(
		    key->external, scheme, (struct unitls_bytes){data, hash_size}, &request, &error) < 0)
		return 0;
	if (unitls_signature_take(request, &signature, &error) == 0 && signature.size <= capacity) {
		memcpy(data, signature.data, signature.size);
		size = signature.size;
	}
	unitls_signature_release(request);
	return size;
}

size_t bear_key_sign(const struct bear_key *key, int hash_id, uint8_t *data, size_t hash_size, size_t capacity)
{
	const br_rsa_private_key *rsa;
	const br_ec_private_key *ec;
	const struct hash *hash = find_hash(hash_id, hash_size);
	uint8_t value[HASH_BYTES_MAX];
	size_t size;

	if (hash == NULL)
		return 0;
	if (key->external != NULL)
		return sign_externally(key, bear_key_type(key) == BR_KEYTYPE_RSA ? hash->rsa : hash->ecdsa, data,
			hash_size, capacity);
	rsa = br_skey_decoder_get_rsa(&key->decoder);
	ec = br_skey_decoder_get_ec(&key->decoder);
	memcpy(value, data, hash_size);
	if (rsa != NULL) {
		size = (rsa->n_bitlen + 7) / 8;
		if (size > capacity)
			return 0;
		return br_rsa_pkcs1_sign_get_default()((const uint8_t *)hash->oid, value, hash_size, rsa, data) ==
				1
			? size
			: 0;
	}
	if (ec == NULL || capacity < BR_EC_KBUF_PUB_MAX_SIZE) /* no signature is longer than the longest point */
		return 0;
	return br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), hash->class, value, ec, data);
}

uint32_t bear_key_decrypt(const struct bear_key *key, uint8_t *data, size_t size)
{
	const br_rsa_private_key *rsa = key->external == NULL ? br_skey_decoder_get_rsa(&key->decoder) : NULL;

	return rsa == NULL ? 0 : br_rsa_ssl_decrypt(br_rsa_private_get_default(), rsa, data, size);
}

/*
 * By a signature: the library computes an exponent for some keys only (primes that are 3 modulo 4), and this proves the private half to be whole as well.
 */
static bool rsa_matches(const struct bear_key *key, const br_x509_pkey *public_key)
{
	static const uint8_t hash[br_sha256_SIZE] = {1};
	uint8_t signature[RSA_BYTES_MAX];
	uint8_t found[br_sha256_SIZE];
	size_t size;

	if (public_key->key_type != BR_KEYTYPE_RSA)
		return false;
	memcpy(signature, hash, sizeof(hash));
	size = bear_key_sign(key, br_sha256_ID, signature, sizeof(hash), sizeof(signature));
	return size > 0 &&
		br_rsa_pkcs1_vrfy_get_default()(
			signature, size, BR_HASH_OID_SHA256, sizeof(found), &public_key->key.rsa, found) == 1 &&
		memcmp(hash, found, sizeof(found)) == 0;
}

static bool ec_matches(const br_ec_private_key *key, const br_x509_pkey *public_key)
{
	uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE];
	br_x509_pkey own = {.key_type = BR_KEYTYPE_EC};

	return br_ec_compute_pub(br_ec_get_default(), &own.key.ec, point, key) != 0 &&
		bear_key_equal(&own, public_key);
}

bool bear_key_matches(const struct bear_key *key, const br_x509_pkey *public_key)
{
	const br_ec_private_key *ec;

	/* The core has compared the public half. */
	if (key->external != NULL)
		return true;
	ec = br_skey_decoder_get_ec(&key->decoder);
	return ec != NULL ? ec_matches(ec, public_key) : rsa_matches(key, public_key);
}

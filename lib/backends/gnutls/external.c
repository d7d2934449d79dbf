#include "backends/gnutls/external.h"

#include <stdio.h>

#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>

#include <unitls/signer.h>

#include "backends/gnutls/numbers.h"
#include "backends/gnutls/trust.h"

static gnutls_pk_algorithm_t algorithm_of(enum unitls_key_type type)
{
	switch (type) {
	case UNITLS_KEY_RSA:
		return GNUTLS_PK_RSA;
	case UNITLS_KEY_RSA_PSS:
		return GNUTLS_PK_RSA_PSS;
	case UNITLS_KEY_ECDSA_P256:
	case UNITLS_KEY_ECDSA_P384:
	case UNITLS_KEY_ECDSA_P521:
		return GNUTLS_PK_ECDSA;
	case UNITLS_KEY_ED25519:
		return GNUTLS_PK_EDDSA_ED25519;
	case UNITLS_KEY_ED448:
		return GNUTLS_PK_EDDSA_ED448;
	case UNITLS_KEY_UNKNOWN:
		break;
	}
	return GNUTLS_PK_UNKNOWN;
}

static unsigned bits_of(const struct unitls_external_key *external)
{
	gnutls_datum_t spki = gtls_datum(unitls_external_key_spki(external));
	gnutls_pubkey_t public_half;
	unsigned bits = 0;

	if (gnutls_pubkey_init(&public_half) < 0)
		return 0;
	if (gnutls_pubkey_import(public_half, &spki, GNUTLS_X509_FMT_DER) == 0)
		(void)gnutls_pubkey_get_pk_algorithm(public_half, &bits);
	gnutls_pubkey_deinit(public_half);
	return bits;
}

/* The library asks for the key's kind and size, and for each algorithm whether the key signs with it. */
static int on_info(gnutls_privkey_t key, unsigned flags, void *argument)
{
	const struct unitls_external_key *external = argument;
	gnutls_pk_algorithm_t algorithm = algorithm_of(unitls_external_key_type(external));

	(void)key;
	if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
		return (int)algorithm;
	if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
		return (int)bits_of(external);
	if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0) {
		gnutls_sign_algorithm_t signature = GNUTLS_FLAGS_TO_SIGN_ALGO(flags);

		return gtls_signature_scheme(signature) != 0 &&
			gnutls_sign_supports_pk_algorithm(signature, algorithm) != 0;
	}
	return -1;
}

/* The signer's answer in memory of the library's. */
static int take(struct unitls_sign_request *request, gnutls_datum_t *ret_signature, struct unitls_error *error)
{
	struct unitls_bytes signature;

	if (unitls_signature_take(request, &signature, error) != 0)
		return GNUTLS_E_PK_SIGN_FAILED;
	ret_signature->data = gnutls_malloc(signature.size);
	if (!ret_signature->data)
		return GNUTLS_E_MEMORY_ERROR;
	memcpy(ret_signature->data, signature.data, signature.size);
	ret_signature->size = (unsigned)signature.size;
	return 0;
}

static int sign(const struct unitls_external_key *external, gnutls_sign_algorithm_t algorithm,
	struct unitls_bytes input, gnutls_datum_t *ret_signature)
{
	struct unitls_error error = UNITLS_ERROR_INIT; /* the connection says it in its own words */
	struct unitls_sign_request *request;
	uint16_t scheme = gtls_signature_scheme(algorithm);
	int ret;

	if (scheme == 0 || unitls_signature_start(external, scheme, input, &request, &error) < 0)
		return GNUTLS_E_PK_SIGN_FAILED;
	ret = take(request, ret_signature, &error);
	unitls_signature_release(request);
	return ret;
}

/* With PKCS#1 the library brings the digest as it would be padded: in a DigestInfo, which says the hash. */
static int sign_digest_info(
	const struct unitls_external_key *external, const gnutls_datum_t *info, gnutls_datum_t *ret_signature)
{
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_UNKNOWN;
	uint8_t digest[64];
	unsigned size = sizeof(digest);
	int ret = gnutls_decode_ber_digest_info(info, &hash, digest, &size);

	if (ret < 0)
		return ret;
	return sign(external, gnutls_pk_to_sign(GNUTLS_PK_RSA, hash), (struct unitls_bytes){digest, size},
		ret_signature);
}

static int on_sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *argument, unsigned flags,
	const gnutls_datum_t *hash, gnutls_datum_t *ret_signature)
{
	(void)key;
	(void)flags;
	if (algorithm == GNUTLS_SIGN_RSA_RAW)
		return sign_digest_info(argument, hash, ret_signature);
	return sign(argument, algorithm, (struct unitls_bytes){hash->data, hash->size}, ret_signature);
}

static int on_sign_data(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *argument, unsigned flags,
	const gnutls_datum_t *data, gnutls_datum_t *ret_signature)
{
	gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(algorithm);
	uint8_t digest[64];
	unsigned size = gnutls_hash_get_len(hash);
	int ret;

	(void)key;
	(void)flags;
	/* Ed25519 and Ed448 take the message. */
	if (algorithm == GNUTLS_SIGN_EDDSA_ED25519 || algorithm == GNUTLS_SIGN_EDDSA_ED448)
		return sign(argument, algorithm, (struct unitls_bytes){data->data, data->size}, ret_signature);
	if (size == 0 || size > sizeof(digest))
		return GNUTLS_E_PK_SIGN_FAILED;
	ret = gnutls_hash_fast(hash, data->data, data->size, digest);
	return ret < 0 ? ret : sign(argument, algorithm, (struct unitls_bytes){digest, size}, ret_signature);
}

int gtls_external_import(gnutls_privkey_t key, const struct unitls_external_key *external)
{
	return gnutls_privkey_import_ext4(
		key, (void *)(uintptr_t)external, on_sign_data, on_sign_hash, NULL, NULL, on_info, 0);
}

/* Once: a wrong PIN is not tried again, for tokens lock themselves. */
static int on_pin(void *argument, int attempt, const char *token_url, const char *token_label, unsigned flags,
	char *pin, size_t size)
{
	const char *given = argument;

	(void)token_url;
	(void)token_label;
	if (attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0 || strlen(given) >= size)
		return -1;
	(void)snprintf(pin, size, "%s", given);
	return 0;
}

int gtls_external_import_uri(gnutls_privkey_t key, const char *uri, const char *pin)
{
	if (pin)
		gnutls_privkey_set_pin_function(key, on_pin, (void *)(uintptr_t)pin);
	return gnutls_privkey_import_url(key, uri, 0);
}

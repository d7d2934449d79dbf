#include "backends/wolfssl/stand_in.h"

#include <string.h>

#include "backends/wolfssl/random.h"
#include "core/backend.h"

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

/* Seen: 5.5.4 needs none (and its Ed25519 would not take one), 5.7.2 does. */
#if LIBWOLFSSL_VERSION_HEX >= 0x05006000

#define DER_MAX 2100 /* an RSA key of 16384 bits with the smallest of private parts */

static int encode_ecc(int curve, uint8_t *ret_der)
{
	ecc_key key;
	WC_RNG rng;
	int ret = wc_InitRng_ex(&rng, NULL, WOLF_DEVICE);

	if (ret != 0)
		return ret;
	ret = wc_ecc_init(&key);
	if (ret == 0) {
		ret = wc_ecc_make_key_ex(&rng, 0, &key, curve);
		if (ret == 0)
			ret = wc_EccKeyToDer(&key, ret_der, DER_MAX);
		wc_ecc_free(&key);
	}
	wc_FreeRng(&rng);
	return ret;
}

/* The shortest form of a length, as DER has it; below 65536. */
static uint8_t *put_head(uint8_t *at, uint8_t tag, size_t size)
{
	*at++ = tag;
	if (size >= 0x80)
		*at++ = size < 0x100 ? 0x81 : 0x82;
	if (size >= 0x100)
		*at++ = (uint8_t)(size >> 8);
	*at++ = (uint8_t)size;
	return at;
}

/* A positive number without leading zeros, or the one octet 0. */
static uint8_t *put_integer(uint8_t *at, const uint8_t *number, size_t size)
{
	size_t sign = number[0] >> 7;

	at = put_head(at, ASN_INTEGER, size + sign);
	if (sign != 0)
		*at++ = 0;
	memcpy(at, number, size);
	return at + size;
}

/* RSAPrivateKey (RFC 8017, A.1.2) of the public key, whose private numbers are all 1. */
static int encode_rsa(struct unitls_bytes spki, uint8_t *ret_der)
{
	static const uint8_t zero[] = {0};
	static const uint8_t one[] = {1};
	uint8_t body[DER_MAX - 4];
	uint8_t modulus[DER_MAX - 64];
	uint8_t exponent[16];
	word32 modulus_size = sizeof(modulus);
	word32 exponent_size = sizeof(exponent);
	uint8_t *at = body;
	size_t size;
	word32 read = 0;
	RsaKey key;
	int ret = wc_InitRsaKey(&key, NULL);

	if (ret != 0)
		return ret;
	ret = wc_RsaPublicKeyDecode(spki.data, &read, &key, (word32)spki.size);
	if (ret == 0)
		ret = wc_RsaFlattenPublicKey(&key, exponent, &exponent_size, modulus, &modulus_size);
	wc_FreeRsaKey(&key);
	if (ret != 0)
		return ret;
	at = put_integer(at, zero, sizeof(zero));
	at = put_integer(at, modulus, modulus_size);
	at = put_integer(at, exponent, exponent_size);
	for (int i = 0; i < 6; i++)
		at = put_integer(at, one, sizeof(one));
	size = (size_t)(at - body);
	at = put_head(ret_der, ASN_SEQUENCE | ASN_CONSTRUCTED, size);
	memcpy(at, body, size);
	return (int)((size_t)(at - ret_der) + size);
}

static int encode_ed25519(uint8_t *ret_der)
{
	ed25519_key key;
	WC_RNG rng;
	int ret = wc_InitRng_ex(&rng, NULL, WOLF_DEVICE);

	if (ret != 0)
		return ret;
	ret = wc_ed25519_init(&key);
	if (ret == 0) {
		ret = wc_ed25519_make_key(&rng, ED25519_KEY_SIZE, &key);
		if (ret == 0)
			ret = wc_Ed25519KeyToDer(&key, ret_der, DER_MAX);
		wc_ed25519_free(&key);
	}
	wc_FreeRng(&rng);
	return ret;
}

/* The size, or the library's error. */
static int encode(const struct unitls_external_key *key, uint8_t *ret_der)
{
	switch (unitls_external_key_type(key)) {
	case UNITLS_KEY_ECDSA_P256:
		return encode_ecc(ECC_SECP256R1, ret_der);
	case UNITLS_KEY_ECDSA_P384:
		return encode_ecc(ECC_SECP384R1, ret_der);
	case UNITLS_KEY_ECDSA_P521:
		return encode_ecc(ECC_SECP521R1, ret_der);
	case UNITLS_KEY_ED25519:
		return encode_ed25519(ret_der);
	default:
		return encode_rsa(unitls_external_key_spki(key), ret_der);
	}
}

int wolf_stand_in_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key)
{
	uint8_t der[DER_MAX];
	int ret = encode(key, der);

	if (ret < 0)
		return ret;
	ret = wolfSSL_CTX_use_PrivateKey_buffer(ctx, der, ret, WOLFSSL_FILETYPE_ASN1);
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

#else

int wolf_stand_in_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key)
{
	(void)ctx, (void)key;
	return 0;
}

#endif

/*
 * PBES2 with PBKDF2 and AES-CBC, on the library's own primitives. Bounded by the size of its input and a limit on iterations.
 */
#include "backends/mbedtls/pbes2.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/cipher.h>
#include <mbedtls/oid.h>

#include "backends/mbedtls/compat.h"

#define AES_BLOCK_SIZE   16
#define AES_KEY_SIZE_MAX 32
#define ITERATIONS_MAX   10000000
#define SEQUENCE         (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

struct scheme {
	mbedtls_asn1_buf salt;
	int iterations;
	mbedtls_md_type_t prf;
	mbedtls_cipher_type_t cipher;
	size_t key_size;
	mbedtls_asn1_buf iv;
	struct unitls_bytes ciphertext;
};

static bool is_oid(const mbedtls_asn1_buf *oid, const void *expected, size_t size)
{
	return oid->len == size && memcmp(oid->p, expected, size) == 0;
}

/* PBKDF2-params ::= SEQUENCE { salt, iterationCount, keyLength OPTIONAL, prf DEFAULT hmacWithSHA1 } */
static int read_kdf(const mbedtls_asn1_buf *params, struct scheme *scheme)
{
	unsigned char *p = params->p;
	const unsigned char *end = params->p + params->len;
	mbedtls_asn1_buf prf;
	int key_size;

	scheme->prf = MBEDTLS_MD_SHA1;
	if (params->tag != SEQUENCE ||
		mbedtls_asn1_get_tag(&p, end, &scheme->salt.len, MBEDTLS_ASN1_OCTET_STRING) != 0)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	scheme->salt.p = p;
	p += scheme->salt.len;
	if (mbedtls_asn1_get_int(&p, end, &scheme->iterations) != 0 || scheme->iterations < 1 ||
		scheme->iterations > ITERATIONS_MAX)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	if (p < end && *p == MBEDTLS_ASN1_INTEGER && mbedtls_asn1_get_int(&p, end, &key_size) != 0)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	if (p == end)
		return 0;
	if (mbedtls_asn1_get_alg_null(&p, end, &prf) != 0 || p != end)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	return mbedtls_oid_get_md_hmac(&prf, &scheme->prf);
}

static int read_cipher(const mbedtls_asn1_buf *oid, const mbedtls_asn1_buf *params, struct scheme *scheme)
{
	/* 2.16.840.1.101.3.4.1.n: aes128-CBC 2, aes192-CBC 22, aes256-CBC 42 */
	static const unsigned char aes[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01};

	if (oid->len != sizeof(aes) + 1 || memcmp(oid->p, aes, sizeof(aes)) != 0)
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	switch (oid->p[sizeof(aes)]) {
	case 2:
		scheme->cipher = MBEDTLS_CIPHER_AES_128_CBC;
		scheme->key_size = 16;
		break;
	case 22:
		scheme->cipher = MBEDTLS_CIPHER_AES_192_CBC;
		scheme->key_size = 24;
		break;
	case 42:
		scheme->cipher = MBEDTLS_CIPHER_AES_256_CBC;
		scheme->key_size = 32;
		break;
	default:
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	}
	if (params->tag != MBEDTLS_ASN1_OCTET_STRING || params->len != AES_BLOCK_SIZE)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	scheme->iv = *params;
	return 0;
}

/* PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme } */
static int read_params(const mbedtls_asn1_buf *params, struct scheme *scheme)
{
	unsigned char *p = params->p;
	const unsigned char *end = params->p + params->len;
	mbedtls_asn1_buf kdf, kdf_params, cipher, cipher_params;
	int ret;

	if (params->tag != SEQUENCE || mbedtls_asn1_get_alg(&p, end, &kdf, &kdf_params) != 0 ||
		mbedtls_asn1_get_alg(&p, end, &cipher, &cipher_params) != 0 || p != end)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	if (!is_oid(&kdf, MBEDTLS_OID_PKCS5_PBKDF2, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS5_PBKDF2)))
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	ret = read_kdf(&kdf_params, scheme);
	return ret == 0 ? read_cipher(&cipher, &cipher_params, scheme) : ret;
}

/* EncryptedPrivateKeyInfo ::= SEQUENCE { encryptionAlgorithm, encryptedData OCTET STRING } */
static int read_encrypted(unsigned char *p, size_t size, struct scheme *scheme)
{
	const unsigned char *end = p + size;
	mbedtls_asn1_buf algorithm, params;
	size_t n;
	int ret;

	if (mbedtls_asn1_get_tag(&p, end, &n, SEQUENCE) != 0 || p + n != end)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	if (mbedtls_asn1_get_alg(&p, end, &algorithm, &params) != 0)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	if (!is_oid(&algorithm, MBEDTLS_OID_PKCS5_PBES2, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS5_PBES2)))
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	ret = read_params(&params, scheme);
	if (ret != 0)
		return ret;
	if (mbedtls_asn1_get_tag(&p, end, &n, MBEDTLS_ASN1_OCTET_STRING) != 0 || p + n != end || n == 0 ||
		n % AES_BLOCK_SIZE != 0)
		return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
	scheme->ciphertext = (struct unitls_bytes){p, n};
	return 0;
}

static int decrypt(const struct scheme *scheme, const char *password, uint8_t *output, size_t *ret_size)
{
	uint8_t key[AES_KEY_SIZE_MAX];
	mbedtls_cipher_context_t cipher;
	int ret;

	mbedtls_cipher_init(&cipher);
	ret = compat_pbkdf2(
		scheme->prf, password, &scheme->salt, (unsigned)scheme->iterations, key, scheme->key_size);
	if (ret == 0)
		ret = mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(scheme->cipher));
	if (ret == 0)
		ret = mbedtls_cipher_setkey(&cipher, key, (int)scheme->key_size * 8, MBEDTLS_DECRYPT);
	if (ret == 0)
		ret = mbedtls_cipher_set_padding_mode(&cipher, MBEDTLS_PADDING_PKCS7);
	if (ret == 0)
		ret = mbedtls_cipher_crypt(&cipher, scheme->iv.p, scheme->iv.len, scheme->ciphertext.data,
			scheme->ciphertext.size, output, ret_size);
	mbedtls_cipher_free(&cipher);
	explicit_bzero(key, sizeof(key));
	return ret == MBEDTLS_ERR_CIPHER_INVALID_PADDING ? MBEDTLS_ERR_PK_PASSWORD_MISMATCH : ret;
}

int mbed_pbes2_decrypt(struct unitls_bytes encrypted, const char *password, uint8_t **ret_key, size_t *ret_size)
{
	struct scheme scheme = {0};
	uint8_t *copy = NULL;
	uint8_t *key = NULL;
	size_t capacity = encrypted.size + AES_BLOCK_SIZE;
	size_t size = 0;
	int ret = MBEDTLS_ERR_PK_ALLOC_FAILED;

	/* The library's reader takes writable bytes, though it writes none. */
	copy = malloc(encrypted.size + 1);
	key = calloc(1, capacity);
	if (copy == NULL || key == NULL)
		goto out;
	memcpy(copy, encrypted.data, encrypted.size);
	ret = read_encrypted(copy, encrypted.size, &scheme);
	if (ret == 0)
		ret = decrypt(&scheme, password, key, &size);
	if (ret != 0)
		goto out;
	*ret_key = key;
	*ret_size = size;
	key = NULL;
out:
	free(copy);
	if (key != NULL)
		explicit_bzero(key, capacity);
	free(key);
	return ret;
}

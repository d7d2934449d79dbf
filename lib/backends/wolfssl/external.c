#include "backends/wolfssl/external.h"

#include <string.h>

#include <unitls/signature_scheme.h>

#include "backends/wolfssl/connection.h"
#include "backends/wolfssl/stand_in.h"
#include "core/backend.h"

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#ifdef HAVE_PK_CALLBACKS

/* Distance of a hash's scheme from that of SHA-256, by the size of its digest; -1: none that is used here. */
static int hash_step(unsigned size)
{
	switch (size) {
	case 32:
		return 0;
	case 48:
		return 1;
	case 64:
		return 2;
	default:
		return -1;
	}
}

/* The library's code. */
static int sign(struct wolf_connection *connection, uint16_t scheme, struct unitls_bytes input, uint8_t *out,
	word32 *out_size)
{
	struct unitls_error error = UNITLS_ERROR_INIT; /* the connection says it in its own words */
	struct unitls_sign_request *request;
	struct unitls_bytes signature = {NULL, 0};
	int ret = BAD_FUNC_ARG;

	if (unitls_signature_start(connection->context->external_key, scheme, input, &request, &error) == 0) {
		if (unitls_signature_take(request, &signature, &error) == 0 && signature.size <= *out_size) {
			memcpy(out, signature.data, signature.size);
			*out_size = (word32)signature.size;
			ret = 0;
		}
		unitls_signature_release(request);
	}
	if (ret != 0)
		connection->unsigned_by_key = true;
	return ret;
}

static int on_ecc(WOLFSSL *ssl, const unsigned char *in, unsigned in_size, unsigned char *out, word32 *out_size,
	const unsigned char *key, unsigned key_size, void *argument)
{
	int step = hash_step(in_size);

	(void)ssl, (void)key, (void)key_size;
	if (step < 0)
		return BAD_FUNC_ARG;
	return sign(argument, (uint16_t)(UNITLS_SIGNATURE_ecdsa_secp256r1_sha256 + 0x100 * step),
		(struct unitls_bytes){in, in_size}, out, out_size);
}

/* The digest comes as it would be padded: in a DigestInfo, at whose end it stands. */
static int on_rsa(WOLFSSL *ssl, const unsigned char *in, unsigned in_size, unsigned char *out, word32 *out_size,
	const unsigned char *key, unsigned key_size, void *argument)
{
	static const unsigned sizes[] = {64, 48, 32};

	(void)ssl, (void)key, (void)key_size;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned size = sizes[i];

		/* 19 octets: SEQUENCE, AlgorithmIdentifier and the head of the OCTET STRING (RFC 8017, 9.2). */
		if (in_size == size + 19 && in[in_size - size - 1] == size)
			return sign(argument,
				(uint16_t)(UNITLS_SIGNATURE_rsa_pkcs1_sha256 + 0x100 * hash_step(size)),
				(struct unitls_bytes){in + in_size - size, size}, out, out_size);
	}
	return BAD_FUNC_ARG;
}

#ifdef WC_RSA_PSS
static int on_rsa_pss(WOLFSSL *ssl, const unsigned char *in, unsigned in_size, unsigned char *out,
	unsigned *out_size, int hash, int mgf, const unsigned char *key, unsigned key_size, void *argument)
{
	int step = hash_step(in_size);

	(void)ssl, (void)hash, (void)mgf, (void)key, (void)key_size;
	if (step < 0)
		return BAD_FUNC_ARG;
	return sign(argument, (uint16_t)(UNITLS_SIGNATURE_rsa_pss_rsae_sha256 + step),
		(struct unitls_bytes){in, in_size}, out, out_size);
}
#endif

/* The library looks at each RSA signature before it sends it, and without a private key has no public one for that. */
static int recover(const struct wolf_connection *connection, unsigned char *signature, unsigned size,
	unsigned char **ret_plain, int hash, int mgf)
{
	struct unitls_bytes spki = unitls_external_key_spki(connection->context->external_key);
	RsaKey key;
	word32 at = 0;
	int ret = wc_InitRsaKey(&key, NULL);

	if (ret != 0)
		return ret;
	ret = wc_RsaPublicKeyDecode(spki.data, &at, &key, (word32)spki.size);
	if (ret == 0 && mgf == 0)
		ret = wc_RsaSSL_VerifyInline(signature, size, ret_plain, &key);
#ifdef WC_RSA_PSS
	else if (ret == 0)
		ret = wc_RsaPSS_VerifyInline(signature, size, ret_plain, wc_OidGetHash(hash), mgf, &key);
#else
	(void)hash;
#endif
	wc_FreeRsaKey(&key);
	return ret;
}

static int on_rsa_check(WOLFSSL *ssl, unsigned char *signature, unsigned size, unsigned char **ret_plain,
	const unsigned char *key, unsigned key_size, void *argument)
{
	(void)ssl, (void)key, (void)key_size;
	return recover(argument, signature, size, ret_plain, 0, 0);
}

#ifdef WC_RSA_PSS
static int on_rsa_pss_check(WOLFSSL *ssl, unsigned char *signature, unsigned size, unsigned char **ret_plain,
	int hash, int mgf, const unsigned char *key, unsigned key_size, void *argument)
{
	(void)ssl, (void)key, (void)key_size;
	return recover(argument, signature, size, ret_plain, hash, mgf);
}
#endif

#ifdef HAVE_ED25519
static int on_ed25519(WOLFSSL *ssl, const unsigned char *in, unsigned in_size, unsigned char *out,
	unsigned *out_size, const unsigned char *key, unsigned key_size, void *argument)
{
	(void)ssl, (void)key, (void)key_size;
	return sign(argument, UNITLS_SIGNATURE_ed25519, (struct unitls_bytes){in, in_size}, out, out_size);
}
#endif

int wolf_external_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key)
{
	wolfSSL_CTX_SetEccSignCb(ctx, on_ecc);
	wolfSSL_CTX_SetRsaSignCb(ctx, on_rsa);
	wolfSSL_CTX_SetRsaSignCheckCb(ctx, on_rsa_check);
#ifdef WC_RSA_PSS
	wolfSSL_CTX_SetRsaPssSignCb(ctx, on_rsa_pss);
	wolfSSL_CTX_SetRsaPssSignCheckCb(ctx, on_rsa_pss_check);
#endif
#ifdef HAVE_ED25519
	wolfSSL_CTX_SetEd25519SignCb(ctx, on_ed25519);
#endif
	return wolf_stand_in_load(ctx, key);
}

void wolf_external_attach(struct wolf_connection *connection)
{
	wolfSSL_SetEccSignCtx(connection->ssl, connection);
	wolfSSL_SetRsaSignCtx(connection->ssl, connection);
	wolfSSL_SetRsaVerifyCtx(connection->ssl, connection);
#ifdef WC_RSA_PSS
	wolfSSL_SetRsaPssSignCtx(connection->ssl, connection);
	wolfSSL_SetRsaPssVerifyCtx(connection->ssl, connection);
#endif
#ifdef HAVE_ED25519
	wolfSSL_SetEd25519SignCtx(connection->ssl, connection);
#endif
}

#else

/* Validation has let no external key pass. */
int wolf_external_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key)
{
	(void)ctx, (void)key;
	return 0;
}

void wolf_external_attach(struct wolf_connection *connection)
{
	(void)connection;
}

#endif

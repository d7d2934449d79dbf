/*
 * Signatures of the provider for external keys: the message is hashed, and the connection whose handshake this is asks the signer.
 */
#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <unitls/signature_scheme.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/signature.h"
#include "backends/openssl/external.h"
#include "backends/openssl/external_key.h"

/* One signature that is to be made. */
struct signing {
	const struct openssl_external_key *key;
	char hash[32]; /* the library's name; empty: none */
	bool pss;
};

static void *on_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void on_free(void *argument)
{
	OPENSSL_free(argument);
}

static int set_params(void *argument, const OSSL_PARAM params[])
{
	struct signing *signing = argument;
	const OSSL_PARAM *mode = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	int number = 0;

	if (!mode)
		return 1;
	if (mode->data_type == OSSL_PARAM_UTF8_STRING) {
		signing->pss = strcmp(mode->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return 1;
	}
	if (!OSSL_PARAM_get_int(mode, &number))
		return 0;
	signing->pss = number == RSA_PKCS1_PSS_PADDING;
	return 1;
}

/* What libssl sets: the padding. Salt and mask are as TLS has them, so they need not be kept. */
static const OSSL_PARAM *on_settable_params(void *argument, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)argument;
	(void)provider;
	return params;
}

static int on_init(void *argument, const char *hash, void *key, const OSSL_PARAM params[])
{
	struct signing *signing = argument;

	if (key)
		signing->key = key;
	if (!signing->key || !signing->key->key)
		return 0;
	(void)snprintf(signing->hash, sizeof(signing->hash), "%s", hash ? hash : "");
	signing->pss = unitls_external_key_type(signing->key->key) == UNITLS_KEY_RSA_PSS;
	return set_params(signing, params);
}

/* Distance of a hash's scheme from that of SHA-256, in the families where they follow each other; -1: another hash. */
static int hash_step(const EVP_MD *hash)
{
	switch (EVP_MD_get_type(hash)) {
	case NID_sha256:
		return 0;
	case NID_sha384:
		return 1;
	case NID_sha512:
		return 2;
	default:
		return -1;
	}
}

/* IANA's number; 0: TLS has none for this. */
static uint16_t find_scheme(const struct signing *signing, const EVP_MD *hash)
{
	enum unitls_key_type type = unitls_external_key_type(signing->key->key);
	int step;

	if (type == UNITLS_KEY_ED25519)
		return UNITLS_SIGNATURE_ed25519;
	if (type == UNITLS_KEY_ED448)
		return UNITLS_SIGNATURE_ed448;
	step = hash ? hash_step(hash) : -1;
	if (step < 0)
		return 0;
	if (type == UNITLS_KEY_RSA_PSS)
		return (uint16_t)(UNITLS_SIGNATURE_rsa_pss_pss_sha256 + step);
	if (type == UNITLS_KEY_RSA && signing->pss)
		return (uint16_t)(UNITLS_SIGNATURE_rsa_pss_rsae_sha256 + step);
	if (type == UNITLS_KEY_RSA)
		return (uint16_t)(UNITLS_SIGNATURE_rsa_pkcs1_sha256 + 0x100 * step);
	return (uint16_t)(UNITLS_SIGNATURE_ecdsa_secp256r1_sha256 + 0x100 * step);
}

/* The signer may take its time: this runs in a job of the library's, which is left until the handshake is called again. */
static enum libssl_signing wait_for(struct libssl_connection *connection, uint16_t scheme, const EVP_MD *hash,
	struct unitls_bytes message, struct unitls_bytes *ret_signature)
{
	for (;;) {
		enum libssl_signing result =
			libssl_signature_get(connection, scheme, hash, message, ret_signature);

		if (result != LIBSSL_SIGNING_PENDING)
			return result;
		if (connection->abandoned || !ASYNC_get_current_job() || !ASYNC_pause_job())
			return LIBSSL_SIGNING_FAILED;
	}
}

static int sign(const struct signing *signing, struct libssl_connection *connection, unsigned char *out,
	size_t *out_size, size_t capacity, struct unitls_bytes message)
{
	EVP_MD *hash = signing->hash[0] != '\0' ? EVP_MD_fetch(NULL, signing->hash, NULL) : NULL;
	uint16_t scheme = find_scheme(signing, hash);
	struct unitls_bytes signature = {NULL, 0};
	int done = 0;

	if (scheme != 0 && wait_for(connection, scheme, hash, message, &signature) == LIBSSL_SIGNING_DONE &&
		signature.size <= capacity) {
		memcpy(out, signature.data, signature.size);
		*out_size = signature.size;
		done = 1;
	}
	if (!done)
		connection->signature.failed = true;
	libssl_signature_release(&connection->signature);
	EVP_MD_free(hash);
	return done;
}

static int on_sign(void *argument, unsigned char *out, size_t *out_size, size_t capacity,
	const unsigned char *message, size_t message_size)
{
	const struct signing *signing = argument;
	struct libssl_connection *connection = openssl_external_current();

	if (!out) {
		*out_size = (size_t)EVP_PKEY_get_size(signing->key->public_half);
		return 1;
	}
	/* Outside of a handshake of ours there is nobody to ask. */
	if (!connection)
		return 0;
	return sign(signing, connection, out, out_size, capacity, (struct unitls_bytes){message, message_size});
}

/* The library stores functions as void (*)(void) and calls them as what they are. */
#define SLOT(id, function)                                         \
	{                                                          \
		OSSL_FUNC_SIGNATURE_##id, (void (*)(void))function \
	}

const OSSL_DISPATCH openssl_external_signature[] = {
	SLOT(NEWCTX, on_new),
	SLOT(FREECTX, on_free),
	SLOT(DIGEST_SIGN_INIT, on_init),
	SLOT(DIGEST_SIGN, on_sign),
	SLOT(SET_CTX_PARAMS, set_params),
	SLOT(SETTABLE_CTX_PARAMS, on_settable_params),
	{0, NULL},
};

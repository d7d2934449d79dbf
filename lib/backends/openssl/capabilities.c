#include "backends/openssl/capabilities.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <unitls/alpn.h>

#include "backends/libssl/error.h"
#include "backends/libssl/lists.h"
#include "backends/libssl/suites.h"
#include "backends/openssl/external.h"

#define RSA_BITS_MAX 16384 /* OPENSSL_RSA_MAX_MODULUS_BITS */

/* Every suite that authenticates and encrypts; the security level then takes its own away. */
#define ALL_SUITES_1_2 "ALL:COMPLEMENTOFALL:!aNULL:!eNULL:!PSK:!SRP"
#define ALL_SUITES_1_3                                                                                       \
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:" \
	"TLS_AES_128_CCM_8_SHA256"

/* Written by openssl_capabilities_init alone, before any other thread can see the module. */
static struct unitls_capabilities capabilities;

/* RSA and curve sizes that each security level asks for: SSL_CTX_set_security_level(3). */
static const struct {
	unsigned rsa_bits;
	unsigned strength_bits;
} levels[] = {{512, 0}, {1024, 80}, {2048, 112}, {3072, 128}, {7680, 192}, {15360, 256}};

static const struct {
	enum unitls_key_type type;
	unsigned strength_bits; /* 0: by its size */
	const char *algorithm;  /* of a signature, as providers name it */
} key_types[] = {
	{UNITLS_KEY_RSA, 0, "RSA"},
	{UNITLS_KEY_RSA_PSS, 0, "RSA"},
	{UNITLS_KEY_ECDSA_P256, 128, "ECDSA"},
	{UNITLS_KEY_ECDSA_P384, 192, "ECDSA"},
	{UNITLS_KEY_ECDSA_P521, 256, "ECDSA"},
	{UNITLS_KEY_ED25519, 128, "ED25519"},
	{UNITLS_KEY_ED448, 224, "ED448"},
};

static bool can_sign(const char *algorithm)
{
	EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, algorithm, NULL);

	EVP_SIGNATURE_free(signature);
	return signature != NULL;
}

static uint32_t find_key_types(unsigned strength_bits)
{
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++) {
		if (key_types[i].strength_bits != 0 && key_types[i].strength_bits < strength_bits)
			continue;
		if (can_sign(key_types[i].algorithm))
			bits |= 1u << key_types[i].type;
	}
	return bits;
}

static void find_suites(SSL *ssl)
{
	STACK_OF(SSL_CIPHER) *supported = SSL_get1_supported_ciphers(ssl);
	int i;

	for (i = 0; i < sk_SSL_CIPHER_num(supported); i++)
		libssl_suites_add(sk_SSL_CIPHER_value(supported, i));
	sk_SSL_CIPHER_free(supported);
	capabilities.cipher_suites = libssl_suites(&capabilities.n_cipher_suites);
}

/* The range that openssl.cnf leaves of TLS 1.2 to 1.3. */
static void find_versions(SSL_CTX *ctx)
{
	long lowest = SSL_CTX_get_min_proto_version(ctx);
	long highest = SSL_CTX_get_max_proto_version(ctx);
	struct unitls_capabilities *c = &capabilities;

	c->min_version = lowest == TLS1_3_VERSION ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2;
	c->max_version = highest == 0 || highest >= TLS1_3_VERSION ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2;
	if (c->min_version == UNITLS_TLS_1_2)
		c->bits |= UNITLS_CAP_TLS_1_2 | UNITLS_CAP_CIPHERS_1_2;
	if (c->max_version == UNITLS_TLS_1_3)
		c->bits |= UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_3;
}

static void find_limits(const SSL_CTX *ctx)
{
	struct unitls_capabilities *c = &capabilities;
	int level = SSL_CTX_get_security_level(ctx);

	if (level < 0)
		level = 0;
	if (level > 5)
		level = 5;
	c->rsa_min_bits = levels[level].rsa_bits;
	c->rsa_max_bits = RSA_BITS_MAX;
	c->key_types = find_key_types(levels[level].strength_bits);
	c->alpn_max_names = UNITLS_ALPN_COUNT_MAX;
	c->alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX;
	c->alpn_binary = true;
}

int openssl_capabilities_init(struct unitls_error *error)
{
	struct unitls_capabilities *c = &capabilities;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (!ctx)
		goto fail;
	c->bits = UNITLS_CAP_ALPN | UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_CLIENT_AUTH |
		UNITLS_CAP_CLOCK | UNITLS_CAP_ENCRYPTED_KEYS | UNITLS_CAP_IP_NAMES | UNITLS_CAP_CLOSE_INFO |
		UNITLS_CAP_CLIENT_SESSIONS | UNITLS_CAP_TICKET_KEYS | UNITLS_CAP_EXPORTER |
		UNITLS_CAP_EXTENDED_MASTER_SECRET | UNITLS_CAP_KEY_LOG | UNITLS_CAP_OCSP_STAPLE |
		UNITLS_CAP_OCSP_REQUEST | UNITLS_CAP_OCSP_VERIFY | UNITLS_CAP_CRL | UNITLS_CAP_GROUPS |
		UNITLS_CAP_SIGNATURE_SCHEMES | UNITLS_CAP_GROUP_INFO | UNITLS_CAP_SIGNATURE_INFO |
		UNITLS_CAP_KEY_UPDATE | UNITLS_CAP_EXTERNAL_KEYS;
	if (openssl_external_can_wait())
		c->bits |= UNITLS_CAP_EXTERNAL_KEYS_ASYNC;
	c->notes =
		"versions, security level, groups and signature algorithms within what openssl.cnf allows, which is "
		"read when the module is loaded";
	find_versions(ctx);
	find_limits(ctx);
	if (libssl_lists_find(c) < 0 || !SSL_CTX_set_cipher_list(ctx, ALL_SUITES_1_2))
		goto fail;
	/* A provider may lack some; what is left is what counts. */
	(void)SSL_CTX_set_ciphersuites(ctx, ALL_SUITES_1_3);
	ssl = SSL_new(ctx);
	if (!ssl)
		goto fail;
	find_suites(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return 0;
fail:
	SSL_CTX_free(ctx);
	return libssl_error_internal(error, "cannot make a context");
}

const struct unitls_capabilities *openssl_capabilities(void)
{
	return &capabilities;
}

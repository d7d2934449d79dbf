#include "backends/boringssl/capabilities.h"

#include <openssl/aead.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <unitls/alpn.h>

#include "backends/boringssl/compat.h"
#include "backends/boringssl/strength.h"
#include "backends/libssl/error.h"
#include "backends/libssl/lists.h"
#include "backends/libssl/suites.h"

/* Every suite that authenticates by certificate and encrypts. */
#define ALL_SUITES_1_2 "ALL:!aPSK:!eNULL"

/* Written by boringssl_capabilities_init alone, before any other thread can see the module. */
static struct unitls_capabilities capabilities = {
	.bits = UNITLS_CAP_TLS_1_2 | UNITLS_CAP_TLS_1_3 | UNITLS_CAP_CIPHERS_1_2 | COMPAT_CAP_CIPHERS_1_3 |
		UNITLS_CAP_ALPN | UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_CLIENT_AUTH |
		UNITLS_CAP_CLOCK | UNITLS_CAP_ENCRYPTED_KEYS | UNITLS_CAP_IP_NAMES | UNITLS_CAP_CLOSE_INFO |
		UNITLS_CAP_CLIENT_SESSIONS | UNITLS_CAP_TICKET_KEYS | UNITLS_CAP_EXPORTER |
		UNITLS_CAP_EXTENDED_MASTER_SECRET | UNITLS_CAP_KEY_LOG | UNITLS_CAP_OCSP_STAPLE |
		UNITLS_CAP_OCSP_REQUEST | UNITLS_CAP_CRL | UNITLS_CAP_GROUPS | UNITLS_CAP_SIGNATURE_SCHEMES |
		UNITLS_CAP_GROUP_INFO | UNITLS_CAP_SIGNATURE_INFO | UNITLS_CAP_KEY_UPDATE |
		UNITLS_CAP_EXTERNAL_KEYS | UNITLS_CAP_EXTERNAL_KEYS_ASYNC,
	.min_version = UNITLS_TLS_1_2,
	.max_version = UNITLS_TLS_1_3,
	.alpn_max_names = UNITLS_ALPN_COUNT_MAX,
	.alpn_max_name_bytes = UNITLS_ALPN_NAME_MAX,
	.alpn_binary = true,
	.key_types = 1u << UNITLS_KEY_RSA | 1u << UNITLS_KEY_ECDSA_P256 | 1u << UNITLS_KEY_ECDSA_P384 |
		1u << UNITLS_KEY_ECDSA_P521 | 1u << UNITLS_KEY_ED25519,
	.rsa_min_bits = BORINGSSL_RSA_MIN_BITS,
	.rsa_max_bits = COMPAT_RSA_MAX_BITS,
	.notes =
		"a TLS 1.3 ticket goes out with the server's first data; no tickets where client certificates are "
		"asked for",
};

/* As a client orders them; a server takes the client's first. */
static const uint16_t suites_1_3[] = {0x1301, 0x1302, 0x1303};
static const uint16_t suites_1_3_without_aes[] = {0x1303, 0x1301, 0x1302};

static void find_suites(const SSL_CTX *ctx)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
	const uint16_t *order = EVP_has_aes_hardware() ? suites_1_3 : suites_1_3_without_aes;
	size_t i;

	for (i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);

		/* Some snapshots list the suites of TLS 1.3 here, too. */
		if (SSL_CIPHER_get_kx_nid(cipher) != NID_kx_any)
			libssl_suites_add(cipher);
	}
	for (i = 0; i < sizeof(suites_1_3) / sizeof(suites_1_3[0]); i++) {
		const SSL_CIPHER *cipher = SSL_get_cipher_by_value(order[i]);

		if (cipher)
			libssl_suites_add(cipher);
	}
	capabilities.cipher_suites = libssl_suites(&capabilities.n_cipher_suites);
}

#define GROUPS "X25519:P-256:P-384:P-521"

static const char *groups = GROUPS;

/* Only asking tells whether a snapshot has the hybrid group. */
static void find_groups(SSL_CTX *ctx)
{
	static const char with_hybrid[] = "X25519MLKEM768:" GROUPS;

	if (SSL_CTX_set1_curves_list(ctx, with_hybrid))
		groups = with_hybrid;
	ERR_clear_error();
}

const char *boringssl_groups(void)
{
	return groups;
}

int boringssl_capabilities_init(struct unitls_error *error)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	int r = 0;

	if (ctx && libssl_lists_find(&capabilities) == 0 && SSL_CTX_set_cipher_list(ctx, ALL_SUITES_1_2)) {
		find_suites(ctx);
		find_groups(ctx);
	} else {
		r = libssl_error_internal(error, "cannot make a context");
	}
	SSL_CTX_free(ctx);
	return r;
}

const struct unitls_capabilities *boringssl_capabilities(void)
{
	return &capabilities;
}

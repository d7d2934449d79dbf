#include "backends/libssl/library.h"

#include <limits.h>

#include <openssl/pool.h>

#include "backends/boringssl/compat.h"
#include "backends/boringssl/strength.h"
#include "backends/libssl/error.h"

/*
 * Contexts ------------------------------------------------------------------------------------------------------------------
 */

/* There is no finite-field exchange, and no suite without authentication. */
bool libssl_is_default_suite(const SSL_CIPHER *cipher, enum unitls_role role)
{
	(void)role;
	return SSL_CIPHER_is_aead(cipher) && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe &&
		SSL_CIPHER_get_auth_nid(cipher) != NID_auth_psk;
}

bool libssl_set_suites_1_3(SSL_CTX *ctx, const char *names)
{
	return COMPAT_SET_CIPHERSUITES(ctx, names);
}

/* Ed25519 and P-521, which the library can do but leaves out, and no SHA-1, which it does not. */
int libssl_setup(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	static const uint16_t schemes[] = {
		SSL_SIGN_ECDSA_SECP256R1_SHA256,
		SSL_SIGN_RSA_PSS_RSAE_SHA256,
		SSL_SIGN_RSA_PKCS1_SHA256,
		SSL_SIGN_ECDSA_SECP384R1_SHA384,
		SSL_SIGN_RSA_PSS_RSAE_SHA384,
		SSL_SIGN_RSA_PKCS1_SHA384,
		SSL_SIGN_ED25519,
		SSL_SIGN_ECDSA_SECP521R1_SHA512,
		SSL_SIGN_RSA_PSS_RSAE_SHA512,
		SSL_SIGN_RSA_PKCS1_SHA512,
	};

	(void)params;
	if (!SSL_CTX_set1_curves_list(ctx, COMPAT_GROUPS) ||
		!SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, sizeof(schemes) / sizeof(schemes[0])))
		return libssl_error_internal(error, "refuses its own groups and signature algorithms");
	return 0;
}

/*
 * Verification --------------------------------------------------------------------------------------------------------------
 */

/* The chain ends with the anchor, whose own signature says nothing. */
enum unitls_verify_reason libssl_judge_chain(X509_STORE_CTX *store, int *ret_depth)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	size_t n = sk_X509_num(chain);
	size_t i;

	for (i = 0; i < n; i++) {
		X509 *certificate = sk_X509_value(chain, i);

		if (boringssl_key_is_strong(certificate) &&
			(i + 1 == n || boringssl_signature_is_strong(certificate)))
			continue;
		*ret_depth = (int)i;
		return UNITLS_VERIFY_WEAK;
	}
	return UNITLS_VERIFY_NONE;
}

/*
 * Connections ---------------------------------------------------------------------------------------------------------------
 */

bool libssl_set_server_name(SSL *ssl, const char *name)
{
	return SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* So it is before a suite was chosen. */
bool libssl_is_in_the_clear(const SSL *ssl)
{
	return !SSL_get_current_cipher(ssl);
}

int libssl_read(SSL *ssl, uint8_t *buffer, size_t size, size_t *ret_n)
{
	int n = SSL_read(ssl, buffer, size < INT_MAX ? (int)size : INT_MAX);

	if (n <= 0)
		return n;
	*ret_n = (size_t)n;
	return 1;
}

int libssl_write(SSL *ssl, const uint8_t *data, size_t size, size_t *ret_n)
{
	int n = SSL_write(ssl, data, size < INT_MAX ? (int)size : INT_MAX);

	if (n <= 0)
		return n;
	*ret_n = (size_t)n;
	return 1;
}

/* A write of nothing makes no record of its own and sends what waits: tickets, the answer to a KeyUpdate, a record half out. */
int libssl_finish_own_message(SSL *ssl)
{
	int result;

	if (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN)
		return 1;
	result = SSL_write(ssl, "", 0);
	return result == 0 ? 1 : result;
}

int libssl_peer_chain(const SSL *ssl, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(ssl);
	size_t n = chain ? sk_CRYPTO_BUFFER_num(chain) : 0;
	int r = 0;
	size_t i;

	for (i = 0; r == 0 && i < n; i++) {
		const CRYPTO_BUFFER *certificate = sk_CRYPTO_BUFFER_value(chain, i);
		struct unitls_bytes der = {CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate)};

		r = add(argument, der);
	}
	return r;
}

SSL_SESSION *libssl_session_read(SSL *ssl, struct unitls_bytes bytes)
{
	return SSL_SESSION_from_bytes(bytes.data, bytes.size, SSL_get_SSL_CTX(ssl));
}

/* The library queues it for the next write. */
int libssl_update_keys(SSL *ssl, bool request)
{
	if (!SSL_key_update(ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED))
		return 0;
	return libssl_finish_own_message(ssl);
}

#include "backends/libssl/library.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pool.h>

#include "backends/boringssl/capabilities.h"
#include "backends/boringssl/compat.h"
#include "backends/boringssl/strength.h"
#include "backends/libssl/error.h"
#include "backends/libssl/key.h"

/*
 * Contexts ------------------------------------------------------------------------------------------------------------------
 */

/*
 * There is no finite-field exchange, and no suite without authentication. A suite without a digest of its own has authenticated encryption;
 * SSL_CIPHER_is_aead of AWS-LC 5.1.0 says so of CBC with SHA-256 as well.
 */
bool libssl_is_default_suite(const SSL_CIPHER *cipher, enum unitls_role role)
{
	(void)role;
	return SSL_CIPHER_get_digest_nid(cipher) == NID_undef && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe &&
		SSL_CIPHER_get_auth_nid(cipher) != NID_auth_psk;
}

static bool is_offered(const SSL_CLIENT_HELLO *hello, uint16_t suite)
{
	size_t i;

	for (i = 0; i + 1 < hello->cipher_suites_len; i += 2) {
		if (hello->cipher_suites[i] == suite >> 8 && hello->cipher_suites[i + 1] == (suite & 0xff))
			return true;
	}
	return false;
}

/*
 * Of the suites of TLS 1.3 that it may take, the library takes the client's first (AWS-LC 5.1.0, whatever SSL_OP_CIPHER_SERVER_PREFERENCE says): so it may
 * take only our first. The context has them before all others, in our order.
 */
static enum ssl_select_cert_result_t on_client_hello(const SSL_CLIENT_HELLO *hello)
{
	const STACK_OF(SSL_CIPHER) *ours = SSL_CTX_get_ciphers(SSL_get_SSL_CTX(hello->ssl));
	size_t i;

	for (i = 0; i < sk_SSL_CIPHER_num(ours); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ours, i);

		if (SSL_CIPHER_get_kx_nid(cipher) != NID_kx_any)
			break;
		if (is_offered(hello, SSL_CIPHER_get_protocol_id(cipher)))
			return COMPAT_SET_CIPHERSUITES_OF(hello->ssl, SSL_CIPHER_get_name(cipher))
				? ssl_select_cert_success
				: ssl_select_cert_error;
	}
	return ssl_select_cert_success;
}

bool libssl_set_suites_1_3(SSL_CTX *ctx, const char *names)
{
	SSL_CTX_set_select_certificate_cb(ctx, on_client_hello);
	return COMPAT_SET_CIPHERSUITES(ctx, names);
}

/* Ed25519 and P-521, which the library can do but leaves out, and no SHA-1, which it takes. */
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
	if (!SSL_CTX_set1_curves_list(ctx, boringssl_groups()) ||
		!SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, sizeof(schemes) / sizeof(schemes[0])) ||
		!SSL_CTX_set_signing_algorithm_prefs(ctx, schemes, sizeof(schemes) / sizeof(schemes[0])))
		return libssl_error_internal(error, "refuses its own groups and signature algorithms");
	return 0;
}

/* The functions that tell a wrong password from an unknown method are not in every snapshot; the library's own words follow. */
int libssl_key_from_pem(BIO *bio, char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, libssl_key_on_password, password);

	if (!key)
		return libssl_error_config(
			error, "key", "cannot decrypt the private key: wrong password, or an unsupported method");
	*ret_key = key;
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

/* Nothing asks for the configuration of a connection after its handshake, and it is a fifth of what the connection holds. */
SSL *libssl_new(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl)
		SSL_set_shed_handshake_config(ssl, 1);
	return ssl;
}

bool libssl_set_server_name(SSL *ssl, const char *name)
{
	return SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool libssl_is_undecryptable(uint32_t code)
{
	int reason = ERR_GET_REASON(code);

	return ERR_GET_LIB(code) == ERR_LIB_SSL &&
		(reason == SSL_R_BAD_PACKET_LENGTH || reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
}

/* So it is before a suite was chosen. */
bool libssl_is_in_the_clear(const SSL *ssl)
{
	return !SSL_get_current_cipher(ssl);
}

/*
 * The library itself never renegotiates and leaves it at that; but against a server that does, and without renegotiation_info, our handshake could be
 * spliced behind somebody else's data (RFC 5746, 4.1).
 */
int libssl_judge_handshake(SSL *ssl, const char **ret_why)
{
	if (SSL_is_server(ssl) || SSL_version(ssl) != TLS1_2_VERSION || SSL_get_secure_renegotiation_support(ssl))
		return UNITLS_ALERT_NONE;
	(void)SSL_send_fatal_alert(
		ssl, SSL_AD_HANDSHAKE_FAILURE); /* without room there is no alert, but a refusal */
	*ret_why = "the server does not know renegotiation_info";
	return UNITLS_ALERT_HANDSHAKE_FAILURE;
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

#include "backends/libssl/library.h"

#include <limits.h>

#include <openssl/pem.h>

#include "backends/libssl/error.h"
#include "backends/libssl/key.h"

/*
 * Contexts ------------------------------------------------------------------------------------------------------------------
 */

bool libssl_is_default_suite(const SSL_CIPHER *cipher, enum unitls_role role)
{
	int exchange = SSL_CIPHER_get_kx_nid(cipher);

	if (!SSL_CIPHER_is_aead(cipher) || SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
		return false;
	/* A finite-field exchange costs a server far more than a client; it is offered, and taken only when asked for. */
	return exchange == NID_kx_ecdhe || (exchange == NID_kx_dhe && role == UNITLS_ROLE_CLIENT);
}

bool libssl_set_suites_1_3(SSL_CTX *ctx, const char *names)
{
	return SSL_CTX_set_ciphersuites(ctx, names) == 1;
}

/* What openssl.cnf may not decide, set after it was applied by SSL_CTX_new. */
int libssl_setup(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (params->role == UNITLS_ROLE_SERVER)
		(void)SSL_CTX_set_dh_auto(ctx, 1);
	/* openssl.cnf (VerifyCAPath) can have set this store, which comes before the context's and opens files. */
	if (!SSL_CTX_set1_chain_cert_store(ctx, NULL))
		return libssl_error_memory(error);
	return 0;
}

int libssl_key_from_pem(BIO *bio, char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	EVP_CIPHER_INFO cipher;
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long size = 0;
	long allocated = 0;
	int r;

	if (!PEM_read_bio_ex(bio, &name, &header, &data, &size, PEM_FLAG_SECURE)) {
		r = libssl_error_config(error, "key", "cannot read the private key");
		goto out;
	}
	allocated = size;
	if (!PEM_get_EVP_CIPHER_INFO(header, &cipher)) {
		r = libssl_error_config(error, "key", "cannot decrypt the private key: unsupported method");
		goto out;
	}
	if (!PEM_do_header(&cipher, data, &size, libssl_key_on_password, password)) {
		r = libssl_error_config(error, "key", "cannot decrypt the private key: wrong password");
		goto out;
	}
	r = libssl_key_from_plain_der(data, size, ret_key, error);
out:
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_secure_clear_free(data, (size_t)allocated);
	return r;
}

/*
 * Verification --------------------------------------------------------------------------------------------------------------
 */

/* The security level has judged sizes and algorithms. */
enum unitls_verify_reason libssl_judge_chain(X509_STORE_CTX *store, int *ret_depth)
{
	(void)store;
	(void)ret_depth;
	return UNITLS_VERIFY_NONE;
}

/*
 * Connections ---------------------------------------------------------------------------------------------------------------
 */

SSL *libssl_new(SSL_CTX *ctx)
{
	return SSL_new(ctx);
}

bool libssl_set_server_name(SSL *ssl, const char *name)
{
	return SSL_set_tlsext_host_name(ssl, (uintptr_t)name) == 1;
}

/* It reads an alert in the clear where one may come. */
bool libssl_is_undecryptable(uint32_t code)
{
	(void)code;
	return false;
}

/* So it is before a suite was chosen. */
bool libssl_is_in_the_clear(const SSL *ssl)
{
	return !SSL_get_current_cipher(ssl) && !SSL_in_before(ssl);
}

int libssl_judge_handshake(SSL *ssl, const char **ret_why)
{
	(void)ssl;
	(void)ret_why;
	return UNITLS_ALERT_NONE;
}

int libssl_read(SSL *ssl, uint8_t *buffer, size_t size, size_t *ret_n)
{
	return SSL_read_ex(ssl, buffer, size, ret_n);
}

int libssl_write(SSL *ssl, const uint8_t *data, size_t size, size_t *ret_n)
{
	return SSL_write_ex(ssl, data, size, ret_n);
}

int libssl_finish_own_message(SSL *ssl)
{
	int result;

	if (!SSL_in_init(ssl))
		return 1;
	result = SSL_do_handshake(ssl);
	return result != 1 && SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ? 1 : result;
}

static int add_certificate(
	const X509 *certificate, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	unsigned char *der = NULL;
	int size = i2d_X509(certificate, &der);
	struct unitls_bytes bytes;
	int r;

	if (size < 0)
		return UNITLS_ERROR;
	bytes.data = der;
	bytes.size = (size_t)size;
	r = add(argument, bytes);
	OPENSSL_free(der);
	return r;
}

int libssl_peer_chain(const SSL *ssl, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	int r;
	int i;

	if (!leaf)
		return 0;
	r = add_certificate(leaf, add, argument);
	/* On a client the chain begins with the leaf, on a server it lacks it. */
	for (i = SSL_is_server(ssl) ? 0 : 1; r == 0 && i < sk_X509_num(chain); i++)
		r = add_certificate(sk_X509_value(chain, i), add, argument);
	return r;
}

SSL_SESSION *libssl_session_read(SSL *ssl, struct unitls_bytes bytes)
{
	const unsigned char *end = bytes.data;
	SSL_SESSION *session = bytes.size > LONG_MAX ? NULL : d2i_SSL_SESSION(NULL, &end, (long)bytes.size);

	(void)ssl;
	if (session && end == bytes.data + bytes.size)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

int libssl_update_keys(SSL *ssl, bool request)
{
	if (!SSL_key_update(ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED))
		return 0;
	return SSL_do_handshake(ssl);
}

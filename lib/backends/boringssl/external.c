/*
 * External keys: the library asks a method for each signature, which may say "later".
 */
#include "backends/libssl/connection.h"
#include "backends/libssl/error.h"
#include "backends/libssl/library.h"
#include "backends/libssl/signature.h"

static enum ssl_private_key_result_t answer(struct libssl_connection *connection, enum libssl_signing signing,
	struct unitls_bytes signature, uint8_t *out, size_t *out_size, size_t capacity)
{
	if (signing == LIBSSL_SIGNING_PENDING)
		return ssl_private_key_retry;
	if (signing == LIBSSL_SIGNING_FAILED)
		return ssl_private_key_failure;
	if (signature.size > capacity) {
		connection->signature.failed = true;
		return ssl_private_key_failure;
	}
	memcpy(out, signature.data, signature.size);
	*out_size = signature.size;
	libssl_signature_release(&connection->signature);
	return ssl_private_key_success;
}

static enum ssl_private_key_result_t on_sign(SSL *ssl, uint8_t *out, size_t *out_size, size_t capacity,
	uint16_t scheme, const uint8_t *message, size_t message_size)
{
	struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct unitls_bytes signature = {NULL, 0};
	enum libssl_signing signing =
		libssl_signature_get(connection, scheme, SSL_get_signature_algorithm_digest(scheme),
			(struct unitls_bytes){message, message_size}, &signature);

	return answer(connection, signing, signature, out, out_size, capacity);
}

/* Only a key exchange without forward secrecy decrypts: with an external key there is none. */
static enum ssl_private_key_result_t on_decrypt(
	SSL *ssl, uint8_t *out, size_t *out_size, size_t capacity, const uint8_t *input, size_t input_size)
{
	(void)ssl;
	(void)out;
	(void)out_size;
	(void)capacity;
	(void)input;
	(void)input_size;
	return ssl_private_key_failure;
}

static enum ssl_private_key_result_t on_complete(SSL *ssl, uint8_t *out, size_t *out_size, size_t capacity)
{
	struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct unitls_bytes signature = {NULL, 0};
	/* Asked for already, so what it is for does not count. */
	enum libssl_signing signing =
		libssl_signature_get(connection, 0, NULL, (struct unitls_bytes){NULL, 0}, &signature);

	return answer(connection, signing, signature, out, out_size, capacity);
}

static const SSL_PRIVATE_KEY_METHOD method = {
	.sign = on_sign,
	.decrypt = on_decrypt,
	.complete = on_complete,
};

int libssl_setup_external_key(SSL_CTX *ctx, const struct unitls_external_key *key, struct unitls_error *error)
{
	(void)key;
	(void)error;
	SSL_CTX_set_private_key_method(ctx, &method);
	return 0;
}

int libssl_handshake(struct libssl_connection *connection)
{
	return SSL_do_handshake(connection->ssl);
}

bool libssl_is_waiting(SSL *ssl, int result)
{
	return SSL_get_error(ssl, result) == SSL_ERROR_WANT_PRIVATE_KEY_OPERATION;
}

/* Nothing of the library's waits. */
void libssl_abandon(struct libssl_connection *connection)
{
	(void)connection;
}

#include "backends/libssl/signature.h"

#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"

static int start(struct libssl_connection *connection, uint16_t scheme, const EVP_MD *hash,
	struct unitls_bytes message, struct unitls_error *error)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct unitls_bytes input = message;
	unsigned size = 0;

	if (hash) {
		if (!EVP_Digest(message.data, message.size, digest, &size, hash, NULL))
			return UNITLS_ERROR;
		input = (struct unitls_bytes){digest, size};
	}
	return unitls_signature_start(
		connection->context->external_key, scheme, input, &connection->signature.request, error);
}

enum libssl_signing libssl_signature_get(struct libssl_connection *connection, uint16_t scheme, const EVP_MD *hash,
	struct unitls_bytes message, struct unitls_bytes *ret_signature)
{
	struct unitls_error unused = UNITLS_ERROR_INIT; /* the connection says it in its own words */
	int r = UNITLS_ERROR;

	if (connection->signature.request || start(connection, scheme, hash, message, &unused) == 0)
		r = unitls_signature_take(connection->signature.request, ret_signature, &unused);
	if (r == UNITLS_WANT_APP)
		return LIBSSL_SIGNING_PENDING;
	if (r == 0)
		return LIBSSL_SIGNING_DONE;
	connection->signature.failed = true;
	return LIBSSL_SIGNING_FAILED;
}

void libssl_signature_release(struct libssl_signature *signature)
{
	unitls_signature_release(signature->request);
	signature->request = NULL;
}

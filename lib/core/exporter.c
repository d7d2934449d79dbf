/*
 * Exported keys and channel bindings. What must not be exported is refused here, alike for all backends.
 */
#include <unitls/exporter.h>

#include <string.h>

#include <nettle/sha2.h>

#include "core/certificate.h"
#include "core/connection.h"

/* Labels that TLS itself derives keys with (RFC 5705, 4; RFC 7627, 4). */
static const char *const reserved_labels[] = {
	"client finished",
	"server finished",
	"master secret",
	"extended master secret",
	"key expansion",
};

static bool is_reserved(const char *label)
{
	for (size_t i = 0; i < sizeof(reserved_labels) / sizeof(reserved_labels[0]); i++)
		if (strcmp(reserved_labels[i], label) == 0)
			return true;
	return false;
}

static int usage(struct unitls_error *error, const char *what)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "%s", what);
}

static int unsupported(struct unitls_error *error, const char *what)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "%s", what);
}

int unitls_connection_export_keys(struct unitls_connection *connection, const char *label, const void *context,
	size_t context_size, uint8_t *ret_bytes, size_t size, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_exporter_params params = {
		.label = label,
		.label_size = strlen(label),
		.has_context = context != NULL,
		.context = {context, context_size},
	};

	if (connection->version == 0)
		return usage(error, "the handshake is not complete");
	if (params.label_size == 0 || params.label_size > UNITLS_EXPORT_LABEL_MAX || is_reserved(label))
		return usage(error, "the label is empty, too long, or one of TLS's own");
	if (size == 0 || size > UNITLS_EXPORT_MAX || context_size > UINT16_MAX)
		return usage(error, "too much is asked of the exporter, or nothing");
	if (!connection->ops->export_keys)
		return unsupported(error, "the backend exports no keys");
	if (!connection->extended_master_secret)
		return unsupported(error,
			"TLS 1.2 without the extended master secret: exported keys would not be "
			"this connection's alone");
	if (connection->ops->export_keys(connection->native, &params, ret_bytes, size, &details) == 0)
		return UNITLS_OK;
	return unitls_error_set(error, details.error_class, "the keys cannot be exported: %s", details.text);
}

/* RFC 5929, 4.1: the hash of the certificate's signature, but SHA-256 in the place of MD5 and SHA-1. */
static int hash_certificate(struct unitls_bytes der, enum unitls_hash hash,
	uint8_t ret_bytes[UNITLS_CHANNEL_BINDING_MAX], size_t *ret_size, struct unitls_error *error)
{
	struct sha256_ctx sha256;
	struct sha512_ctx sha512; /* SHA-384 too (nettle) */

	switch (hash) {
	case UNITLS_HASH_MD5:
	case UNITLS_HASH_SHA1:
	case UNITLS_HASH_SHA256:
		sha256_init(&sha256);
		sha256_update(&sha256, der.size, der.data);
		sha256_digest(&sha256, SHA256_DIGEST_SIZE, ret_bytes);
		*ret_size = SHA256_DIGEST_SIZE;
		return UNITLS_OK;
	case UNITLS_HASH_SHA384:
		sha384_init(&sha512);
		sha384_update(&sha512, der.size, der.data);
		sha384_digest(&sha512, SHA384_DIGEST_SIZE, ret_bytes);
		*ret_size = SHA384_DIGEST_SIZE;
		return UNITLS_OK;
	case UNITLS_HASH_SHA512:
		sha512_init(&sha512);
		sha512_update(&sha512, der.size, der.data);
		sha512_digest(&sha512, SHA512_DIGEST_SIZE, ret_bytes);
		*ret_size = SHA512_DIGEST_SIZE;
		return UNITLS_OK;
	case UNITLS_HASH_NONE:
		break;
	}
	return unsupported(error, "tls-server-end-point is not defined for the signature of this certificate");
}

static int bind_server_certificate(struct unitls_connection *connection,
	uint8_t ret_bytes[UNITLS_CHANNEL_BINDING_MAX], size_t *ret_size, struct unitls_error *error)
{
	const struct unitls_certificate *leaf;

	if (connection->version == 0)
		return usage(error, "the handshake is not complete");
	leaf = connection->client_context ? unitls_connection_peer_certificate(connection, 0)
					  : unitls_signing_chain_at(connection->identity->chain, 0);
	if (!leaf)
		return unsupported(error, "the server's certificate is not known any more");
	return hash_certificate(unitls_certificate_der(leaf), unitls_certificate_x509(leaf)->signature_hash,
		ret_bytes, ret_size, error);
}

int unitls_connection_channel_binding(struct unitls_connection *connection, enum unitls_channel_binding type,
	uint8_t ret_bytes[UNITLS_CHANNEL_BINDING_MAX], size_t *ret_size, struct unitls_error *error)
{
	int status;

	switch (type) {
	case UNITLS_CHANNEL_BINDING_TLS_EXPORTER:
		/* RFC 9266, 2: 32 bytes; the context is empty, not absent. */
		status = unitls_connection_export_keys(
			connection, "EXPORTER-Channel-Binding", "", 0, ret_bytes, 32, error);
		if (status == UNITLS_OK)
			*ret_size = 32;
		return status;
	case UNITLS_CHANNEL_BINDING_TLS_SERVER_END_POINT:
		return bind_server_certificate(connection, ret_bytes, ret_size, error);
	}
	return usage(error, "no such channel binding");
}

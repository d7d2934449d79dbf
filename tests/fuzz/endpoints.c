#include "endpoints.h"

#include <stdlib.h>
#include <string.h>

#include <unitls/insecure.h>

#include "identity.h"

static const char *const names[ENDPOINTS_MAX] = {
	"openssl", "mbedtls", "boringssl", "gnutls", "wolfssl", "bearssl"};
static struct endpoints endpoints[ENDPOINTS_MAX];

void require(bool condition)
{
	if (!condition)
		abort();
}

static void make(struct endpoints *ends, const char *name)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_config_builder *client = unitls_config_builder_new();
	struct unitls_config_builder *verifier = unitls_config_builder_new();
	struct unitls_signing_chain *chain = NULL;
	struct unitls_trust_store *store = NULL;
	struct unitls_server_config *server_config = NULL;
	struct unitls_client_config *client_config = NULL;
	struct unitls_client_config *verifier_config = NULL;
	struct unitls_backend *backend = NULL;
	struct unitls_bytes protocol = unitls_alpn_bytes(UNITLS_ALPN_H2);
	const char *only = getenv("UNITLS_FUZZ_BACKEND");

	/* A machine without one of the libraries fuzzes the others. */
	if ((only && strcmp(only, name) != 0) || unitls_backend_load(name, &backend, NULL) < 0)
		goto out;
	require(unitls_signing_chain_from_mem(
			fuzz_identity, sizeof(fuzz_identity) - 1, NULL, NULL, &chain, NULL) == 0);
	require(unitls_trust_store_from_mem(fuzz_identity, sizeof(fuzz_identity) - 1, &store, NULL) == 0);
	(void)unitls_config_builder_add_signing_chain(builder, chain);
	(void)unitls_config_builder_set_trust_store(builder, store);
	(void)unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL);
	(void)unitls_config_builder_set_alpn(builder, &protocol, 1);
	(void)unitls_config_builder_set_alpn(client, &protocol, 1);
	(void)unitls_config_builder_add_signing_chain(client, chain);
	(void)unitls_insecure_config_builder_skip_verification(client);
	(void)unitls_config_builder_set_trust_store(verifier, store);
	(void)unitls_config_builder_set_max_version(verifier, UNITLS_TLS_1_2);
	require(unitls_config_builder_build_server(builder, &server_config, NULL) == 0);
	require(unitls_config_builder_build_client(client, &client_config, NULL) == 0);
	require(unitls_config_builder_build_client(verifier, &verifier_config, NULL) == 0);
	require(unitls_server_context_new(
			backend, server_config, UNITLS_EFFORT_STRICT, NULL, &ends->server, NULL) == 0);
	require(unitls_client_context_new(
			backend, client_config, UNITLS_EFFORT_STRICT, NULL, &ends->client, NULL) == 0);
	require(unitls_client_context_new(
			backend, verifier_config, UNITLS_EFFORT_STRICT, NULL, &ends->verifier, NULL) == 0);
out:
	unitls_server_config_unref(server_config);
	unitls_client_config_unref(client_config);
	unitls_client_config_unref(verifier_config);
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
	unitls_config_builder_free(client);
	unitls_config_builder_free(verifier);
}

void endpoints_make(void)
{
	bool some = false;

	for (size_t i = 0; i < ENDPOINTS_MAX; i++) {
		make(&endpoints[i], names[i]);
		some = some || endpoints[i].server;
	}
	require(some);
}

const struct endpoints *endpoints_choose(uint8_t byte)
{
	size_t i = ((byte & 1u) | (byte >> 5 & 6u)) % ENDPOINTS_MAX;

	while (!endpoints[i].server)
		i = (i + 1) % ENDPOINTS_MAX;
	return &endpoints[i];
}

int endpoints_run(struct unitls_connection *connection)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t buffer[2048];
	size_t n;
	int status = unitls_connection_handshake(connection, &error);

	while (status == UNITLS_OK) {
		status = unitls_connection_read(connection, buffer, sizeof(buffer), &n, &error);
		require((status == UNITLS_OK) == (n > 0));
	}
	if (status < 0)
		require(error.error_class != UNITLS_ERROR_CLASS_NONE && error.text[0] != '\0');
	require(unitls_connection_incoming_size(connection) <= UNITLS_INCOMING_LIMIT_BYTES);
	return status;
}

void endpoints_send(struct unitls_connection *to, const uint8_t *data, size_t size, size_t piece)
{
	while (size > 0) {
		size_t n = 0;
		int status;

		unitls_connection_receive(to, data, piece < size ? piece : size, &n);
		data += n;
		size -= n;
		status = endpoints_run(to);
		if (status < 0) {
			require(endpoints_run(to) == status); /* sticky */
			return;
		}
		if (n == 0)
			return;
	}
}

void endpoints_deliver(struct unitls_connection *from, struct unitls_connection *to, const uint8_t *damage)
{
	for (;;) {
		struct unitls_bytes out = unitls_connection_peek_outgoing(from);
		uint8_t copy[8192];
		size_t size = out.size < sizeof(copy) ? out.size : sizeof(copy);
		size_t n = 0;

		if (size == 0)
			return;
		memcpy(copy, out.data, size);
		if (damage)
			copy[((size_t)damage[0] << 8 | damage[1]) % size] ^= damage[2];
		unitls_connection_receive(to, copy, size, &n);
		unitls_connection_consume_outgoing(from, n);
		if (n < size)
			return;
	}
}

/*
 * The server side of each backend fed raw bytes: the first byte chooses backend and the size of the pieces, the rest is what a client sends. To get
 * past the first flight, a client connection of the same backend can start the conversation and the bytes are then mixed into what it says.
 * UNITLS_FUZZ_BACKEND=NAME gives all of them to one backend.
 * Whatever comes, the connection ends in a want or in a sticky failure with a reason, and its memory stays bounded.
 */
#include <stdlib.h>
#include <string.h>

#include <unitls/insecure.h>
#include <unitls/unitls.h>

#include "identity.h"

#define BACKENDS 6

static const char *const names[BACKENDS] = {"openssl", "mbedtls", "boringssl", "gnutls", "wolfssl", "bearssl"};
static struct unitls_server_context *servers[BACKENDS];
static struct unitls_client_context *clients[BACKENDS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void make_contexts(size_t i)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_config_builder *client = unitls_config_builder_new();
	struct unitls_signing_chain *chain = NULL;
	struct unitls_trust_store *store = NULL;
	struct unitls_server_config *server_config = NULL;
	struct unitls_client_config *client_config = NULL;
	struct unitls_backend *backend = NULL;
	struct unitls_bytes protocol = unitls_alpn_bytes(UNITLS_ALPN_H2);
	const char *only = getenv("UNITLS_FUZZ_BACKEND");

	/* A machine without one of the libraries fuzzes the others. */
	if ((only && strcmp(only, names[i]) != 0) || unitls_backend_load(names[i], &backend, NULL) < 0)
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
	require(unitls_config_builder_build_server(builder, &server_config, NULL) == 0);
	require(unitls_config_builder_build_client(client, &client_config, NULL) == 0);
	require(unitls_server_context_new(backend, server_config, UNITLS_EFFORT_STRICT, NULL, &servers[i], NULL) ==
		0);
	require(unitls_client_context_new(backend, client_config, UNITLS_EFFORT_STRICT, NULL, &clients[i], NULL) ==
		0);
out:
	unitls_server_config_unref(server_config);
	unitls_client_config_unref(client_config);
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
	unitls_config_builder_free(client);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	bool some = false;

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < BACKENDS; i++) {
		make_contexts(i);
		some = some || servers[i];
	}
	require(some);
	return 0;
}

/* Bits 0, 6 and 7 of the first byte say which; one that is not there is stood in for by the next. */
static size_t choose_backend(uint8_t byte)
{
	size_t i = ((byte & 1u) | (byte >> 5 & 6u)) % BACKENDS;

	while (!servers[i])
		i = (i + 1) % BACKENDS;
	return i;
}

/* Lets a server do what it can. */
static int run_server(struct unitls_connection *server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t buffer[2048];
	size_t n;
	int status = unitls_connection_handshake(server, &error);

	while (status == UNITLS_OK) {
		status = unitls_connection_read(server, buffer, sizeof(buffer), &n, &error);
		require((status == UNITLS_OK) == (n > 0));
	}
	if (status < 0)
		require(error.error_class != UNITLS_ERROR_CLASS_NONE && error.text[0] != '\0');
	require(unitls_connection_incoming_size(server) <= UNITLS_INCOMING_LIMIT_BYTES);
	return status;
}

static void send_bytes(struct unitls_connection *server, const uint8_t *data, size_t size, size_t piece)
{
	while (size > 0) {
		size_t n = 0;
		int status;

		unitls_connection_receive(server, data, piece < size ? piece : size, &n);
		data += n;
		size -= n;
		status = run_server(server);
		if (status < 0) {
			require(run_server(server) == status); /* sticky */
			return;
		}
		if (n == 0)
			return;
	}
}

/* Delivers one side's outgoing bytes; one byte of them is changed when damage says so. */
static void deliver(struct unitls_connection *from, struct unitls_connection *to, const uint8_t *damage)
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

/* A real client's conversation, with one byte changed in one of its flights. */
static void converse(size_t i, struct unitls_connection *server, const uint8_t *data, size_t size)
{
	struct unitls_connection *client = NULL;
	struct unitls_peer_name name;

	require(unitls_insecure_peer_name_unchecked("fuzz.example", &name, NULL) == 0);
	if (unitls_client_connection_new(clients[i], &name, &client, NULL) < 0)
		return;
	for (unsigned turn = 0; turn < 6; turn++) {
		int status;
		bool damaged = size >= 4 && data[3] % 6 == turn;

		status = unitls_connection_handshake(client, NULL);
		if (status == UNITLS_OK) {
			size_t n;

			(void)!unitls_connection_write(client, data, size, &n, NULL);
		}
		deliver(client, server, damaged ? data : NULL);
		if (run_server(server) < 0)
			break;
		deliver(server, client, NULL);
	}
	unitls_connection_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_connection *server = NULL;
	size_t piece;
	size_t i;

	if (size < 2)
		return 0;
	i = choose_backend(data[0]);
	piece = data[0] >> 2 & 15u;
	if (unitls_server_connection_new(servers[i], &server, NULL) < 0)
		return 0;
	if (data[0] & 2)
		converse(i, server, data + 1, size - 1);
	else
		send_bytes(server, data + 1, size - 1, piece ? piece : size);
	unitls_connection_receive_eof(server);
	require(run_server(server) != UNITLS_OK);
	unitls_connection_free(server);
	return 0;
}

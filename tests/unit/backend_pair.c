#include "tests/unit/backend_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "core/module.h"
#include "tests/unit/pki.h"

#define TURNS_MAX     400
#define RECORD_HEADER 5
#define RECORD_ALERT  21

static struct unitls_backend *backend;

int pair_load(const char *name)
{
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};

	return unitls_backend_load_with(name, &params, &backend, NULL);
}

struct unitls_backend *pair_backend(void)
{
	return backend;
}

static int add_chain(
	struct unitls_config_builder *builder, const struct recipe *recipe, struct unitls_error *error)
{
	struct unitls_signing_chain *chain = NULL;
	char file[64];
	char *certificate;
	char *key;
	int status;

	(void)snprintf(file, sizeof(file), "%s.pem", recipe->certificate);
	certificate = pki_path(file);
	(void)snprintf(file, sizeof(file), "%s.key", recipe->certificate);
	key = pki_path(recipe->key != NULL ? recipe->key : file);
	status = unitls_signing_chain_from_file(certificate, key, recipe->password, &chain, error);
	if (status == 0)
		status = unitls_config_builder_add_signing_chain(builder, chain);
	unitls_signing_chain_unref(chain);
	free(certificate);
	free(key);
	return status;
}

struct unitls_config_builder *pair_build(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;
	char *path;

	assert_non_null(builder);
	if (recipe->certificate != NULL && add_chain(builder, recipe, &error) != 0)
		fail_msg("%s", error.text);
	if (recipe->store != NULL) {
		path = pki_path(recipe->store);
		if (unitls_trust_store_from_file(path, &store, &error) != 0)
			fail_msg("%s", error.text);
		free(path);
		assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
		unitls_trust_store_unref(store);
	}
	assert_int_equal(unitls_config_builder_set_client_auth(builder, recipe->client_auth), 0);
	assert_int_equal(unitls_config_builder_set_alpn(builder, recipe->alpn, recipe->n_alpn), 0);
	if (recipe->version != 0) {
		assert_int_equal(unitls_config_builder_set_min_version(builder, recipe->version), 0);
		assert_int_equal(unitls_config_builder_set_max_version(builder, recipe->version), 0);
	}
	if (recipe->n_suites > 0)
		assert_int_equal(
			unitls_config_builder_set_cipher_suites(builder, recipe->suites, recipe->n_suites), 0);
	if (recipe->clock != NULL)
		assert_int_equal(unitls_config_builder_set_clock(builder, recipe->clock, NULL), 0);
	return builder;
}

int pair_try_server(
	const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_config_builder *builder = pair_build(recipe);
	struct unitls_server_config *config = NULL;
	int status;

	*error = (struct unitls_error)UNITLS_ERROR_INIT;
	if (unitls_config_builder_build_server(builder, &config, error) != 0)
		fail_msg("%s", error->text);
	unitls_config_builder_free(builder);
	status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);
	unitls_server_config_unref(config);
	return status;
}

int pair_try_client(
	const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error)
{
	struct unitls_config_builder *builder = pair_build(recipe);
	struct unitls_client_config *config = NULL;
	int status;

	*error = (struct unitls_error)UNITLS_ERROR_INIT;
	if (unitls_config_builder_build_client(builder, &config, error) != 0)
		fail_msg("%s", error->text);
	unitls_config_builder_free(builder);
	status = unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);
	unitls_client_config_unref(config);
	return status;
}

struct unitls_server_context *pair_server(const struct recipe *recipe)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	if (pair_try_server(recipe, &context, &error) != 0)
		fail_msg("%s", error.text);
	return context;
}

struct unitls_client_context *pair_client(const struct recipe *recipe)
{
	struct unitls_client_context *context = NULL;
	struct unitls_error error;

	if (pair_try_client(recipe, &context, &error) != 0)
		fail_msg("%s", error.text);
	return context;
}

void pair_open(struct pair *pair, struct unitls_client_context *client, struct unitls_server_context *server,
	const char *name)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;

	*pair = (struct pair)PAIR_INIT;
	assert_int_equal(unitls_peer_name_parse(name != NULL ? name : PAIR_SERVER_NAME, &peer, &error), 0);
	assert_int_equal(unitls_client_connection_new(client, &peer, &pair->ends[CLIENT], &error), 0);
	assert_int_equal(unitls_server_connection_new(server, &pair->ends[SERVER], &error), 0);
}

void pair_make(struct pair *pair, const struct recipe *client, const struct recipe *server)
{
	struct unitls_client_context *client_context = pair_client(client);
	struct unitls_server_context *server_context = pair_server(server);

	pair_open(pair, client_context, server_context, NULL);
	pair->client = client_context;
	pair->server = server_context;
}

void pair_free(struct pair *pair)
{
	unitls_connection_free(pair->ends[CLIENT]);
	unitls_connection_free(pair->ends[SERVER]);
	unitls_client_context_unref(pair->client);
	unitls_server_context_unref(pair->server);
}

int pair_count_alerts(struct unitls_bytes bytes)
{
	int n = 0;
	size_t size;

	while (bytes.size >= RECORD_HEADER) {
		n += bytes.data[0] == RECORD_ALERT;
		size = RECORD_HEADER + ((size_t)bytes.data[3] << 8 | bytes.data[4]);
		if (size > bytes.size)
			break;
		bytes.data += size;
		bytes.size -= size;
	}
	return n;
}

size_t pair_deliver(struct pair *pair, enum side from)
{
	struct unitls_bytes bytes = unitls_connection_peek_outgoing(pair->ends[from]);
	size_t n = 0;

	pair->alerts[from] += pair_count_alerts(bytes);
	unitls_connection_receive(pair->ends[1 - from], bytes.data, bytes.size, &n);
	unitls_connection_consume_outgoing(pair->ends[from], n);
	return n;
}

void pair_handshake(struct pair *pair)
{
	for (int i = 0; i < TURNS_MAX && (pair->status[CLIENT] > 0 || pair->status[SERVER] > 0); i++) {
		enum side side = i % 2 == 0 ? CLIENT : SERVER;

		if (pair->status[side] > 0)
			pair->status[side] = unitls_connection_handshake(pair->ends[side], &pair->error[side]);
		(void)pair_deliver(pair, side);
	}
}

void pair_assert_connected(const struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair->status[i] != 0)
			fail_msg("%s: %s", i == CLIENT ? "client" : "server", pair->error[i].text);
	}
}

void pair_connect(struct pair *pair, const struct recipe *client, const struct recipe *server)
{
	pair_make(pair, client, server);
	pair_handshake(pair);
	pair_assert_connected(pair);
}

void pair_assert_connects(const struct recipe *client, const struct recipe *server)
{
	struct pair pair;

	pair_connect(&pair, client, server);
	pair_free(&pair);
}

void pair_assert_refused(const struct recipe *client, const struct recipe *server, enum side by,
	enum unitls_verify_reason reason, int depth)
{
	struct pair pair;

	pair_make(&pair, client, server);
	pair_handshake(&pair);
	assert_int_equal(pair.status[by], UNITLS_ERROR);
	assert_int_equal(pair.error[by].error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_string_equal(
		unitls_verify_reason_name(pair.error[by].verify_reason), unitls_verify_reason_name(reason));
	assert_int_equal(pair.error[by].verify_depth, depth);
	assert_int_equal(pair.error[1 - by].error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	assert_int_equal(pair.error[1 - by].alert, pair.error[by].alert);
	pair_free(&pair);
}

static void hand_over(struct unitls_transport *from, struct unitls_transport *to)
{
	size_t n = unitls_buffer_size(&from->outgoing);

	if (n == 0)
		return;
	assert_int_equal(unitls_buffer_reserve(&to->incoming, n, SIZE_MAX), 0);
	memcpy(to->incoming.data + to->incoming.tail, from->outgoing.data + from->outgoing.head, n);
	to->incoming.tail += n;
	to->incoming_visible += n;
	unitls_buffer_consume(&from->outgoing, n);
}

struct unitls_bytes pair_read_der(const char *certificate)
{
	char file[64];
	size_t size;
	uint8_t *data;

	(void)snprintf(file, sizeof(file), "%s.der", certificate);
	pki_openssl("x509 -in %s.pem -outform DER -out %s", certificate, file);
	data = (uint8_t *)pki_read(file, &size);
	return (struct unitls_bytes){data, size};
}

void native_open(struct native_pair *pair, const char *anchor, const char *key_file,
	const struct unitls_bytes *chain, size_t n_chain)
{
	struct unitls_bytes trusted = {NULL, 0};
	struct unitls_peer_name nobody = {.type = UNITLS_PEER_NAME_UNCHECKED};
	struct unitls_context_params params = {
		.role = UNITLS_ROLE_CLIENT, .min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_1_2};
	struct unitls_connection_params connection = {.peer_name = &nobody};
	size_t size;
	char *key;

	*pair = (struct native_pair){.ops = backend->ops,
		.status = {UNITLS_WANT_READ, UNITLS_WANT_READ},
		.error = {UNITLS_ERROR_INIT, UNITLS_ERROR_INIT}};
	if (anchor != NULL) {
		trusted = pair_read_der(anchor);
		params.anchors = &trusted;
		params.n_anchors = 1;
		params.verify = UNITLS_VERIFY_MODE_REQUIRED;
	}
	assert_int_equal(pair->ops->context_new(&params, &pair->contexts[CLIENT], &pair->error[CLIENT]), 0);
	free((void *)(uintptr_t)trusted.data);
	pki_openssl("pkey -in %s -outform DER -out key.der", key_file);
	key = pki_read("key.der", &size);
	params = (struct unitls_context_params){.role = UNITLS_ROLE_SERVER,
		.min_version = UNITLS_TLS_1_2,
		.max_version = UNITLS_TLS_1_2,
		.chain = chain,
		.n_chain = n_chain,
		.key = {(const uint8_t *)key, size}};
	assert_int_equal(pair->ops->context_new(&params, &pair->contexts[SERVER], &pair->error[SERVER]), 0);
	free(key);
	for (int i = 0; i < 2; i++) {
		connection.transport = &pair->transports[i];
		assert_int_equal(pair->ops->connection_new(
					 pair->contexts[i], &connection, &pair->connections[i], &pair->error[i]),
			0);
	}
	for (int i = 0; i < TURNS_MAX && (pair->status[CLIENT] > 0 || pair->status[SERVER] > 0); i++) {
		int side = i % 2;

		if (pair->status[side] > 0)
			pair->status[side] = pair->ops->handshake(pair->connections[side], &pair->error[side]);
		hand_over(&pair->transports[side], &pair->transports[1 - side]);
	}
}

void native_close(struct native_pair *pair)
{
	for (int i = 0; i < 2; i++) {
		pair->ops->connection_free(pair->connections[i]);
		pair->ops->context_free(pair->contexts[i]);
		unitls_buffer_clear(&pair->transports[i].incoming);
		unitls_buffer_clear(&pair->transports[i].outgoing);
	}
}

void native_hand_over(struct native_pair *pair, enum side from)
{
	hand_over(&pair->transports[from], &pair->transports[1 - from]);
}

#include "tests/unit/tls_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/pki.h"

void check(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "child: not so: %s\n", what);
	_exit(1);
}

static void add_chain(struct unitls_config_builder *builder, const struct recipe *recipe)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;
	char file[64];
	char *certificate;
	char *key;

	(void)snprintf(file, sizeof(file), "%s.pem", recipe->certificate);
	certificate = pki_path(file);
	(void)snprintf(file, sizeof(file), "%s.key", recipe->key != NULL ? recipe->key : recipe->certificate);
	key = pki_path(file);
	check(unitls_signing_chain_from_file(certificate, key, recipe->password, &chain, &error) == 0, error.text);
	CHECK(unitls_config_builder_add_signing_chain(builder, chain) == 0);
	unitls_signing_chain_unref(chain);
	free(certificate);
	free(key);
}

static struct unitls_config_builder *build(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;
	char *path;

	CHECK(builder != NULL);
	if (recipe->certificate != NULL)
		add_chain(builder, recipe);
	if (recipe->store != NULL) {
		path = pki_path(recipe->store);
		check(unitls_trust_store_from_file(path, &store, &error) == 0, error.text);
		CHECK(unitls_config_builder_set_trust_store(builder, store) == 0);
		unitls_trust_store_unref(store);
		free(path);
	}
	if (recipe->min_version != 0)
		CHECK(unitls_config_builder_set_min_version(builder, recipe->min_version) == 0);
	if (recipe->max_version != 0)
		CHECK(unitls_config_builder_set_max_version(builder, recipe->max_version) == 0);
	if (recipe->n_suites > 0)
		CHECK(unitls_config_builder_set_cipher_suites(builder, recipe->suites, recipe->n_suites) == 0);
	if (recipe->clock != NULL)
		CHECK(unitls_config_builder_set_clock(builder, recipe->clock, NULL) == 0);
	if (recipe->client_auth != UNITLS_CLIENT_AUTH_NONE)
		CHECK(unitls_config_builder_set_client_auth(builder, recipe->client_auth) == 0);
	return builder;
}

struct unitls_server_config *server_config(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = build(recipe);
	struct unitls_server_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	check(unitls_config_builder_build_server(builder, &config, &error) == 0, error.text);
	unitls_config_builder_free(builder);
	return config;
}

struct unitls_client_config *client_config(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = build(recipe);
	struct unitls_client_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	check(unitls_config_builder_build_client(builder, &config, &error) == 0, error.text);
	unitls_config_builder_free(builder);
	return config;
}

void connect_contexts(struct pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;

	CHECK(unitls_peer_name_parse(SERVER_NAME, &peer, &error) == 0);
	CHECK(unitls_client_connection_new(pair->client_context, &peer, &pair->client, &error) == 0);
	CHECK(unitls_server_connection_new(pair->server_context, &pair->server, &error) == 0);
}

void open_configured(struct unitls_backend *backend, struct pair *pair, struct unitls_client_config *client,
	struct unitls_server_config *server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*pair = (struct pair){.client_status = UNITLS_WANT_READ,
		.server_status = UNITLS_WANT_READ,
		.client_error = UNITLS_ERROR_INIT,
		.server_error = UNITLS_ERROR_INIT};
	check(unitls_client_context_new(
		      backend, client, UNITLS_EFFORT_STRICT, NULL, &pair->client_context, &error) == 0,
		error.text);
	check(unitls_server_context_new(
		      backend, server, UNITLS_EFFORT_STRICT, NULL, &pair->server_context, &error) == 0,
		error.text);
	connect_contexts(pair);
}

void open_pair(struct unitls_backend *backend, struct pair *pair, const struct recipe *client,
	const struct recipe *server)
{
	struct unitls_client_config *c = client_config(client);
	struct unitls_server_config *s = server_config(server);

	open_configured(backend, pair, c, s);
	unitls_client_config_unref(c);
	unitls_server_config_unref(s);
}

static int count_records(struct unitls_bytes bytes)
{
	int n = 0;

	while (bytes.size >= 5) {
		size_t size = 5 + ((size_t)bytes.data[3] << 8 | bytes.data[4]);

		n++;
		if (size > bytes.size)
			break;
		bytes.data += size;
		bytes.size -= size;
	}
	return n;
}

size_t transfer(struct unitls_connection *from, struct unitls_connection *to)
{
	struct unitls_bytes bytes = unitls_connection_peek_outgoing(from);
	size_t n = 0;

	unitls_connection_receive(to, bytes.data, bytes.size, &n);
	unitls_connection_consume_outgoing(from, n);
	return n;
}

static int step(struct unitls_connection *connection, int status, struct unitls_error *error, void (*before)(void),
	void (*after)(void))
{
	if (status <= 0)
		return status;
	if (before != NULL)
		before();
	status = unitls_connection_handshake(connection, error);
	if (after != NULL)
		after();
	return status;
}

void handshake_with(struct pair *pair, void (*before)(void), void (*after)(void))
{
	for (int i = 0; i < TURNS_MAX; i++) {
		pair->client_status = step(pair->client, pair->client_status, &pair->client_error, before, after);
		(void)transfer(pair->client, pair->server);
		pair->server_status = step(pair->server, pair->server_status, &pair->server_error, before, after);
		pair->server_last_records = count_records(unitls_connection_peek_outgoing(pair->server));
		(void)transfer(pair->server, pair->client);
		if (pair->client_status <= 0 && pair->server_status <= 0)
			break;
	}
}

void handshake(struct pair *pair)
{
	handshake_with(pair, NULL, NULL);
}

void close_connections(struct pair *pair)
{
	unitls_connection_free(pair->client);
	unitls_connection_free(pair->server);
}

void close_pair(struct pair *pair)
{
	close_connections(pair);
	unitls_client_context_unref(pair->client_context);
	unitls_server_context_unref(pair->server_context);
}

void check_complete(const struct pair *pair)
{
	check(pair->client_status == 0, pair->client_error.text);
	check(pair->server_status == 0, pair->server_error.text);
}

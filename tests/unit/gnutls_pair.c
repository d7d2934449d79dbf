#include "tests/unit/gnutls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/pki.h"

struct unitls_backend *backend;

int make_pki(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("p521", "EC:P-521", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("ed25519", "ED25519", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("rsa-ca", "RSA:4096", NULL, EXTENSIONS_CA);
	pki_certificate("rsa-leaf", "RSA:2048", "rsa-ca", EXTENSIONS_SERVER);
	pki_openssl("pkcs8 -topk8 -in ec.key -out ec-locked.key -passout pass:%s", PASSWORD);
	return 0;
}

/* Children ------------------------------------------------------------------------------------------------------------------- */

void gnutls_pair_check(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "child: not so: %s\n", what);
	_exit(1);
}

int load(struct unitls_error *error)
{
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};

	return unitls_backend_load_with("gnutls", &params, &backend, error);
}

void in_child_unloaded(const char *configuration, void (*work)(void))
{
	const char *text = configuration != NULL ? configuration : "";
	char *path;
	pid_t child;
	int status;

	pki_write("gnutls.conf", text, strlen(text));
	path = pki_path("gnutls.conf");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		gnutls_pair_check(setenv("GNUTLS_SYSTEM_PRIORITY_FILE", path, 1) == 0, "setenv");
		work();
		_exit(0);
	}
	free(path);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

static void (*loaded_work)(void);

static void load_and_work(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	gnutls_pair_check(load(&error) == 0, error.text);
	loaded_work();
}

void in_child(const char *configuration, void (*work)(void))
{
	loaded_work = work;
	in_child_unloaded(configuration, load_and_work);
}

/* Contexts and connections --------------------------------------------------------------------------------------------------- */

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
	gnutls_pair_check(unitls_signing_chain_from_file(certificate, key, recipe->password, &chain, &error) == 0,
		error.text);
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
		gnutls_pair_check(unitls_trust_store_from_file(path, &store, &error) == 0, error.text);
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
	CHECK(unitls_config_builder_set_client_auth(builder, recipe->client_auth) == 0);
	return builder;
}

struct unitls_server_config *gnutls_pair_server_config(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = build(recipe);
	struct unitls_server_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	gnutls_pair_check(unitls_config_builder_build_server(builder, &config, &error) == 0, error.text);
	unitls_config_builder_free(builder);
	return config;
}

struct unitls_client_config *gnutls_pair_client_config(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = build(recipe);
	struct unitls_client_config *config = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	gnutls_pair_check(unitls_config_builder_build_client(builder, &config, &error) == 0, error.text);
	unitls_config_builder_free(builder);
	return config;
}

int try_client(const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error)
{
	struct unitls_client_config *config = gnutls_pair_client_config(recipe);
	int status = unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);

	unitls_client_config_unref(config);
	return status;
}

int try_server(const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_server_config *config = gnutls_pair_server_config(recipe);
	int status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);

	unitls_server_config_unref(config);
	return status;
}

void connect_contexts(struct pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;

	CHECK(unitls_peer_name_parse(SERVER_NAME, &peer, &error) == 0);
	CHECK(unitls_client_connection_new(pair->client_context, &peer, &pair->client, &error) == 0);
	CHECK(unitls_server_connection_new(pair->server_context, &pair->server, &error) == 0);
}

void gnutls_pair_open_pair(struct pair *pair, const struct recipe *client, const struct recipe *server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	*pair = (struct pair){.client_status = UNITLS_WANT_READ,
		.server_status = UNITLS_WANT_READ,
		.client_error = UNITLS_ERROR_INIT,
		.server_error = UNITLS_ERROR_INIT};
	gnutls_pair_check(try_client(client, &pair->client_context, &error) == 0, error.text);
	gnutls_pair_check(try_server(server, &pair->server_context, &error) == 0, error.text);
	connect_contexts(pair);
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

int gnutls_pair_transfer(struct unitls_connection *from, struct unitls_connection *to)
{
	struct unitls_bytes bytes = unitls_connection_peek_outgoing(from);
	int records = count_records(bytes);
	size_t n = 0;

	unitls_connection_receive(to, bytes.data, bytes.size, &n);
	unitls_connection_consume_outgoing(from, n);
	return records;
}

void gnutls_pair_handshake(struct pair *pair)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (pair->client_status > 0)
			pair->client_status = unitls_connection_handshake(pair->client, &pair->client_error);
		(void)gnutls_pair_transfer(pair->client, pair->server);
		if (pair->server_status > 0)
			pair->server_status = unitls_connection_handshake(pair->server, &pair->server_error);
		pair->server_last_records = gnutls_pair_transfer(pair->server, pair->client);
		if (pair->client_status <= 0 && pair->server_status <= 0)
			break;
	}
}

void close_connections(struct pair *pair)
{
	unitls_connection_free(pair->client);
	unitls_connection_free(pair->server);
}

void gnutls_pair_close_pair(struct pair *pair)
{
	close_connections(pair);
	unitls_client_context_unref(pair->client_context);
	unitls_server_context_unref(pair->server_context);
}

void gnutls_pair_check_complete(const struct pair *pair)
{
	gnutls_pair_check(pair->client_status == 0, pair->client_error.text);
	gnutls_pair_check(pair->server_status == 0, pair->server_error.text);
}

uint16_t connect_pair(const struct recipe *client, const struct recipe *server)
{
	struct pair pair;
	uint16_t suite;

	gnutls_pair_open_pair(&pair, client, server);
	gnutls_pair_handshake(&pair);
	gnutls_pair_check_complete(&pair);
	suite = unitls_connection_cipher(pair.server);
	CHECK(suite == unitls_connection_cipher(pair.client));
	gnutls_pair_close_pair(&pair);
	return suite;
}

void check_refused(
	const struct recipe *client, const char *certificate, enum unitls_verify_reason reason, int depth)
{
	struct recipe server = {.certificate = certificate};
	struct pair pair;

	gnutls_pair_open_pair(&pair, client, &server);
	gnutls_pair_handshake(&pair);
	gnutls_pair_check(pair.client_error.error_class == UNITLS_ERROR_CLASS_VERIFY, certificate);
	gnutls_pair_check(pair.client_error.verify_reason == reason, pair.client_error.text);
	gnutls_pair_check(pair.client_error.verify_depth == depth, pair.client_error.text);
	gnutls_pair_check(pair.server_error.error_class == UNITLS_ERROR_CLASS_PEER_ALERT, pair.server_error.text);
	CHECK(pair.server_error.alert == pair.client_error.alert);
	gnutls_pair_close_pair(&pair);
}

void check_field(const struct recipe *recipe, const char *field)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK(try_server(recipe, &context, &error) == UNITLS_ERROR);
	gnutls_pair_check(error.error_class == UNITLS_ERROR_CLASS_CONFIG, error.text);
	gnutls_pair_check(strcmp(error.field, field) == 0, error.text);
}

/*
 * What is special to the mbedtls backend; what all backends do alike is in the contract suite.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "core/context.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/pki.h"
#include <unitls/insecure.h>
#include <unitls/unitls.h>

#define SERVER_NAME       "server.example"
#define EXTENSIONS_SERVER "subjectAltName=DNS:" SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define THREADS           4
#define HANDSHAKES        12
#define RECORD_HEADER     5
#define RECORD_ALERT      21
#define HELLO_RANDOM_AT   (RECORD_HEADER + 4 + 2)
#define HELLO_RANDOM_SIZE 32
#define TURNS_MAX         200
#define DEADLINE_MS       20000

static struct unitls_backend *backend;

/* Certificates and contexts ------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};

	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("stranger", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("intruder", "EC:P-256", "stranger", EXTENSIONS_CLIENT);
	return unitls_backend_load_with("mbedtls", &params, &backend, &error);
}

static struct unitls_signing_chain *load_chain(const char *certificate, const char *key, const char *password)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;
	char file[64];
	char *certificate_path;
	char *key_path;

	(void)snprintf(file, sizeof(file), "%s.pem", certificate);
	certificate_path = pki_path(file);
	key_path = pki_path(key);
	if (unitls_signing_chain_from_file(certificate_path, key_path, password, &chain, &error) != 0)
		fail_msg("%s", error.text);
	free(certificate_path);
	free(key_path);
	return chain;
}

static struct unitls_trust_store *load_store(const char *file)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store = NULL;
	char *path = pki_path(file);

	if (unitls_trust_store_from_file(path, &store, &error) != 0)
		fail_msg("%s", error.text);
	free(path);
	return store;
}

/* What one side of a test is configured with; NULL and 0 leave the default. */
struct recipe {
	const char *certificate;
	const char *key; /* NULL: the certificate's name with .key */
	const char *password;
	const char *store;
	enum unitls_client_auth client_auth;
	const struct unitls_bytes *alpn;
	size_t n_alpn;
};

static struct unitls_config_builder *build(const struct recipe *recipe)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_signing_chain *chain;
	struct unitls_trust_store *store;
	char key[64];

	assert_non_null(builder);
	if (recipe->certificate != NULL) {
		(void)snprintf(key, sizeof(key), "%s.key", recipe->certificate);
		chain = load_chain(recipe->certificate, recipe->key != NULL ? recipe->key : key, recipe->password);
		assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
		unitls_signing_chain_unref(chain);
	}
	if (recipe->store != NULL) {
		store = load_store(recipe->store);
		assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
		unitls_trust_store_unref(store);
	}
	assert_int_equal(unitls_config_builder_set_client_auth(builder, recipe->client_auth), 0);
	assert_int_equal(unitls_config_builder_set_alpn(builder, recipe->alpn, recipe->n_alpn), 0);
	return builder;
}

static int try_server_context(
	const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_config_builder *builder = build(recipe);
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

static struct unitls_server_context *server_context(const struct recipe *recipe)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	if (try_server_context(recipe, &context, &error) != 0)
		fail_msg("%s", error.text);
	return context;
}

static int try_client_context(
	const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error)
{
	struct unitls_config_builder *builder = build(recipe);
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

static struct unitls_client_context *client_context(const struct recipe *recipe)
{
	struct unitls_client_context *context = NULL;
	struct unitls_error error;

	if (try_client_context(recipe, &context, &error) != 0)
		fail_msg("%s", error.text);
	return context;
}

/* Connections in memory ---------------------------------------------------------------------------------------------------- */

struct pair {
	struct unitls_connection *client;
	struct unitls_connection *server;
	int client_status;
	int server_status;
	struct unitls_error client_error;
	struct unitls_error server_error;
	int server_alerts; /* alert records in the clear that the server sent */
	int client_alerts;
};

static int count_alerts(struct unitls_bytes bytes)
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

/* Hands everything over; how many alert records there were. */
static int transfer(struct unitls_connection *from, struct unitls_connection *to)
{
	struct unitls_bytes bytes = unitls_connection_peek_outgoing(from);
	int alerts = count_alerts(bytes);
	size_t n = 0;

	unitls_connection_receive(to, bytes.data, bytes.size, &n);
	unitls_connection_consume_outgoing(from, n);
	return alerts;
}

static void pair_open(struct pair *pair, struct unitls_client_context *client,
	struct unitls_server_context *server, const char *name)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;

	*pair = (struct pair){.client_error = UNITLS_ERROR_INIT, .server_error = UNITLS_ERROR_INIT};
	assert_int_equal(unitls_peer_name_parse(name, &peer, &error), 0);
	assert_int_equal(unitls_client_connection_new(client, &peer, &pair->client, &error), 0);
	assert_int_equal(unitls_server_connection_new(server, &pair->server, &error), 0);
}

static void pair_handshake(struct pair *pair)
{
	pair->client_status = UNITLS_WANT_READ;
	pair->server_status = UNITLS_WANT_READ;
	for (int i = 0; i < TURNS_MAX; i++) {
		if (pair->client_status > 0)
			pair->client_status = unitls_connection_handshake(pair->client, &pair->client_error);
		pair->client_alerts += transfer(pair->client, pair->server);
		if (pair->server_status > 0)
			pair->server_status = unitls_connection_handshake(pair->server, &pair->server_error);
		pair->server_alerts += transfer(pair->server, pair->client);
		if (pair->client_status <= 0 && pair->server_status <= 0)
			break;
	}
}

static void pair_close(struct pair *pair)
{
	unitls_connection_free(pair->client);
	unitls_connection_free(pair->server);
}

static void assert_handshake(struct unitls_client_context *client, struct unitls_server_context *server)
{
	struct pair pair;

	pair_open(&pair, client, server, SERVER_NAME);
	pair_handshake(&pair);
	if (pair.client_status != 0)
		fail_msg("client: %s", pair.client_error.text);
	if (pair.server_status != 0)
		fail_msg("server: %s", pair.server_error.text);
	pair_close(&pair);
}

/* Threads ------------------------------------------------------------------------------------------------------------------ */

struct work {
	struct unitls_client_context *client;
	struct unitls_server_context *server;
	int completed;
};

static void *do_handshakes(void *argument)
{
	struct work *work = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;
	struct pair pair;

	for (int i = 0; i < HANDSHAKES; i++) {
		pair = (struct pair){.client_error = UNITLS_ERROR_INIT, .server_error = UNITLS_ERROR_INIT};
		if (unitls_peer_name_dns(SERVER_NAME, &peer, &error) != 0 ||
			unitls_client_connection_new(work->client, &peer, &pair.client, &error) != 0 ||
			unitls_server_connection_new(work->server, &pair.server, &error) != 0 ||
			unitls_server_context_prove(work->server, 0, &error) !=
				0) /* builds another native context */
			break;
		pair_handshake(&pair);
		work->completed += pair.client_status == 0 && pair.server_status == 0;
		pair_close(&pair);
	}
	return NULL;
}

static void assert_threads_share(const char *certificate)
{
	struct recipe server = {
		.certificate = certificate, .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};
	struct recipe client = {.certificate = "client", .store = "ca.pem"};
	struct work works[THREADS] = {0};
	pthread_t threads[THREADS];

	works[0].client = client_context(&client);
	works[0].server = server_context(&server);
	for (int i = 1; i < THREADS; i++)
		works[i] = works[0];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, do_handshakes, &works[i]), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(works[i].completed, HANDSHAKES);
	unitls_client_context_unref(works[0].client);
	unitls_server_context_unref(works[0].server);
}

static void test_threads_share_an_rsa_key(void **state)
{
	(void)state;
	assert_threads_share("rsa");
}

static void test_threads_share_an_ec_key(void **state)
{
	(void)state;
	assert_threads_share("ec");
}

/* Fork --------------------------------------------------------------------------------------------------------------------- */

static void hello_random(struct unitls_client_context *context, uint8_t random[HELLO_RANDOM_SIZE])
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_connection *connection = NULL;
	struct unitls_peer_name peer;
	struct unitls_bytes hello;

	assert_int_equal(unitls_peer_name_dns(SERVER_NAME, &peer, &error), 0);
	assert_int_equal(unitls_client_connection_new(context, &peer, &connection, &error), 0);
	assert_int_equal(unitls_connection_handshake(connection, &error), UNITLS_WANT_READ);
	hello = unitls_connection_peek_outgoing(connection);
	assert_true(hello.size >= HELLO_RANDOM_AT + HELLO_RANDOM_SIZE);
	memcpy(random, hello.data + HELLO_RANDOM_AT, HELLO_RANDOM_SIZE);
	unitls_connection_free(connection);
}

static void hello_random_of_child(struct unitls_client_context *context, uint8_t random[HELLO_RANDOM_SIZE])
{
	int ends[2];
	int status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		hello_random(context, random);
		_exit(write(ends[1], random, HELLO_RANDOM_SIZE) == HELLO_RANDOM_SIZE ? 0 : 1);
	}
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], random, HELLO_RANDOM_SIZE), HELLO_RANDOM_SIZE);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_children_of_a_fork_draw_different_randoms(void **state)
{
	struct recipe recipe = {.store = "ca.pem"};
	struct unitls_client_context *context = client_context(&recipe);
	uint8_t before[HELLO_RANDOM_SIZE], first[HELLO_RANDOM_SIZE], second[HELLO_RANDOM_SIZE],
		after[HELLO_RANDOM_SIZE];

	(void)state;
	hello_random(context, before);
	hello_random_of_child(context, first);
	hello_random_of_child(context, second);
	hello_random(context, after);
	assert_memory_not_equal(first, second, HELLO_RANDOM_SIZE);
	assert_memory_not_equal(first, after, HELLO_RANDOM_SIZE);
	assert_memory_not_equal(second, after, HELLO_RANDOM_SIZE);
	assert_memory_not_equal(before, after, HELLO_RANDOM_SIZE);
	unitls_client_context_unref(context);
}

/* Alerts ------------------------------------------------------------------------------------------------------------------- */

/* What the refusing side says; the other reports the same alert. */
struct refusal {
	enum unitls_verify_reason reason;
	int alert;
};

static void assert_refused(
	const struct unitls_error *refuser, const struct unitls_error *refused, const struct refusal *expected)
{
	assert_int_equal(refuser->error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_int_equal(refuser->verify_reason, expected->reason);
	assert_int_equal(refuser->alert, expected->alert);
	assert_int_equal(refused->error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	assert_int_equal(refused->alert, expected->alert);
}

/* A server that refuses the client's certificate; in TLS 1.3 the client learns of it with its first read. */
static void assert_client_refused(
	const struct recipe *server, const struct recipe *client, const struct refusal *expected)
{
	struct unitls_client_context *client_side = client_context(client);
	struct unitls_server_context *server_side = server_context(server);
	struct pair pair;
	uint8_t byte;
	size_t n;

	pair_open(&pair, client_side, server_side, SERVER_NAME);
	pair_handshake(&pair);
	if (pair.client_status == 0)
		assert_int_equal(
			unitls_connection_read(pair.client, &byte, 1, &n, &pair.client_error), UNITLS_ERROR);
	assert_refused(&pair.server_error, &pair.client_error, expected);
	assert_true(pair.server_alerts <= 1);
	pair_close(&pair);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

static void assert_server_refused(const struct recipe *server, const char *name, const struct refusal *expected)
{
	struct recipe client = {.store = "ca.pem"};
	struct unitls_client_context *client_side = client_context(&client);
	struct unitls_server_context *server_side = server_context(server);
	struct pair pair;

	pair_open(&pair, client_side, server_side, name);
	pair_handshake(&pair);
	assert_refused(&pair.client_error, &pair.server_error, expected);
	assert_true(pair.client_alerts <= 1);
	pair_close(&pair);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

/* mbedTLS's own VERIFY_OPTIONAL goes on with a certificate that it found bad. */
static void test_optional_client_certificate_must_be_good(void **state)
{
	struct recipe server = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};
	struct recipe client = {.certificate = "intruder", .store = "ca.pem"};
	struct refusal expected = {UNITLS_VERIFY_UNKNOWN_CA, UNITLS_ALERT_UNKNOWN_CA};

	(void)state;
	assert_client_refused(&server, &client, &expected);
}

static void test_client_certificate_for_servers_is_refused(void **state)
{
	struct recipe server = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct recipe client = {.certificate = "rsa", .store = "ca.pem"};
	struct refusal expected = {UNITLS_VERIFY_BAD_PURPOSE, UNITLS_ALERT_UNSUPPORTED_CERTIFICATE};

	(void)state;
	assert_client_refused(&server, &client, &expected);
}

/* mbedTLS sends no alert for it at all. */
static void test_missing_client_certificate_has_its_alert(void **state)
{
	struct recipe server = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct recipe client = {.store = "ca.pem"};
	struct refusal expected = {UNITLS_VERIFY_MISSING, UNITLS_ALERT_HANDSHAKE_FAILURE};

	(void)state;
	if (unitls_backend_capabilities(backend)->max_version >= UNITLS_TLS_1_3)
		expected.alert = UNITLS_ALERT_CERTIFICATE_REQUIRED;
	assert_client_refused(&server, &client, &expected);
}

static void test_wrong_name_is_refused_in_the_handshake(void **state)
{
	struct recipe server = {.certificate = "ec"};
	struct refusal expected = {UNITLS_VERIFY_NAME_MISMATCH, UNITLS_ALERT_BAD_CERTIFICATE};

	(void)state;
	assert_server_refused(&server, "other.example", &expected);
	assert_server_refused(&server, "192.0.2.1", &expected);
}

/* The library's server would rather find no usable cipher suite. */
static void test_server_certificate_for_clients_is_for_the_client_to_judge(void **state)
{
	struct recipe server = {.certificate = "client"};
	struct refusal expected = {UNITLS_VERIFY_BAD_PURPOSE, UNITLS_ALERT_UNSUPPORTED_CERTIFICATE};

	(void)state;
	assert_server_refused(&server, SERVER_NAME, &expected);
}

/* The library knows nothing of name constraints: non-critical ones it would pass over, critical ones it cannot read. */
static void assert_constraints_refused(const char *extension)
{
	struct recipe server = {.certificate = "constrained"};
	struct refusal expected = {UNITLS_VERIFY_NAME_CONSTRAINTS, UNITLS_ALERT_BAD_CERTIFICATE};

	pki_certificate("limits", "EC:P-256", "ca", extension);
	pki_certificate("leaf", "EC:P-256", "limits", EXTENSIONS_SERVER);
	pki_join("constrained.pem", "leaf.pem", "limits.pem", NULL);
	pki_join("constrained.key", "leaf.key", NULL);
	assert_server_refused(&server, SERVER_NAME, &expected);
}

static void test_name_constraints_are_refused(void **state)
{
	(void)state;
	assert_constraints_refused(EXTENSIONS_CA "nameConstraints=permitted;DNS:example\n");
	assert_constraints_refused(EXTENSIONS_CA "nameConstraints=critical,permitted;DNS:example\n");
}

/* TLS_FALLBACK_SCSV (RFC 7507): 3.6 no longer looks at it. */
static void test_fallback_is_refused_where_more_was_possible(void **state)
{
	struct recipe recipe = {.store = "ca.pem"};
	struct unitls_config_builder *builder = build(&recipe);
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *client_side = NULL;
	struct unitls_server_context *server_side;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_bytes sent;
	struct pair pair;
	uint8_t *hello;
	size_t suites;
	size_t n;
	int status;

	(void)state;
	recipe = (struct recipe){.certificate = "ec"};
	server_side = server_context(&recipe);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_2), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &config, &error), 0);
	assert_int_equal(
		unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &client_side, &error), 0);
	pair_open(&pair, client_side, server_side, SERVER_NAME);
	assert_int_equal(unitls_connection_handshake(pair.client, &error), UNITLS_WANT_READ);
	sent = unitls_connection_peek_outgoing(pair.client);
	hello = malloc(sent.size);
	assert_non_null(hello);
	memcpy(hello, sent.data, sent.size);
	suites = HELLO_RANDOM_AT + HELLO_RANDOM_SIZE;
	suites += 1 + (size_t)hello[suites] + 2;
	hello[suites + 2] = 0x56; /* the second suite becomes TLS_FALLBACK_SCSV */
	hello[suites + 3] = 0x00;
	unitls_connection_receive(pair.server, hello, sent.size, &n);
	status = unitls_connection_handshake(pair.server, &pair.server_error);
	if (unitls_backend_capabilities(backend)->max_version == UNITLS_TLS_1_2) {
		assert_int_equal(status, UNITLS_WANT_READ);
	} else {
		assert_int_equal(status, UNITLS_ERROR);
		assert_int_equal(pair.server_error.alert, UNITLS_ALERT_INAPPROPRIATE_FALLBACK);
		assert_int_equal(transfer(pair.server, pair.client), 1);
	}
	free(hello);
	pair_close(&pair);
	unitls_config_builder_free(builder);
	unitls_client_config_unref(config);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

/* A leaf that is in the trust store is an anchor; mbedTLS would want it self-issued. */
static void test_a_leaf_can_be_an_anchor(void **state)
{
	struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "ec.pem"};
	struct unitls_client_context *client_side = client_context(&client);
	struct unitls_server_context *server_side = server_context(&server);

	(void)state;
	assert_handshake(client_side, server_side);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

/* Tickets ------------------------------------------------------------------------------------------------------------------ */

#define VISITS 2

struct host {
	struct unitls_server_context *context;
	int listener;
	bool resumed[VISITS];
	bool completed[VISITS];
};

static void *serve(void *argument)
{
	struct host *host = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_socket *socket = NULL;
	uint8_t byte;
	size_t n;
	int fd;

	for (int i = 0; i < VISITS; i++) {
		fd = accept(host->listener, NULL, NULL);
		if (fd < 0 || unitls_server_wrap_socket(host->context, fd, &socket, &error) != 0)
			return NULL;
		unitls_socket_set_deadline(socket, unitls_deadline_after(DEADLINE_MS));
		host->completed[i] = unitls_socket_do_handshake(socket, &error) == 0;
		host->resumed[i] = unitls_connection_resumed(unitls_socket_connection(socket));
		host->completed[i] &= unitls_socket_recv(socket, &byte, 1, &n, &error) == UNITLS_EOF;
		unitls_socket_free(socket);
	}
	return NULL;
}

/* Two visits of openssl's client, the second with the session of the first. */
static void visit_twice(struct host *host, const struct recipe *recipe)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	pthread_t thread;

	*host = (struct host){.context = server_context(recipe)};
	host->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(host->listener >= 0);
	assert_int_equal(bind(host->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(host->listener, VISITS), 0);
	assert_int_equal(getsockname(host->listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, host), 0);
	pki_openssl("s_client -connect 127.0.0.1:%d -tls1_2 -sess_out session -cert client.pem -key client.key",
		ntohs(address.sin_port));
	pki_openssl("s_client -connect 127.0.0.1:%d -tls1_2 -sess_in session -cert client.pem -key client.key",
		ntohs(address.sin_port));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(close(host->listener), 0);
	unitls_server_context_unref(host->context);
	assert_true(host->completed[0]);
	assert_true(host->completed[1]);
	assert_false(host->resumed[0]);
}

static void test_a_ticket_resumes(void **state)
{
	struct recipe recipe = {.certificate = "ec"};
	struct host host;

	(void)state;
	visit_twice(&host, &recipe);
	assert_true(host.resumed[1]);
}

/* A ticket of mbedTLS holds the client's own certificate at most, and a resumed session would not be verified again. */
static void test_no_tickets_where_client_certificates_are_asked_for(void **state)
{
	struct recipe recipe = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct host host;

	(void)state;
	visit_twice(&host, &recipe);
	assert_false(host.resumed[1]);
}

/* Material ----------------------------------------------------------------------------------------------------------------- */

static void assert_server_field(const struct recipe *recipe, const char *field)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	assert_int_equal(try_server_context(recipe, &context, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, field);
}

static void assert_encrypted_key(const char *options)
{
	struct recipe recipe = {.certificate = "rsa", .key = "encrypted.key", .password = "open sesame"};

	pki_write("password", recipe.password, strlen(recipe.password));
	pki_openssl("pkcs8 -topk8 -in rsa.key -out encrypted.key -passout file:password %s", options);
	unitls_server_context_unref(server_context(&recipe));
	recipe.password = "wrong";
	assert_server_field(&recipe, "key");
}

static void test_encrypted_keys(void **state)
{
	(void)state;
	assert_encrypted_key(
		"-v2 aes-256-cbc"); /* what openssl writes by default; mbedTLS 2.28 has no AES there */
	assert_encrypted_key("-v2 aes-192-cbc -v2prf hmacWithSHA512");
	assert_encrypted_key("-v2 aes-128-cbc -v2prf hmacWithSHA1");
	assert_encrypted_key("-v2 des3");
	assert_encrypted_key("-v1 PBE-SHA1-3DES");
}

static void test_traditional_encrypted_key(void **state)
{
	struct recipe recipe = {.certificate = "rsa", .key = "traditional.key", .password = "open sesame"};

	(void)state;
	pki_write("password", recipe.password, strlen(recipe.password));
	pki_openssl("rsa -in rsa.key -out traditional.key -traditional -aes128 -passout file:password");
	unitls_server_context_unref(server_context(&recipe));
	recipe.password = "wrong";
	assert_server_field(&recipe, "key");
}

/* An anchor that the library cannot read is left out; a store of such only is refused. */
static void test_unreadable_anchors(void **state)
{
	struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "mixed.pem"};
	struct unitls_server_context *server_side = server_context(&server);
	struct unitls_client_context *client_side;
	struct unitls_error error;

	(void)state;
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	pki_join("mixed.pem", "edwards.pem", "ca.pem", NULL);
	client_side = client_context(&client);
	assert_handshake(client_side, server_side);
	unitls_client_context_unref(client_side);
	client.store = "edwards.pem";
	assert_int_equal(try_client_context(&client, &client_side, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "trust_store");
	unitls_server_context_unref(server_side);
}

/* As many and as long as the capabilities say: the hello still fits into its record. */
static void test_longest_alpn_list(void **state)
{
	size_t n_names = unitls_backend_capabilities(backend)->alpn_max_names;
	uint8_t(*texts)[UNITLS_ALPN_NAME_MAX] = calloc(n_names, sizeof(*texts));
	struct unitls_bytes *names = calloc(n_names, sizeof(*names));
	struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "ca.pem", .alpn = names, .n_alpn = n_names};
	struct unitls_client_context *client_side;
	struct unitls_server_context *server_side;
	struct unitls_bytes chosen;
	struct pair pair;

	(void)state;
	assert_non_null(texts);
	assert_non_null(names);
	for (size_t i = 0; i < n_names; i++) {
		memset(texts[i], 'A' + (int)i, sizeof(texts[i]));
		names[i] = (struct unitls_bytes){texts[i], sizeof(texts[i])};
	}
	server.alpn = &names[n_names - 1];
	server.n_alpn = 1;
	client_side = client_context(&client);
	server_side = server_context(&server);
	pair_open(&pair, client_side, server_side, SERVER_NAME);
	pair_handshake(&pair);
	assert_int_equal(pair.server_status, 0);
	assert_int_equal(pair.client_status, 0);
	chosen = unitls_connection_negotiated_protocol(pair.client);
	assert_int_equal(chosen.size, UNITLS_ALPN_NAME_MAX);
	assert_memory_equal(chosen.data, texts[n_names - 1], UNITLS_ALPN_NAME_MAX);
	pair_close(&pair);
	free(names);
	free(texts);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

/* A transport that is full ------------------------------------------------------------------------------------------------- */

static void fill(struct unitls_transport *transport, size_t room)
{
	static const uint8_t filler[UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES];

	assert_true(unitls_transport_write(transport, filler, sizeof(filler) - room) == sizeof(filler) - room);
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

struct native_pair {
	const struct unitls_backend_ops *ops;
	struct unitls_transport transports[2]; /* client, server */
	void *contexts[2];
	void *connections[2];
};

static void native_open(struct native_pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = load_chain("ec", "ec.key", NULL);
	struct unitls_certificate *leaf = unitls_signing_chain_at(chain, 0);
	struct unitls_bytes der = unitls_certificate_der(leaf);
	struct unitls_peer_name nobody = {.type = UNITLS_PEER_NAME_UNCHECKED};
	struct unitls_context_params params = {
		.role = UNITLS_ROLE_CLIENT, .min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_1_2};
	struct unitls_connection_params connection = {.peer_name = &nobody};
	int statuses[2] = {UNITLS_WANT_READ, UNITLS_WANT_READ};
	size_t size;
	char *key;

	*pair = (struct native_pair){.ops = unitls_backend_ops(backend)};
	pki_openssl("pkey -in ec.key -outform DER -out ec.der");
	key = pki_read("ec.der", &size);
	assert_int_equal(pair->ops->context_new(&params, &pair->contexts[0], &error), 0);
	params.role = UNITLS_ROLE_SERVER;
	params.chain = &der;
	params.n_chain = 1;
	params.key = (struct unitls_bytes){(const uint8_t *)key, size};
	assert_int_equal(pair->ops->context_new(&params, &pair->contexts[1], &error), 0);
	free(key);
	unitls_signing_chain_unref(chain);
	for (int i = 0; i < 2; i++) {
		connection.transport = &pair->transports[i];
		assert_int_equal(
			pair->ops->connection_new(pair->contexts[i], &connection, &pair->connections[i], &error),
			0);
	}
	for (int turn = 0; turn < TURNS_MAX && (statuses[0] != 0 || statuses[1] != 0); turn++) {
		statuses[turn % 2] = pair->ops->handshake(pair->connections[turn % 2], &error);
		hand_over(&pair->transports[turn % 2], &pair->transports[1 - turn % 2]);
	}
	assert_int_equal(statuses[0], 0);
	assert_int_equal(statuses[1], 0);
}

static void native_close(struct native_pair *pair)
{
	for (int i = 0; i < 2; i++) {
		pair->ops->connection_free(pair->connections[i]);
		pair->ops->context_free(pair->contexts[i]);
		unitls_buffer_clear(&pair->transports[i].incoming);
		unitls_buffer_clear(&pair->transports[i].outgoing);
	}
}

/* Drops the filler, so that only what the library wrote after it is handed over. */
static void drop_filler(struct unitls_transport *transport, size_t room)
{
	unitls_buffer_consume(
		&transport->outgoing, UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES - room);
}

static void test_close_notify_through_a_full_transport(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct native_pair pair;
	uint8_t byte;
	size_t n;

	(void)state;
	native_open(&pair);
	fill(&pair.transports[0], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[0], &error), UNITLS_WANT_WRITE);
	drop_filler(&pair.transports[0], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[0], &error), 0);
	assert_int_equal(count_alerts((struct unitls_bytes){
				 pair.transports[0].outgoing.data + pair.transports[0].outgoing.head,
				 unitls_buffer_size(&pair.transports[0].outgoing)}),
		1);
	hand_over(&pair.transports[0], &pair.transports[1]);
	assert_int_equal(pair.ops->read(pair.connections[1], &byte, 1, &n, &error), UNITLS_EOF);
	native_close(&pair);
}

/* mbedTLS would send the old record and take the new call's bytes for sent. */
static void test_no_byte_is_lost_through_a_full_transport(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct native_pair pair;
	uint8_t received[16];
	size_t n;

	(void)state;
	native_open(&pair);
	fill(&pair.transports[0], 7);
	assert_int_equal(pair.ops->write(pair.connections[0], (const uint8_t *)"first", 5, &n, &error), 0);
	assert_int_equal(n, 5);
	drop_filler(&pair.transports[0], 7);
	assert_int_equal(pair.ops->write(pair.connections[0], (const uint8_t *)"second", 6, &n, &error), 0);
	assert_int_equal(n, 6);
	hand_over(&pair.transports[0], &pair.transports[1]);
	assert_int_equal(pair.ops->read(pair.connections[1], received, sizeof(received), &n, &error), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(received, "first", 5);
	assert_int_equal(pair.ops->read(pair.connections[1], received, sizeof(received), &n, &error), 0);
	assert_int_equal(n, 6);
	assert_memory_equal(received, "second", 6);
	native_close(&pair);
}

/* Memory ------------------------------------------------------------------------------------------------------------------- */

static void test_every_allocation_of_a_context_fails_cleanly(void **state)
{
	struct recipe recipe = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct unitls_config_builder *builder = build(&recipe);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context;
	bool failed = true;
	int status;

	(void)state;
	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), 0);
	unitls_config_builder_free(builder);
	for (size_t i = 0; failed; i++) {
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		context = NULL;
		alloc_fail_start(i);
		status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error);
		failed = alloc_fail_stop();
		if (status != 0) {
			assert_true(failed);
			/* mbedTLS tries a key in one format after the other and reports the last one's failure. */
			if (error.error_class == UNITLS_ERROR_CLASS_CONFIG)
				assert_string_equal(error.field, "key");
			else
				assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
		}
		unitls_server_context_unref(context);
	}
	unitls_server_config_unref(config);
}

static void test_every_allocation_of_a_handshake_fails_cleanly(void **state)
{
	struct recipe server = {
		.certificate = "rsa", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct recipe client = {.certificate = "client", .store = "ca.pem"};
	struct unitls_client_context *client_side = client_context(&client);
	struct unitls_server_context *server_side = server_context(&server);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;
	struct pair pair;
	bool failed = true;

	(void)state;
	assert_int_equal(unitls_peer_name_dns(SERVER_NAME, &peer, &error), 0);
	for (size_t i = 0; failed; i += 1 + i / 64) {
		pair = (struct pair){.client_error = UNITLS_ERROR_INIT, .server_error = UNITLS_ERROR_INIT};
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		alloc_fail_start(i);
		if (unitls_client_connection_new(client_side, &peer, &pair.client, &error) == 0 &&
			unitls_server_connection_new(server_side, &pair.server, &error) == 0)
			pair_handshake(&pair);
		failed = alloc_fail_stop();
		assert_true(failed || (pair.client_status == 0 && pair.server_status == 0));
		pair_close(&pair);
	}
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_share_an_rsa_key),
		cmocka_unit_test(test_threads_share_an_ec_key),
		cmocka_unit_test(test_children_of_a_fork_draw_different_randoms),
		cmocka_unit_test(test_optional_client_certificate_must_be_good),
		cmocka_unit_test(test_client_certificate_for_servers_is_refused),
		cmocka_unit_test(test_missing_client_certificate_has_its_alert),
		cmocka_unit_test(test_wrong_name_is_refused_in_the_handshake),
		cmocka_unit_test(test_name_constraints_are_refused),
		cmocka_unit_test(test_fallback_is_refused_where_more_was_possible),
		cmocka_unit_test(test_a_leaf_can_be_an_anchor),
		cmocka_unit_test(test_a_ticket_resumes),
		cmocka_unit_test(test_no_tickets_where_client_certificates_are_asked_for),
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_traditional_encrypted_key),
		cmocka_unit_test(test_server_certificate_for_clients_is_for_the_client_to_judge),
		cmocka_unit_test(test_unreadable_anchors),
		cmocka_unit_test(test_longest_alpn_list),
		cmocka_unit_test(test_close_notify_through_a_full_transport),
		cmocka_unit_test(test_no_byte_is_lost_through_a_full_transport),
		cmocka_unit_test(test_every_allocation_of_a_context_fails_cleanly),
		cmocka_unit_test(test_every_allocation_of_a_handshake_fails_cleanly),
	};

	/* What openssl's client would read and send; it inherits this. */
	if (freopen("/dev/null", "r", stdin) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

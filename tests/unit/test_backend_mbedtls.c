/*
 * What is special to the mbedtls pair_backend(); what all backends do alike is in the contract suite.
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
#include "tests/unit/backend_pair.h"
#include "tests/unit/pki.h"
#include <unitls/insecure.h>
#include <unitls/unitls.h>

#define EXTENSIONS_SERVER "subjectAltName=DNS:" PAIR_SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define THREADS           4
#define HANDSHAKES        12
#define RECORD_HEADER     5
#define HELLO_RANDOM_AT   (RECORD_HEADER + 4 + 2)
#define HELLO_RANDOM_SIZE 32
#define DEADLINE_MS       20000

/* Certificates and contexts ------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("stranger", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("intruder", "EC:P-256", "stranger", EXTENSIONS_CLIENT);
	return pair_load("mbedtls");
}

static void assert_handshake(struct unitls_client_context *client, struct unitls_server_context *server)
{
	struct pair pair;

	pair_open(&pair, client, server, NULL);
	pair_handshake(&pair);
	pair_assert_connected(&pair);
	pair_free(&pair);
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
		pair = (struct pair)PAIR_INIT;
		if (unitls_peer_name_dns(PAIR_SERVER_NAME, &peer, &error) != 0 ||
			unitls_client_connection_new(work->client, &peer, &pair.ends[CLIENT], &error) != 0 ||
			unitls_server_connection_new(work->server, &pair.ends[SERVER], &error) != 0 ||
			unitls_server_context_prove(work->server, 0, &error) !=
				0) /* builds another native context */
			break;
		pair_handshake(&pair);
		work->completed += pair.status[CLIENT] == 0 && pair.status[SERVER] == 0;
		pair_free(&pair);
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

	works[0].client = pair_client(&client);
	works[0].server = pair_server(&server);
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

	assert_int_equal(unitls_peer_name_dns(PAIR_SERVER_NAME, &peer, &error), 0);
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
	struct unitls_client_context *context = pair_client(&recipe);
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
	struct unitls_client_context *client_side = pair_client(client);
	struct unitls_server_context *server_side = pair_server(server);
	struct pair pair;
	uint8_t byte;
	size_t n;

	pair_open(&pair, client_side, server_side, NULL);
	pair_handshake(&pair);
	if (pair.status[CLIENT] == 0)
		assert_int_equal(unitls_connection_read(pair.ends[CLIENT], &byte, 1, &n, &pair.error[CLIENT]),
			UNITLS_ERROR);
	assert_refused(&pair.error[SERVER], &pair.error[CLIENT], expected);
	assert_true(pair.alerts[SERVER] <= 1);
	pair_free(&pair);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

static void assert_server_refused(const struct recipe *server, const char *name, const struct refusal *expected)
{
	struct recipe client = {.store = "ca.pem"};
	struct unitls_client_context *client_side = pair_client(&client);
	struct unitls_server_context *server_side = pair_server(server);
	struct pair pair;

	pair_open(&pair, client_side, server_side, name);
	pair_handshake(&pair);
	assert_refused(&pair.error[CLIENT], &pair.error[SERVER], expected);
	assert_true(pair.alerts[CLIENT] <= 1);
	pair_free(&pair);
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
	if (unitls_backend_capabilities(pair_backend())->max_version >= UNITLS_TLS_1_3)
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
	assert_server_refused(&server, PAIR_SERVER_NAME, &expected);
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
	assert_server_refused(&server, PAIR_SERVER_NAME, &expected);
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
	struct unitls_config_builder *builder = pair_build(&recipe);
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
	server_side = pair_server(&recipe);
	assert_int_equal(unitls_config_builder_set_max_version(builder, UNITLS_TLS_1_2), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &config, &error), 0);
	assert_int_equal(unitls_client_context_new(
				 pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &client_side, &error),
		0);
	pair_open(&pair, client_side, server_side, NULL);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &error), UNITLS_WANT_READ);
	sent = unitls_connection_peek_outgoing(pair.ends[CLIENT]);
	hello = malloc(sent.size);
	assert_non_null(hello);
	memcpy(hello, sent.data, sent.size);
	suites = HELLO_RANDOM_AT + HELLO_RANDOM_SIZE;
	suites += 1 + (size_t)hello[suites] + 2;
	hello[suites + 2] = 0x56; /* the second suite becomes TLS_FALLBACK_SCSV */
	hello[suites + 3] = 0x00;
	unitls_connection_receive(pair.ends[SERVER], hello, sent.size, &n);
	status = unitls_connection_handshake(pair.ends[SERVER], &pair.error[SERVER]);
	if (unitls_backend_capabilities(pair_backend())->max_version == UNITLS_TLS_1_2) {
		assert_int_equal(status, UNITLS_WANT_READ);
	} else {
		assert_int_equal(status, UNITLS_ERROR);
		assert_int_equal(pair.error[SERVER].alert, UNITLS_ALERT_INAPPROPRIATE_FALLBACK);
		(void)pair_deliver(&pair, SERVER);
		assert_int_equal(pair.alerts[SERVER], 1);
	}
	free(hello);
	pair_free(&pair);
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
	struct unitls_client_context *client_side = pair_client(&client);
	struct unitls_server_context *server_side = pair_server(&server);

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

	*host = (struct host){.context = pair_server(recipe)};
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

	assert_int_equal(pair_try_server(recipe, &context, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, field);
}

static void assert_encrypted_key(const char *options)
{
	struct recipe recipe = {.certificate = "rsa", .key = "encrypted.key", .password = "open sesame"};

	pki_write("password", recipe.password, strlen(recipe.password));
	pki_openssl("pkcs8 -topk8 -in rsa.key -out encrypted.key -passout file:password %s", options);
	unitls_server_context_unref(pair_server(&recipe));
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
	unitls_server_context_unref(pair_server(&recipe));
	recipe.password = "wrong";
	assert_server_field(&recipe, "key");
}

/* An anchor that the library cannot read is left out; a store of such only is refused. */
static void test_unreadable_anchors(void **state)
{
	struct recipe server = {.certificate = "ec"};
	struct recipe client = {.store = "mixed.pem"};
	struct unitls_server_context *server_side = pair_server(&server);
	struct unitls_client_context *client_side;
	struct unitls_error error;

	(void)state;
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	pki_join("mixed.pem", "edwards.pem", "ca.pem", NULL);
	client_side = pair_client(&client);
	assert_handshake(client_side, server_side);
	unitls_client_context_unref(client_side);
	client.store = "edwards.pem";
	assert_int_equal(pair_try_client(&client, &client_side, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "trust_store");
	unitls_server_context_unref(server_side);
}

/* As many and as long as the capabilities say: the hello still fits into its record. */
static void test_longest_alpn_list(void **state)
{
	size_t n_names = unitls_backend_capabilities(pair_backend())->alpn_max_names;
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
	client_side = pair_client(&client);
	server_side = pair_server(&server);
	pair_open(&pair, client_side, server_side, NULL);
	pair_handshake(&pair);
	assert_int_equal(pair.status[SERVER], 0);
	assert_int_equal(pair.status[CLIENT], 0);
	chosen = unitls_connection_negotiated_protocol(pair.ends[CLIENT]);
	assert_int_equal(chosen.size, UNITLS_ALPN_NAME_MAX);
	assert_memory_equal(chosen.data, texts[n_names - 1], UNITLS_ALPN_NAME_MAX);
	pair_free(&pair);
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

static void open_native(struct native_pair *pair)
{
	struct unitls_bytes leaf = pair_read_der("ec");

	native_open(pair, NULL, "ec.key", &leaf, 1);
	free((void *)(uintptr_t)leaf.data);
	assert_int_equal(pair->status[CLIENT], 0);
	assert_int_equal(pair->status[SERVER], 0);
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
	open_native(&pair);
	fill(&pair.transports[0], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[0], &error), UNITLS_WANT_WRITE);
	drop_filler(&pair.transports[0], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[0], &error), 0);
	assert_int_equal(pair_count_alerts((struct unitls_bytes){
				 pair.transports[0].outgoing.data + pair.transports[0].outgoing.head,
				 unitls_buffer_size(&pair.transports[0].outgoing)}),
		1);
	native_hand_over(&pair, CLIENT);
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
	open_native(&pair);
	fill(&pair.transports[0], 7);
	assert_int_equal(pair.ops->write(pair.connections[0], (const uint8_t *)"first", 5, &n, &error), 0);
	assert_int_equal(n, 5);
	drop_filler(&pair.transports[0], 7);
	assert_int_equal(pair.ops->write(pair.connections[0], (const uint8_t *)"second", 6, &n, &error), 0);
	assert_int_equal(n, 6);
	native_hand_over(&pair, CLIENT);
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
	struct unitls_config_builder *builder = pair_build(&recipe);
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
		status = unitls_server_context_new(
			pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &context, &error);
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
	struct unitls_client_context *client_side = pair_client(&client);
	struct unitls_server_context *server_side = pair_server(&server);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;
	struct pair pair;
	bool failed = true;

	(void)state;
	assert_int_equal(unitls_peer_name_dns(PAIR_SERVER_NAME, &peer, &error), 0);
	for (size_t i = 0; failed; i += 1 + i / 64) {
		pair = (struct pair)PAIR_INIT;
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		alloc_fail_start(i);
		if (unitls_client_connection_new(client_side, &peer, &pair.ends[CLIENT], &error) == 0 &&
			unitls_server_connection_new(server_side, &pair.ends[SERVER], &error) == 0)
			pair_handshake(&pair);
		failed = alloc_fail_stop();
		assert_true(failed || (pair.status[CLIENT] == 0 && pair.status[SERVER] == 0));
		pair_free(&pair);
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

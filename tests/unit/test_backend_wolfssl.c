/*
 * What is special to the wolfssl pair_backend(); what all backends do alike is in the contract suite.
 */
#include <malloc.h>
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
#include "tests/unit/backend_pair.h"
#include "tests/unit/no_files.h"
#include "tests/unit/pki.h"
#include <unitls/unitls.h>

#define EXTENSIONS_SERVER "subjectAltName=DNS:" PAIR_SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define DEADLINE_MS   20000
#define THREADS       24
#define PASSWORD      "open sesame"
#define RECORD_HEADER 5

/* Certificates and contexts ------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("middle", "EC:P-256", "ca", EXTENSIONS_CA);
	return pair_load("wolfssl");
}

static void assert_handshake(struct unitls_client_context *client, struct unitls_server_context *server)
{
	struct pair pair;

	pair_open(&pair, client, server, NULL);
	pair_handshake(&pair);
	pair_assert_connected(&pair);
	pair_free(&pair);
}

/* What the client says of the server's chain; the server hears the alert that belongs to it. */
static void assert_refused(const struct recipe *client, const struct recipe *server,
	enum unitls_verify_reason reason, int alert, int depth)
{
	struct pair pair;

	pair_make(&pair, client, server);
	pair_handshake(&pair);
	assert_int_equal(pair.error[CLIENT].error_class, UNITLS_ERROR_CLASS_VERIFY);
	assert_string_equal(
		unitls_verify_reason_name(pair.error[CLIENT].verify_reason), unitls_verify_reason_name(reason));
	assert_int_equal(pair.error[CLIENT].alert, alert);
	assert_int_equal(pair.error[CLIENT].verify_depth, depth);
	assert_int_equal(pair.error[SERVER].error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	assert_int_equal(pair.error[SERVER].alert, alert);
	pair_free(&pair);
}

/* What the library keeps ---------------------------------------------------------------------------------------------------- */

struct work {
	struct unitls_client_context *client;
	struct unitls_server_context *server;
	bool completed;
};

static void *do_handshake(void *argument)
{
	struct work *work = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;
	struct pair pair = PAIR_INIT;

	if (unitls_peer_name_dns(PAIR_SERVER_NAME, &peer, &error) != 0 ||
		unitls_client_connection_new(work->client, &peer, &pair.ends[CLIENT], &error) != 0 ||
		unitls_server_connection_new(work->server, &pair.ends[SERVER], &error) != 0)
		return NULL;
	pair_handshake(&pair);
	work->completed = pair.status[CLIENT] == 0 && pair.status[SERVER] == 0;
	pair_free(&pair);
	return NULL;
}

static void run_thread(struct work *work)
{
	pthread_t thread;

	work->completed = false;
	assert_int_equal(pthread_create(&thread, NULL, do_handshake, work), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(work->completed);
}

/* Its caches are per thread and some megabytes large (FP_ECC). */
static void test_a_thread_leaves_nothing_behind(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	struct work work = {pair_client(&client), pair_server(&server), false};
	size_t before;

	(void)state;
	run_thread(&work);
	before = mallinfo2().uordblks;
	if (before == 0)
		print_message("this build's allocator does not count\n");
	for (int i = 0; i < THREADS; i++)
		run_thread(&work);
	assert_true(mallinfo2().uordblks < before + 256 * 1024);
	unitls_client_context_unref(work.client);
	unitls_server_context_unref(work.server);
}

/* One thread's caches are full after a while; connections and contexts then come and go without a trace. */
static void test_connections_and_contexts_leave_nothing_behind(void **state)
{
	struct recipe client = {.store = "ca.pem", .certificate = "client"};
	struct recipe server = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	size_t before = 0;

	(void)state;
	for (int i = 0; i < 60; i++) {
		if (i == 20)
			before = mallinfo2().uordblks;
		pair_assert_connects(&client, &server);
	}
	if (before == 0)
		print_message("this build's allocator does not count\n");
	assert_true(mallinfo2().uordblks < before + 64 * 1024);
}

/*
 * The library itself keeps every CA certificate that it has verified, as trusted as an anchor.
 */
static void test_a_peers_intermediate_is_forgotten(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe whole = {.certificate = "whole"};
	struct recipe alone = {.certificate = "deep"};
	struct unitls_client_context *client_side = pair_client(&client);
	struct unitls_server_context *server_side;
	struct pair pair;

	(void)state;
	pki_certificate("deep", "EC:P-256", "middle", EXTENSIONS_SERVER);
	pki_join("whole.pem", "deep.pem", "middle.pem", NULL);
	pki_join("whole.key", "deep.key", NULL);
	server_side = pair_server(&whole);
	assert_handshake(client_side, server_side);
	unitls_server_context_unref(server_side);
	server_side = pair_server(&alone);
	pair_open(&pair, client_side, server_side, NULL);
	pair_handshake(&pair);
	assert_int_equal(pair.error[CLIENT].verify_reason, UNITLS_VERIFY_UNKNOWN_CA);
	pair_free(&pair);
	unitls_server_context_unref(server_side);
	unitls_client_context_unref(client_side);
}

static int serve_without_files(struct unitls_server_context *context, int fd)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_socket *socket = NULL;

	if (!no_files_from_now_on() || unitls_server_wrap_socket(context, fd, &socket, &error) != 0)
		return 2;
	unitls_socket_set_deadline(socket, unitls_deadline_after(DEADLINE_MS));
	return unitls_socket_do_handshake(socket, &error) == 0 &&
			unitls_socket_sendall(socket, "data", 4, &error) == 0
		? 0
		: 1;
}

static void read_from_server(struct unitls_client_context *context, int fd)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_socket *socket = NULL;
	struct unitls_peer_name peer;
	uint8_t buffer[8];
	size_t n = 0;

	assert_int_equal(unitls_peer_name_parse(PAIR_SERVER_NAME, &peer, &error), 0);
	assert_int_equal(unitls_client_wrap_socket(context, fd, &peer, &socket, &error), 0);
	unitls_socket_set_deadline(socket, unitls_deadline_after(DEADLINE_MS));
	if (unitls_socket_recv(socket, buffer, sizeof(buffer), &n, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(n, 4);
	unitls_socket_free(socket);
}

static void assert_child_ended_with(pid_t child, int expected)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}

/* Left to itself the library opens /dev/urandom for every connection, for ticket keys and for groups. */
static void test_a_server_opens_no_file_after_init(void **state)
{
	static const uint16_t dhe[] = {0x009e};
	static const struct recipe servers[] = {
		{.certificate = "ec"},
		{.certificate = "rsa"},
		{.certificate = "rsa", .version = UNITLS_TLS_1_2},
		{.certificate = "rsa", .version = UNITLS_TLS_1_2, .suites = dhe, .n_suites = 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct recipe client = {.store = "ca.pem"};
		struct unitls_client_context *client_side = pair_client(&client);
		struct unitls_server_context *server_side = pair_server(&servers[i]);
		int ends[2];
		pid_t child;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(serve_without_files(server_side, ends[1]));
		assert_int_equal(close(ends[1]), 0);
		read_from_server(client_side, ends[0]);
		assert_child_ended_with(child, 0);
		unitls_client_context_unref(client_side);
		unitls_server_context_unref(server_side);
	}
}

/* 0: connected; 1: the client did not; 2: cannot be tried. */
static int connect_without_files(struct unitls_client_context *client, struct unitls_server_context *server)
{
	struct pair pair;

	if (!files_fail_from_now_on())
		return 2;
	pair_open(&pair, client, server, NULL);
	pair_handshake(&pair);
	return pair.status[CLIENT] == 0 && pair.status[SERVER] == 0 ? 0 : 1;
}

static bool library_is_at_least(int major, int minor)
{
	const char *version = unitls_backend_library_version(pair_backend());
	int found[2] = {0, 0};

	assert_int_equal(sscanf(version, "wolfSSL %d.%d", &found[0], &found[1]), 2);
	return found[0] > major || (found[0] == major && found[1] >= minor);
}

/*
 * For each certificate of a peer the library opens /dev/urandom, for a generator that nobody uses. Until 5.5 it goes on when it cannot; 5.7 does not connect then
 * (docs/backends.md).
 */
static void test_a_peers_certificate_needs_no_file(void **state)
{
	static const char *const certificates[] = {"ec", "rsa"};
	int expected = library_is_at_least(5, 6) ? 1 : 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct recipe client = {.store = "ca.pem", .certificate = "client"};
		struct recipe server = {.certificate = certificates[i],
			.store = "ca.pem",
			.client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
		struct unitls_client_context *client_side = pair_client(&client);
		struct unitls_server_context *server_side = pair_server(&server);
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(connect_without_files(client_side, server_side));
		assert_child_ended_with(child, expected);
		unitls_client_context_unref(client_side);
		unitls_server_context_unref(server_side);
	}
}

/* Chains --------------------------------------------------------------------------------------------------------------------- */

/* NAME: a leaf below issuer, sent with the given intermediates. */
static void make_chain(const char *name, const char *issuer, const char *above)
{
	char leaf[32];
	char file[32];
	char first[32];
	char second[32];

	(void)snprintf(leaf, sizeof(leaf), "%s-leaf", name);
	pki_certificate(leaf, "EC:P-256", issuer, EXTENSIONS_SERVER);
	(void)snprintf(first, sizeof(first), "%s-leaf.pem", name);
	(void)snprintf(second, sizeof(second), "%s.pem", issuer);
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	pki_join(file, first, second, above, NULL);
	(void)snprintf(first, sizeof(first), "%s-leaf.key", name);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	pki_join(file, first, NULL);
}

/* The library applies name constraints to what their CA signed, not below, and knows no addresses there. */
static void test_name_constraints(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "inside"};

	(void)state;
	pki_certificate(
		"limits", "EC:P-256", "ca", EXTENSIONS_CA "nameConstraints=critical,permitted;DNS:example\n");
	make_chain("inside", "limits", NULL);
	pair_assert_connects(&client, &server);
	pki_certificate("elsewhere", "EC:P-256", "ca", EXTENSIONS_CA "nameConstraints=permitted;DNS:other\n");
	make_chain("outside", "elsewhere", NULL);
	server.certificate = "outside";
	assert_refused(&client, &server, UNITLS_VERIFY_NAME_CONSTRAINTS, UNITLS_ALERT_BAD_CERTIFICATE, 0);
	pki_certificate("below.other", "EC:P-256", "elsewhere", EXTENSIONS_CA); /* a name that may be */
	make_chain("further", "below.other", "elsewhere.pem");
	server.certificate = "further";
	assert_refused(&client, &server, UNITLS_VERIFY_NAME_CONSTRAINTS, UNITLS_ALERT_BAD_CERTIFICATE, 1);
	pki_certificate("addresses", "EC:P-256", "ca",
		EXTENSIONS_CA "nameConstraints=permitted;DNS:example,excluded;IP:192.0.2.0/255.255.255.0\n");
	make_chain("addressed", "addresses", NULL);
	server.certificate = "addressed";
	assert_refused(&client, &server, UNITLS_VERIFY_NAME_CONSTRAINTS, UNITLS_ALERT_BAD_CERTIFICATE, 1);
}

/* A CA's certificate for its own name and another key is bound as the CA is. */
static void test_a_constrained_ca_cannot_free_itself(void **state)
{
	static const char freed[] =
		"[ext]\n" EXTENSIONS_CA
		"subjectAltName=DNS:a.example.com\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "bank"};

	(void)state;
	pki_certificate("bound", "EC:P-256", "ca",
		EXTENSIONS_CA "subjectKeyIdentifier=hash\nnameConstraints=critical,permitted;DNS:example.com\n");
	pki_key("freed", "EC:P-256");
	pki_write("freed.cnf", freed, sizeof(freed) - 1);
	pki_openssl("req -new -key freed.key -subj /CN=bound -config bound.cnf -out freed.csr");
	pki_openssl(
		"x509 -req -in freed.csr -CA bound.pem -CAkey bound.key -CAcreateserial -days 30 -extfile freed.cnf "
		"-extensions ext -out freed.pem");
	pki_certificate("bank", "EC:P-256", "freed", EXTENSIONS_SERVER "authorityKeyIdentifier=keyid\n");
	pki_join("bank.pem", "bank.pem", "freed.pem", "bound.pem", NULL);
	assert_refused(&client, &server, UNITLS_VERIFY_NAME_CONSTRAINTS, UNITLS_ALERT_BAD_CERTIFICATE, 1);
}

/* The library passes over the path length of a root. */
static void test_path_lengths(void **state)
{
	static const char no_room[] =
		"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n";
	struct recipe client = {.store = "narrow.pem"};
	struct recipe server = {.certificate = "too-deep"};

	(void)state;
	pki_certificate("narrow", "EC:P-256", NULL, no_room);
	pki_certificate("sub", "EC:P-256", "narrow", EXTENSIONS_CA);
	make_chain("too-deep", "sub", NULL);
	assert_refused(&client, &server, UNITLS_VERIFY_BAD_PURPOSE, UNITLS_ALERT_UNSUPPORTED_CERTIFICATE, 1);
	client.store = "sub.pem"; /* itself an anchor: what is above it does not matter */
	pair_assert_connects(&client, &server);
	pki_certificate("last", "EC:P-256", "ca", no_room);
	pki_certificate("one-more", "EC:P-256", "last", EXTENSIONS_CA);
	make_chain("beyond", "one-more", "last.pem");
	client.store = "ca.pem";
	server.certificate = "beyond";
	assert_refused(&client, &server, UNITLS_VERIFY_BAD_PURPOSE, UNITLS_ALERT_UNSUPPORTED_CERTIFICATE, 1);
}

static void test_what_is_no_ca_issues_nothing(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "forged"};

	(void)state;
	make_chain("forged", "ec", NULL);
	assert_refused(&client, &server, UNITLS_VERIFY_BAD_PURPOSE, UNITLS_ALERT_UNSUPPORTED_CERTIFICATE, 1);
	/* Nor as an anchor, which it is for itself alone. */
	client.store = "ec.pem";
	assert_refused(&client, &server, UNITLS_VERIFY_UNKNOWN_CA, UNITLS_ALERT_UNKNOWN_CA, 0);
	server.certificate = "ec";
	pair_assert_connects(&client, &server);
}

static void test_weak_intermediates(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "small"};

	(void)state;
	pki_certificate("short", "RSA:1024", "ca", EXTENSIONS_CA);
	make_chain("small", "short", NULL);
	assert_refused(&client, &server, UNITLS_VERIFY_WEAK, UNITLS_ALERT_BAD_CERTIFICATE, 1);
}

static int64_t in_a_century(void *argument)
{
	(void)argument;
	return 4900000000;
}

/* The library has one clock for the process: dates are the module's business. */
static void test_the_configurations_clock_judges_anchors_too(void **state)
{
	struct recipe client = {.store = "ca.pem", .clock = in_a_century};
	struct recipe server = {.certificate = "ec"};

	(void)state;
	assert_refused(&client, &server, UNITLS_VERIFY_EXPIRED, UNITLS_ALERT_CERTIFICATE_EXPIRED, -1);
}

/* Keys ----------------------------------------------------------------------------------------------------------------------- */

static void test_every_kind_of_key_in_both_versions(void **state)
{
	static const char *const algorithms[] = {"EC:P-384", "EC:P-521", "ED25519", "ED448", "RSA:3072"};
	static const uint16_t versions[] = {UNITLS_TLS_1_2, UNITLS_TLS_1_3};

	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		pki_certificate("kind", algorithms[i], "ca", EXTENSIONS_SERVER);
		pki_certificate("client-kind", algorithms[i], "ca", EXTENSIONS_CLIENT);
		for (size_t v = 0; v < 2; v++) {
			struct recipe client = {
				.store = "ca.pem", .certificate = "client-kind", .version = versions[v]};
			struct recipe server = {.certificate = "kind",
				.store = "ca.pem",
				.client_auth = UNITLS_CLIENT_AUTH_REQUIRED};

			pair_assert_connects(&client, &server);
		}
	}
}

static void assert_wrong_key(const struct recipe *recipe)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	assert_int_equal(pair_try_server(recipe, &context, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "key");
}

static void assert_encrypted_key(const char *certificate, const char *options)
{
	struct recipe recipe = {.certificate = certificate, .key = "encrypted.key", .password = PASSWORD};

	pki_write("password", PASSWORD, strlen(PASSWORD));
	pki_openssl("pkcs8 -topk8 -in %s.key -out encrypted.key -passout file:password %s", certificate, options);
	unitls_server_context_unref(pair_server(&recipe));
	recipe.password = "wrong";
	assert_wrong_key(&recipe);
}

static void test_encrypted_keys(void **state)
{
	struct recipe traditional = {.certificate = "rsa", .key = "traditional.key", .password = PASSWORD};

	(void)state;
	assert_encrypted_key("rsa", "-v2 aes-256-cbc");
	assert_encrypted_key("ec", "-v2 aes-128-cbc -v2prf hmacWithSHA1");
	assert_encrypted_key("rsa", "-v2 des3");
	pki_write("password", PASSWORD, strlen(PASSWORD));
	pki_openssl("rsa -in rsa.key -out traditional.key -traditional -aes128 -passout file:password");
	unitls_server_context_unref(pair_server(&traditional));
	traditional.password = "wrong";
	assert_wrong_key(&traditional);
}

/* Tickets ------------------------------------------------------------------------------------------------------------------ */

#define VISITS 2

struct host {
	struct unitls_server_context *contexts[VISITS];
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
		if (fd < 0 || unitls_server_wrap_socket(host->contexts[i], fd, &socket, &error) != 0)
			return NULL;
		unitls_socket_set_deadline(socket, unitls_deadline_after(DEADLINE_MS));
		host->completed[i] = unitls_socket_do_handshake(socket, &error) == 0;
		host->resumed[i] = unitls_connection_resumed(unitls_socket_connection(socket));
		/* The client waits for our end, and has its ticket then. */
		host->completed[i] &= unitls_socket_shutdown(socket, &error) == 0;
		host->completed[i] &= unitls_socket_recv(socket, &byte, 1, &n, &error) == UNITLS_EOF;
		unitls_socket_free(socket);
	}
	return NULL;
}

/* Two visits of openssl's client, the second with the session of the first. Whether that one was resumed. The contexts are dropped. */
static bool visit_both(
	struct unitls_server_context *first, struct unitls_server_context *second, const char *options)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct host host = {.contexts = {first, second}};
	socklen_t size = sizeof(address);
	pthread_t thread;

	host.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(host.listener >= 0);
	assert_int_equal(bind(host.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(host.listener, VISITS), 0);
	assert_int_equal(getsockname(host.listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &host), 0);
	pki_openssl(
		"s_client -ign_eof -connect 127.0.0.1:%d %s -sess_out session -cert client.pem -key client.key",
		ntohs(address.sin_port), options);
	pki_openssl("s_client -ign_eof -connect 127.0.0.1:%d %s -sess_in session -cert client.pem -key client.key",
		ntohs(address.sin_port), options);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(close(host.listener), 0);
	unitls_server_context_unref(first);
	unitls_server_context_unref(second);
	assert_true(host.completed[0]);
	assert_true(host.completed[1]);
	assert_false(host.resumed[0]);
	return host.resumed[1];
}

static bool visit_twice(const struct recipe *recipe, const char *options)
{
	struct unitls_server_context *context = pair_server(recipe);

	return visit_both(context, unitls_server_context_ref(context), options);
}

static void test_a_ticket_resumes(void **state)
{
	struct recipe recipe = {.certificate = "ec"};

	(void)state;
	assert_true(visit_twice(&recipe, "-tls1_2"));
	assert_true(visit_twice(&recipe, "-tls1_3"));
}

static void test_a_ticket_of_another_context_is_no_failure(void **state)
{
	struct recipe recipe = {.certificate = "ec"};

	(void)state;
	assert_false(visit_both(pair_server(&recipe), pair_server(&recipe), "-tls1_2"));
	assert_false(visit_both(pair_server(&recipe), pair_server(&recipe), "-tls1_3"));
}

/* The library's cache of sessions is one for all contexts. */
static void test_nothing_resumes_without_a_ticket(void **state)
{
	struct recipe recipe = {.certificate = "ec"};

	(void)state;
	assert_false(visit_twice(&recipe, "-tls1_2 -no_ticket"));
}

static void test_no_tickets_where_client_certificates_are_asked_for(void **state)
{
	struct recipe recipe = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};

	(void)state;
	assert_false(visit_twice(&recipe, "-tls1_2"));
	assert_false(visit_twice(&recipe, "-tls1_3"));
}

/* Transport ------------------------------------------------------------------------------------------------------------------ */

#define NAMES       900
#define NAME_SIZE   40
#define LARGE_CHAIN 8

/* EXTENSIONS_CA and so many names that the certificate is some 27 kB. */
static char *large_extensions(void)
{
	size_t room = sizeof(EXTENSIONS_CA) + NAMES * NAME_SIZE + NAME_SIZE;
	char *text = malloc(room);
	size_t size;

	assert_non_null(text);
	size = (size_t)snprintf(text, room, "%ssubjectAltName=DNS:large.example", EXTENSIONS_CA);
	for (int i = 0; i < NAMES; i++)
		size += (size_t)snprintf(text + size, room - size, ",DNS:name-%04d.filler.example", i);
	(void)snprintf(text + size, room - size, "\n");
	return text;
}

/* large.pem: a leaf below a tower of large certificates. */
static void make_large_chain(void)
{
	char *extensions = large_extensions();
	char name[32];
	char above[32] = "ca";
	char file[40];

	pki_write("large.pem", "", 0);
	for (int i = 0; i < LARGE_CHAIN; i++) {
		(void)snprintf(name, sizeof(name), "floor-%d", i);
		pki_certificate(name, "EC:P-256", above, extensions);
		(void)snprintf(file, sizeof(file), "%s.pem", name);
		pki_join("larger.pem", file, "large.pem", NULL);
		pki_join("large.pem", "larger.pem", NULL);
		memcpy(above, name, sizeof(above));
	}
	pki_certificate("attic", "EC:P-256", above, EXTENSIONS_SERVER);
	pki_join("larger.pem", "attic.pem", "large.pem", NULL);
	pki_join("large.pem", "larger.pem", NULL);
	pki_join("large.key", "attic.key", NULL);
	free(extensions);
}

/* A flight that is larger than what the transport holds: the library is not told, the rest follows when there is room. */
static void test_a_flight_larger_than_the_transport(void **state)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "large"};
	struct unitls_client_context *client_side;
	struct unitls_server_context *server_side;
	struct pair pair;
	size_t total = 0;
	int waits = 0;

	(void)state;
	make_large_chain();
	client_side = pair_client(&client);
	server_side = pair_server(&server);
	pair_open(&pair, client_side, server_side, NULL);
	assert_int_equal(unitls_connection_handshake(pair.ends[CLIENT], &pair.error[CLIENT]), UNITLS_WANT_READ);
	(void)pair_deliver(&pair, CLIENT);
	do {
		size_t n;

		pair.status[SERVER] = unitls_connection_handshake(pair.ends[SERVER], &pair.error[SERVER]);
		waits += pair.status[SERVER] == UNITLS_WANT_WRITE;
		n = unitls_connection_outgoing_size(pair.ends[SERVER]);
		assert_true(n <= UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES);
		unitls_connection_consume_outgoing(pair.ends[SERVER], n);
		total += n;
	} while (pair.status[SERVER] == UNITLS_WANT_WRITE);
	assert_int_equal(pair.status[SERVER], UNITLS_WANT_READ);
	assert_true(waits > 0);
	assert_true(total > UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES);
	pair_free(&pair);
	unitls_client_context_unref(client_side);
	unitls_server_context_unref(server_side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thread_leaves_nothing_behind),
		cmocka_unit_test(test_connections_and_contexts_leave_nothing_behind),
		cmocka_unit_test(test_a_peers_intermediate_is_forgotten),
		cmocka_unit_test(test_a_server_opens_no_file_after_init),
		cmocka_unit_test(test_a_peers_certificate_needs_no_file),
		cmocka_unit_test(test_name_constraints),
		cmocka_unit_test(test_a_constrained_ca_cannot_free_itself),
		cmocka_unit_test(test_path_lengths),
		cmocka_unit_test(test_what_is_no_ca_issues_nothing),
		cmocka_unit_test(test_weak_intermediates),
		cmocka_unit_test(test_the_configurations_clock_judges_anchors_too),
		cmocka_unit_test(test_every_kind_of_key_in_both_versions),
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_a_ticket_resumes),
		cmocka_unit_test(test_a_ticket_of_another_context_is_no_failure),
		cmocka_unit_test(test_nothing_resumes_without_a_ticket),
		cmocka_unit_test(test_no_tickets_where_client_certificates_are_asked_for),
		cmocka_unit_test(test_a_flight_larger_than_the_transport),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

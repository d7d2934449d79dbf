/*
 * What is special to the connections of the gnutls backend: verification, tickets, a full transport, threads, memory that runs out.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/backend.h"
#include "core/buffer.h"
#include "core/context.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/crash.h"
#include "tests/unit/gnutls_pair.h"
#include "tests/unit/pki.h"

#define THREADS     4
#define HANDSHAKES  8
#define DEADLINE_MS 10000

/* Verification --------------------------------------------------------------------------------------------------------------- */

static int64_t in_ten_years(void *argument)
{
	(void)argument;
	return (int64_t)time(NULL) + 3650 * 86400LL;
}

static int64_t in_two_hundred_days(void *argument)
{
	(void)argument;
	return (int64_t)time(NULL) + 200 * 86400LL;
}

static void work_verification(void)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe own = {.store = "ec.pem"};
	struct recipe server = {.certificate = "ec"};
	struct recipe below_v3 = {.store = "no-ca.pem"};

	(void)connect_pair(&own, &server); /* a leaf is an anchor like any other */
	check_refused(&below_v3, "of-no-ca", UNITLS_VERIFY_BAD_PURPOSE, 0);
	check_refused(&client, "of-no-signer", UNITLS_VERIFY_BAD_PURPOSE, 0);
	check_refused(&client, "of-narrow", UNITLS_VERIFY_BAD_PURPOSE, 1);
	check_refused(&client, "too-long", UNITLS_VERIFY_BAD_PURPOSE, 0);
	check_refused(&client, "limited", UNITLS_VERIFY_NAME_CONSTRAINTS, 0);
	check_refused(&client, "sha1", UNITLS_VERIFY_WEAK, 0);
	check_refused(&client, "of-small", UNITLS_VERIFY_WEAK, 1);
	check_refused(&client, "critical", UNITLS_VERIFY_OTHER, 0);
	check_refused(&client, "orphan", UNITLS_VERIFY_UNKNOWN_CA, 1);
}

static void test_reasons_and_depths(void **state)
{
	(void)state;
	pki_certificate("no-ca", "EC:P-256", NULL, "basicConstraints=CA:FALSE\n");
	pki_certificate("of-no-ca", "EC:P-256", "no-ca", EXTENSIONS_SERVER);
	pki_certificate("no-signer", "EC:P-256", "ca", "basicConstraints=CA:TRUE\nkeyUsage=cRLSign\n");
	pki_certificate("of-no-signer", "EC:P-256", "no-signer", EXTENSIONS_SERVER);
	pki_join("of-no-signer.pem", "of-no-signer.pem", "no-signer.pem", NULL);
	pki_certificate("narrow", "EC:P-256", "ca", EXTENSIONS_CA "extendedKeyUsage=clientAuth\n");
	pki_certificate("of-narrow", "EC:P-256", "narrow", EXTENSIONS_SERVER);
	pki_join("of-narrow.pem", "of-narrow.pem", "narrow.pem", NULL);
	pki_certificate("short", "EC:P-256", "ca", "basicConstraints=critical,CA:TRUE,pathlen:0\n");
	pki_certificate("longer", "EC:P-256", "short", EXTENSIONS_CA);
	pki_certificate("too-long", "EC:P-256", "longer", EXTENSIONS_SERVER);
	pki_join("too-long.pem", "too-long.pem", "longer.pem", "short.pem", NULL);
	pki_certificate("limits", "EC:P-256", "ca", EXTENSIONS_CA "nameConstraints=permitted;DNS:other.example\n");
	pki_certificate("limited", "EC:P-256", "limits", EXTENSIONS_SERVER);
	pki_join("limited.pem", "limited.pem", "limits.pem", NULL);
	pki_certificate("small", "RSA:1024", "ca", EXTENSIONS_CA);
	pki_certificate("of-small", "EC:P-256", "small", EXTENSIONS_SERVER);
	pki_join("of-small.pem", "of-small.pem", "small.pem", NULL);
	pki_certificate("sha1", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_openssl(
		"x509 -req -in sha1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -sha1 -extfile sha1.cnf "
		"-extensions ext -out sha1.pem");
	pki_certificate("critical", "EC:P-256", "ca", EXTENSIONS_SERVER "1.2.3.4=critical,DER:0500\n");
	pki_certificate("stranger", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("below", "EC:P-256", "stranger", EXTENSIONS_CA);
	pki_certificate("orphan", "EC:P-256", "below", EXTENSIONS_SERVER);
	pki_join("orphan.pem", "orphan.pem", "below.pem", NULL);
	in_child(NULL, work_verification);
}

/* Each context has its own clock, also for the anchor; the library's is one for the process. */
static void work_clocks(void)
{
	struct recipe now = {.store = "ca.pem"};
	struct recipe later = {.store = "ca.pem", .clock = in_ten_years};
	struct recipe between = {.store = "ca.pem", .clock = in_two_hundred_days};
	struct recipe server = {.certificate = "ec"};

	check_refused(&later, "ec", UNITLS_VERIFY_EXPIRED, 1); /* from the anchor down */
	(void)connect_pair(&now, &server);
	(void)connect_pair(&between, &server);
	check_refused(&between, "soon-over", UNITLS_VERIFY_EXPIRED, 1);
	check_refused(&later, "ec", UNITLS_VERIFY_EXPIRED, 1);
}

static void test_each_context_has_its_clock(void **state)
{
	(void)state;
	pki_certificate("middle", "EC:P-256", "ca", EXTENSIONS_CA);
	pki_openssl(
		"x509 -req -in middle.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 100 -extfile middle.cnf "
		"-extensions ext -out middle.pem");
	pki_certificate("soon-over", "EC:P-256", "middle", EXTENSIONS_SERVER);
	pki_join("soon-over.pem", "soon-over.pem", "middle.pem", NULL);
	in_child(NULL, work_clocks);
}

/* Tickets -------------------------------------------------------------------------------------------------------------------- */

static void work_tickets(void)
{
	struct recipe client = {.certificate = "client", .store = "ca.pem", .min_version = UNITLS_TLS_1_3};
	struct recipe plain = {.certificate = "ec", .store = "ca.pem"};
	struct recipe asking = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct pair pair;

	open_pair(backend, &pair, &client, &plain);
	handshake(&pair);
	check_complete(&pair);
	CHECK(pair.server_last_records == 1);
	close_pair(&pair);
	open_pair(backend, &pair, &client, &asking);
	handshake(&pair);
	check_complete(&pair);
	CHECK(pair.server_last_records == 0);
	close_pair(&pair);
}

static void test_one_ticket_and_none_where_client_certificates_are_asked_for(void **state)
{
	(void)state;
	in_child(NULL, work_tickets);
}

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

	for (int i = 0; i < VISITS; i++) {
		int fd = accept(host->listener, NULL, NULL);

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
	struct unitls_error error = UNITLS_ERROR_INIT;
	socklen_t size = sizeof(address);
	pthread_t thread;

	*host = (struct host){.context = NULL};
	check(try_server(recipe, &host->context, &error) == 0, error.text);
	host->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(host->listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(host->listener, VISITS) == 0);
	CHECK(getsockname(host->listener, (struct sockaddr *)&address, &size) == 0);
	CHECK(pthread_create(&thread, NULL, serve, host) == 0);
	pki_openssl("s_client -connect 127.0.0.1:%d -tls1_2 -sess_out session -cert client.pem -key client.key",
		ntohs(address.sin_port));
	pki_openssl("s_client -connect 127.0.0.1:%d -tls1_2 -sess_in session -cert client.pem -key client.key",
		ntohs(address.sin_port));
	CHECK(pthread_join(thread, NULL) == 0);
	(void)close(host->listener);
	unitls_server_context_unref(host->context);
	CHECK(host->completed[0] && host->completed[1] && !host->resumed[0]);
}

static void work_resumption(void)
{
	struct recipe plain = {.certificate = "ec"};
	struct recipe asking = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct host host;

	visit_twice(&host, &plain);
	CHECK(host.resumed[1]);
	visit_twice(&host, &asking);
	CHECK(!host.resumed[1]);
}

static void test_a_ticket_resumes(void **state)
{
	(void)state;
	in_child(NULL, work_resumption);
}

/* A transport that is full --------------------------------------------------------------------------------------------------- */

struct native_pair {
	const struct unitls_backend_ops *ops;
	struct unitls_transport transports[2]; /* client, server */
	void *contexts[2];
	void *connections[2];
};

static void hand_over(struct unitls_transport *from, struct unitls_transport *to)
{
	size_t n = unitls_buffer_size(&from->outgoing);

	if (n == 0)
		return;
	CHECK(unitls_buffer_reserve(&to->incoming, n, SIZE_MAX) == 0);
	memcpy(to->incoming.data + to->incoming.tail, from->outgoing.data + from->outgoing.head, n);
	to->incoming.tail += n;
	to->incoming_visible += n;
	unitls_buffer_consume(&from->outgoing, n);
}

static void native_contexts(struct native_pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_certificate *leaf = NULL;
	struct unitls_context_params params = {
		.role = UNITLS_ROLE_CLIENT, .min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_1_3};
	char *path = pki_path("ec.pem");
	struct unitls_bytes der;
	size_t size;
	char *key = pki_read("ec.der", &size);

	check(unitls_certificate_from_file(path, &leaf, &error) == 0, error.text);
	der = unitls_certificate_der(leaf);
	check(pair->ops->context_new(&params, &pair->contexts[0], &error) == 0, error.text);
	params.role = UNITLS_ROLE_SERVER;
	params.chain = &der;
	params.n_chain = 1;
	params.key = (struct unitls_bytes){(const uint8_t *)key, size};
	check(pair->ops->context_new(&params, &pair->contexts[1], &error) == 0, error.text);
	unitls_certificate_unref(leaf);
	free(path);
	free(key);
}

static void native_open(struct native_pair *pair)
{
	struct unitls_peer_name nobody = {.type = UNITLS_PEER_NAME_UNCHECKED};
	struct unitls_connection_params connection = {.peer_name = &nobody};
	struct unitls_error error = UNITLS_ERROR_INIT;
	int statuses[2] = {UNITLS_WANT_READ, UNITLS_WANT_READ};

	*pair = (struct native_pair){.ops = unitls_backend_ops(backend)};
	native_contexts(pair);
	for (int i = 0; i < 2; i++) {
		connection.transport = &pair->transports[i];
		CHECK(pair->ops->connection_new(pair->contexts[i], &connection, &pair->connections[i], &error) ==
			0);
	}
	for (int turn = 0; turn < TURNS_MAX && (statuses[0] != 0 || statuses[1] != 0); turn++) {
		statuses[turn % 2] = pair->ops->handshake(pair->connections[turn % 2], &error);
		hand_over(&pair->transports[turn % 2], &pair->transports[1 - turn % 2]);
	}
	check(statuses[0] == 0 && statuses[1] == 0, error.text);
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

static void work_full_transport(void)
{
	static const uint8_t filler[UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES];
	const size_t room = 7;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct native_pair pair;
	struct unitls_transport *full = &pair.transports[0];
	uint8_t received[16];
	size_t n;

	native_open(&pair);
	CHECK(unitls_transport_write(full, filler, sizeof(filler) - room) == sizeof(filler) - room);
	/* The record does not fit: it is taken, kept, and goes out before anything else. */
	CHECK(pair.ops->write(pair.connections[0], (const uint8_t *)"first", 5, &n, &error) == 0 && n == 5);
	CHECK(pair.ops->write(pair.connections[0], (const uint8_t *)"second", 6, &n, &error) == UNITLS_WANT_WRITE);
	CHECK(n == 0);
	CHECK(pair.ops->read(pair.connections[0], received, sizeof(received), &n, &error) == UNITLS_WANT_WRITE);
	CHECK(pair.ops->shutdown(pair.connections[0], &error) == UNITLS_WANT_WRITE);
	unitls_buffer_consume(&full->outgoing, sizeof(filler) - room);
	CHECK(pair.ops->write(pair.connections[0], (const uint8_t *)"third", 5, &n, &error) == 0 && n == 5);
	CHECK(pair.ops->shutdown(pair.connections[0], &error) == 0);
	hand_over(full, &pair.transports[1]);
	CHECK(pair.ops->read(pair.connections[1], received, sizeof(received), &n, &error) == 0);
	CHECK(n == 5 && memcmp(received, "first", 5) == 0);
	CHECK(pair.ops->read(pair.connections[1], received, sizeof(received), &n, &error) == 0);
	CHECK(n == 5 && memcmp(received, "third", 5) == 0);
	CHECK(pair.ops->read(pair.connections[1], received, sizeof(received), &n, &error) == UNITLS_EOF);
	native_close(&pair);
}

static void test_no_byte_is_lost_through_a_full_transport(void **state)
{
	(void)state;
	pki_openssl("pkey -in ec.key -outform DER -out ec.der");
	in_child(NULL, work_full_transport);
}

/* Threads and memory --------------------------------------------------------------------------------------------------------- */

struct work {
	struct pair contexts;
	int completed;
};

/* Handshakes, and native contexts that come and go with the trust and the priorities that all of them share. */
static void *do_handshakes(void *argument)
{
	struct work *work = argument;

	for (int i = 0; i < HANDSHAKES; i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct pair pair = work->contexts;

		if (unitls_server_context_prove(pair.server_context, 0, &error) != 0)
			break;
		connect_contexts(&pair);
		handshake(&pair);
		work->completed += pair.client_status == 0 && pair.server_status == 0;
		close_connections(&pair);
	}
	return NULL;
}

static void share(const char *certificate)
{
	struct recipe client = {.certificate = "client", .store = "ca.pem"};
	struct recipe server = {
		.certificate = certificate, .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};
	struct work works[THREADS] = {0};
	pthread_t threads[THREADS];

	open_pair(backend, &works[0].contexts, &client, &server);
	close_connections(&works[0].contexts);
	for (int i = 1; i < THREADS; i++)
		works[i] = works[0];
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, do_handshakes, &works[i]) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(works[i].completed == HANDSHAKES);
	unitls_client_context_unref(works[0].contexts.client_context);
	unitls_server_context_unref(works[0].contexts.server_context);
}

static void work_threads(void)
{
	share("rsa");
	share("ec");
}

static void test_threads_share_keys_trust_and_priorities(void **state)
{
	(void)state;
	in_child(NULL, work_threads);
}

/* Builds a context with one allocation failing after the other, from *next on, which says where it has come to. */
static void starve(struct unitls_server_config *config, size_t *next)
{
	bool failed = true;

	for (; failed; ++*next) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_server_context *context = NULL;
		int status;

		alloc_fail_start(*next);
		status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error);
		failed = alloc_fail_stop();
		check(status == 0 || failed, error.text);
		check(status == 0 || error.error_class == UNITLS_ERROR_CLASS_MEMORY ||
				error.error_class == UNITLS_ERROR_CLASS_CONFIG,
			error.text);
		unitls_server_context_unref(context);
	}
}

struct starvation {
	size_t next;
	struct crash crash;
};

/* Where a library ends the process, the next child goes on behind that. */
static void work_memory(void)
{
	struct recipe recipe = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct unitls_server_config *config = server_config(&recipe);
	struct starvation *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED);
	for (;; shared->next++) {
		int status = 0;
		pid_t child = fork();

		CHECK(child >= 0);
		if (child == 0) {
			crash_watch(&shared->crash);
			starve(config, &shared->next);
			_exit(0); /* without the leak checker: the libraries lose memory when they get none */
		}
		CHECK(waitpid(child, &status, 0) == child);
		if (WIFEXITED(status)) {
			CHECK(WEXITSTATUS(status) == 0);
			break;
		}
		check(crash_is_known(&shared->crash), shared->crash.frames);
	}
	CHECK(shared->next > 100 || shared->next == 1); /* 1: a build in which none fails */
	unitls_server_config_unref(config);
}

static void test_every_allocation_of_a_context_fails_cleanly(void **state)
{
	(void)state;
	in_child(NULL, work_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons_and_depths),
		cmocka_unit_test(test_each_context_has_its_clock),
		cmocka_unit_test(test_one_ticket_and_none_where_client_certificates_are_asked_for),
		cmocka_unit_test(test_a_ticket_resumes),
		cmocka_unit_test(test_no_byte_is_lost_through_a_full_transport),
		cmocka_unit_test(test_threads_share_keys_trust_and_priorities),
		cmocka_unit_test(test_every_allocation_of_a_context_fails_cleanly),
	};

	/* What openssl's client would read and send; it inherits this. */
	if (freopen("/dev/null", "r", stdin) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, make_pki, pki_teardown);
}

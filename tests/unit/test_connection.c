/*
 * The connection's promises that do not depend on the peer: what is counted, what is bounded, what is a mistake of the caller, and what happens without
 * memory. What backends must do alike is the contract suite's.
 */
#include <unitls/connection.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/alloc_fail.h"
#include "tests/unit/fake_backend.h"
#include "tests/unit/no_files.h"
#include "tests/unit/pki.h"
#include <unitls/unitls.h>

static const char *const backend_names[] = {"openssl", "mbedtls"};
#define N_BACKENDS (sizeof(backend_names) / sizeof(backend_names[0]))

static struct unitls_client_context *clients[N_BACKENDS];
static struct unitls_server_context *servers[N_BACKENDS];

static void make_contexts(size_t i)
{
	struct unitls_config_builder *client = unitls_config_builder_new();
	struct unitls_config_builder *server = unitls_config_builder_new();
	struct unitls_client_config *client_config;
	struct unitls_server_config *server_config;
	struct unitls_signing_chain *chain;
	struct unitls_trust_store *store;
	struct unitls_backend *backend;
	struct unitls_error error = UNITLS_ERROR_INIT;
	char *certificate = pki_path("server.pem");
	char *key = pki_path("server.key");

	if (unitls_backend_load(backend_names[i], &backend, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error), 0);
	assert_int_equal(unitls_trust_store_from_file(certificate, &store, &error), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(client, store), 0);
	assert_int_equal(unitls_config_builder_add_signing_chain(server, chain), 0);
	assert_int_equal(unitls_config_builder_build_client(client, &client_config, &error), 0);
	assert_int_equal(unitls_config_builder_build_server(server, &server_config, &error), 0);
	assert_int_equal(
		unitls_client_context_new(backend, client_config, UNITLS_EFFORT_STRICT, NULL, &clients[i], &error),
		0);
	assert_int_equal(
		unitls_server_context_new(backend, server_config, UNITLS_EFFORT_STRICT, NULL, &servers[i], &error),
		0);
	unitls_client_config_unref(client_config);
	unitls_server_config_unref(server_config);
	unitls_signing_chain_unref(chain);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(client);
	unitls_config_builder_free(server);
	free(certificate);
	free(key);
}

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("server", "EC:P-256", NULL, "subjectAltName=DNS:server.example\n");
	for (size_t i = 0; i < N_BACKENDS; i++)
		make_contexts(i);
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < N_BACKENDS; i++) {
		unitls_client_context_unref(clients[i]);
		unitls_server_context_unref(servers[i]);
	}
	return pki_teardown(state);
}

/* Either is NULL when there was no memory. */
static void open_pair(size_t i, struct unitls_connection **client, struct unitls_connection **server)
{
	struct unitls_peer_name name;

	*client = NULL;
	*server = NULL;
	assert_int_equal(unitls_peer_name_dns("server.example", &name, NULL), 0);
	(void)!unitls_client_connection_new(clients[i], &name, client, NULL);
	(void)!unitls_server_connection_new(servers[i], server, NULL);
}

static size_t move(struct unitls_connection *from, struct unitls_connection *to)
{
	struct unitls_bytes out = unitls_connection_peek_outgoing(from);
	size_t n = 0;

	if (out.size == 0)
		return 0;
	unitls_connection_receive(to, out.data, out.size, &n);
	unitls_connection_consume_outgoing(from, n);
	return n;
}

/* 0 when both have completed; otherwise what the first to fail said. */
static int shake_hands(
	struct unitls_connection *client, struct unitls_connection *server, struct unitls_error *error)
{
	for (unsigned turn = 0; turn < 20; turn++) {
		int c = unitls_connection_handshake(client, error);
		int s;

		(void)move(client, server);
		s = unitls_connection_handshake(server, error);
		(void)move(server, client);
		if (c < 0 || s < 0)
			return UNITLS_ERROR;
		if (c == 0 && s == 0)
			return 0;
	}
	return UNITLS_WANT_READ;
}

static void connect_pair(size_t i, struct unitls_connection **client, struct unitls_connection **server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	open_pair(i, client, server);
	if (shake_hands(*client, *server, &error) != 0)
		fail_msg("%s: %s", backend_names[i], error.text);
}

static void nothing_is_known_before_the_handshake(void **state)
{
	struct unitls_connection *pair[2];
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t byte;
	size_t n = 7;

	(void)state;
	open_pair(0, &pair[0], &pair[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unitls_connection_cipher(pair[i]), 0);
		assert_int_equal(unitls_connection_negotiated_tls_version(pair[i]), 0);
		assert_int_equal(unitls_connection_negotiated_protocol(pair[i]).size, 0);
		assert_null(unitls_connection_peer_certificate(pair[i], 0));
		assert_false(unitls_connection_handshake_done(pair[i]));
		assert_int_equal(unitls_connection_pending(pair[i]), 0);
		assert_int_equal(unitls_connection_read(pair[i], &byte, 1, &n, &error), UNITLS_ERROR);
		assert_int_equal(n, 0);
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		assert_int_equal(unitls_connection_write(pair[i], &byte, 1, &n, &error), UNITLS_ERROR);
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
		error = (struct unitls_error)UNITLS_ERROR_INIT;
	}
	assert_true(unitls_connection_hello_accepted(pair[0]));
	assert_false(unitls_connection_hello_accepted(pair[1]));
	assert_null(unitls_connection_server_context(pair[0]));
	assert_ptr_equal(unitls_connection_server_context(pair[1]), servers[0]);
	assert_int_equal(
		unitls_connection_decide_hello(pair[1], UNITLS_HELLO_ACCEPT, NULL, 0, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	for (int i = 0; i < 2; i++)
		unitls_connection_free(pair[i]);
	unitls_connection_free(NULL);
}

static void a_client_needs_a_name(void **state)
{
	struct unitls_peer_name name = {.type = UNITLS_PEER_NAME_NONE};
	struct unitls_connection *connection = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_client_connection_new(clients[0], &name, &connection, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	assert_null(connection);
}

static void what_is_held_is_counted_and_bounded(void **state)
{
	static uint8_t data[UNITLS_INCOMING_LIMIT_BYTES + 5000];
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t *room;
	size_t size;
	size_t n;

	(void)state;
	open_pair(0, &client, &server);
	unitls_connection_receive(server, data, 100, &n);
	assert_int_equal(n, 100);
	assert_int_equal(unitls_connection_incoming_size(server), 100);
	unitls_connection_receive(server, data, sizeof(data), &n);
	assert_int_equal(n, UNITLS_INCOMING_LIMIT_BYTES - 100);
	assert_int_equal(unitls_connection_incoming_size(server), UNITLS_INCOMING_LIMIT_BYTES);
	assert_int_equal(unitls_connection_reserve_incoming(server, &room, &size, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	unitls_connection_free(client);
	unitls_connection_free(server);
}

/* The zero-copy way and the copying way are the same way. */
static void reserved_room_is_filled_in_place(void **state)
{
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	open_pair(0, &client, &server);
	for (unsigned turn = 0; turn < 20; turn++) {
		struct unitls_bytes out;
		uint8_t *room;
		size_t size;

		(void)!unitls_connection_handshake(client, &error);
		out = unitls_connection_peek_outgoing(client);
		while (out.size > 0) {
			assert_int_equal(unitls_connection_reserve_incoming(server, &room, &size, &error), 0);
			assert_true(size >= 1);
			size = size < out.size ? size : out.size;
			memcpy(room, out.data, size);
			unitls_connection_commit_incoming(server, size);
			unitls_connection_consume_outgoing(client, size);
			out = unitls_connection_peek_outgoing(client);
		}
		assert_int_equal(unitls_connection_reserve_incoming(server, &room, &size, &error), 0);
		unitls_connection_commit_incoming(server, 0); /* nothing came */
		(void)!unitls_connection_handshake(server, &error);
		(void)move(server, client);
	}
	assert_true(unitls_connection_handshake_done(client));
	assert_true(unitls_connection_handshake_done(server));
	unitls_connection_free(client);
	unitls_connection_free(server);
}

static void a_writer_whose_peer_never_reads_is_bounded(void **state)
{
	static uint8_t data[100000];

	(void)state;
	for (size_t i = 0; i < N_BACKENDS; i++) {
		struct unitls_connection *client;
		struct unitls_connection *server;
		struct unitls_error error = UNITLS_ERROR_INIT;
		size_t taken = 0;
		size_t n;
		int status;

		connect_pair(i, &client, &server);
		while ((status = unitls_connection_write(client, data, sizeof(data), &n, &error)) == UNITLS_OK)
			taken += n;
		assert_int_equal(status, UNITLS_WANT_WRITE);
		assert_int_equal(n, 0);
		assert_in_range(unitls_connection_outgoing_size(client), taken, UNITLS_OUTGOING_LIMIT_BYTES);
		assert_true(taken > UNITLS_OUTGOING_LIMIT_BYTES - 2 * UNITLS_RECORD_CIPHERTEXT_MAX);
		/* Nothing to write is no record. */
		unitls_connection_consume_outgoing(client, unitls_connection_outgoing_size(client));
		assert_int_equal(unitls_connection_write(client, data, 0, &n, &error), UNITLS_OK);
		assert_int_equal(unitls_connection_outgoing_size(client), 0);
		unitls_connection_free(client);
		unitls_connection_free(server);
	}
}

static void a_failure_is_told_again_and_what_comes_then_is_dropped(void **state)
{
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error first = UNITLS_ERROR_INIT;
	struct unitls_error second = UNITLS_ERROR_INIT;
	static uint8_t more[200000];
	size_t n;

	(void)state;
	open_pair(0, &client, &server);
	unitls_connection_receive(server, "GET / HTTP/1.0\r\n", 16, &n);
	assert_int_equal(unitls_connection_handshake(server, &first), UNITLS_ERROR);
	assert_int_equal(first.alert, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	assert_int_equal(unitls_connection_handshake(server, &second), UNITLS_ERROR);
	assert_memory_equal(&first, &second, sizeof(first));
	second = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_connection_write(server, "x", 1, &n, &second), UNITLS_ERROR);
	assert_memory_equal(&first, &second, sizeof(first));
	/* The alert is there to be sent, once. */
	assert_int_equal(unitls_connection_outgoing_size(server), 7);
	unitls_connection_receive(server, more, sizeof(more), &n);
	assert_int_equal(n, sizeof(more));
	assert_int_equal(unitls_connection_incoming_size(server), 0);
	unitls_connection_free(client);
	unitls_connection_free(server);
}

static struct unitls_client_context *fake_client(struct fake_backend *fake)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_client_config *config;
	struct unitls_client_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_config_builder_build_client(builder, &config, &error) < 0 ||
		unitls_client_context_new(&fake->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) <
			0)
		fail_msg("%s", error.text);
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
	return context;
}

/* For libraries that leave it to us: the handshake they have completed is a failed one, and never was anything else. */
static void a_protocol_that_was_not_offered_fails_the_handshake_once(void **state)
{
	struct fake_backend *fake = fake_backend_reset();
	struct unitls_client_context *context = fake_client(fake);
	struct unitls_connection *client;
	struct unitls_statistics statistics;
	struct unitls_peer_name name;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	fake->handshake_status = UNITLS_OK;
	fake->info = (struct unitls_connection_info){
		.version = UNITLS_TLS_1_3, .cipher_suite = 0x1301, .alpn = {(const uint8_t *)"h2", 2}};
	assert_int_equal(unitls_peer_name_dns("server.example", &name, NULL), 0);
	assert_int_equal(unitls_client_connection_new(context, &name, &client, &error), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(unitls_connection_handshake(client, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	unitls_client_context_statistics(context, &statistics);
	assert_int_equal(statistics.failed, 1);
	assert_int_equal(statistics.full + statistics.resumed, 0);
	assert_false(unitls_connection_handshake_done(client));
	assert_int_equal(unitls_connection_negotiated_protocol(client).size, 0);
	unitls_connection_free(client);
	unitls_client_context_unref(context);
}

static void an_error_of_the_caller_is_not_overwritten(void **state)
{
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n;

	(void)state;
	open_pair(0, &client, &server);
	error.error_class = UNITLS_ERROR_CLASS_IO;
	memcpy(error.text, "mine", 5);
	unitls_connection_receive(server, "G", 1, &n);
	assert_int_equal(unitls_connection_handshake(server, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_IO);
	assert_string_equal(error.text, "mine");
	unitls_connection_free(client);
	unitls_connection_free(server);
}

static void pending_counts_what_was_decrypted_and_not_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_BACKENDS; i++) {
		struct unitls_connection *client;
		struct unitls_connection *server;
		struct unitls_error error = UNITLS_ERROR_INIT;
		uint8_t buffer[10];
		size_t n;

		connect_pair(i, &client, &server);
		assert_int_equal(unitls_connection_write(client, "twenty-five bytes of text", 25, &n, &error), 0);
		(void)move(client, server);
		assert_int_equal(unitls_connection_read(server, buffer, sizeof(buffer), &n, &error), 0);
		assert_int_equal(n, 10);
		assert_int_equal(unitls_connection_pending(server), 15);
		assert_int_equal(unitls_connection_incoming_size(server), 0);
		unitls_connection_free(client);
		unitls_connection_free(server);
	}
}

/* Everything that a program does after it has loaded a backend and read its files. */
static void live_without_files(size_t i)
{
	struct unitls_client_config *client_config = unitls_client_context_config(clients[i]);
	struct unitls_server_config *server_config = unitls_server_context_config(servers[i]);
	struct unitls_backend *backend = unitls_client_context_backend(clients[i]);
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (!no_files_from_now_on())
		_exit(2);
	if (unitls_client_context_new(backend, client_config, UNITLS_EFFORT_STRICT, NULL, &clients[i], &error) <
			0 ||
		unitls_server_context_new(
			backend, server_config, UNITLS_EFFORT_STRICT, NULL, &servers[i], &error) < 0)
		_exit(3);
	open_pair(i, &client, &server);
	if (!client || !server || shake_hands(client, server, &error) != 0)
		_exit(4);
	unitls_connection_free(client);
	unitls_connection_free(server);
	_exit(0);
}

static void a_loaded_backend_opens_no_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_BACKENDS; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			live_without_files(i);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: ended with status 0x%x", backend_names[i], (unsigned)status);
	}
}

/* A whole life with one allocation failing: it ends with an error or, where the library can do without, as if nothing had been. */
static bool live_without(size_t i, size_t allocation)
{
	struct unitls_connection *client;
	struct unitls_connection *server;
	struct unitls_error error = UNITLS_ERROR_INIT;
	char buffer[16];
	size_t n;

	alloc_fail_start(allocation);
	open_pair(i, &client, &server);
	if (client && server && shake_hands(client, server, &error) == 0) {
		(void)!unitls_connection_write(client, "data", 4, &n, &error);
		(void)move(client, server);
		if (unitls_connection_read(server, buffer, sizeof(buffer), &n, &error) == 0)
			assert_memory_equal(buffer, "data", 4);
		(void)!unitls_connection_shutdown(server, &error);
		(void)move(server, client);
	} else if (client && server) {
		assert_int_not_equal(error.error_class, UNITLS_ERROR_CLASS_NONE);
		assert_true(error.text[0] != '\0');
	}
	unitls_connection_free(client);
	unitls_connection_free(server);
	return alloc_fail_stop();
}

static void every_allocation_of_a_life_may_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_BACKENDS; i++) {
		bool failed = true;

		/* All of the first, which are mostly ours, then a sample: a handshake makes thousands. */
		for (size_t n = 0; failed; n += n < 100 ? 1 : 13)
			failed = live_without(i, n);
		assert_false(live_without(i, SIZE_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_handshake),
		cmocka_unit_test(a_client_needs_a_name),
		cmocka_unit_test(what_is_held_is_counted_and_bounded),
		cmocka_unit_test(reserved_room_is_filled_in_place),
		cmocka_unit_test(a_writer_whose_peer_never_reads_is_bounded),
		cmocka_unit_test(a_failure_is_told_again_and_what_comes_then_is_dropped),
		cmocka_unit_test(a_protocol_that_was_not_offered_fails_the_handshake_once),
		cmocka_unit_test(an_error_of_the_caller_is_not_overwritten),
		cmocka_unit_test(pending_counts_what_was_decrypted_and_not_read),
		cmocka_unit_test(a_loaded_backend_opens_no_file),
		cmocka_unit_test(every_allocation_of_a_life_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

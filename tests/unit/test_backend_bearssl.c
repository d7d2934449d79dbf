/*
 * What is special to the bearssl backend but the verification of certificates; what all backends do alike is in the contract suite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buffer.h"
#include "core/module.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/backend_pair.h"
#include "tests/unit/no_files.h"
#include "tests/unit/pki.h"

#define EXTENSIONS_SERVER "subjectAltName=DNS:" PAIR_SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"

#define RECORD_HEADER     5
#define HELLO_RANDOM_AT   (RECORD_HEADER + 4 + 2)
#define HELLO_RANDOM_SIZE 32

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	return pair_load("bearssl");
}

/* What it cannot do -------------------------------------------------------------------------------------------------------- */

static void test_what_it_cannot_do_is_no_capability(void **state)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(pair_backend());

	(void)state;
	assert_int_equal(can->bits &
			(UNITLS_CAP_TLS_1_3 | UNITLS_CAP_HALF_CLOSE | UNITLS_CAP_CLOSE_INFO |
				UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_ENCRYPTED_KEYS),
		0);
	assert_int_equal(can->max_version, UNITLS_TLS_1_2);
	assert_false(can->alpn_binary);
}

static void assert_server_field(
	const struct recipe *recipe, enum unitls_error_class error_class, const char *field)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	assert_int_equal(pair_try_server(recipe, &context, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, error_class);
	assert_string_equal(error.field, field);
}

static void test_keys_that_it_cannot_use_are_refused(void **state)
{
	static const char *const algorithms[] = {"ED25519", "RSA-PSS:2048", "RSA:1024", "RSA:5120"};
	const struct recipe recipe = {.certificate = "odd"};

	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		pki_certificate("odd", algorithms[i], "ca", EXTENSIONS_SERVER);
		assert_server_field(&recipe, UNITLS_ERROR_CLASS_UNSUPPORTED, "certificate");
	}
}

/* Primes that are 1 modulo 4, of which the library computes no exponent, come by chance: in eight keys surely. */
static void test_keys_that_it_can_use_sign(void **state)
{
	static const char *const algorithms[] = {
		"EC:P-384", "EC:P-521", "RSA:3072", "RSA:4096", "RSA:2048", "RSA:2048", "RSA:2048", "RSA:2048"};
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "sound"};

	(void)state;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		pki_certificate("sound", algorithms[i], "ca", EXTENSIONS_SERVER);
		pair_assert_connects(&client, &server);
	}
}

/* Whether the module makes a server of them; the core would see by itself that most do not belong together. */
static bool belong_together(const char *certificate, const char *key_file)
{
	const struct unitls_backend_ops *ops = pair_backend()->ops;
	struct unitls_bytes leaf = pair_read_der(certificate);
	struct unitls_error error = UNITLS_ERROR_INIT;
	void *context = NULL;
	size_t size;
	char *key;
	int status;

	pki_openssl("pkey -in %s -outform DER -out key.der", key_file);
	key = pki_read("key.der", &size);
	status = ops->context_new(&(struct unitls_context_params){.role = UNITLS_ROLE_SERVER,
					  .min_version = UNITLS_TLS_1_2,
					  .max_version = UNITLS_TLS_1_2,
					  .chain = &leaf,
					  .n_chain = 1,
					  .key = {(const uint8_t *)key, size}},
		&context, &error);
	if (status != 0) {
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
		assert_string_equal(error.field, "key");
	}
	ops->context_free(context);
	free(key);
	free((void *)(uintptr_t)leaf.data);
	return status == 0;
}

static void test_a_key_of_another_certificate_is_refused(void **state)
{
	(void)state;
	pki_key("other", "RSA:2048");
	pki_key("large", "RSA:5120");
	pki_key("p384", "EC:P-384");
	assert_true(belong_together("ec", "ec.key"));
	assert_false(belong_together("ec", "client.key"));
	assert_false(belong_together("ec", "p384.key"));
	assert_false(belong_together("ec", "rsa.key"));
	assert_true(belong_together("rsa", "rsa.key"));
	assert_false(belong_together("rsa", "other.key"));
	assert_false(belong_together("rsa", "large.key"));
	assert_false(belong_together("rsa", "ec.key"));
}

/* An EC key without its public half, of which the core cannot tell. */
static void test_a_key_without_its_public_half(void **state)
{
	const struct recipe another = {.certificate = "ec", .key = "bare.key"};
	const struct recipe own = {.certificate = "client", .key = "bare.key"};
	struct unitls_server_context *context = NULL;
	struct unitls_error error;

	(void)state;
	pki_openssl("ec -in client.key -no_public -out bare.key");
	assert_server_field(&another, UNITLS_ERROR_CLASS_CONFIG, "key");
	assert_int_equal(pair_try_server(&own, &context, &error), 0);
	unitls_server_context_unref(context);
}

/* The engine asks for certificates only if it has names to say. */
static void test_a_server_that_asks_and_trusts_nobody_is_refused(void **state)
{
	const struct recipe recipe = {
		.certificate = "ec", .store = "nobody.pem", .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};
	struct unitls_config_builder *builder = pair_build(&(struct recipe){.certificate = "ec"});
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;
	struct unitls_trust_store *store = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_trust_store_empty(&store, &error), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_set_client_auth(builder, UNITLS_CLIENT_AUTH_OPTIONAL), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), 0);
	assert_int_equal(
		unitls_server_context_new(pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &context, &error),
		UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	assert_string_equal(error.field, "trust_store");
	unitls_config_builder_free(builder);
	unitls_server_config_unref(config);
	unitls_trust_store_unref(store);
	/* Whom the library cannot read is nobody, too. */
	pki_certificate("edwards", "ED25519", NULL, EXTENSIONS_CA);
	pki_join("nobody.pem", "edwards.pem", NULL);
	assert_server_field(&recipe, UNITLS_ERROR_CLASS_CONFIG, "trust_store");
}

/* Closing ------------------------------------------------------------------------------------------------------------------ */

static int read_one(struct pair *pair, enum side at, struct unitls_error *error)
{
	uint8_t byte;
	size_t n;

	*error = (struct unitls_error)UNITLS_ERROR_INIT;
	return unitls_connection_read(pair->ends[at], &byte, 1, &n, error);
}

static void test_the_peers_end_is_that_of_both_directions(void **state)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "ec"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;
	size_t n = 1;

	(void)state;
	pair_connect(&pair, &client, &server);
	assert_int_equal(unitls_connection_write(pair.ends[CLIENT], "a", 1, &n, &error), 0);
	assert_int_equal(unitls_connection_shutdown(pair.ends[CLIENT], &error), 0);
	(void)pair_deliver(&pair, CLIENT);
	/* All plaintext first. */
	assert_int_equal(read_one(&pair, SERVER, &error), 0);
	assert_int_equal(unitls_connection_outgoing_size(pair.ends[SERVER]), 0);
	assert_int_equal(read_one(&pair, SERVER, &error), UNITLS_EOF);
	/* It has answered by itself. */
	assert_true(unitls_connection_outgoing_size(pair.ends[SERVER]) > RECORD_HEADER);
	assert_int_equal(unitls_connection_write(pair.ends[SERVER], "b", 1, &n, &error), UNITLS_ERROR);
	assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	assert_int_equal(n, 0);
	n = unitls_connection_outgoing_size(pair.ends[SERVER]);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_connection_shutdown(pair.ends[SERVER], &error), 0);
	assert_int_equal(unitls_connection_outgoing_size(pair.ends[SERVER]), n);
	(void)pair_deliver(&pair, SERVER);
	assert_int_equal(read_one(&pair, CLIENT, &error), UNITLS_EOF);
	pair_free(&pair);
}

static void test_after_our_end_nothing_is_read(void **state)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "ec"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;
	size_t n;

	(void)state;
	pair_connect(&pair, &client, &server);
	assert_int_equal(unitls_connection_write(pair.ends[SERVER], "unread", 6, &n, &error), 0);
	(void)pair_deliver(&pair, SERVER);
	assert_int_equal(read_one(&pair, CLIENT, &error), 0);
	assert_int_equal(unitls_connection_pending(pair.ends[CLIENT]), 5);
	assert_int_equal(unitls_connection_shutdown(pair.ends[CLIENT], &error), 0);
	assert_int_equal(unitls_connection_pending(pair.ends[CLIENT]), 0);
	assert_int_equal(read_one(&pair, CLIENT, &error), UNITLS_EOF);
	(void)pair_deliver(&pair, CLIENT);
	assert_int_equal(read_one(&pair, SERVER, &error), UNITLS_EOF);
	pair_free(&pair);
}

/* The capability is clear because the library knows no end of the transport; the core infers it, and rightly. */
static void test_a_truncation_is_told_all_the_same(void **state)
{
	const struct recipe client = {.store = "ca.pem"};
	const struct recipe server = {.certificate = "ec"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		pair_connect(&pair, &client, &server);
		if (turn == 1) {
			assert_int_equal(unitls_connection_shutdown(pair.ends[CLIENT], &error), 0);
			(void)pair_deliver(&pair, CLIENT);
		}
		unitls_connection_receive_eof(pair.ends[SERVER]);
		assert_int_equal(
			read_one(&pair, SERVER, &error), turn == 1 ? (int)UNITLS_EOF : (int)UNITLS_RAGGED_EOF);
		pair_free(&pair);
	}
}

static void fill(struct unitls_transport *transport, size_t room)
{
	static const uint8_t filler[UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES];

	assert_true(unitls_transport_write(transport, filler, sizeof(filler) - room) == sizeof(filler) - room);
}

/* Drops the filler, so that only what the library wrote after it is handed over. */
static void drop_filler(struct unitls_transport *transport, size_t room)
{
	unitls_buffer_consume(
		&transport->outgoing, UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES - room);
}

static void native_open_plain(struct native_pair *pair)
{
	struct unitls_bytes chain = pair_read_der("ec");

	native_open(pair, NULL, "ec.key", &chain, 1);
	assert_int_equal(pair->status[CLIENT], 0);
	assert_int_equal(pair->status[SERVER], 0);
	free((void *)(uintptr_t)chain.data);
}

static void test_no_byte_is_lost_through_a_full_transport(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct native_pair pair;
	uint8_t received[16];
	size_t n;

	(void)state;
	native_open_plain(&pair);
	fill(&pair.transports[CLIENT], 7);
	assert_int_equal(pair.ops->write(pair.connections[CLIENT], (const uint8_t *)"first", 5, &n, &error), 0);
	assert_int_equal(n, 5);
	assert_int_equal(pair.ops->write(pair.connections[CLIENT], (const uint8_t *)"second", 6, &n, &error),
		UNITLS_WANT_WRITE);
	assert_int_equal(n, 0);
	drop_filler(&pair.transports[CLIENT], 7);
	assert_int_equal(pair.ops->write(pair.connections[CLIENT], (const uint8_t *)"third", 5, &n, &error), 0);
	native_hand_over(&pair, CLIENT);
	assert_int_equal(pair.ops->read(pair.connections[SERVER], received, sizeof(received), &n, &error), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(received, "first", 5);
	assert_int_equal(pair.ops->read(pair.connections[SERVER], received, sizeof(received), &n, &error), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(received, "third", 5);
	native_close(&pair);
}

static void test_both_close_notifies_through_a_full_transport(void **state)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct native_pair pair;
	uint8_t byte;
	size_t n;

	(void)state;
	native_open_plain(&pair);
	fill(&pair.transports[CLIENT], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[CLIENT], &error), UNITLS_WANT_WRITE);
	drop_filler(&pair.transports[CLIENT], 7);
	assert_int_equal(pair.ops->shutdown(pair.connections[CLIENT], &error), 0);
	native_hand_over(&pair, CLIENT);
	fill(&pair.transports[SERVER], 7);
	assert_int_equal(pair.ops->read(pair.connections[SERVER], &byte, 1, &n, &error),
		UNITLS_WANT_WRITE); /* the answer */
	drop_filler(&pair.transports[SERVER], 7);
	assert_int_equal(pair.ops->read(pair.connections[SERVER], &byte, 1, &n, &error), UNITLS_EOF);
	assert_true(unitls_buffer_size(&pair.transports[SERVER].outgoing) > RECORD_HEADER);
	native_close(&pair);
}

/* The rest ----------------------------------------------------------------------------------------------------------------- */

/* As many and as long as the capabilities say: the hello still fits into its record. */
static void test_the_longest_alpn_list(void **state)
{
	size_t n = unitls_backend_capabilities(pair_backend())->alpn_max_names;
	uint8_t(*texts)[UNITLS_ALPN_NAME_MAX] = calloc(n, sizeof(*texts));
	struct unitls_bytes *names = calloc(n, sizeof(*names));
	struct recipe server = {.certificate = "ec", .n_alpn = 1};
	struct recipe client = {.store = "ca.pem", .alpn = names, .n_alpn = n};
	struct unitls_bytes chosen;
	struct pair pair;

	(void)state;
	assert_non_null(texts);
	assert_non_null(names);
	for (size_t i = 0; i < n; i++) {
		memset(texts[i], 'A' + (int)i, sizeof(texts[i]));
		names[i] = (struct unitls_bytes){texts[i], sizeof(texts[i])};
	}
	server.alpn = &names[n - 1];
	pair_connect(&pair, &client, &server);
	chosen = unitls_connection_negotiated_protocol(pair.ends[CLIENT]);
	assert_int_equal(chosen.size, UNITLS_ALPN_NAME_MAX);
	assert_memory_equal(chosen.data, texts[n - 1], UNITLS_ALPN_NAME_MAX);
	pair_free(&pair);
	free(names);
	free(texts);
}

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

/* A connection that was made before the fork, and used in the child for the first time. */
static void hello_random_of_child(struct unitls_connection *connection, uint8_t random[HELLO_RANDOM_SIZE])
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int ends[2];
	int status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (unitls_connection_handshake(connection, &error) != UNITLS_WANT_READ)
			_exit(1);
		_exit(write(ends[1], unitls_connection_peek_outgoing(connection).data + HELLO_RANDOM_AT,
			      HELLO_RANDOM_SIZE) == HELLO_RANDOM_SIZE
				? 0
				: 1);
	}
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], random, HELLO_RANDOM_SIZE), HELLO_RANDOM_SIZE);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_children_of_a_fork_draw_different_randoms(void **state)
{
	const struct recipe recipe = {.store = "ca.pem"};
	struct unitls_client_context *context = NULL;
	struct unitls_connection *connection = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name peer;
	uint8_t randoms[3][HELLO_RANDOM_SIZE];

	(void)state;
	assert_int_equal(pair_try_client(&recipe, &context, &error), 0);
	assert_int_equal(unitls_peer_name_dns(PAIR_SERVER_NAME, &peer, &error), 0);
	assert_int_equal(unitls_client_connection_new(context, &peer, &connection, &error), 0);
	hello_random_of_child(connection, randoms[0]);
	hello_random_of_child(connection, randoms[1]);
	hello_random(context, randoms[2]);
	assert_memory_not_equal(randoms[0], randoms[1], HELLO_RANDOM_SIZE);
	assert_memory_not_equal(randoms[0], randoms[2], HELLO_RANDOM_SIZE);
	assert_memory_not_equal(randoms[1], randoms[2], HELLO_RANDOM_SIZE);
	unitls_connection_free(connection);
	unitls_client_context_unref(context);
}

/* The library's own source of randomness would be /dev/urandom. */
static void test_no_file_is_opened_after_loading(void **state)
{
	const struct recipe client = {.certificate = "client", .store = "ca.pem"};
	const struct recipe server = {
		.certificate = "rsa", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct pair pair;
	pid_t child;
	int status;

	(void)state;
	pair_make(&pair, &client, &server);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (!no_files_from_now_on())
			_exit(77);
		pair_handshake(&pair);
		_exit(pair.status[CLIENT] == 0 && pair.status[SERVER] == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	pair_free(&pair);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("the kernel has no seccomp filters\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void test_every_allocation_of_a_context_fails_cleanly(void **state)
{
	const struct recipe recipe = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct unitls_config_builder *builder = pair_build(&recipe);
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_config *config = NULL;
	bool failed = true;

	(void)state;
	assert_int_equal(unitls_config_builder_build_server(builder, &config, &error), 0);
	unitls_config_builder_free(builder);
	for (size_t i = 0; failed; i++) {
		struct unitls_server_context *context = NULL;
		int status;

		error = (struct unitls_error)UNITLS_ERROR_INIT;
		alloc_fail_start(i);
		status = unitls_server_context_new(
			pair_backend(), config, UNITLS_EFFORT_STRICT, NULL, &context, &error);
		failed = alloc_fail_stop();
		if (status != 0) {
			assert_true(failed);
			assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_MEMORY);
		}
		unitls_server_context_unref(context);
	}
	unitls_server_config_unref(config);
}

/* The library allocates nothing, so all that can fail is ours, and is told as such. */
static void test_every_allocation_of_a_handshake_fails_cleanly(void **state)
{
	const struct recipe client = {.certificate = "client", .store = "ca.pem"};
	const struct recipe server = {
		.certificate = "rsa", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct pair pair;
	bool failed = true;

	(void)state;
	for (size_t i = 0; failed; i++) {
		pair_make(&pair, &client, &server);
		alloc_fail_start(i);
		pair_handshake(&pair);
		failed = alloc_fail_stop();
		assert_true(failed || (pair.status[CLIENT] == 0 && pair.status[SERVER] == 0));
		for (int side = 0; side < 2; side++) {
			if (pair.status[side] == UNITLS_ERROR)
				assert_true(pair.error[side].error_class == UNITLS_ERROR_CLASS_MEMORY ||
					pair.error[side].error_class == UNITLS_ERROR_CLASS_PEER_ALERT);
		}
		pair_free(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_cannot_do_is_no_capability),
		cmocka_unit_test(test_keys_that_it_cannot_use_are_refused),
		cmocka_unit_test(test_keys_that_it_can_use_sign),
		cmocka_unit_test(test_a_key_of_another_certificate_is_refused),
		cmocka_unit_test(test_a_key_without_its_public_half),
		cmocka_unit_test(test_a_server_that_asks_and_trusts_nobody_is_refused),
		cmocka_unit_test(test_the_peers_end_is_that_of_both_directions),
		cmocka_unit_test(test_after_our_end_nothing_is_read),
		cmocka_unit_test(test_a_truncation_is_told_all_the_same),
		cmocka_unit_test(test_no_byte_is_lost_through_a_full_transport),
		cmocka_unit_test(test_both_close_notifies_through_a_full_transport),
		cmocka_unit_test(test_the_longest_alpn_list),
		cmocka_unit_test(test_children_of_a_fork_draw_different_randoms),
		cmocka_unit_test(test_no_file_is_opened_after_loading),
		cmocka_unit_test(test_every_allocation_of_a_context_fails_cleanly),
		cmocka_unit_test(test_every_allocation_of_a_handshake_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

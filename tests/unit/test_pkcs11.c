/*
 * Private keys in a PKCS#11 token, of SoftHSM: for each backend that can use them, what works and what is refused; for the others, that they say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pki.h"
#include <unitls/unitls.h>

#define PIN         "1234"
#define BACKENDS    16
#define TOOL        "softhsm2-util"
#define URI(object) "pkcs11:token=unitls;object=" object ";type=private"

static struct unitls_backend *backends[BACKENDS];
static size_t n_backends;
static struct unitls_backend *client_backend;

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
	char command[1024];
	va_list arguments;
	FILE *pipe;
	char line[256];

	va_start(arguments, format);
	(void)vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	pipe = popen(command, "r"); /* allowed: a shell, for a tool; the arguments are this test's own */
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe))
		;
	if (pclose(pipe) != 0)
		fail_msg("%s failed", command);
}

/* A token in the test's folder, which the library finds by SOFTHSM2_CONF. */
static void make_token(void)
{
	char *folder = pki_path("tokens");
	char *conf = pki_path("softhsm2.conf");
	char text[512];

	assert_int_equal(mkdir(folder, 0700), 0);
	(void)snprintf(text, sizeof(text),
		"directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
	pki_write("softhsm2.conf", text, strlen(text));
	assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
	run(TOOL " --init-token --free --label unitls --pin " PIN " --so-pin " PIN " 2>&1");
	free(folder);
	free(conf);
}

static void put_key(const char *name, const char *id)
{
	char *path;
	char file[64];

	pki_openssl("pkcs8 -topk8 -nocrypt -in %s.key -out %s.p8", name, name);
	(void)snprintf(file, sizeof(file), "%s.p8", name);
	path = pki_path(file);
	run(TOOL " --import %s --token unitls --label %s --id %s --pin " PIN " 2>&1", path, name, id);
	free(path);
}

static bool found(void *argument, const char *name)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)argument;
	if (n_backends < BACKENDS && unitls_backend_load(name, &backends[n_backends], &error) == 0) {
		if (strcmp(name, "openssl") == 0)
			client_backend = backends[n_backends];
		n_backends++;
	}
	return true;
}

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate(
		"ca", "EC:P-256", NULL, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
	pki_certificate("ec", "EC:P-256", "ca", "subjectAltName=DNS:server.example\n");
	pki_certificate("rsa", "RSA:2048", "ca", "subjectAltName=DNS:server.example\n");
	make_token();
	put_key("ec", "01");
	put_key("rsa", "02");
	(void)unitls_backend_list(NULL, found, NULL);
	return 0;
}

static bool has_pkcs11(struct unitls_backend *backend)
{
	return (unitls_backend_capabilities(backend)->bits & UNITLS_CAP_PKCS11) != 0;
}

/* A server with a key out of the token. */
static int make_server(struct unitls_backend *backend, const char *certificate, const char *uri, const char *pin,
	struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_private_key *key = NULL;
	struct unitls_signing_chain *chain = NULL;
	struct unitls_server_config *config = NULL;
	size_t size;
	char *pem = pki_read(certificate, &size);
	int status;

	assert_int_equal(unitls_private_key_from_id(uri, pin, &key, NULL), 0);
	assert_int_equal(unitls_signing_chain_from_mem(pem, size, key, NULL, &chain, NULL), 0);
	assert_int_equal(unitls_config_builder_add_signing_chain(builder, chain), 0);
	assert_int_equal(unitls_config_builder_build_server(builder, &config, NULL), 0);
	status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);
	unitls_server_config_unref(config);
	unitls_signing_chain_unref(chain);
	unitls_private_key_unref(key);
	unitls_config_builder_free(builder);
	free(pem);
	return status;
}

static struct unitls_client_context *make_client(void)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;
	struct unitls_trust_store *store = NULL;
	char *path = pki_path("ca.pem");

	assert_int_equal(unitls_trust_store_from_file(path, &store, NULL), 0);
	assert_int_equal(unitls_config_builder_set_trust_store(builder, store), 0);
	assert_int_equal(unitls_config_builder_build_client(builder, &config, NULL), 0);
	assert_int_equal(
		unitls_client_context_new(client_backend, config, UNITLS_EFFORT_STRICT, NULL, &context, NULL), 0);
	unitls_client_config_unref(config);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
	free(path);
	return context;
}

static void move(struct unitls_connection *from, struct unitls_connection *to)
{
	struct unitls_bytes out = unitls_connection_peek_outgoing(from);
	size_t n;

	unitls_connection_receive(to, out.data, out.size, &n);
	unitls_connection_consume_outgoing(from, n);
}

static void shake_hands(struct unitls_server_context *server_context)
{
	struct unitls_client_context *client_context = make_client();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_connection *client = NULL;
	struct unitls_connection *server = NULL;
	struct unitls_peer_name name;
	int client_status = 1;
	int server_status = 1;

	assert_int_equal(unitls_peer_name_dns("server.example", &name, NULL), 0);
	assert_int_equal(unitls_client_connection_new(client_context, &name, &client, NULL), 0);
	assert_int_equal(unitls_server_connection_new(server_context, &server, NULL), 0);
	for (int turn = 0; turn < 20 && (client_status > 0 || server_status > 0); turn++) {
		client_status = unitls_connection_handshake(client, &error);
		move(client, server);
		server_status = unitls_connection_handshake(server, &error);
		move(server, client);
	}
	if (client_status != 0 || server_status != 0)
		fail_msg("%s", error.text);
	unitls_connection_free(client);
	unitls_connection_free(server);
	unitls_client_context_unref(client_context);
}

static void test_keys_in_a_token_sign(void **state)
{
	static const struct {
		const char *certificate;
		const char *uri;
	} cases[] = {{"ec.pem", URI("ec")}, {"rsa.pem", URI("rsa")}};
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < n_backends; i++) {
		if (!has_pkcs11(backends[i]))
			continue;
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			struct unitls_server_context *context = NULL;
			struct unitls_error error = UNITLS_ERROR_INIT;

			if (make_server(backends[i], cases[k].certificate, cases[k].uri, PIN, &context, &error) <
				0)
				fail_msg("%s, %s: %s", unitls_backend_name(backends[i]), cases[k].uri, error.text);
			shake_hands(context);
			shake_hands(context);
			unitls_server_context_unref(context);
		}
		tried++;
	}
	assert_true(tried > 0);
}

static void test_what_a_token_does_not_give_is_refused_by_the_field_key(void **state)
{
	static const struct {
		const char *what;
		const char *uri;
		const char *pin;
	} cases[] = {
		{"no such object", URI("none"), PIN},
		{"no such token", "pkcs11:token=none;object=ec;type=private", PIN},
		{"another key than the certificate's", URI("rsa"), PIN},
		{"a wrong PIN", URI("ec"), "4321"},
		{"no PIN", URI("ec"), NULL},
		{"no URI that can be read", "pkcs11:token=%zz", PIN},
	};

	(void)state;
	for (size_t i = 0; i < n_backends; i++)
		for (size_t k = 0; has_pkcs11(backends[i]) && k < sizeof(cases) / sizeof(cases[0]); k++) {
			struct unitls_server_context *context = NULL;
			struct unitls_error error = UNITLS_ERROR_INIT;

			if (make_server(backends[i], "ec.pem", cases[k].uri, cases[k].pin, &context, &error) == 0)
				fail_msg("%s: %s: accepted", unitls_backend_name(backends[i]), cases[k].what);
			assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
			assert_string_equal(error.field, "key");
		}
}

static void test_backends_without_tokens_say_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_backends; i++) {
		struct unitls_server_context *context = NULL;
		struct unitls_error error = UNITLS_ERROR_INIT;

		if (has_pkcs11(backends[i]))
			continue;
		assert_int_equal(
			make_server(backends[i], "ec.pem", URI("ec"), PIN, &context, &error), UNITLS_ERROR);
		assert_int_equal(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		assert_string_equal(error.field, "key");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_in_a_token_sign),
		cmocka_unit_test(test_what_a_token_does_not_give_is_refused_by_the_field_key),
		cmocka_unit_test(test_backends_without_tokens_say_so),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

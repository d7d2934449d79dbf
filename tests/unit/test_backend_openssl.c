/*
 * What is special to the openssl backend; what all backends do alike is in the contract suite.
 *
 * OpenSSL is initialised once per process and then remembers its openssl.cnf, so each test does its work in a child of its own, which
 * alone loads the backend. A child says what is wrong on stderr and ends with 1.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/libssl_cases.h"
#include "tests/unit/pki.h"
#include <unitls/unitls.h>

#define EXTENSIONS_SERVER "subjectAltName=DNS:" SERVER_NAME "\nextendedKeyUsage=serverAuth\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
#define LIBRARY_SSL       20     /* ERR_LIB_SSL */
#define REASON_STALE      156    /* SSL_R_HTTP_REQUEST */
#define SIGNALLING_SUITE  0x00ff /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV */
#define X25519MLKEM768    4588
#define LACKING           77 /* the status of a child whose library does not have what is tested */

static struct unitls_backend *backend;

/* Children ------------------------------------------------------------------------------------------------------------------- */

static int load(struct unitls_error *error)
{
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};

	return unitls_backend_load_with("openssl", &params, &backend, error);
}

/* Runs work in a child under this openssl.cnf (NULL: an empty one), with the backend loaded. Returns its exit status: 0 or LACKING. */
static int in_child_if_possible(const char *conf, void (*work)(void))
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	const char *text = conf != NULL ? conf : "";
	char *path;
	pid_t child;
	int status;

	pki_write("openssl.cnf", text, strlen(text));
	path = pki_path("openssl.cnf");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		check(setenv("OPENSSL_CONF", path, 1) == 0, "setenv");
		check(load(&error) == 0, "the backend loads");
		work();
		_exit(0);
	}
	free(path);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != LACKING))
		fail_msg("the child ended with status 0x%x", (unsigned)status);
	return WEXITSTATUS(status);
}

static void in_child(const char *conf, void (*work)(void))
{
	assert_int_equal(in_child_if_possible(conf, work), 0);
}

#define SYSTEM_DEFAULT \
	"openssl_conf = init\n[init]\nssl_conf = modules\n[modules]\nsystem_default = settings\n[settings]\n"

/* openssl.cnf ---------------------------------------------------------------------------------------------------------------- */

static void work_policy(void)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);
	struct recipe recipe = {.certificate = "rsa", .min_version = UNITLS_TLS_1_2};
	struct unitls_diagnostics *diagnostics = unitls_diagnostics_new();
	struct unitls_server_config *config = server_config(&recipe);

	CHECK(capabilities->min_version == UNITLS_TLS_1_3);
	CHECK((capabilities->bits & UNITLS_CAP_TLS_1_2) == 0);
	CHECK(capabilities->rsa_min_bits == 3072);
	CHECK(unitls_backend_validate_server(backend, config, diagnostics) == UNITLS_ERROR);
	CHECK(unitls_diagnostics_count(diagnostics) >= 2); /* the version and the key */
	unitls_server_config_unref(config);
	unitls_diagnostics_free(diagnostics);
}

static void test_openssl_cnf_bounds_the_capabilities(void **state)
{
	(void)state;
	in_child(SYSTEM_DEFAULT "MinProtocol = TLSv1.3\nCipherString = DEFAULT@SECLEVEL=3\n", work_policy);
}

static void work_order(void)
{
	struct recipe client = {.store = "ca.pem", .max_version = UNITLS_TLS_1_2};
	struct recipe server = {.certificate = "ec"};
	struct pair pair;
	uint16_t suite = 0;

	CHECK(unitls_cipher_suite_from_name("ECDHE-ECDSA-AES128-GCM-SHA256", &suite) == 0);
	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	check_complete(&pair);
	CHECK(unitls_connection_cipher(pair.server) == suite);
	close_pair(&pair);
}

static void test_openssl_cnf_orders_the_default_suites(void **state)
{
	(void)state;
	in_child(SYSTEM_DEFAULT "CipherString = AES128-SHA:ECDHE+AES128:ECDHE+AES256\n", work_order);
}

static void work_no_trust(void)
{
	struct recipe client = {0};
	struct recipe server = {.certificate = "ec"};
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	CHECK(pair.client_status == UNITLS_ERROR);
	CHECK(pair.client_error.error_class == UNITLS_ERROR_CLASS_VERIFY);
	CHECK(pair.client_error.verify_reason == UNITLS_VERIFY_UNKNOWN_CA);
	close_pair(&pair);
}

static void test_openssl_cnf_adds_no_trust(void **state)
{
	char *ca = pki_path("ca.pem");
	char conf[512];

	(void)state;
	(void)snprintf(conf, sizeof(conf), SYSTEM_DEFAULT "VerifyCAFile = %s\nVerifyMode = Request\n", ca);
	free(ca);
	in_child(conf, work_no_trust);
}

static void work_truncation(void)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;
	uint8_t byte;
	size_t n;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	check_complete(&pair);
	unitls_connection_receive_eof(pair.client);
	CHECK(unitls_connection_read(pair.client, &byte, 1, &n, &error) == UNITLS_RAGGED_EOF);
	CHECK(unitls_connection_peek_outgoing(pair.client).size == 0); /* no alert at an end that nobody reads */
	close_pair(&pair);
}

static void test_openssl_cnf_cannot_hide_a_truncation(void **state)
{
	(void)state;
	in_child(SYSTEM_DEFAULT "Options = IgnoreUnexpectedEOF\n", work_truncation);
}

static void test_broken_openssl_cnf_is_a_reason(void **state)
{
	static const char conf[] = "config_diagnostics = 1\nopenssl_conf = nowhere\n";
	struct unitls_error error = UNITLS_ERROR_INIT;
	char *path;
	pid_t child;
	int status;

	(void)state;
	pki_write("openssl.cnf", conf, strlen(conf));
	path = pki_path("openssl.cnf");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		CHECK(setenv("OPENSSL_CONF", path, 1) == 0);
		CHECK(load(&error) == UNITLS_ERROR);
		CHECK(strstr(error.text, "openssl.cnf") != NULL);
		_exit(0);
	}
	free(path);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Files ---------------------------------------------------------------------------------------------------------------------- */

static void work_without_files(void)
{
	libssl_without_files(backend);
}

static void test_no_file_is_opened_after_init(void **state)
{
	(void)state;
	in_child(NULL, work_without_files);
}

/* The error queue ------------------------------------------------------------------------------------------------------------ */

static void *library_symbol(const char *name)
{
	static const char *const files[] = {"libcrypto.so.3", "libcrypto.so.4"};
	void *found = NULL;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && found == NULL; i++) {
		void *library = dlopen(files[i], RTLD_LAZY | RTLD_NOLOAD);

		if (library != NULL)
			found = dlsym(library, name);
	}
	check(found != NULL, name);
	return found;
}

/* What another connection, or the program, left behind. */
static void leave_an_error(void)
{
	void (*err_new)(void);
	void (*err_set_error)(int library, int reason, const char *format, ...);

	*(void **)&err_new = library_symbol("ERR_new");
	*(void **)&err_set_error = library_symbol("ERR_set_error");
	err_new();
	err_set_error(LIBRARY_SSL, REASON_STALE, NULL);
}

static void check_no_error_left(void)
{
	unsigned long (*err_peek_error)(void);

	*(void **)&err_peek_error = library_symbol("ERR_peek_error");
	CHECK(err_peek_error() == 0);
}

static void work_stale_queue(void)
{
	libssl_stale_queue(backend, leave_an_error, check_no_error_left);
}

static void test_stale_error_queue_does_not_matter(void **state)
{
	(void)state;
	in_child(NULL, work_stale_queue);
}

static void work_failure_leaves_nothing(void)
{
	struct recipe wrong = {.certificate = "ec", .key = "ec-locked", .password = "not it"};
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_config *config = server_config(&wrong);

	libssl_failure(backend, leave_an_error, check_no_error_left);
	leave_an_error();
	CHECK(unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) ==
		UNITLS_ERROR);
	check_no_error_left();
	CHECK(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "key") == 0);
	CHECK(strstr(error.text, "wrong password") != NULL);
	unitls_server_config_unref(config);
}

static void test_a_failure_leaves_the_error_queue_empty(void **state)
{
	(void)state;
	in_child(NULL, work_failure_leaves_nothing);
}

/* The error table ------------------------------------------------------------------------------------------------------------ */

/* What a client makes of a peer's first bytes. */
static void check_answer(const void *bytes, size_t size, enum unitls_error_class error_class, int alert,
	const char *text, bool sends_alert)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	struct unitls_bytes sent;
	struct pair pair;
	size_t n;

	open_pair(backend, &pair, &client, &server);
	CHECK(unitls_connection_handshake(pair.client, &pair.client_error) == UNITLS_WANT_READ);
	unitls_connection_consume_outgoing(pair.client, unitls_connection_peek_outgoing(pair.client).size);
	unitls_connection_receive(pair.client, bytes, size, &n);
	CHECK(unitls_connection_handshake(pair.client, &pair.client_error) == UNITLS_ERROR);
	CHECK(pair.client_error.error_class == error_class);
	CHECK(pair.client_error.alert == alert);
	check(strstr(pair.client_error.text, text) != NULL, pair.client_error.text);
	CHECK(strcmp(pair.client_error.backend, "openssl") == 0);
	CHECK(pair.client_error.native_code != 0);
	sent = unitls_connection_peek_outgoing(pair.client);
	CHECK(sent.size == (sends_alert ? 7 : 0));
	CHECK(!sends_alert || (sent.data[0] == 21 && sent.data[6] == alert));
	close_pair(&pair);
}

static void work_error_table(void)
{
	static const uint8_t handshake_failure[] = {21, 3, 3, 0, 2, 2, 40};
	static const uint8_t unknown_alert[] = {21, 3, 3, 0, 2, 2, 199};
	static const uint8_t short_hello[] = {22, 3, 3, 0, 5, 2, 0, 0, 1, 0};

	check_answer(handshake_failure, sizeof(handshake_failure), UNITLS_ERROR_CLASS_PEER_ALERT,
		UNITLS_ALERT_HANDSHAKE_FAILURE, "handshake_failure", false);
	check_answer(unknown_alert, sizeof(unknown_alert), UNITLS_ERROR_CLASS_PEER_ALERT, 199, "alert", false);
	check_answer("HTTP/1.1 400 Bad Request\r\n\r\n", 28, UNITLS_ERROR_CLASS_PROTOCOL,
		UNITLS_ALERT_UNEXPECTED_MESSAGE, "does not speak TLS", true);
	check_answer("220 mail.example ESMTP\r\n", 24, UNITLS_ERROR_CLASS_PROTOCOL,
		UNITLS_ALERT_UNEXPECTED_MESSAGE, "does not speak TLS", true);
	check_answer(short_hello, sizeof(short_hello), UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_DECODE_ERROR,
		"length", true);
}

static void test_error_table(void **state)
{
	(void)state;
	in_child(NULL, work_error_table);
}

/* Defaults ------------------------------------------------------------------------------------------------------------------- */

static void work_default_suites(void)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	const struct unitls_client_hello *hello;
	struct pair pair;
	uint16_t suite;
	size_t n = 0;

	open_pair(backend, &pair, &client, &server);
	CHECK(unitls_connection_handshake(pair.client, &pair.client_error) == UNITLS_WANT_READ);
	(void)transfer(pair.client, pair.server);
	CHECK(unitls_connection_handshake(pair.server, &pair.server_error) == UNITLS_WANT_READ);
	hello = unitls_connection_client_hello(pair.server);
	CHECK(hello != NULL);
	while (unitls_client_hello_cipher_suite_at(hello, n++, &suite)) {
		const char *name = unitls_cipher_suite_name(suite);

		if (suite == SIGNALLING_SUITE)
			continue;
		CHECK(name != NULL);
		if (unitls_cipher_suite_version(suite) == UNITLS_TLS_1_3)
			continue;
		check(strstr(name, "DHE_") != NULL, name);
		check(strstr(name, "_CBC_") == NULL, name);
	}
	CHECK(n > 5);
	close_pair(&pair);
}

static void test_default_suites_have_forward_secrecy(void **state)
{
	(void)state;
	in_child(NULL, work_default_suites);
}

/* OpenSSL 3.5 and later agree on a key that also withstands quantum computers, in the first flight, without being told to. */
static void work_hybrid_group(void)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	const struct unitls_client_hello *hello;
	struct pair pair;
	uint16_t first = 0;
	size_t i = 0;

	while (i < capabilities->n_groups && capabilities->groups[i] != X25519MLKEM768)
		i++;
	if (i == capabilities->n_groups)
		_exit(LACKING);
	open_pair(backend, &pair, &client, &server);
	CHECK(unitls_connection_handshake(pair.client, &pair.client_error) == UNITLS_WANT_READ);
	(void)transfer(pair.client, pair.server);
	CHECK(unitls_connection_handshake(pair.server, &pair.server_error) == UNITLS_WANT_READ);
	hello = unitls_connection_client_hello(pair.server);
	CHECK(hello != NULL && unitls_client_hello_group_at(hello, 0, &first));
	CHECK(first == X25519MLKEM768);
	handshake(&pair);
	check_complete(&pair);
	CHECK(unitls_connection_group(pair.client) == X25519MLKEM768);
	CHECK(unitls_connection_group(pair.server) == X25519MLKEM768);
	close_pair(&pair);
}

static void test_a_hybrid_group_is_used_by_default(void **state)
{
	(void)state;
	if (in_child_if_possible(NULL, work_hybrid_group) == LACKING) {
		print_message("OpenSSL before 3.5 has no X25519MLKEM768\n");
		skip();
	}
}

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

static void test_no_tickets_where_client_certificates_are_asked_for(void **state)
{
	(void)state;
	in_child(NULL, work_tickets);
}

static void work_forbidden_tickets(void)
{
	struct recipe client = {.store = "ca.pem", .min_version = UNITLS_TLS_1_3};
	struct recipe server = {.certificate = "ec"};
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	check_complete(&pair);
	CHECK(pair.server_last_records == 0);
	close_pair(&pair);
}

static void test_openssl_cnf_forbids_tickets(void **state)
{
	(void)state;
	in_child(SYSTEM_DEFAULT "Options = -SessionTicket\n", work_forbidden_tickets);
}

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("ed25519", "ED25519", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_openssl("pkcs8 -topk8 -in ec.key -out ec-locked.key -passout pass:%s", LIBSSL_PASSWORD);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_cnf_bounds_the_capabilities),
		cmocka_unit_test(test_openssl_cnf_orders_the_default_suites),
		cmocka_unit_test(test_openssl_cnf_adds_no_trust),
		cmocka_unit_test(test_openssl_cnf_cannot_hide_a_truncation),
		cmocka_unit_test(test_openssl_cnf_forbids_tickets),
		cmocka_unit_test(test_broken_openssl_cnf_is_a_reason),
		cmocka_unit_test(test_no_file_is_opened_after_init),
		cmocka_unit_test(test_stale_error_queue_does_not_matter),
		cmocka_unit_test(test_a_failure_leaves_the_error_queue_empty),
		cmocka_unit_test(test_error_table),
		cmocka_unit_test(test_default_suites_have_forward_secrecy),
		cmocka_unit_test(test_a_hybrid_group_is_used_by_default),
		cmocka_unit_test(test_no_tickets_where_client_certificates_are_asked_for),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

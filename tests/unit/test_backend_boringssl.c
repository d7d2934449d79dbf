/*
 * What is special to the boringssl backend; what all backends do alike is in the contract suite.
 *
 * Each test does its work in a child of its own, which alone loads the backend. A child says what is wrong on stderr and ends with 1.
 */
#include <dlfcn.h>
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
#define LIBRARY_SSL       16     /* ERR_LIB_SSL */
#define REASON_STALE      156    /* SSL_R_HTTP_REQUEST, or another: any will do */
#define SIGNALLING_SUITE  0x00ff /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV */

static struct unitls_backend *backend;

static void load(void)
{
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};
	struct unitls_error error = UNITLS_ERROR_INIT;

	check(unitls_backend_load_with("boringssl", &params, &backend, &error) == 0, error.text);
}

/* Runs work in a child with the backend loaded. */
static void in_child(void (*work)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		load();
		work();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

/* Files ---------------------------------------------------------------------------------------------------------------------- */

static void work_without_files(void)
{
	libssl_without_files(backend);
}

static void test_no_file_is_opened_after_init(void **state)
{
	(void)state;
	in_child(work_without_files);
}

/* The error queue ------------------------------------------------------------------------------------------------------------ */

static void (*put_error)(int library, int unused, int reason, const char *file, unsigned line);
static uint32_t (*peek_error)(void);

/* false: the library is within the module, where its queue is nobody else's. */
static bool find_queue(void)
{
	void *library = dlopen("libcrypto.so.0", RTLD_LAZY | RTLD_NOLOAD);

	if (library == NULL)
		return false;
	*(void **)&put_error = dlsym(library, "ERR_put_error");
	*(void **)&peek_error = dlsym(library, "ERR_peek_error");
	return put_error != NULL && peek_error != NULL;
}

/* What another connection, or the program, left behind. */
static void leave_an_error(void)
{
	put_error(LIBRARY_SSL, 0, REASON_STALE, __FILE__, __LINE__);
}

static void check_no_error_left(void)
{
	CHECK(peek_error() == 0);
}

static void work_stale_queue(void)
{
	CHECK(find_queue());
	libssl_stale_queue(backend, leave_an_error, check_no_error_left);
}

static void work_failure_leaves_nothing(void)
{
	CHECK(find_queue());
	libssl_failure(backend, leave_an_error, check_no_error_left);
}

/* Debian's package has the library in shared objects; BORINGSSL_PREFIX puts it into the module. */
static bool is_shared(void)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		load();
		_exit(find_queue() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_the_error_queue_is_nobodys_reason(void **state)
{
	(void)state;
	if (!is_shared()) {
		print_message("the library is within the module: its queue cannot be reached\n");
		skip();
	}
	in_child(work_stale_queue);
	in_child(work_failure_leaves_nothing);
}

/* The error table ------------------------------------------------------------------------------------------------------------ */

/* What a client makes of a peer's first bytes. */
static void check_answer(
	const void *bytes, size_t size, enum unitls_error_class error_class, int alert, bool sends_alert)
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
	check(pair.client_error.error_class == error_class, pair.client_error.text);
	check(pair.client_error.alert == alert, pair.client_error.text);
	CHECK(strcmp(pair.client_error.backend, "boringssl") == 0);
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
		UNITLS_ALERT_HANDSHAKE_FAILURE, false);
	check_answer(unknown_alert, sizeof(unknown_alert), UNITLS_ERROR_CLASS_PEER_ALERT, 199, false);
	check_answer("HTTP/1.1 400 Bad Request\r\n\r\n", 28, UNITLS_ERROR_CLASS_PROTOCOL,
		UNITLS_ALERT_PROTOCOL_VERSION, true);
	check_answer("220 mail.example ESMTP\r\n", 24, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION,
		true);
	check_answer(
		short_hello, sizeof(short_hello), UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_DECODE_ERROR, true);
}

static void test_error_table(void **state)
{
	(void)state;
	in_child(work_error_table);
}

/* Strength: the library has no security level ---------------------------------------------------------------------------------- */

static void check_weak(const char *certificate, const char *store, int depth)
{
	struct recipe client = {.store = store};
	struct recipe server = {.certificate = certificate};
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	CHECK(pair.client_status == UNITLS_ERROR);
	check(pair.client_error.verify_reason == UNITLS_VERIFY_WEAK, pair.client_error.text);
	CHECK(pair.client_error.verify_depth == depth);
	CHECK(pair.client_error.alert == UNITLS_ALERT_BAD_CERTIFICATE);
	CHECK(pair.server_error.error_class == UNITLS_ERROR_CLASS_PEER_ALERT);
	CHECK(pair.server_error.alert == UNITLS_ALERT_BAD_CERTIFICATE);
	close_pair(&pair);
}

static void work_weak(void)
{
	check_weak("sha1", "ca.pem", 0);
	check_weak("under-weak", "weak.pem", 1);
}

static void test_weak_keys_and_digests_are_refused(void **state)
{
	(void)state;
	in_child(work_weak);
}

/* An anchor is believed by its place in the trust store: how it was signed itself does not matter. */
static void work_anchor(void)
{
	struct recipe client = {.store = "old-ca.pem"};
	struct recipe server = {.certificate = "under-old"};
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	check_complete(&pair);
	close_pair(&pair);
}

static void test_an_anchor_may_be_signed_with_sha1(void **state)
{
	(void)state;
	in_child(work_anchor);
}

/* Keys ----------------------------------------------------------------------------------------------------------------------- */

static void check_key(const char *certificate, const char *key)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = certificate, .key = key, .password = LIBSSL_PASSWORD};
	struct recipe wrong = {.certificate = certificate, .key = key, .password = "not it"};
	struct unitls_server_config *config = server_config(&wrong);
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	check_complete(&pair);
	close_pair(&pair);
	CHECK(unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) ==
		UNITLS_ERROR);
	CHECK(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "key") == 0);
	check(strstr(error.text, "wrong password") != NULL, error.text);
	unitls_server_config_unref(config);
}

static void work_encrypted_keys(void)
{
	check_key("ec", "ec-locked");
	check_key("ec", "ec-des3");
	check_key("ec", "ec-traditional");
	check_key("rsa", "rsa-traditional");
}

static void test_encrypted_keys(void **state)
{
	(void)state;
	in_child(work_encrypted_keys);
}

static void work_unknown_encryption(void)
{
	struct recipe server = {.certificate = "ec", .key = "ec-scrypt", .password = LIBSSL_PASSWORD};
	struct unitls_server_config *config = server_config(&server);
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK(unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) ==
		UNITLS_ERROR);
	CHECK(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "key") == 0);
	check(strstr(error.text, "unsupported method") != NULL, error.text);
	unitls_server_config_unref(config);
}

static void test_scrypt_is_not_known(void **state)
{
	(void)state;
	in_child(work_unknown_encryption);
}

/* Defaults ------------------------------------------------------------------------------------------------------------------- */

static void work_hello(void)
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
		CHECK(name != NULL); /* no GREASE either: other ends' tests would have to know it */
		if (unitls_cipher_suite_version(suite) == UNITLS_TLS_1_3)
			continue;
		check(strstr(name, "ECDHE_") != NULL, name);
		check(strstr(name, "_CBC_") == NULL, name);
	}
	CHECK(n > 8);
	close_pair(&pair);
}

static void test_default_suites_have_forward_secrecy(void **state)
{
	(void)state;
	in_child(work_hello);
}

/* What the library can do and leaves out unless it is told. */
static void work_kinds_of_keys(void)
{
	static const char *const certificates[] = {"ed25519", "p521"};

	for (uint16_t version = UNITLS_TLS_1_2; version <= UNITLS_TLS_1_3; version++)
		for (size_t i = 0; i < 2; i++) {
			struct recipe client = {.store = "ca.pem", .min_version = version, .max_version = version};
			struct recipe server = {.certificate = certificates[i]};
			struct pair pair;

			open_pair(backend, &pair, &client, &server);
			handshake(&pair);
			check_complete(&pair);
			close_pair(&pair);
		}
}

static void test_ed25519_and_p521_are_on(void **state)
{
	(void)state;
	in_child(work_kinds_of_keys);
}

/* Tickets -------------------------------------------------------------------------------------------------------------------- */

/* How many bytes the server sends for four bytes of data. */
static size_t record_size(struct pair *pair)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t bytes[8];
	size_t size;
	size_t n;

	CHECK(unitls_connection_write(pair->server, "data", 4, &n, &error) == 0);
	size = transfer(pair->server, pair->client);
	CHECK(unitls_connection_read(pair->client, bytes, sizeof(bytes), &n, &error) == 0 && n == 4);
	return size;
}

static void work_tickets(void)
{
	struct recipe client = {.certificate = "client", .store = "ca.pem", .min_version = UNITLS_TLS_1_3};
	struct recipe plain = {.certificate = "ec", .store = "ca.pem"};
	struct recipe asking = {
		.certificate = "ec", .store = "ca.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	struct pair pair;
	size_t first;

	open_pair(backend, &pair, &client, &plain);
	handshake(&pair);
	check_complete(&pair);
	CHECK(pair.server_last_records == 0);
	first = record_size(&pair);
	CHECK(first > 100 + record_size(&pair)); /* one ticket, and never another */
	close_pair(&pair);
	open_pair(backend, &pair, &client, &asking);
	handshake(&pair);
	check_complete(&pair);
	first = record_size(&pair);
	CHECK(first == record_size(&pair));
	close_pair(&pair);
}

static void test_a_ticket_comes_with_the_first_data_if_no_certificate_was_asked_for(void **state)
{
	(void)state;
	in_child(work_tickets);
}

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("weak", "RSA:1024", NULL, EXTENSIONS_CA);
	pki_certificate("old-ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_openssl("x509 -req -sha1 -in old-ca.csr -key old-ca.key -days 365 -extfile old-ca.cnf -extensions ext "
		    "-out old-ca.pem");
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("ed25519", "ED25519", "ca", EXTENSIONS_SERVER);
	pki_certificate("p521", "EC:P-521", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("under-weak", "EC:P-256", "weak", EXTENSIONS_SERVER);
	pki_certificate("under-old", "EC:P-256", "old-ca", EXTENSIONS_SERVER);
	pki_certificate("sha1", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_openssl(
		"x509 -req -sha1 -in sha1.csr -CA ca.pem -CAkey ca.key -days 365 -extfile sha1.cnf -extensions ext "
		"-out sha1.pem");
	pki_openssl("pkcs8 -topk8 -in ec.key -out ec-locked.key -passout pass:%s", LIBSSL_PASSWORD);
	pki_openssl("pkcs8 -topk8 -v2 des3 -in ec.key -out ec-des3.key -passout pass:%s", LIBSSL_PASSWORD);
	pki_openssl("pkcs8 -topk8 -scrypt -in ec.key -out ec-scrypt.key -passout pass:%s", LIBSSL_PASSWORD);
	pki_openssl("ec -aes128 -in ec.key -out ec-traditional.key -passout pass:%s", LIBSSL_PASSWORD);
	pki_openssl(
		"rsa -traditional -aes256 -in rsa.key -out rsa-traditional.key -passout pass:%s", LIBSSL_PASSWORD);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_file_is_opened_after_init),
		cmocka_unit_test(test_the_error_queue_is_nobodys_reason),
		cmocka_unit_test(test_error_table),
		cmocka_unit_test(test_weak_keys_and_digests_are_refused),
		cmocka_unit_test(test_an_anchor_may_be_signed_with_sha1),
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_scrypt_is_not_known),
		cmocka_unit_test(test_default_suites_have_forward_secrecy),
		cmocka_unit_test(test_ed25519_and_p521_are_on),
		cmocka_unit_test(test_a_ticket_comes_with_the_first_data_if_no_certificate_was_asked_for),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

/*
 * What is special to the gnutls backend: its system configuration, lists of suites, keys. What all backends do alike is in the contract suite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gnutls_pair.h"
#include "tests/unit/no_files.h"
#include "tests/unit/pki.h"

/* The system's configuration ------------------------------------------------------------------------------------------------- */

static bool has_suite(uint16_t suite)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);

	for (size_t i = 0; i < capabilities->n_cipher_suites; i++)
		if (capabilities->cipher_suites[i] == suite)
			return true;
	return false;
}

static void work_nothing_configured(void)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);

	CHECK(capabilities->min_version == UNITLS_TLS_1_2);
	CHECK(capabilities->max_version == UNITLS_TLS_1_3);
	CHECK(has_suite(0x1301) && has_suite(0x1302) && has_suite(0x1303) && has_suite(0xc02b));
	CHECK(capabilities->key_types & 1u << UNITLS_KEY_ED25519);
}

static void work_versions(void)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);
	struct recipe recipe = {.certificate = "ec", .min_version = UNITLS_TLS_1_2};
	struct unitls_diagnostics *diagnostics = unitls_diagnostics_new();
	struct unitls_server_config *config = server_config(&recipe);

	CHECK(capabilities->min_version == UNITLS_TLS_1_3);
	CHECK((capabilities->bits & UNITLS_CAP_TLS_1_2) == 0);
	CHECK(unitls_backend_validate_server(backend, config, diagnostics) == UNITLS_ERROR);
	CHECK(strcmp(unitls_diagnostics_field(diagnostics, 0), "min_version") == 0);
	unitls_server_config_unref(config);
	unitls_diagnostics_free(diagnostics);
}

static void work_suites(void)
{
	CHECK(!has_suite(0x1301) && !has_suite(0xc02b));
	CHECK(has_suite(0x1302) && has_suite(0xc02c));
}

static void work_keys(void)
{
	const struct unitls_capabilities *capabilities = unitls_backend_capabilities(backend);

	CHECK((capabilities->key_types & 1u << UNITLS_KEY_ED25519) == 0);
	CHECK(capabilities->key_types & 1u << UNITLS_KEY_ECDSA_P256);
}

static void test_system_configuration_bounds_the_capabilities(void **state)
{
	(void)state;
	in_child(NULL, work_nothing_configured);
	in_child("[overrides]\ndisabled-version = tls1.2\n", work_versions);
	in_child("[overrides]\ntls-disabled-cipher = aes-128-gcm\n", work_suites);
	in_child("[overrides]\ninsecure-sig = eddsa-ed25519\n", work_keys);
}

/* The suites that a client offers, in order. */
static size_t offered_suites(const struct recipe *client, uint16_t suites[64])
{
	struct recipe server = {.certificate = "ec"};
	const struct unitls_client_hello *hello;
	struct pair pair;
	size_t n = 0;

	open_pair(backend, &pair, client, &server);
	CHECK(unitls_connection_handshake(pair.client, &pair.client_error) == UNITLS_WANT_READ);
	(void)transfer(pair.client, pair.server);
	CHECK(unitls_connection_handshake(pair.server, &pair.server_error) == UNITLS_WANT_READ);
	hello = unitls_connection_client_hello(pair.server);
	CHECK(hello != NULL);
	while (n < 64 && unitls_client_hello_cipher_suite_at(hello, n, &suites[n]))
		n++;
	close_pair(&pair);
	return n;
}

static void work_order(void)
{
	struct recipe client = {.store = "ca.pem"};
	uint16_t suites[64];

	CHECK(offered_suites(&client, suites) >= 4);
	CHECK(suites[0] == 0x1303 && suites[1] == 0x1301);
}

static void test_system_configuration_orders_the_default_suites(void **state)
{
	(void)state;
	in_child("[overrides]\ndefault-priority-string = NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305:+AES-128-GCM\n",
		work_order);
}

static void work_weak(void)
{
	struct recipe client = {.store = "rsa-ca.pem"};

	check_refused(&client, "rsa-leaf", UNITLS_VERIFY_WEAK, 0);
}

static void test_system_configuration_raises_the_strength(void **state)
{
	(void)state;
	in_child("[overrides]\nmin-verification-profile = high\n", work_weak);
}

static void work_nothing_left(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK(load(&error) == UNITLS_ERROR);
	CHECK(strcmp(error.field, "backend") == 0);
	CHECK(strstr(error.text, "system configuration") != NULL);
}

static void test_a_system_configuration_that_leaves_nothing_is_a_reason(void **state)
{
	(void)state;
	in_child_unloaded(
		"[overrides]\ndefault-priority-string = NORMAL:-VERS-ALL:+VERS-TLS1.1\n", work_nothing_left);
}

/* Files ---------------------------------------------------------------------------------------------------------------------- */

static void work_without_files(void)
{
	static const char *const certificates[] = {"ec", "rsa", "ed25519"};
	struct recipe trusting = {.certificate = "client", .store = "ca.pem"};
	struct recipe doubting = {0};
	struct recipe locked = {.certificate = "ec", .key = "ec-locked", .password = PASSWORD};
	struct unitls_client_config *clients[2] = {client_config(&trusting), client_config(&doubting)};
	struct unitls_server_config *servers[4];
	struct unitls_error error = UNITLS_ERROR_INIT;

	for (size_t i = 0; i < 3; i++) {
		struct recipe recipe = {.certificate = certificates[i],
			.store = "ca.pem",
			.client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};

		servers[i] = server_config(&recipe);
	}
	servers[3] = server_config(&locked);
	CHECK(no_files_from_now_on());
	for (size_t i = 0; i < 8; i++) {
		struct pair pair = {.client_status = UNITLS_WANT_READ,
			.server_status = UNITLS_WANT_READ,
			.client_error = UNITLS_ERROR_INIT,
			.server_error = UNITLS_ERROR_INIT};

		CHECK(unitls_client_context_new(backend, clients[i % 2], UNITLS_EFFORT_STRICT, NULL,
			      &pair.client_context, &error) == 0);
		CHECK(unitls_server_context_new(backend, servers[i / 2], UNITLS_EFFORT_STRICT, NULL,
			      &pair.server_context, &error) == 0);
		connect_contexts(&pair);
		handshake(&pair);
		CHECK((pair.client_status == 0) == (i % 2 == 0));
		close_pair(&pair);
	}
}

static void test_no_file_is_opened_after_init(void **state)
{
	(void)state;
	in_child(NULL, work_without_files);
}

/* Suites --------------------------------------------------------------------------------------------------------------------- */

static void work_products(void)
{
	static const uint16_t product[] = {0xc02f, 0xc02b, 0x1301};
	struct recipe client = {.suites = {0xc02b, 0xc030, 0x1301}, .n_suites = 3, .store = "ca.pem"};
	struct recipe server = {.certificate = "ec", .suites = {0xc02b, 0xc030, 0x1301}, .n_suites = 3};
	struct unitls_client_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint16_t suites[64];
	size_t n;

	/* Key exchanges ECDSA and RSA with ciphers of 128 and 256 bits are four suites of TLS 1.2. */
	CHECK(try_client(&client, &context, &error) == UNITLS_ERROR);
	CHECK(error.error_class == UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "ciphers") == 0);
	check(strstr(error.text, "TLS_") != NULL, error.text);
	memcpy(client.suites, product, sizeof(product));
	n = offered_suites(&client, suites);
	for (size_t i = 0; i < n; i++)
		CHECK(suites[i] == 0x1301 || suites[i] == 0xc02f || suites[i] == 0xc02b || suites[i] == 0x00ff);
	CHECK(connect_pair(&client, &server) == 0x1301);
}

static void test_a_clients_list_must_be_a_product(void **state)
{
	(void)state;
	in_child(NULL, work_products);
}

/* A list for one version alone: the other version keeps to its ciphers, so that the offer is one that can be made. */
static void work_one_version(void)
{
	struct recipe client = {.store = "ca.pem", .suites = {0x1302}, .n_suites = 1};
	uint16_t suites[64];
	size_t n = offered_suites(&client, suites);

	CHECK(n >= 3 && suites[0] == 0x1302);
	for (size_t i = 1; i < n; i++) {
		const char *name = unitls_cipher_suite_name(suites[i]);

		CHECK(suites[i] == 0x00ff || (name != NULL && strstr(name, "_AES_256_GCM_SHA384") != NULL));
	}
}

static void test_a_list_for_one_version_lends_its_ciphers_to_the_other(void **state)
{
	(void)state;
	in_child(NULL, work_one_version);
}

/* A server takes what its list says in the order that it says, whatever suites the library could make of the parts. */
static void work_server_lists(void)
{
	struct recipe client = {.store = "ca.pem", .max_version = UNITLS_TLS_1_2};
	struct recipe server = {.certificate = "rsa"};
	struct pair pair;

	server.n_suites = 3;
	memcpy(server.suites, (const uint16_t[]){0x009f, 0xc02f, 0x009e}, 3 * sizeof(uint16_t));
	CHECK(connect_pair(&client, &server) == 0x009f);
	memcpy(server.suites, (const uint16_t[]){0xc02f, 0x009f, 0x009e}, 3 * sizeof(uint16_t));
	CHECK(connect_pair(&client, &server) == 0xc02f);
	client.n_suites = 1;
	client.suites[0] = 0xc030; /* ECDHE-RSA and AES-256-GCM are in the list, but not together */
	open_pair(backend, &pair, &client, &server);
	handshake(&pair);
	CHECK(pair.server_error.error_class == UNITLS_ERROR_CLASS_PROTOCOL);
	CHECK(pair.server_error.alert == UNITLS_ALERT_HANDSHAKE_FAILURE);
	CHECK(pair.client_error.alert == UNITLS_ALERT_HANDSHAKE_FAILURE);
	close_pair(&pair);
	/* Of two versions each has its own. */
	client = (struct recipe){.store = "ca.pem"};
	memcpy(server.suites, (const uint16_t[]){0xc030, 0x1301, 0xc02f}, 3 * sizeof(uint16_t));
	CHECK(connect_pair(&client, &server) == 0x1301);
}

static void test_a_servers_list_is_kept_to_the_letter(void **state)
{
	(void)state;
	in_child(NULL, work_server_lists);
}

static void work_default_suites(void)
{
	struct recipe client = {.store = "ca.pem"};
	uint16_t suites[64];
	size_t n = offered_suites(&client, suites);

	for (size_t i = 0; i < n; i++) {
		const char *name = unitls_cipher_suite_name(suites[i]);

		if (suites[i] == 0x00ff || unitls_cipher_suite_version(suites[i]) == UNITLS_TLS_1_3)
			continue;
		CHECK(name != NULL);
		check(strstr(name, "DHE_") != NULL, name);
		check(strstr(name, "_CBC_") == NULL, name);
	}
	CHECK(n > 5);
}

static void test_default_suites_have_forward_secrecy(void **state)
{
	(void)state;
	in_child(NULL, work_default_suites);
}

/* Keys ----------------------------------------------------------------------------------------------------------------------- */

static const char *const locked_keys[] = {
	"locked-256", "locked-192", "locked-128", "locked-des3", "locked-v1", "locked-old"};

static void work_locked_keys(void)
{
	struct recipe client = {.store = "ca.pem"};

	for (size_t i = 0; i < sizeof(locked_keys) / sizeof(locked_keys[0]); i++) {
		struct recipe server = {.certificate = "rsa", .key = locked_keys[i], .password = PASSWORD};

		(void)connect_pair(&client, &server);
		server.password = "wrong";
		check_field(&server, "key");
	}
}

static void test_encrypted_keys(void **state)
{
	(void)state;
	pki_write("password", PASSWORD, strlen(PASSWORD));
	pki_openssl("pkcs8 -topk8 -in rsa.key -out locked-256.key -passout file:password -v2 aes-256-cbc");
	pki_openssl("pkcs8 -topk8 -in rsa.key -out locked-192.key -passout file:password -v2 aes-192-cbc -v2prf "
		    "hmacWithSHA512");
	pki_openssl("pkcs8 -topk8 -in rsa.key -out locked-128.key -passout file:password -v2 aes-128-cbc -v2prf "
		    "hmacWithSHA1");
	pki_openssl("pkcs8 -topk8 -in rsa.key -out locked-des3.key -passout file:password -v2 des3");
	pki_openssl("pkcs8 -topk8 -in rsa.key -out locked-v1.key -passout file:password -v1 PBE-SHA1-3DES");
	pki_openssl("rsa -in rsa.key -out locked-old.key -traditional -aes128 -passout file:password");
	in_child(NULL, work_locked_keys);
}

/* GnuTLS cannot read a key on a curve without its public half, which is then the certificate's. */
static void work_half_keys(void)
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe sec1 = {.certificate = "ec", .key = "half-sec1"};
	struct recipe pkcs8 = {.certificate = "ec", .key = "half-pkcs8"};
	struct recipe p521 = {.certificate = "p521", .key = "half-p521"};
	struct recipe other = {.certificate = "ec", .key = "half-other"};

	(void)connect_pair(&client, &sec1);
	(void)connect_pair(&client, &pkcs8);
	(void)connect_pair(&client, &p521);
	check_field(&other, "key");
}

static void test_keys_without_a_public_half(void **state)
{
	(void)state;
	pki_openssl("ec -in ec.key -no_public -out half-sec1.key");
	pki_openssl("ec -in p521.key -no_public -out half-p521.key");
	pki_openssl("ec -in client.key -no_public -out half-other.key");
	pki_openssl("pkcs8 -topk8 -nocrypt -in half-sec1.key -out half-pkcs8.key");
	in_child(NULL, work_half_keys);
}

static void work_key_usage(void)
{
	struct recipe client = {
		.store = "ca.pem", .suites = {0x009c}, .n_suites = 1, .max_version = UNITLS_TLS_1_2};
	struct recipe server = {.certificate = "decipher"};

	check_field(&server, "certificate");
	/* Where RSA key transport is asked for it can be used. */
	server.suites[0] = 0x009c;
	server.n_suites = 1;
	CHECK(connect_pair(&client, &server) == 0x009c);
}

static void test_a_certificate_that_may_not_sign_is_refused(void **state)
{
	(void)state;
	pki_certificate("decipher", "RSA:2048", "ca", EXTENSIONS_SERVER "keyUsage=keyEncipherment\n");
	in_child(NULL, work_key_usage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system_configuration_bounds_the_capabilities),
		cmocka_unit_test(test_system_configuration_orders_the_default_suites),
		cmocka_unit_test(test_system_configuration_raises_the_strength),
		cmocka_unit_test(test_a_system_configuration_that_leaves_nothing_is_a_reason),
		cmocka_unit_test(test_no_file_is_opened_after_init),
		cmocka_unit_test(test_a_clients_list_must_be_a_product),
		cmocka_unit_test(test_a_list_for_one_version_lends_its_ciphers_to_the_other),
		cmocka_unit_test(test_a_servers_list_is_kept_to_the_letter),
		cmocka_unit_test(test_default_suites_have_forward_secrecy),
		cmocka_unit_test(test_encrypted_keys),
		cmocka_unit_test(test_keys_without_a_public_half),
		cmocka_unit_test(test_a_certificate_that_may_not_sign_is_refused),
	};

	return cmocka_run_group_tests(tests, make_pki, pki_teardown);
}

/* The loader in the process, the snapshot it makes, and building profiles from that with what is kept over reloads. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <unitls/context.h>
#include <unitls/signing_chain.h>

#include "daemon/diagnostics.h"
#include "daemon/loader.h"
#include "daemon/material.h"
#include "daemon/profile.h"
#include "daemon/snapshot.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/pki.h"

#define BACKEND TEST_BACKEND_DIR "/openssl.so"

static int setup(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("a", "EC:P-256", NULL, "subjectAltName=DNS:a.example\n");
	pki_certificate("b", "EC:P-256", NULL, "subjectAltName=DNS:b.example\n");
	pki_join("ab.pem", "a.pem", "a.key", NULL);
	return 0;
}

/* The configuration with a certificate of its own, one with its key apart, and a client. */
static char *make_text(void)
{
	char *a = pki_path("ab.pem");
	char *b = pki_path("b.pem");
	char *key = pki_path("b.key");
	char *text;

	assert_true(
		asprintf(&text,
			"[tls s]\ncertificate = %s\ncertificate = %s\nkey = %s\n[tls c]\nca = %s\nserver_name = x.example\n"
			"[listener l]\nlisten = 127.0.0.1:0\ntls = s\nupstream = u\n"
			"[upstream u]\nserver = 127.0.0.1:9\ntls = c\n",
			a, b, key, b) > 0);
	free(a);
	free(b);
	free(key);
	return text;
}

static int load(const char *text, struct diagnostics *list, int *ret_fd)
{
	const struct loader_options options = {
		.text = text, .text_size = strlen(text), .text_name = "t", .module_dir = TEST_BACKEND_DIR};

	return loader_run(&options, list, ret_fd);
}

static void open_good(struct snapshot **ret_snapshot, struct config **ret_config)
{
	struct diagnostics list;
	char *text = make_text();
	int fd = -1;

	diagnostics_init(&list);
	assert_int_equal(load(text, &list, &fd), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(snapshot_open(fd, ret_snapshot), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(snapshot_read_config(*ret_snapshot, &list, ret_config), 0);
	diagnostics_fini(&list);
	free(text);
}

static void test_a_snapshot_has_bytes_and_no_paths(void **state)
{
	struct snapshot *snapshot;
	struct config *config;
	const uint8_t *data;
	size_t size;

	(void)state;
	if (access(BACKEND, R_OK) != 0)
		skip();
	open_good(&snapshot, &config);
	assert_int_equal(snapshot_count(snapshot), 4); /* the configuration, a, b, b's key; "ca" is b again */
	assert_int_equal(snapshot_find(snapshot, SNAPSHOT_CONFIG, &data, &size), 0);
	assert_null(memmem(data, size, ".pem", 4));
	assert_null(memmem(data, size, ".key", 4));
	assert_string_equal(config->tls[0].certificates.items[0].key_blob, "");
	assert_int_equal(strlen(config->tls[0].certificates.items[1].key_blob), CONFIG_BLOB_SIZE - 1);
	assert_int_equal(config->tls[0].certificates.items[1].origin.line, 3);
	assert_int_equal(config->tls[1].ca.count, 1);
	config_free(config);
	snapshot_close(snapshot);
}

static void build_both(struct profile_store *store, const struct config *config, const struct snapshot *snapshot)
{
	struct unitls_server_context *server;
	struct unitls_client_context *client;
	struct profile_error error;

	assert_int_equal(profile_server_context(store, &config->tls[0], snapshot, &server, &error), 0);
	assert_int_equal(profile_client_context(store, &config->tls[1], snapshot, &client, &error), 0);
	assert_non_null(unitls_server_config_signing_chain_at(unitls_server_context_config(server), 1));
	assert_null(unitls_server_config_signing_chain_at(unitls_server_context_config(server), 2));
	unitls_server_context_unref(server);
	unitls_client_context_unref(client);
}

static void test_profiles_are_built_from_the_snapshot_alone(void **state)
{
	struct snapshot *snapshot;
	struct config *config;
	struct profile_store *store;
	struct profile_error error;
	struct unitls_server_context *server;

	(void)state;
	if (access(BACKEND, R_OK) != 0)
		skip();
	open_good(&snapshot, &config);
	assert_int_equal(profile_store_new(TEST_BACKEND_DIR, &store), 0);
	for (unsigned i = 0; i < 3; i++) {
		profile_store_begin(store);
		build_both(store, config, snapshot);
		profile_store_commit(store);
	}
	profile_store_begin(store);
	profile_store_keep(store, &config->tls[0]);
	profile_store_abort(store);
	/* a blob that is not there is told with its line and its certificate */
	memset(config->tls[0].certificates.items[1].blob, '0', CONFIG_BLOB_SIZE - 1);
	assert_true(profile_server_context(store, &config->tls[0], snapshot, &server, &error) < 0);
	assert_int_equal(error.certificate, 1);
	assert_int_equal(error.origin.line, 3);
	assert_string_equal(error.text, "certificate: it is not in the snapshot");
	profile_store_free(store);
	config_free(config);
	snapshot_close(snapshot);
}

static void digest_of_a_build(struct profile_store *store, const struct config *config,
	const struct snapshot *snapshot, uint8_t ret_digest[UNITLS_DIGEST_SIZE])
{
	struct unitls_server_context *server;
	struct profile_error error;

	assert_int_equal(profile_server_context(store, &config->tls[0], snapshot, &server, &error), 0);
	memcpy(ret_digest, unitls_server_config_digest(unitls_server_context_config(server)), UNITLS_DIGEST_SIZE);
	unitls_server_context_unref(server);
}

/* So a reload after a rotation finds that nothing has changed. */
static void test_other_secrets_of_tickets_leave_a_configuration_equal(void **state)
{
	struct unitls_ticket_secrets secrets = {.secrets = {{'a'}, {'b'}}, .n = 2, .stable = {'s'}};
	uint8_t digests[3][UNITLS_DIGEST_SIZE];
	struct snapshot *snapshot;
	struct config *config;
	struct profile_store *store;

	(void)state;
	if (access(BACKEND, R_OK) != 0)
		skip();
	open_good(&snapshot, &config);
	assert_int_equal(profile_store_new(TEST_BACKEND_DIR, &store), 0);
	assert_false(profile_store_has_tickets(store));
	digest_of_a_build(store, config, snapshot, digests[0]);
	assert_int_equal(profile_store_set_tickets(store, &secrets), 0);
	assert_true(profile_store_has_tickets(store));
	digest_of_a_build(store, config, snapshot, digests[1]);
	secrets.n = 3;
	assert_int_equal(profile_store_set_tickets(store, &secrets), 0);
	digest_of_a_build(store, config, snapshot, digests[2]);
	assert_memory_not_equal(digests[0], digests[1], UNITLS_DIGEST_SIZE);
	assert_memory_equal(digests[1], digests[2], UNITLS_DIGEST_SIZE);
	secrets.n = 4;
	assert_int_equal(profile_store_set_tickets(store, &secrets), -EINVAL);
	profile_store_free(store);
	config_free(config);
	snapshot_close(snapshot);
}

static void test_the_loader_without_memory(void **state)
{
	char *text = make_text();
	bool failed = true;

	(void)state;
	if (access(BACKEND, R_OK) != 0) {
		free(text);
		skip();
	}
	/* Every allocation of the reading half; those inside a TLS library are its own matter. */
	for (size_t n = 0; failed && n < 400; n++) {
		struct diagnostics list;
		int fd = -1;
		int r;

		diagnostics_init(&list);
		alloc_fail_start(n);
		r = load(text, &list, &fd);
		failed = alloc_fail_stop();
		assert_true(r != 0 || fd >= 0);
		assert_true(r == 0 || failed);
		if (fd >= 0)
			(void)close(fd);
		diagnostics_fini(&list);
	}
	free(text);
}

static void test_peer_names(void **state)
{
	struct config_tls tls = {0};
	struct address server;
	const char *reason;
	char buffer[64];
	char name[] = "set.example";

	(void)state;
	assert_int_equal(address_parse("[::1]:1", ADDRESS_SERVER, &server, &reason), 0);
	assert_string_equal(profile_peer_name(&tls, &server, buffer, sizeof(buffer)), "::1");
	assert_int_equal(address_parse("Host.example:1", ADDRESS_SERVER, &server, &reason), 0);
	assert_string_equal(profile_peer_name(&tls, &server, buffer, sizeof(buffer)), "host.example");
	assert_int_equal(address_parse("unix:/x", ADDRESS_SERVER, &server, &reason), 0);
	assert_null(profile_peer_name(&tls, &server, buffer, sizeof(buffer)));
	tls.server_name = name;
	assert_string_equal(profile_peer_name(&tls, &server, buffer, sizeof(buffer)), "set.example");
}

static void name_of(unsigned i, char blob[CONFIG_BLOB_SIZE])
{
	(void)snprintf(blob, CONFIG_BLOB_SIZE, "%064x", i);
}

static struct unitls_signing_chain *read_chain(void)
{
	struct unitls_signing_chain *chain;
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t size;
	char *data = pki_read("ab.pem", &size);

	assert_int_equal(unitls_signing_chain_from_mem(data, size, NULL, NULL, &chain, &error), 0);
	free(data);
	return chain;
}

static void test_material_over_reloads(void **state)
{
	struct material *material = material_new();
	struct unitls_signing_chain *chain = read_chain();
	char blob[CONFIG_BLOB_SIZE];

	(void)state;
	assert_non_null(material);
	assert_null(material_find_chain(material, "x", ""));
	material_begin(material);
	for (unsigned i = 0; i < 100; i++) {
		name_of(i, blob);
		assert_int_equal(material_add_chain(material, blob, i % 2 ? blob : "", chain), 0);
	}
	material_commit(material);
	assert_int_equal(material_count(material), 100);
	/* aborted: what came with it goes, what was there stays, used or not */
	material_begin(material);
	name_of(500, blob);
	assert_int_equal(material_add_chain(material, blob, "", chain), 0);
	name_of(2, blob);
	assert_ptr_equal(material_find_chain(material, blob, ""), chain);
	material_abort(material);
	assert_int_equal(material_count(material), 100);
	/* committed: what was not used goes */
	material_begin(material);
	for (unsigned i = 0; i < 10; i++) {
		name_of(i, blob);
		assert_ptr_equal(material_find_chain(material, blob, i % 2 ? blob : ""), chain);
		assert_null(material_find_chain(material, blob, i % 2 ? "" : blob));
		assert_null(material_find_trust(material, blob));
	}
	material_commit(material);
	assert_int_equal(material_count(material), 10);
	name_of(9, blob);
	assert_ptr_equal(material_find_chain(material, blob, blob), chain);
	name_of(11, blob);
	assert_null(material_find_chain(material, blob, blob));
	material_free(material);
	material_free(NULL);
	unitls_signing_chain_unref(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_snapshot_has_bytes_and_no_paths),
		cmocka_unit_test(test_profiles_are_built_from_the_snapshot_alone),
		cmocka_unit_test(test_other_secrets_of_tickets_leave_a_configuration_equal),
		cmocka_unit_test(test_the_loader_without_memory),
		cmocka_unit_test(test_peer_names),
		cmocka_unit_test(test_material_over_reloads),
	};

	return cmocka_run_group_tests(tests, setup, pki_teardown);
}

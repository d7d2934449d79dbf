#include "tests/unit/gnutls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/pki.h"

struct unitls_backend *backend;

int make_pki(void **state)
{
	if (pki_setup(state) != 0)
		return -1;
	pki_certificate("ca", "EC:P-256", NULL, EXTENSIONS_CA);
	pki_certificate("ec", "EC:P-256", "ca", EXTENSIONS_SERVER);
	pki_certificate("p521", "EC:P-521", "ca", EXTENSIONS_SERVER);
	pki_certificate("rsa", "RSA:2048", "ca", EXTENSIONS_SERVER);
	pki_certificate("ed25519", "ED25519", "ca", EXTENSIONS_SERVER);
	pki_certificate("client", "EC:P-256", "ca", EXTENSIONS_CLIENT);
	pki_certificate("rsa-ca", "RSA:4096", NULL, EXTENSIONS_CA);
	pki_certificate("rsa-leaf", "RSA:2048", "rsa-ca", EXTENSIONS_SERVER);
	pki_openssl("pkcs8 -topk8 -in ec.key -out ec-locked.key -passout pass:%s", PASSWORD);
	return 0;
}

/* Children ------------------------------------------------------------------------------------------------------------------- */

int load(struct unitls_error *error)
{
	struct unitls_backend_load_params params = {.directory = TEST_BACKEND_DIR};

	return unitls_backend_load_with("gnutls", &params, &backend, error);
}

void in_child_unloaded(const char *configuration, void (*work)(void))
{
	const char *text = configuration != NULL ? configuration : "";
	char *path;
	pid_t child;
	int status;

	pki_write("gnutls.conf", text, strlen(text));
	path = pki_path("gnutls.conf");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		check(setenv("GNUTLS_SYSTEM_PRIORITY_FILE", path, 1) == 0, "setenv");
		work();
		_exit(0);
	}
	free(path);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

static void (*loaded_work)(void);

static void load_and_work(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	check(load(&error) == 0, error.text);
	loaded_work();
}

void in_child(const char *configuration, void (*work)(void))
{
	loaded_work = work;
	in_child_unloaded(configuration, load_and_work);
}

/* Contexts and connections --------------------------------------------------------------------------------------------------- */

int try_client(const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error)
{
	struct unitls_client_config *config = client_config(recipe);
	int status = unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);

	unitls_client_config_unref(config);
	return status;
}

int try_server(const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_server_config *config = server_config(recipe);
	int status = unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, ret_context, error);

	unitls_server_config_unref(config);
	return status;
}

uint16_t connect_pair(const struct recipe *client, const struct recipe *server)
{
	struct pair pair;
	uint16_t suite;

	open_pair(backend, &pair, client, server);
	handshake(&pair);
	check_complete(&pair);
	suite = unitls_connection_cipher(pair.server);
	CHECK(suite == unitls_connection_cipher(pair.client));
	close_pair(&pair);
	return suite;
}

void check_refused(
	const struct recipe *client, const char *certificate, enum unitls_verify_reason reason, int depth)
{
	struct recipe server = {.certificate = certificate};
	struct pair pair;

	open_pair(backend, &pair, client, &server);
	handshake(&pair);
	check(pair.client_error.error_class == UNITLS_ERROR_CLASS_VERIFY, certificate);
	check(pair.client_error.verify_reason == reason, pair.client_error.text);
	check(pair.client_error.verify_depth == depth, pair.client_error.text);
	check(pair.server_error.error_class == UNITLS_ERROR_CLASS_PEER_ALERT, pair.server_error.text);
	CHECK(pair.server_error.alert == pair.client_error.alert);
	close_pair(&pair);
}

void check_field(const struct recipe *recipe, const char *field)
{
	struct unitls_server_context *context = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK(try_server(recipe, &context, &error) == UNITLS_ERROR);
	check(error.error_class == UNITLS_ERROR_CLASS_CONFIG, error.text);
	check(strcmp(error.field, field) == 0, error.text);
}

#include "tests/unit/libssl_cases.h"

#include "tests/unit/no_files.h"

void libssl_without_files(struct unitls_backend *backend)
{
	static const char *const certificates[] = {"ec", "rsa", "ed25519"};
	struct recipe trusting = {.certificate = "client", .store = "ca.pem"};
	struct recipe doubting = {0};
	struct recipe locked = {.certificate = "ec", .key = "ec-locked", .password = LIBSSL_PASSWORD};
	struct unitls_client_config *clients[2] = {client_config(&trusting), client_config(&doubting)};
	struct unitls_server_config *servers[4];
	struct pair pair;

	for (size_t i = 0; i < 3; i++) {
		struct recipe recipe = {.certificate = certificates[i],
			.store = "ca.pem",
			.client_auth = UNITLS_CLIENT_AUTH_OPTIONAL};

		servers[i] = server_config(&recipe);
	}
	servers[3] = server_config(&locked);
	CHECK(no_files_from_now_on());
	for (size_t i = 0; i < 8; i++) {
		open_configured(backend, &pair, clients[i % 2], servers[i / 2]);
		handshake(&pair);
		CHECK((pair.client_status == 0) == (i % 2 == 0));
		close_pair(&pair);
	}
}

void libssl_stale_queue(
	struct unitls_backend *backend, void (*leave_an_error)(void), void (*check_no_error_left)(void))
{
	struct recipe client = {.store = "ca.pem"};
	struct recipe server = {.certificate = "ec"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct pair pair;
	uint8_t bytes[16];
	size_t n;

	open_pair(backend, &pair, &client, &server);
	handshake_with(&pair, leave_an_error, check_no_error_left);
	check_complete(&pair);
	leave_an_error();
	CHECK(unitls_connection_read(pair.client, bytes, sizeof(bytes), &n, &error) == UNITLS_WANT_READ);
	check_no_error_left();
	leave_an_error();
	CHECK(unitls_connection_write(pair.client, "data", 4, &n, &error) == 0);
	check_no_error_left();
	(void)transfer(pair.client, pair.server);
	leave_an_error();
	CHECK(unitls_connection_read(pair.server, bytes, sizeof(bytes), &n, &error) == 0);
	check_no_error_left();
	leave_an_error();
	CHECK(unitls_connection_shutdown(pair.server, &error) == 0);
	check_no_error_left();
	(void)transfer(pair.server, pair.client);
	leave_an_error();
	CHECK(unitls_connection_read(pair.client, bytes, sizeof(bytes), &n, &error) == UNITLS_EOF);
	check_no_error_left();
	close_pair(&pair);
	check_no_error_left();
}

void libssl_failure(
	struct unitls_backend *backend, void (*leave_an_error)(void), void (*check_no_error_left)(void))
{
	struct recipe client = {0};
	struct recipe server = {.certificate = "ec"};
	struct pair pair;

	open_pair(backend, &pair, &client, &server);
	handshake_with(&pair, leave_an_error, check_no_error_left);
	CHECK(pair.client_status == UNITLS_ERROR && pair.server_status == UNITLS_ERROR);
	CHECK(pair.client_error.error_class == UNITLS_ERROR_CLASS_VERIFY);
	CHECK(pair.server_error.error_class == UNITLS_ERROR_CLASS_PEER_ALERT);
	close_pair(&pair);
	check_no_error_left();
}

/*
 * A client's sessions: one octet that says whether the extended master secret was agreed on, which the library forgets, and what it writes itself.
 */
#include "backends/mbedtls/session.h"

#include <stdlib.h>
#include <string.h>

#include "backends/mbedtls/error.h"

/* Of a ClientHello, which has to fit into one record: what is neither ticket nor ALPN. */
#define HELLO_REST_MAX 2048

/* In TLS 1.3 a session is what a ticket of this connection has brought; in TLS 1.2 there is one with a ticket or a name that the server gave it. */
static bool is_resumable(const struct mbed_connection *connection)
{
	const mbedtls_ssl_session *session = compat_session(&connection->ssl);

	if (session == NULL)
		return false;
	if (compat_version(&connection->ssl) >= UNITLS_TLS_1_3)
		return connection->has_ticket;
	return session->COMPAT_FIELD(ticket_len) > 0 || session->COMPAT_FIELD(id_len) > 0;
}

int mbed_session_export(void *native, int (*add)(void *argument, struct unitls_bytes session), void *argument,
	struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int ret;

	if (!is_resumable(connection))
		return UNITLS_WANT_READ;
	/* It says how many bytes it needs, and that there are too few. */
	(void)compat_session_save(&connection->ssl, NULL, 0, &size);
	bytes = malloc(1 + size);
	if (bytes == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a session");
	bytes[0] = connection->negotiated.extended_master_secret;
	ret = compat_session_save(&connection->ssl, bytes + 1, size, &size);
	if (ret == 0) {
		ret = add(argument, (struct unitls_bytes){bytes, 1 + size});
	} else {
		error->native_code = ret;
		ret = unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "mbedTLS does not write the session");
	}
	explicit_bzero(bytes, 1 + size);
	free(bytes);
	return ret;
}

/* A hello with this ticket must not be larger than a record. */
static bool has_room(const struct mbed_connection *connection, const mbedtls_ssl_session *session)
{
	return session->COMPAT_FIELD(ticket_len) + connection->context->alpn_size + HELLO_REST_MAX <=
		UNITLS_RECORD_PLAINTEXT_MAX;
}

static int offer(struct mbed_connection *connection, mbedtls_ssl_session *session, struct unitls_bytes bytes)
{
	int ret;

	if (bytes.size < 1 || bytes.data[0] > 1)
		return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
	ret = mbedtls_ssl_session_load(session, bytes.data + 1, bytes.size - 1);
	if (ret != 0)
		return ret;
	if (!compat_session_is_sound(session) || !has_room(connection, session))
		return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
	ret = compat_session_bind(session, connection->server_name);
	if (ret == 0)
		ret = mbedtls_ssl_set_session(&connection->ssl, session);
	if (ret != 0)
		return ret;
	connection->offered = true;
	connection->offered_extended = bytes.data[0] == 1;
	return 0;
}

int mbed_session_resume(void *native, struct unitls_bytes bytes, struct unitls_error *error)
{
	mbedtls_ssl_session session;
	int ret;

	mbedtls_ssl_session_init(&session);
	ret = offer(native, &session, bytes);
	mbedtls_ssl_session_free(&session);
	return ret == 0 ? 0 : mbed_error_set_field(error, ret, "session", "the session");
}

bool mbed_session_is_mixed(const struct mbed_connection *connection)
{
	return connection->offered && compat_state(&connection->ssl) == MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC &&
		connection->offered_extended != connection->negotiated.extended_master_secret;
}

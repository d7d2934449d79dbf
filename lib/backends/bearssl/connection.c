/*
 * Driving the engine. It is a state machine between four buffers of its own; what it has to send goes to the transport at once, and it is fed what it asks
 * for, never more. After a failure exactly one fatal alert has been written, the engine's or ours.
 *
 * The engine ends both directions with either close_notify: after ours it throws away what comes, to the peer's it answers with its own.
 */
#include "backends/bearssl/connection.h"

#include <stdlib.h>

#include "backends/bearssl/error.h"

static br_ssl_engine_context *native_of(struct bear_connection *connection)
{
	return bear_engine_native(&connection->engine);
}

static bool is_closed(struct bear_connection *connection)
{
	return br_ssl_engine_current_state(native_of(connection)) == BR_SSL_CLOSED;
}

/* Moving bytes ------------------------------------------------------------------------------------------------------------- */

/* Sends what the engine has to send, also what comes of having sent it. False when the transport is full. */
static bool flush(struct bear_connection *connection)
{
	br_ssl_engine_context *native = native_of(connection);
	const uint8_t *data;
	size_t size;
	size_t n;

	while ((data = br_ssl_engine_sendrec_buf(native, &size)) != NULL) {
		n = unitls_transport_write(connection->transport, data, size);
		if (n > 0)
			br_ssl_engine_sendrec_ack(native, n);
		if (n < size)
			return false;
	}
	return true;
}

/* Gives the engine what it asks for of what is there. False when nothing is, or it asks for nothing. */
static bool feed(struct bear_connection *connection)
{
	br_ssl_engine_context *native = native_of(connection);
	size_t size;
	uint8_t *buffer = br_ssl_engine_recvrec_buf(native, &size);
	size_t n = buffer == NULL ? 0 : unitls_transport_read(connection->transport, buffer, size);

	if (n > 0)
		br_ssl_engine_recvrec_ack(native, n);
	return n > 0;
}

/* Why the engine does not go on. */
static int want(struct bear_connection *connection)
{
	size_t size;

	return br_ssl_engine_recvrec_buf(native_of(connection), &size) != NULL ? UNITLS_WANT_READ
									       : UNITLS_WANT_WRITE;
}

/* Failures ----------------------------------------------------------------------------------------------------------------- */

static void send_fatal(struct bear_connection *connection, int alert)
{
	uint8_t buffer[BEAR_ALERT_RECORD_MAX];
	struct unitls_bytes record = bear_engine_alert(&connection->engine, alert, buffer);

	/* The transport keeps room for an alert; should even that be full, the connection fails all the same. */
	(void)unitls_transport_write(connection->transport, record.data, record.size);
}

static int fail_with(struct bear_connection *connection, enum unitls_error_class error_class, int alert,
	const char *text, struct unitls_error *error)
{
	send_fatal(connection, alert);
	return unitls_error_set_alert(error, error_class, alert, "%s", text);
}

static int fail_verify(struct bear_connection *connection, struct bear_verdict verdict, struct unitls_error *error)
{
	int alert = unitls_verify_alert(verdict.reason);

	/* certificate_required is TLS 1.3's (RFC 8446, 6.2; RFC 5246, 7.4.6 says handshake_failure). */
	if (verdict.reason == UNITLS_VERIFY_MISSING)
		alert = UNITLS_ALERT_HANDSHAKE_FAILURE;
	send_fatal(connection, alert);
	(void)unitls_error_set_verify(error, verdict.reason, verdict.depth);
	error->alert = alert;
	error->native_code = verdict.native_code;
	return UNITLS_ERROR;
}

static int fail_memory(struct bear_connection *connection, struct unitls_error *error)
{
	return fail_with(
		connection, UNITLS_ERROR_CLASS_MEMORY, UNITLS_ALERT_INTERNAL_ERROR, "out of memory", error);
}

/* Whether the peer's certificates ended the handshake, whatever the engine thinks of them. */
static bool is_refused(const struct bear_connection *connection)
{
	return connection->verifier.out_of_memory || connection->verifier.verdict.reason != UNITLS_VERIFY_NONE;
}

static int fail_refused(struct bear_connection *connection, struct unitls_error *error)
{
	if (connection->verifier.out_of_memory)
		return fail_memory(connection, error);
	return fail_verify(connection, connection->verifier.verdict, error);
}

static int fail_peer_alert(int native, int alert, struct unitls_error *error)
{
	error->native_code = native;
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PEER_ALERT, alert, "the peer sent the alert %s",
		unitls_alert_name(alert));
}

/* The alert for what the engine found. It looks at a record's version before its type; bytes that are no TLS at all are told as such. */
static int alert_for(const struct bear_connection *connection, int native)
{
	int type = bear_engine_record_type(&connection->engine);

	if (native == BR_ERR_UNSUPPORTED_VERSION &&
		(type < BEAR_CONTENT_CHANGE_CIPHER_SPEC || type > BEAR_CONTENT_APPLICATION_DATA))
		return UNITLS_ALERT_UNEXPECTED_MESSAGE;
	return bear_error_alert(native);
}

/* The engine has failed. */
static int fail(struct bear_connection *connection, struct unitls_error *error)
{
	int native = br_ssl_engine_last_error(native_of(connection));

	if (is_refused(connection))
		return fail_refused(connection, error);
	if (native == BR_ERR_NO_CLIENT_AUTH)
		return fail_verify(connection, (struct bear_verdict){UNITLS_VERIFY_MISSING, -1, native}, error);
	if (connection->engine.signer.failed)
		return fail_with(connection, UNITLS_ERROR_CLASS_INTERNAL, UNITLS_ALERT_INTERNAL_ERROR,
			"the private key cannot sign", error);
	if (native == BR_ERR_OK)
		return fail_peer_alert(native, UNITLS_ALERT_CLOSE_NOTIFY, error);
	if (native >= BR_ERR_SEND_FATAL_ALERT) {
		error->native_code = native;
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, native - BR_ERR_SEND_FATAL_ALERT,
			"nothing in common with the peer");
	}
	if (native >= BR_ERR_RECV_FATAL_ALERT)
		return fail_peer_alert(native, native - BR_ERR_RECV_FATAL_ALERT, error);
	send_fatal(connection, alert_for(connection, native));
	return bear_error_set(error, native, alert_for(connection, native));
}

/* Making and freeing ------------------------------------------------------------------------------------------------------- */

int bear_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	struct bear_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return bear_error_memory(error);
	connection->context = context;
	connection->transport = params->transport;
	connection->server_name = params->server_name;
	if (params->alpn_selected.size > 0 && params->alpn_selected.size < sizeof(connection->alpn)) {
		memcpy(connection->alpn, params->alpn_selected.data, params->alpn_selected.size);
		connection->alpn_answer[0] = connection->alpn;
	}
	bear_verifier_init(&connection->verifier, connection->context,
		connection->context->role == UNITLS_ROLE_CLIENT ? params->peer_name : NULL);
	*ret_connection = connection;
	return 0;
}

void bear_connection_free(void *native)
{
	struct bear_connection *connection = native;

	if (connection == NULL)
		return;
	bear_engine_fini(&connection->engine);
	bear_verifier_fini(&connection->verifier);
	free(connection);
}

/* The handshake ------------------------------------------------------------------------------------------------------------ */

/* The engine is made when it is first needed: its buffers are large, and its seed is then that of the process that uses it. */
static int start(struct bear_connection *connection, struct unitls_error *error)
{
	struct bear_engine_params params = {
		.context = connection->context,
		.verifier = &connection->verifier,
		.server_name = connection->server_name,
		.alpn = connection->context->alpn,
		.n_alpn = connection->context->n_alpn,
	};

	if (connection->engine.buffers != NULL)
		return 0;
	if (connection->alpn_answer[0] != NULL) {
		params.alpn = connection->alpn_answer;
		params.n_alpn = 1;
	}
	return bear_engine_start(&connection->engine, &params, error);
}

/* A server's hello has been read when its certificates begin. */
static bool is_unsafe(const struct bear_connection *connection)
{
	return connection->context->role == UNITLS_ROLE_CLIENT && connection->verifier.started &&
		!bear_engine_is_renegotiation_safe(&connection->engine);
}

static int fail_unsafe(struct bear_connection *connection, struct unitls_error *error)
{
	return fail_with(connection, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_HANDSHAKE_FAILURE,
		"the server does not know secure renegotiation", error);
}

#define RANDOM_SIZE 32
#define SECRET_SIZE 48

static char *put_hex(char *at, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 0x0f];
	}
	return at;
}

/* CLIENT_RANDOM, both in hexadecimal: all there is in TLS 1.2. */
static void log_secret(struct bear_connection *connection)
{
	const struct bear_context *context = connection->context;
	br_ssl_engine_context *native = native_of(connection);
	br_ssl_session_parameters session;
	char line[sizeof("CLIENT_RANDOM ") + 2 * RANDOM_SIZE + 1 + 2 * SECRET_SIZE] = "CLIENT_RANDOM ";
	char *at = line + strlen(line);

	if (context->key_log == NULL)
		return;
	br_ssl_engine_get_session_parameters(native, &session);
	at = put_hex(at, native->client_random, RANDOM_SIZE);
	*at++ = ' ';
	at = put_hex(at, session.master_secret, SECRET_SIZE);
	*at = '\0';
	context->key_log(context->key_log_argument, line);
	explicit_bzero(&session, sizeof(session));
	explicit_bzero(line, sizeof(line));
}

/* The engine is done; whether the handshake is. */
static int complete(struct bear_connection *connection, struct unitls_error *error)
{
	const struct bear_verifier *verifier = &connection->verifier;

	/* Never so, by the engine's own rules; but this is the last gate. */
	if (connection->context->verify == UNITLS_VERIFY_MODE_REQUIRED && !verifier->judged)
		return fail_verify(connection, (struct bear_verdict){UNITLS_VERIFY_OTHER, -1, 0}, error);
	log_secret(connection);
	return 0;
}

int bear_connection_handshake(void *argument, struct unitls_error *error)
{
	struct bear_connection *connection = argument;

	if (start(connection, error) < 0)
		return UNITLS_ERROR;
	for (;;) {
		bool flushed = flush(connection);

		if (is_closed(connection))
			return fail(connection, error);
		if (!flushed)
			return UNITLS_WANT_WRITE;
		if ((br_ssl_engine_current_state(native_of(connection)) & BR_SSL_SENDAPP) != 0)
			return complete(connection, error);
		if (!feed(connection))
			return want(connection);
		if (is_unsafe(connection))
			return fail_unsafe(connection, error);
		if (is_refused(connection))
			return fail_refused(connection, error);
	}
}

/* Plaintext ---------------------------------------------------------------------------------------------------------------- */

int bear_connection_read(void *argument, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct bear_connection *connection = argument;
	br_ssl_engine_context *native = native_of(connection);
	const uint8_t *data;
	size_t n;

	*ret_n = 0;
	for (;;) {
		(void)flush(connection); /* what does not fit goes with a later call */
		data = br_ssl_engine_recvapp_buf(native, &n);
		if (data != NULL)
			break;
		if (is_closed(connection))
			return br_ssl_engine_last_error(native) == BR_ERR_OK ? UNITLS_EOF
									     : fail(connection, error);
		if (!feed(connection))
			return want(connection);
	}
	if (n > size)
		n = size;
	memcpy(buffer, data, n);
	br_ssl_engine_recvapp_ack(native, n);
	*ret_n = n;
	return 0;
}

int bear_connection_write(
	void *argument, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct bear_connection *connection = argument;
	br_ssl_engine_context *native = native_of(connection);
	uint8_t *room;
	size_t n;

	*ret_n = 0;
	/* More than one record when the client asked for short ones (RFC 6066, 4). */
	while (*ret_n < size && flush(connection)) {
		room = br_ssl_engine_sendapp_buf(native, &n);
		if (room == NULL)
			return fail(connection, error);
		if (n > size - *ret_n)
			n = size - *ret_n;
		memcpy(room, data + *ret_n, n);
		br_ssl_engine_sendapp_ack(native, n);
		br_ssl_engine_flush(native, 0);
		*ret_n += n;
	}
	(void)flush(connection); /* what does not fit goes with a later call */
	return *ret_n > 0 ? 0 : UNITLS_WANT_WRITE;
}

int bear_connection_shutdown(void *argument, struct unitls_error *error)
{
	struct bear_connection *connection = argument;

	(void)error;
	if (!flush(connection))
		return UNITLS_WANT_WRITE;
	if (!connection->closing) {
		connection->closing = true;
		br_ssl_engine_close(native_of(connection));
	}
	return flush(connection) ? 0 : UNITLS_WANT_WRITE;
}

/* What is so --------------------------------------------------------------------------------------------------------------- */

size_t bear_connection_pending(const void *argument)
{
	const struct bear_connection *connection = argument;
	size_t n;

	return br_ssl_engine_recvapp_buf(&connection->engine.ssl.common, &n) == NULL ? 0 : n;
}

/* All suites that the library has, but those with RSA key transport (RFC 5246, RFC 6655). */
static bool exchanges_on_a_curve(uint16_t suite)
{
	static const uint16_t with_ccm[] = {0xc09c, 0xc09d, 0xc0a0, 0xc0a1};

	for (size_t i = 0; i < sizeof(with_ccm) / sizeof(with_ccm[0]); i++) {
		if (suite == with_ccm[i])
			return false;
	}
	return suite >= 0xc000;
}

void bear_connection_info(const void *argument, struct unitls_connection_info *ret_info)
{
	const struct bear_connection *connection = argument;
	const br_ssl_engine_context *native = &connection->engine.ssl.common;
	const char *alpn = br_ssl_engine_get_selected_protocol((br_ssl_engine_context *)(uintptr_t)native);
	br_ssl_session_parameters session;

	br_ssl_engine_get_session_parameters(native, &session);
	*ret_info = (struct unitls_connection_info){
		.version = (uint16_t)br_ssl_engine_get_version(native),
		.cipher_suite = session.cipher_suite,
		.group = exchanges_on_a_curve(session.cipher_suite) ? native->ecdhe_curve : 0,
	};
	explicit_bzero(&session, sizeof(session)); /* it holds the master secret */
	if (alpn != NULL)
		ret_info->alpn = (struct unitls_bytes){(const uint8_t *)alpn, strlen(alpn)};
}

int bear_connection_peer_chain(
	const void *argument, int (*add)(void *argument, struct unitls_bytes der), void *add_argument)
{
	const struct bear_connection *connection = argument;
	int r = 0;

	for (size_t i = 0; r == 0 && i < connection->verifier.n_chain; i++)
		r = add(add_argument, connection->verifier.chain[i]);
	return r;
}

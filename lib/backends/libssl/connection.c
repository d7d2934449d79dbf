#include "backends/libssl/connection.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

#include "backends/libssl/context.h"
#include "backends/libssl/error.h"
#include "backends/libssl/library.h"

/* Written once, by libssl_connection_init. */
static BIO_METHOD *bio_method;

/* glibc reads /etc/localtime at the first conversion of a time, UTC or not; certificates need one. */
static void convert_a_time(void)
{
	time_t now = 0;
	struct tm fields;

	(void)gmtime_r(&now, &fields);
}

int libssl_connection_init(struct unitls_error *error)
{
	convert_a_time();
	bio_method = libssl_bio_method_new();
	return bio_method ? 0 : libssl_error_memory(error);
}

/* The library tells of every alert that really went out; only fatal ones end anything. */
void libssl_connection_on_info(const SSL *ssl, int where, int value)
{
	struct libssl_connection *connection = SSL_get_app_data(ssl);

	if (!connection || (where & SSL_CB_ALERT) == 0 || (where & SSL_CB_WRITE) == 0)
		return;
	if (value >> 8 == SSL3_AL_FATAL)
		connection->alert_sent = value & 0xff;
}

void libssl_connection_on_key_log(const SSL *ssl, const char *line)
{
	const struct libssl_connection *connection = SSL_get_app_data(ssl);

	connection->context->key_log(connection->context->key_log_argument, line);
}

int libssl_connection_on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
	const unsigned char *offered, unsigned offered_size, void *argument)
{
	const struct libssl_connection *connection = SSL_get_app_data(ssl);

	(void)offered;
	(void)offered_size;
	(void)argument;
	if (connection->alpn_selected.size == 0)
		return SSL_TLSEXT_ERR_NOACK;
	*ret_name = connection->alpn_selected.data;
	*ret_size = (unsigned char)connection->alpn_selected.size;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Creation ------------------------------------------------------------------------------------------------------------------
 */

static int setup_ssl(struct libssl_connection *connection, const struct libssl_context *context,
	const struct unitls_connection_params *params)
{
	BIO *bio;

	connection->ssl = libssl_new(context->ctx);
	if (!connection->ssl || !SSL_set_app_data(connection->ssl, connection))
		return UNITLS_ERROR;
	bio = libssl_bio_new(bio_method, &connection->pipe);
	if (!bio)
		return UNITLS_ERROR;
	SSL_set_bio(connection->ssl, bio, bio);
	if (context->role == UNITLS_ROLE_SERVER) {
		SSL_set_accept_state(connection->ssl);
		return 0;
	}
	SSL_set_connect_state(connection->ssl);
	if (params->server_name && !libssl_set_server_name(connection->ssl, params->server_name))
		return UNITLS_ERROR;
	return 0;
}

int libssl_connection_new(void *argument, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	const struct libssl_context *context = argument;
	struct libssl_connection *connection;

	libssl_error_clear();
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return libssl_error_memory(error);
	connection->context = context;
	connection->pipe.transport = params->transport;
	connection->alpn_selected = params->alpn_selected;
	connection->alert_sent = UNITLS_ALERT_NONE;
	connection->verdict.depth = -1;
	if (context->role == UNITLS_ROLE_CLIENT)
		connection->peer_name = params->peer_name;
	if (setup_ssl(connection, context, params) < 0) {
		(void)libssl_error_internal(error, "cannot make a connection");
		libssl_connection_free(connection);
		return UNITLS_ERROR;
	}
	*ret_connection = connection;
	return 0;
}

void libssl_connection_free(void *argument)
{
	struct libssl_connection *connection = argument;

	if (!connection)
		return;
	if (connection->ssl)
		libssl_abandon(connection);
	SSL_free(connection->ssl);
	libssl_signature_release(&connection->signature);
	SSL_SESSION_free(connection->session);
	free(connection);
	libssl_error_clear();
}

/*
 * Failures ------------------------------------------------------------------------------------------------------------------
 */

/*
 * Sends the alert for what the library refuses without one (bytes that are no TLS). Only while nothing is encrypted yet, which is so before
 * a suite was chosen.
 */
static bool send_plain_alert(struct libssl_connection *connection, int alert)
{
	uint8_t record[7] = {0x15, 0x03, 0x03, 0x00, 0x02, SSL3_AL_FATAL, (uint8_t)alert};

	if (alert == UNITLS_ALERT_NONE || connection->alert_sent != UNITLS_ALERT_NONE ||
		!libssl_is_in_the_clear(connection->ssl))
		return false;
	if (unitls_transport_write(connection->pipe.transport, record, sizeof(record)) < sizeof(record))
		return false;
	connection->alert_sent = alert;
	return true;
}

/* The class of a failure on which the table has no opinion. After our close_notify the library sends no alert for what is the peer's
 * fault. */
static enum unitls_error_class class_of_alert(const struct libssl_connection *connection)
{
	bool ended = (SSL_get_shutdown(connection->ssl) & SSL_SENT_SHUTDOWN) != 0;

	if (connection->alert_sent == UNITLS_ALERT_INTERNAL_ERROR ||
		(connection->alert_sent == UNITLS_ALERT_NONE && !ended))
		return UNITLS_ERROR_CLASS_INTERNAL;
	return UNITLS_ERROR_CLASS_PROTOCOL;
}

static int fail_verify(struct libssl_connection *connection, enum unitls_verify_reason reason, int depth,
	uint32_t code, struct unitls_error *error)
{
	bool is_free = libssl_error_is_free(error);

	(void)unitls_error_set_verify(error, reason, depth);
	if (is_free) {
		libssl_error_sign(error, code);
		if (connection->alert_sent != UNITLS_ALERT_NONE)
			error->alert = connection->alert_sent;
	}
	return UNITLS_ERROR;
}

static int fail_protocol(
	struct libssl_connection *connection, struct libssl_failure failure, struct unitls_error *error)
{
	enum unitls_error_class error_class = failure.error_class;
	const char *before = send_plain_alert(connection, failure.alert) ? "the peer does not speak TLS: " : "";

	if (error_class == UNITLS_ERROR_CLASS_NONE)
		error_class = class_of_alert(connection);
	return unitls_error_set_alert(
		error, error_class, connection->alert_sent, "%s%s", before, libssl_failure_text(failure.code));
}

/*
 * A TLS 1.3 client that refuses the server's certificate may send its alert in the clear, as it has no keys of its own yet. A server that takes that
 * for a record it cannot decrypt would report the wrong thing.
 */
static void find_plain_alert(const struct libssl_connection *connection, struct libssl_failure *failure)
{
	int alert = libssl_pipe_last_alert(&connection->pipe);

	if (alert == UNITLS_ALERT_NONE || !SSL_in_init(connection->ssl) || !libssl_is_undecryptable(failure->code))
		return;
	failure->error_class = UNITLS_ERROR_CLASS_PEER_ALERT;
	failure->alert = alert;
}

/* Translates what the queue holds after a call failed for good. */
static int fail(struct libssl_connection *connection, struct unitls_error *error)
{
	struct libssl_failure failure = libssl_failure_take();
	const struct libssl_verdict *verdict = &connection->verdict;
	bool is_free = libssl_error_is_free(error);

	find_plain_alert(connection, &failure);
	if (failure.error_class == UNITLS_ERROR_CLASS_MEMORY || connection->pipe.transport->out_of_memory ||
		verdict->out_of_memory)
		return libssl_error_memory(error);
	if (connection->signature.failed)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_INTERNAL, connection->alert_sent,
			"the external key's signer failed");
	if (failure.error_class == UNITLS_ERROR_CLASS_VERIFY && verdict->reason != UNITLS_VERIFY_NONE)
		return fail_verify(connection, verdict->reason, verdict->depth,
			verdict->native_code ? (uint32_t)verdict->native_code : failure.code, error);
	if (failure.error_class == UNITLS_ERROR_CLASS_VERIFY)
		return fail_verify(connection, failure.verify_reason, -1, failure.code, error);
	/* Of all that has no word of its own in the table, only a certificate that cannot be decoded is answered so. */
	if (failure.error_class == UNITLS_ERROR_CLASS_NONE &&
		connection->alert_sent == UNITLS_ALERT_BAD_CERTIFICATE)
		return fail_verify(connection, UNITLS_VERIFY_MALFORMED, -1, failure.code, error);
	if (failure.error_class == UNITLS_ERROR_CLASS_PEER_ALERT)
		(void)unitls_error_set_alert(error, failure.error_class, failure.alert,
			"the peer sent the alert %s", unitls_alert_name(failure.alert));
	else
		(void)fail_protocol(connection, failure, error);
	if (is_free)
		libssl_error_sign(error, failure.code);
	return UNITLS_ERROR;
}

/* The status of a call that did not succeed. Leaves the queue empty. */
static int conclude(struct libssl_connection *connection, int result, struct unitls_error *error)
{
	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		libssl_error_clear();
		return unitls_transport_at_eof(connection->pipe.transport) ? UNITLS_RAGGED_EOF : UNITLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		libssl_error_clear();
		return UNITLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		libssl_error_clear();
		return UNITLS_EOF;
	default:
		return fail(connection, error);
	}
}

/*
 * The protocol --------------------------------------------------------------------------------------------------------------
 */

static int judge_handshake(struct libssl_connection *connection, struct unitls_error *error)
{
	const char *why = NULL;
	int alert = libssl_judge_handshake(connection->ssl, &why);
	bool is_free = libssl_error_is_free(error);

	libssl_error_clear();
	if (alert == UNITLS_ALERT_NONE)
		return 0;
	(void)unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, alert, "%s", why);
	if (is_free)
		libssl_error_sign(error, 0);
	return UNITLS_ERROR;
}

int libssl_connection_handshake(void *argument, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;
	int r;

	libssl_error_clear();
	result = libssl_handshake(connection);
	if (result == 1)
		return judge_handshake(connection, error);
	if (libssl_is_waiting(connection->ssl, result)) {
		libssl_error_clear();
		return UNITLS_WANT_APP;
	}
	r = conclude(connection, result, error);
	if (r != UNITLS_EOF)
		return r;
	/* A close_notify instead of a handshake: nothing came that could have been cut off, but nothing was agreed either. */
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PEER_ALERT, UNITLS_ALERT_CLOSE_NOTIFY,
		"the peer closed the connection within the handshake");
}

int libssl_connection_read(void *argument, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;

	libssl_error_clear();
	*ret_n = 0;
	result = libssl_read(connection->ssl, buffer, size, ret_n);
	if (result != 1)
		return conclude(connection, result, error);
	libssl_error_clear();
	return 0;
}

/* Until this is done SSL_shutdown may refuse, and a write may encrypt the data and still say WANT_WRITE. */
static int finish_own_message(struct libssl_connection *connection, struct unitls_error *error)
{
	int result = libssl_finish_own_message(connection->ssl);

	return result == 1 ? 0 : conclude(connection, result, error);
}

int libssl_connection_write(
	void *argument, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;
	int r;

	libssl_error_clear();
	*ret_n = 0;
	r = finish_own_message(connection, error);
	if (r != 0)
		return r;
	result = libssl_write(connection->ssl, data, size, ret_n);
	if (result != 1)
		r = conclude(connection, result, error);
	libssl_error_clear();
	if (r != UNITLS_WANT_WRITE)
		return r;
	/* The record may be half out: a retry with other bytes would send these instead. The core leaves room, so this is a bug. */
	r = unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "no room in the transport for a record");
	libssl_error_sign(error, 0);
	return r;
}

int libssl_connection_shutdown(void *argument, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;
	int r;

	libssl_error_clear();
	r = finish_own_message(connection, error);
	if (r != 0)
		return r;
	result = SSL_shutdown(connection->ssl);
	if (result < 0)
		return conclude(connection, result, error);
	libssl_error_clear();
	return 0;
}

/*
 * What is so ----------------------------------------------------------------------------------------------------------------
 */

size_t libssl_connection_pending(const void *argument)
{
	const struct libssl_connection *connection = argument;
	int n = SSL_pending(connection->ssl);

	return n > 0 ? (size_t)n : 0;
}

void libssl_connection_info(const void *argument, struct unitls_connection_info *ret_info)
{
	const struct libssl_connection *connection = argument;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(connection->ssl);
	const unsigned char *alpn = NULL;
	unsigned alpn_size = 0;

	SSL_get0_alpn_selected(connection->ssl, &alpn, &alpn_size);
	ret_info->version = (uint16_t)SSL_version(connection->ssl);
	ret_info->cipher_suite = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
	ret_info->alpn.data = alpn_size > 0 ? alpn : NULL;
	ret_info->alpn.size = alpn_size;
	ret_info->resumed = SSL_session_reused(connection->ssl) == 1;
	libssl_negotiated(connection->ssl, ret_info);
}

int libssl_connection_export_keys(void *argument, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;

	libssl_error_clear();
	result = SSL_export_keying_material(connection->ssl, ret_bytes, size, params->label, params->label_size,
		params->context.data, params->context.size, params->has_context);
	if (result != 1)
		return libssl_error_internal(error, "exports no keys");
	libssl_error_clear();
	return 0;
}

int libssl_connection_update_keys(void *argument, bool request, struct unitls_error *error)
{
	struct libssl_connection *connection = argument;
	int result;
	int r;

	libssl_error_clear();
	r = finish_own_message(connection, error);
	if (r != 0)
		return r;
	result = libssl_update_keys(connection->ssl, request);
	if (result != 1)
		return conclude(connection, result, error);
	libssl_error_clear();
	return 0;
}

struct unitls_bytes libssl_connection_ocsp_response(const void *argument)
{
	const struct libssl_connection *connection = argument;

	return libssl_ocsp_response(connection->ssl);
}

int libssl_connection_peer_chain(
	const void *connection_argument, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	const struct libssl_connection *connection = connection_argument;
	int r = libssl_peer_chain(connection->ssl, add, argument);

	libssl_error_clear();
	return r;
}

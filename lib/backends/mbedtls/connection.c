/*
 * A native connection. The handshake goes step by step, so that certificates are judged between two steps; after a failure exactly one fatal
 * alert has been written, the library's or ours.
 *
 * Quirks bridged here (2.28.3 and 3.6.6 alike): read returns 0 for a truncation and PEER_CLOSE_NOTIFY for a clean end; WANT_READ also comes for an
 * ignored alert while records are queued; a call that finds bytes of an earlier record unsent sends those and forgets its own.
 */
#include "backends/mbedtls/connection.h"

#include <stdlib.h>
#include <string.h>

#include "backends/mbedtls/ciphers.h"
#include "backends/mbedtls/compat.h"
#include "backends/mbedtls/error.h"
#include "backends/mbedtls/hello.h"
#include "backends/mbedtls/secrets.h"
#include "backends/mbedtls/session.h"
#include "backends/mbedtls/verify.h"

/* What the library says of a certificate with a critical extension that it does not know. */
#define UNKNOWN_CRITICAL (MBEDTLS_ERR_X509_INVALID_EXTENSIONS + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG)

/*
 * A server's own messages, as long as they are in the clear: in TLS 1.2 up to its ChangeCipherSpec, in TLS 1.3 those in records of their type. The library
 * hands over whole records, each once from its beginning.
 */
static void note_sent(struct mbed_connection *connection, const uint8_t *data, size_t size)
{
	if (connection->encrypts || connection->unsent > 0 || size <= MBED_RECORD_HEADER_SIZE)
		return;
	if (data[0] == MBED_CONTENT_CHANGE_CIPHER_SPEC && compat_version(&connection->ssl) < UNITLS_TLS_1_3)
		connection->encrypts = true;
	if (data[0] == MBED_CONTENT_HANDSHAKE)
		mbed_negotiated_note(&connection->negotiated,
			(struct unitls_bytes){data + MBED_RECORD_HEADER_SIZE, size - MBED_RECORD_HEADER_SIZE});
}

/* What a client has read with a step. */
static void note_received(struct mbed_connection *connection)
{
	if (connection->step == MBEDTLS_SSL_SERVER_HELLO || connection->step == MBEDTLS_SSL_SERVER_KEY_EXCHANGE ||
		connection->step == MBEDTLS_SSL_CERTIFICATE_VERIFY)
		mbed_negotiated_note(&connection->negotiated, compat_message(&connection->ssl));
}

static int on_send(void *argument, const unsigned char *data, size_t size)
{
	struct mbed_connection *connection = argument;
	size_t n = unitls_transport_write(connection->transport, data, size);
	int alert = mbed_records_follow(&connection->sent, data, n);

	if (connection->context->role == UNITLS_ROLE_SERVER)
		note_sent(connection, data, size);
	if (alert != MBED_ALERT_NONE)
		connection->alert_sent = alert;
	connection->unsent = size - n;
	if (n > 0)
		return (int)n;
	return connection->transport->out_of_memory ? MBEDTLS_ERR_SSL_ALLOC_FAILED : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int on_receive(void *argument, unsigned char *buffer, size_t size)
{
	struct mbed_connection *connection = argument;
	size_t n = unitls_transport_read(connection->transport, buffer, size);

	(void)mbed_records_follow(&connection->received, buffer, n);
	if (n > 0)
		return (int)n;
	if (unitls_transport_at_eof(connection->transport))
		return 0;
	connection->starved = true;
	return MBEDTLS_ERR_SSL_WANT_READ;
}

static void begin_call(struct mbed_connection *connection)
{
	connection->alert_sent = MBED_ALERT_NONE;
	connection->starved = false;
}

/* Whether the call should simply be made again: a ticket was taken in, or something was skipped while more is queued. */
static bool should_repeat(struct mbed_connection *connection, int native)
{
	if (compat_is_ticket(native)) {
		connection->has_ticket = true;
		return true;
	}
	return native == MBEDTLS_ERR_SSL_WANT_READ && !connection->starved;
}

/* Sends what an earlier call left in the library. With bytes unsent, send_alert_message sends these and no alert. */
static int flush(struct mbed_connection *connection)
{
	if (connection->unsent == 0)
		return 0;
	return mbedtls_ssl_send_alert_message(
		&connection->ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_USER_CANCELED);
}

static void send_fatal(struct mbed_connection *connection, int alert)
{
	/* The transport keeps room for an alert; should even that be full, the connection fails all the same. */
	(void)flush(connection);
	(void)mbedtls_ssl_send_alert_message(
		&connection->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char)alert);
}

/* The alert that the library sent for this failure; -1 when it sent none. */
static int library_alert(const struct mbed_connection *connection, int native, int usual)
{
	int own = compat_own_alert(&connection->ssl, native);

	if (connection->alert_sent >= 0)
		return connection->alert_sent;
	if (own >= 0)
		return own;
	if (connection->alert_sent != MBED_ALERT_HIDDEN)
		return MBED_ALERT_NONE;
	/* An encrypted alert: after the handshake it may also be the warning no_renegotiation, and the only fatal one is bad_record_mac. */
	if (connection->established && native != MBEDTLS_ERR_SSL_INVALID_MAC)
		return MBED_ALERT_NONE;
	return usual;
}

/* 2.28 calls a record that does not fit its buffer bad input. */
static bool is_overlong(const struct mbed_connection *connection, int native)
{
	return native == MBEDTLS_ERR_SSL_BAD_INPUT_DATA &&
		mbed_records_alert(&connection->received) == UNITLS_ALERT_RECORD_OVERFLOW;
}

/* Within the handshake the library has one code for a message that it cannot read and for a record of another kind in its place. */
static bool is_out_of_place(const struct mbed_connection *connection)
{
	int type = mbed_records_type(&connection->received);

	return !connection->established && type != 0 && type != MBED_CONTENT_HANDSHAKE;
}

static int fail(struct mbed_connection *connection, int native, struct unitls_error *error)
{
	int usual = mbed_error_alert(native);
	int alert;

	if (native == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return mbed_error_set(error, native, compat_peer_alert(&connection->ssl));
	if (native == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return mbed_error_set(error, native, UNITLS_ALERT_CLOSE_NOTIFY);
	/*
	 * A TLS 1.3 client that refuses the server's certificate may not have its keys yet, so its alert is in the clear, which a server of 3.6 takes for
	 * a record that it cannot decrypt.
	 */
	if (native == MBEDTLS_ERR_SSL_INVALID_MAC && !connection->established &&
		mbed_records_last_alert(&connection->received) >= 0)
		return mbed_error_set(error, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE,
			mbed_records_last_alert(&connection->received));
	if (native == MBEDTLS_ERR_SSL_INVALID_RECORD || is_overlong(connection, native))
		usual = mbed_records_alert(&connection->received);
	if (usual == UNITLS_ALERT_DECODE_ERROR && is_out_of_place(connection))
		usual = UNITLS_ALERT_UNEXPECTED_MESSAGE;
	alert = library_alert(connection, native, usual);
	if (alert < 0) {
		alert = usual;
		send_fatal(connection, alert);
	}
	(void)mbed_error_set(error, native, alert);
	if (error->error_class == UNITLS_ERROR_CLASS_VERIFY && native == UNKNOWN_CRITICAL &&
		mbed_verify_finds_name_constraints(compat_message(&connection->ssl)))
		error->verify_reason = UNITLS_VERIFY_NAME_CONSTRAINTS;
	return UNITLS_ERROR;
}

static int fail_verify(
	struct mbed_connection *connection, enum unitls_verify_reason reason, struct unitls_error *error)
{
	int alert = unitls_verify_alert(reason);

	/* certificate_required is TLS 1.3's (RFC 8446, 6.2; RFC 5246, 7.4.6 says handshake_failure). */
	if (reason == UNITLS_VERIFY_MISSING && compat_version(&connection->ssl) < UNITLS_TLS_1_3)
		alert = UNITLS_ALERT_HANDSHAKE_FAILURE;
	send_fatal(connection, alert);
	(void)unitls_error_set_verify(error, reason, connection->verdict.depth);
	error->alert = alert;
	return UNITLS_ERROR;
}

/* The status for what a native call returned; it may end the connection. */
static int finish_call(struct mbed_connection *connection, int native, struct unitls_error *error)
{
	switch (native) {
	case MBEDTLS_ERR_SSL_WANT_READ:
		return UNITLS_WANT_READ;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return UNITLS_WANT_WRITE;
	case MBEDTLS_ERR_SSL_CONN_EOF:
		connection->ended = UNITLS_RAGGED_EOF;
		return UNITLS_RAGGED_EOF;
	default:
		return fail(connection, native, error);
	}
}

static int configure(struct mbed_connection *connection, const struct unitls_connection_params *params)
{
	struct unitls_bytes alpn = params->alpn_selected;
	int ret;

	/*
	 * A copy by value: the library treats a configuration in use as constant, and this copy is never given to mbedtls_ssl_config_free, which would free
	 * what belongs to the context's.
	 */
	connection->config = connection->context->config;
	mbedtls_ssl_conf_verify(&connection->config, mbed_verify_certificate, connection);
	if (connection->context->role == UNITLS_ROLE_SERVER && alpn.size > 0) {
		if (alpn.size >= sizeof(connection->alpn))
			return MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
		memcpy(connection->alpn, alpn.data, alpn.size);
		connection->alpn_list[0] = connection->alpn;
		ret = mbedtls_ssl_conf_alpn_protocols(&connection->config, connection->alpn_list);
		if (ret != 0)
			return ret;
	}
	if (connection->context->tickets != NULL)
		mbed_tickets_setup(connection);
	ret = mbedtls_ssl_setup(&connection->ssl, &connection->config);
	if (ret != 0)
		return ret;
	mbed_secrets_watch(connection);
	mbedtls_ssl_set_bio(&connection->ssl, connection, on_send, on_receive, NULL);
	if (connection->context->role == UNITLS_ROLE_SERVER)
		return 0;
	/* Always said, also that there is none (CVE-2025-27809). The library checks the name too; the callback drops its opinion for the core's. */
	return mbedtls_ssl_set_hostname(&connection->ssl, params->server_name);
}

int mbed_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	struct mbed_connection *connection;
	int ret;

	connection = calloc(1, sizeof(*connection));
	if (connection == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	connection->context = context;
	connection->transport = params->transport;
	connection->peer_name = params->peer_name;
	connection->server_name = params->server_name;
	connection->verdict.depth = -1;
	connection->alert_sent = MBED_ALERT_NONE;
	mbedtls_ssl_init(&connection->ssl);
	ret = configure(connection, params);
	if (ret != 0) {
		mbed_connection_free(connection);
		return mbed_error_set(error, ret, UNITLS_ALERT_NONE);
	}
	*ret_connection = connection;
	return 0;
}

void mbed_connection_free(void *native)
{
	struct mbed_connection *connection = native;

	if (connection == NULL)
		return;
	mbedtls_ssl_free(&connection->ssl);
	mbed_tickets_free(connection);
	explicit_bzero(&connection->secrets, sizeof(connection->secrets));
	free(connection->suites);
	free(connection);
}

/*
 * A TLS 1.3 server of 3.6 that has sent its Finished goes on sending with the handshake's keys until it has the client's, and no client can read
 * an alert made so (RFC 8446, 4.4.4). The refusal then waits for the end of the handshake.
 */
static bool must_defer(const struct mbed_connection *connection)
{
	return connection->context->role == UNITLS_ROLE_SERVER &&
		compat_version(&connection->ssl) >= UNITLS_TLS_1_3 &&
		compat_state(&connection->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER;
}

/* Before the first step of a server, when the ClientHello is there. */
static int read_hello(struct mbed_connection *connection)
{
	struct unitls_bytes hello = unitls_transport_peek(connection->transport);

	if (connection->context->role != UNITLS_ROLE_SERVER || connection->hello_read)
		return 0;
	connection->hello_read = true;
	mbed_tickets_note_hello(connection, hello);
	if (!COMPAT_TLS_1_3)
		return 0;
	connection->fallback = mbed_hello_is_fallback(hello);
	connection->suites = mbed_ciphers_for_hello(connection->context->suites, hello);
	if (connection->suites == NULL)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	mbedtls_ssl_conf_ciphersuites(&connection->config, connection->suites);
	return 0;
}

/* Whether the version just negotiated is one that the client fell back to; 3.6 no longer looks at it. */
static bool is_downgrade(const struct mbed_connection *connection)
{
	return connection->fallback && compat_state(&connection->ssl) == MBEDTLS_SSL_SERVER_HELLO &&
		compat_version(&connection->ssl) < connection->context->max_version;
}

static int fail_mixed(struct mbed_connection *connection, struct unitls_error *error)
{
	send_fatal(connection, UNITLS_ALERT_HANDSHAKE_FAILURE);
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_HANDSHAKE_FAILURE,
		"the server resumes a session and changes its use of the extended master secret");
}

static int fail_downgrade(struct mbed_connection *connection, struct unitls_error *error)
{
	send_fatal(connection, UNITLS_ALERT_INAPPROPRIATE_FALLBACK);
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_INAPPROPRIATE_FALLBACK,
		"the client fell back to a version below what both have");
}

int mbed_connection_handshake(void *native, struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	enum unitls_verify_reason reason;
	int ret;

	ret = read_hello(connection);
	if (ret != 0)
		return finish_call(connection, ret, error);
	while (compat_state(&connection->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER) {
		connection->step = compat_state(&connection->ssl);
		if (connection->step == MBEDTLS_SSL_SERVER_CERTIFICATE)
			connection->full = true;
		begin_call(connection);
		ret = mbedtls_ssl_handshake_step(&connection->ssl);
		if (ret != 0 && !should_repeat(connection, ret))
			return finish_call(connection, ret, error);
		if (ret == 0 && connection->context->role == UNITLS_ROLE_CLIENT)
			note_received(connection);
		if (is_downgrade(connection))
			return fail_downgrade(connection, error);
		if (connection->step == MBEDTLS_SSL_SERVER_HELLO && mbed_session_is_mixed(connection))
			return fail_mixed(connection, error);
		reason = mbed_verify_step(connection);
		if (reason != UNITLS_VERIFY_NONE && !must_defer(connection))
			return fail_verify(connection, reason, error);
	}
	if (!mbed_verify_complete(connection))
		return fail_verify(connection, UNITLS_VERIFY_OTHER, error);
	connection->established = true;
	return 0;
}

int mbed_connection_read(void *native, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	int ret;

	*ret_n = 0;
	if (connection->ended != 0)
		return connection->ended;
	(void)flush(connection); /* what does not fit now goes with a later call */
	do {
		begin_call(connection);
		ret = mbedtls_ssl_read(&connection->ssl, buffer, size);
	} while (ret < 0 && should_repeat(connection, ret));
	if (ret > 0) {
		*ret_n = (size_t)ret;
		return 0;
	}
	if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
		connection->ended = UNITLS_EOF;
		return UNITLS_EOF;
	}
	return finish_call(connection, ret == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : ret, error);
}

/* Encrypts one record; how many bytes of data went into it, or the library's error. */
static int write_record(struct mbed_connection *connection, const uint8_t *data, size_t size)
{
	int max = mbedtls_ssl_get_max_out_record_payload(&connection->ssl);
	int ret;

	if (max < 0)
		return max;
	if (size > (size_t)max)
		size = (size_t)max;
	ret = mbedtls_ssl_write(&connection->ssl, data, size);
	/* The record is made and partly sent: its bytes are taken, and flush sends the rest. */
	if (ret == MBEDTLS_ERR_SSL_WANT_WRITE && connection->unsent > 0)
		return (int)size;
	return ret;
}

int mbed_connection_write(
	void *native, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	int ret;

	*ret_n = 0;
	begin_call(connection);
	do {
		ret = flush(connection);
		if (ret == 0)
			ret = write_record(connection, data + *ret_n, size - *ret_n);
		if (ret < 0 && !should_repeat(connection, ret))
			break;
		if (ret > 0)
			*ret_n += (size_t)ret;
	} while (*ret_n < size);
	if (*ret_n > 0)
		return 0;
	return finish_call(connection, ret, error);
}

int mbed_connection_shutdown(void *native, struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	int ret;

	begin_call(connection);
	ret = flush(connection);
	if (ret == 0 && !connection->closing) {
		connection->closing = true;
		ret = mbedtls_ssl_close_notify(&connection->ssl);
	}
	return ret == 0 ? 0 : finish_call(connection, ret, error);
}

size_t mbed_connection_pending(const void *native)
{
	const struct mbed_connection *connection = native;

	return mbedtls_ssl_get_bytes_avail(&connection->ssl);
}

void mbed_connection_info(const void *native, struct unitls_connection_info *ret_info)
{
	const struct mbed_connection *connection = native;
	const char *alpn = mbedtls_ssl_get_alpn_protocol(&connection->ssl);

	*ret_info = (struct unitls_connection_info){
		.version = compat_version(&connection->ssl),
		.cipher_suite = compat_cipher_suite(&connection->ssl),
		.resumed = !connection->full,
		.extended_master_secret = connection->negotiated.extended_master_secret,
		.group = connection->negotiated.group,
		.signature_scheme = connection->negotiated.signature_scheme,
	};
	if (alpn != NULL)
		ret_info->alpn = (struct unitls_bytes){(const uint8_t *)alpn, strlen(alpn)};
}

int mbed_connection_peer_chain(
	const void *native, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	const struct mbed_connection *connection = native;
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&connection->ssl);
	int ret;

	for (; crt != NULL && crt->raw.p != NULL; crt = crt->next) {
		ret = add(argument, (struct unitls_bytes){crt->raw.p, crt->raw.len});
		if (ret != 0)
			return ret;
	}
	return 0;
}

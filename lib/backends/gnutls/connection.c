/*
 * Quirks bridged here (3.7.9): the library leaves nearly all alerts to its caller; it says AGAIN also when only a record was skipped while more are there;
 * a ClientHello that came for a renegotiation stays in its buffer and is in the way of what follows; handshake records without content are queued without
 * end.
 */
#include "backends/gnutls/connection.h"

#include <stdlib.h>

#include "backends/gnutls/error.h"
#include "backends/gnutls/hello.h"
#include "backends/gnutls/key_log.h"
#include "backends/gnutls/numbers.h"
#include "backends/gnutls/suites.h"

/* Records in a row that bring neither data nor a message: empty ones, warnings, pieces. As many as OpenSSL takes. */
#define USELESS_RECORDS_MAX 32

/*
 * Callbacks ----------------------------------------------------------------------------------------------------------------
 */

int gtls_connection_on_verify(gnutls_session_t session)
{
	struct gtls_connection *connection = gnutls_session_get_ptr(session);

	connection->verdict = gtls_verify_peer(connection->context, session, connection->peer_name);
	if (connection->verdict.out_of_memory)
		return GNUTLS_E_MEMORY_ERROR;
	return connection->verdict.reason == UNITLS_VERIFY_NONE ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/* The library takes what it only reads as writable. */
static gnutls_ocsp_data_st *staple_of(const struct gtls_context *context)
{
	return (gnutls_ocsp_data_st *)(uintptr_t)&context->staple;
}

/* A client answers every request with what it has, whatever names the server lists: whether that is good enough is the server's to say. */
int gtls_connection_on_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_n_ocsp,
	gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
	const struct gtls_connection *connection = gnutls_session_get_ptr(session);
	const struct gtls_identity *identity = &connection->context->identity;

	(void)info;
	*ret_chain = identity->chain;
	*ret_n = identity->n_chain;
	*ret_ocsp = connection->context->staple.response.size > 0 ? staple_of(connection->context) : NULL;
	*ret_n_ocsp = *ret_ocsp ? 1 : 0;
	*ret_key = identity->key;
	*ret_flags = 0;
	return 0;
}

/* A message behind the handshake has come whole: a ticket or a KeyUpdate, of which the library itself takes 8 in a second. */
static int on_message(
	gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
	struct gtls_connection *connection = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)message;
	if (incoming)
		connection->last_use = connection->transport.received.complete;
	return 0;
}

/*
 * Creation -----------------------------------------------------------------------------------------------------------------
 */

/*
 * NO_AUTO_SEND_TICKET: the library sends two by itself. Rekeying by itself (after 2^24 records) stays: a cipher may not go on for ever, and the
 * transport has room for it.
 */
static unsigned session_flags(const struct gtls_context *context)
{
	unsigned flags = context->role == UNITLS_ROLE_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT;

	flags |= GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET;
	if (context->role == UNITLS_ROLE_SERVER && context->ticket_key.size == 0)
		flags |= GNUTLS_NO_TICKETS;
	return flags;
}

static int setup_client(struct gtls_connection *connection, const struct unitls_connection_params *params)
{
	const struct gtls_context *context = connection->context;
	gnutls_session_t session = connection->session;
	int ret;

	connection->peer_name = params->peer_name;
	ret = gnutls_priority_set(session, gtls_priorities_client(context->priorities));
	if (ret == 0 && params->server_name)
		ret = gnutls_server_name_set(
			session, GNUTLS_NAME_DNS, params->server_name, strlen(params->server_name));
	/* MANDATORY: an answer that was not offered ends the handshake. */
	if (ret == 0 && context->n_alpn > 0)
		ret = gnutls_alpn_set_protocols(session, context->alpn, context->n_alpn, GNUTLS_ALPN_MANDATORY);
	if (ret == 0)
		ret = gnutls_session_ticket_enable_client(session);
	if (ret == 0 && context->ocsp != UNITLS_OCSP_NONE)
		ret = gnutls_ocsp_status_request_enable_client(session, NULL, 0, NULL);
	return ret;
}

/* The suite waits for the hello. A missing certificate is for us to judge, so none is required of the library. */
static int setup_server(struct gtls_connection *connection, const struct unitls_connection_params *params)
{
	const struct gtls_context *context = connection->context;
	gnutls_session_t session = connection->session;
	gnutls_datum_t alpn = gtls_datum(params->alpn_selected);
	int ret = 0;

	gnutls_certificate_server_set_request(
		session, context->verify == UNITLS_VERIFY_MODE_NONE ? GNUTLS_CERT_IGNORE : GNUTLS_CERT_REQUEST);
	gnutls_certificate_send_x509_rdn_sequence(session, 0);
	if (alpn.size > 0)
		ret = gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
	if (ret == 0 && context->ticket_key.size > 0)
		ret = gnutls_session_ticket_enable_server(session, &context->ticket_key);
	return ret;
}

static int setup(struct gtls_connection *connection, const struct unitls_connection_params *params)
{
	const struct gtls_context *context = connection->context;
	int ret = gnutls_init(&connection->session, session_flags(context));

	if (ret < 0) {
		connection->session = NULL;
		return ret;
	}
	gnutls_session_set_ptr(connection->session, connection);
	gnutls_session_set_keylog_function(connection->session, gtls_key_log_on_secret);
	gtls_transport_attach(&connection->transport, params->transport, connection->session);
	ret = gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, context->trust->credentials);
	if (ret < 0)
		return ret;
	return context->role == UNITLS_ROLE_SERVER ? setup_server(connection, params)
						   : setup_client(connection, params);
}

int gtls_connection_new(void *argument, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	struct gtls_connection *connection = calloc(1, sizeof(*connection));
	int ret;

	if (!connection)
		return gtls_error_memory(error);
	connection->context = argument;
	connection->verdict.depth = -1;
	ret = setup(connection, params);
	if (ret < 0) {
		gtls_connection_free(connection);
		return gtls_error_set(error, ret, UNITLS_ALERT_NONE);
	}
	*ret_connection = connection;
	return 0;
}

void gtls_connection_free(void *argument)
{
	struct gtls_connection *connection = argument;

	if (!connection)
		return;
	if (connection->session)
		gnutls_deinit(connection->session);
	gtls_transport_fini(&connection->transport);
	free(connection);
}

/*
 * Failures -----------------------------------------------------------------------------------------------------------------
 */

static void send_alert(struct gtls_connection *connection, gnutls_alert_level_t level, int alert)
{
	/* A push takes all, so what can fail here is memory, and then the connection ends without an alert. */
	(void)gnutls_alert_send(connection->session, level, (gnutls_alert_description_t)alert);
}

static uint16_t version_of(const struct gtls_connection *connection)
{
	return gnutls_protocol_get_version(connection->session) == GNUTLS_TLS1_3 ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2;
}

static int fail_verify(struct gtls_connection *connection, enum unitls_verify_reason reason, int depth, int native,
	struct unitls_error *error)
{
	bool is_free = error->error_class == UNITLS_ERROR_CLASS_NONE;
	int alert = unitls_verify_alert(reason);

	/* certificate_required is TLS 1.3's (RFC 8446, 6.2; RFC 5246, 7.4.6 says handshake_failure). */
	if (reason == UNITLS_VERIFY_MISSING && version_of(connection) < UNITLS_TLS_1_3)
		alert = UNITLS_ALERT_HANDSHAKE_FAILURE;
	send_alert(connection, GNUTLS_AL_FATAL, alert);
	(void)unitls_error_set_verify(error, reason, depth);
	if (is_free) {
		error->alert = alert;
		error->native_code = native;
	}
	return UNITLS_ERROR;
}

/*
 * A TLS 1.3 client that refuses the server's certificate may not have its keys yet, so its alert is in the clear, which the library takes for a record
 * that it cannot decrypt.
 */
static int alert_in_the_clear(const struct gtls_connection *connection, int native)
{
	if (native != GNUTLS_E_DECRYPTION_FAILED || connection->established)
		return UNITLS_ALERT_NONE;
	return gtls_records_plain_alert(&connection->transport.received);
}

/* A server that answers with a suite that it was not offered is at fault; one that is offered none that it can use is not. */
static int alert_of(const struct gtls_connection *connection, int native)
{
	if (connection->context->role == UNITLS_ROLE_CLIENT &&
		(native == GNUTLS_E_NO_CIPHER_SUITES || native == GNUTLS_E_INSUFFICIENT_CREDENTIALS))
		return UNITLS_ALERT_ILLEGAL_PARAMETER;
	return gtls_error_alert(native);
}

static int fail(struct gtls_connection *connection, int native, struct unitls_error *error)
{
	const struct gtls_verdict *verdict = &connection->verdict;
	int alert = alert_of(connection, native);
	int plain = alert_in_the_clear(connection, native);

	if (plain != UNITLS_ALERT_NONE)
		return gtls_error_set(error, GNUTLS_E_FATAL_ALERT_RECEIVED, plain);

	if (native == GNUTLS_E_FATAL_ALERT_RECEIVED)
		return gtls_error_set(error, native, (int)gnutls_alert_get(connection->session));
	if (native == GNUTLS_E_SESSION_EOF)
		return gtls_error_set(error, native, UNITLS_ALERT_CLOSE_NOTIFY);
	if (connection->transport.core->out_of_memory)
		return gtls_error_memory(error);
	if (native == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR && verdict->reason != UNITLS_VERIFY_NONE)
		return fail_verify(connection, verdict->reason, verdict->depth, 0, error);
	if (native == GNUTLS_E_PK_SIGN_FAILED) {
		send_alert(connection, GNUTLS_AL_FATAL, UNITLS_ALERT_INTERNAL_ERROR);
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_INTERNAL, UNITLS_ALERT_INTERNAL_ERROR,
			"the private key did not sign");
	}
	if (native == GNUTLS_E_NO_CERTIFICATE_FOUND || native == GNUTLS_E_CERTIFICATE_REQUIRED)
		return fail_verify(connection, UNITLS_VERIFY_MISSING, -1, native, error);
	send_alert(connection, GNUTLS_AL_FATAL, alert);
	return gtls_error_set(error, native, alert);
}

/* Whether the same call is to be made again: something was passed over while more is there. */
static bool should_repeat(const struct gtls_connection *connection, int native)
{
	if (native == GNUTLS_E_WARNING_ALERT_RECEIVED)
		return true;
	return (native == GNUTLS_E_AGAIN || native == GNUTLS_E_INTERRUPTED) && !connection->transport.starved;
}

/* The status of a call that did not succeed. */
static int conclude(struct gtls_connection *connection, int native, struct unitls_error *error)
{
	if (native != GNUTLS_E_AGAIN && native != GNUTLS_E_INTERRUPTED)
		return fail(connection, native, error);
	if (!unitls_transport_at_eof(connection->transport.core))
		return UNITLS_WANT_READ;
	connection->ended = UNITLS_RAGGED_EOF;
	return UNITLS_RAGGED_EOF;
}

/*
 * The handshake ------------------------------------------------------------------------------------------------------------
 */

/* Before the first step of a server, when the ClientHello is there as one record. */
static int choose_suite(struct gtls_connection *connection)
{
	const struct gtls_context *context = connection->context;
	struct gtls_hello hello;
	int ret;

	if (connection->started || context->role == UNITLS_ROLE_CLIENT)
		return 0;
	gtls_hello_read(unitls_transport_peek(connection->transport.core), &hello);
	ret = gnutls_priority_set(connection->session,
		gtls_priorities_server(context->priorities, &hello, context->identity.algorithm));
	connection->started = ret == 0;
	return ret;
}

/* One for each connection. */
static int send_ticket(struct gtls_connection *connection)
{
	if (connection->context->ticket_key.size == 0 || version_of(connection) < UNITLS_TLS_1_3)
		return 0;
	return gnutls_session_ticket_send(connection->session, 1, 0);
}

/* Nobody is let in whom the callback has not seen. */
static bool is_verified(const struct gtls_connection *connection)
{
	const struct gtls_context *context = connection->context;

	/* A session was verified when it was made, and the core keeps it to what it was made for. */
	if (context->verify == UNITLS_VERIFY_MODE_NONE || gnutls_session_is_resumed(connection->session))
		return true;
	if (connection->verdict.judged)
		return connection->verdict.reason == UNITLS_VERIFY_NONE;
	return context->verify == UNITLS_VERIFY_MODE_OPTIONAL &&
		gnutls_certificate_get_peers(connection->session, NULL) == NULL;
}

int gtls_connection_handshake(void *argument, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;
	int ret;

	if (!gtls_transport_flush(&connection->transport))
		return UNITLS_WANT_WRITE;
	ret = choose_suite(connection);
	if (ret < 0)
		return conclude(connection, ret, error);
	do {
		connection->transport.starved = false;
		ret = gnutls_handshake(connection->session);
	} while (ret < 0 && should_repeat(connection, ret));
	if (ret < 0)
		return conclude(connection, ret, error);
	if (!is_verified(connection))
		return fail_verify(connection, UNITLS_VERIFY_OTHER, -1, 0, error);
	connection->established = true;
	connection->last_use = connection->transport.received.complete;
	gnutls_handshake_set_hook_function(
		connection->session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, on_message);
	ret = send_ticket(connection);
	return ret < 0 ? conclude(connection, ret, error) : 0;
}

/*
 * Data ---------------------------------------------------------------------------------------------------------------------
 */

/* The peer of a TLS 1.2 connection wants another handshake: it is told that there is none (RFC 5246, 7.2.2), and the connection goes on. */
static void refuse_renegotiation(struct gtls_connection *connection)
{
	connection->refused_hello = connection->context->role == UNITLS_ROLE_SERVER;
	if (!connection->closing)
		send_alert(connection, GNUTLS_AL_WARNING, UNITLS_ALERT_NO_RENEGOTIATION);
}

/* As gnutls_record_recv, without what is none of our caller's business, and not for ever. */
static ssize_t receive(struct gtls_connection *connection, uint8_t *buffer, size_t size)
{
	const struct gtls_records *received = &connection->transport.received;

	for (;;) {
		ssize_t ret;

		connection->transport.starved = false;
		ret = gnutls_record_recv(connection->session, buffer, size);
		if (ret > 0)
			connection->last_use = received->complete;
		if (received->complete - connection->last_use > USELESS_RECORDS_MAX)
			return GNUTLS_E_TOO_MANY_EMPTY_PACKETS;
		if (ret == GNUTLS_E_UNEXPECTED_PACKET && connection->refused_hello)
			connection->refused_hello = false; /* the library has thrown it away now */
		else if (ret == GNUTLS_E_REHANDSHAKE)
			refuse_renegotiation(connection);
		else if (ret >= 0 || !should_repeat(connection, (int)ret))
			return ret;
	}
}

int gtls_connection_read(void *argument, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;
	ssize_t ret;

	*ret_n = 0;
	if (connection->ended != 0)
		return connection->ended;
	/* While answers of ours find no room, no more is taken in that would make further ones. */
	if (!gtls_transport_flush(&connection->transport) && gtls_connection_pending(connection) == 0)
		return UNITLS_WANT_WRITE;
	ret = receive(connection, buffer, size);
	if (ret < 0)
		return conclude(connection, (int)ret, error);
	if (ret == 0) {
		connection->ended = UNITLS_EOF;
		return UNITLS_EOF;
	}
	*ret_n = (size_t)ret;
	return 0;
}

int gtls_connection_write(
	void *argument, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;

	*ret_n = 0;
	if (!gtls_transport_flush(&connection->transport))
		return UNITLS_WANT_WRITE;
	/* More than one record where the peer takes smaller ones only (RFC 8449). */
	while (*ret_n < size) {
		ssize_t ret = gnutls_record_send(connection->session, data + *ret_n, size - *ret_n);

		if (ret <= 0)
			return fail(connection, ret == 0 ? GNUTLS_E_INTERNAL_ERROR : (int)ret, error);
		*ret_n += (size_t)ret;
	}
	return 0;
}

int gtls_connection_shutdown(void *argument, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;
	int ret;

	if (!gtls_transport_flush(&connection->transport))
		return UNITLS_WANT_WRITE;
	ret = gnutls_bye(connection->session, GNUTLS_SHUT_WR);
	if (ret < 0)
		return fail(connection, ret, error);
	connection->closing = true;
	return 0;
}

/*
 * What is so ---------------------------------------------------------------------------------------------------------------
 */

size_t gtls_connection_pending(const void *argument)
{
	const struct gtls_connection *connection = argument;

	return gnutls_record_check_pending(connection->session);
}

void gtls_connection_info(const void *argument, struct unitls_connection_info *ret_info)
{
	const struct gtls_connection *connection = argument;
	gnutls_session_t session = connection->session;
	uint16_t version = version_of(connection);
	gnutls_datum_t alpn = {NULL, 0};

	*ret_info = (struct unitls_connection_info){
		.version = version,
		.cipher_suite = gtls_suite_number(
			version, gnutls_kx_get(session), gnutls_cipher_get(session), gnutls_mac_get(session)),
		.resumed = gnutls_session_is_resumed(session) != 0,
		.extended_master_secret = gnutls_session_ext_master_secret_status(session) != 0,
	};
	/* A session of TLS 1.2 remembers the group that it was made with, though nothing is exchanged when it is resumed. */
	if (version != UNITLS_TLS_1_2 || !ret_info->resumed)
		ret_info->group = gtls_group_number(gnutls_group_get(session));
	if (!ret_info->resumed)
		ret_info->signature_scheme =
			gtls_signature_scheme((gnutls_sign_algorithm_t)gnutls_sign_algorithm_get(session));
	if (gnutls_alpn_get_selected_protocol(session, &alpn) == 0)
		ret_info->alpn = (struct unitls_bytes){alpn.data, alpn.size};
}

int gtls_connection_peer_chain(
	const void *argument, int (*add)(void *argument, struct unitls_bytes der), void *add_argument)
{
	const struct gtls_connection *connection = argument;
	unsigned n = 0;
	const gnutls_datum_t *ders = gnutls_certificate_get_peers(connection->session, &n);
	int status = 0;

	for (unsigned i = 0; status == 0 && ders && i < n; i++)
		status = add(add_argument, (struct unitls_bytes){ders[i].data, ders[i].size});
	return status;
}

int gtls_connection_export_keys(void *argument, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error)
{
	const struct gtls_connection *connection = argument;
	int ret = gnutls_prf_rfc5705(connection->session, params->label_size, params->label, params->context.size,
		params->has_context ? (const char *)params->context.data : NULL, size, (char *)ret_bytes);

	return ret < 0 ? gtls_error_set(error, ret, UNITLS_ALERT_NONE) : 0;
}

int gtls_connection_update_keys(void *argument, bool request, struct unitls_error *error)
{
	struct gtls_connection *connection = argument;
	int ret;

	if (!gtls_transport_flush(&connection->transport))
		return UNITLS_WANT_WRITE;
	ret = gnutls_session_key_update(connection->session, request ? GNUTLS_KU_PEER : 0);
	return ret < 0 ? fail(connection, ret, error) : 0;
}

struct unitls_bytes gtls_connection_ocsp_response(const void *argument)
{
	const struct gtls_connection *connection = argument;
	gnutls_datum_t response = {NULL, 0};

	/* A client of the library always asks for one: the flag against that takes the extended master secret along. */
	if (connection->context->ocsp == UNITLS_OCSP_NONE ||
		gnutls_ocsp_status_request_get(connection->session, &response) < 0)
		return (struct unitls_bytes){NULL, 0};
	return (struct unitls_bytes){response.data, response.size};
}

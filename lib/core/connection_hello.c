/*
 * The server's side before a native object exists: the ClientHello is read, judged and decided upon, and the native object made from exactly the context and
 * identity that were chosen. After a HelloRetryRequest the second hello is held back and judged, too.
 */
#include "core/connection.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

#define TLS_FALLBACK_SCSV 0x5600 /* RFC 7507 */

/* The random of a ServerHello that is a HelloRetryRequest: SHA-256("HelloRetryRequest") (RFC 8446, 4.1.3). */
static const char hello_retry_random[] = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
					 "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
#define RANDOM_SIZE (sizeof(hello_retry_random) - 1)

_Static_assert(RANDOM_SIZE == 32, "a random of TLS has 32 octets");

static void send_plain_alert(struct unitls_connection *connection, int alert)
{
	const uint8_t record[] = {21, 3, 3, 0, 2, 2, (uint8_t)alert};

	(void)unitls_transport_write(
		&connection->transport, record, sizeof(record)); /* without memory nothing can be sent */
}

/* A failure found by the core before anything is encrypted: the alert goes out as plain text. */
static int fail_with_alert(
	struct unitls_connection *connection, const struct unitls_error *details, struct unitls_error *error)
{
	if (details->alert != UNITLS_ALERT_NONE && details->error_class != UNITLS_ERROR_CLASS_PEER_ALERT)
		send_plain_alert(connection, details->alert);
	return unitls_connection_fail(connection, UNITLS_ERROR, details, error);
}

/* Takes the place of the connection's own context. */
static void switch_context(struct unitls_connection *connection, struct unitls_server_context *context)
{
	if (!context || context == connection->server_context)
		return;
	(void)unitls_server_context_ref(context);
	unitls_server_context_unref(connection->server_context);
	connection->server_context = context;
}

/*
 * RFC 7507, 3: a client that says it fell back to an older version, and could have had a newer one, is being tampered with. Judged here because not every
 * library does.
 */
static int check_fallback(const struct unitls_settings *settings, const struct unitls_client_hello *hello,
	struct unitls_error *error)
{
	uint16_t suite;

	for (size_t i = 0; unitls_client_hello_cipher_suite_at(hello, i, &suite); i++)
		if (suite == TLS_FALLBACK_SCSV &&
			!unitls_client_hello_offers_version(hello, settings->max_version))
			return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL,
				UNITLS_ALERT_INAPPROPRIATE_FALLBACK,
				"the client fell back to an older version of TLS");
	return UNITLS_OK;
}

/* The hello is accepted: chooses identity and ALPN, and makes the native object. */
static int accept_hello(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_selection selection;
	int status;

	if (connection->hello->offers_session)
		atomic_fetch_add_explicit(
			&unitls_connection_counters(connection)->offered, 1, memory_order_relaxed);
	status = check_fallback(
		unitls_server_context_settings(connection->server_context), connection->hello, &details);
	if (status == UNITLS_OK)
		status = unitls_server_context_select(
			connection->server_context, connection->hello, &selection, &details);
	if (status == UNITLS_OK)
		status = unitls_server_context_identity(
			connection->server_context, selection.chain, &connection->identity, &details);
	if (status == UNITLS_OK)
		status = unitls_connection_start_native(connection, selection.alpn_selected, &details);
	if (status < 0) {
		if (details.alert == UNITLS_ALERT_NONE)
			details.alert = UNITLS_ALERT_INTERNAL_ERROR;
		return fail_with_alert(connection, &details, error);
	}
	connection->filter = FILTER_WATCH;
	connection->transport.incoming_visible = connection->hello_reader.parsed;
	connection->hello_reader = (struct unitls_hello_reader){.which = UNITLS_HELLO_SECOND};
	return UNITLS_OK;
}

static int reject_hello(struct unitls_connection *connection, int alert, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;

	(void)unitls_error_set_alert(&details, UNITLS_ERROR_CLASS_LOCAL_ALERT, alert,
		"refused by the application: %s", unitls_alert_name(alert));
	return fail_with_alert(connection, &details, error);
}

int unitls_connection_act_on_decision(struct unitls_connection *connection, enum unitls_hello_decision decision,
	struct unitls_server_context *context, int alert, struct unitls_error *error)
{
	switch (decision) {
	case UNITLS_HELLO_WAIT:
		connection->state = STATE_DECISION;
		return UNITLS_WANT_APP;
	case UNITLS_HELLO_REJECT:
		return reject_hello(connection, alert, error);
	case UNITLS_HELLO_ACCEPT:
		break;
	}
	switch_context(connection, context);
	return accept_hello(connection, error);
}

static int ask_application(struct unitls_connection *connection, struct unitls_error *error)
{
	const struct unitls_settings *settings = unitls_server_context_settings(connection->server_context);
	struct unitls_server_context *context = NULL;
	int alert = UNITLS_ALERT_UNRECOGNIZED_NAME;
	enum unitls_hello_decision decision;

	if (!settings->hello_callback)
		return accept_hello(connection, error);
	connection->decision = UNITLS_HELLO_WAIT;
	connection->state = STATE_DECISION;
	decision = settings->hello_callback(
		settings->hello_argument, connection, connection->hello, &context, &alert);
	/* The application may have decided from within the callback by unitls_connection_decide_hello and then said WAIT. */
	if (decision == UNITLS_HELLO_WAIT && connection->decision != UNITLS_HELLO_WAIT)
		return unitls_connection_act_on_decision(connection, connection->decision,
			connection->decided_context, connection->decided_alert, error);
	return unitls_connection_act_on_decision(connection, decision, context, alert, error);
}

static int keep_server_name(struct unitls_connection *connection)
{
	const char *name = unitls_client_hello_server_name(connection->hello);

	if (!name)
		return UNITLS_OK;
	connection->server_name = strdup(name);
	return connection->server_name ? UNITLS_OK : UNITLS_ERROR;
}

/* STATE_HELLO: gets the hello together, parses it, has it decided. */
int unitls_connection_read_first_hello(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_bytes message;
	int status;

	status = unitls_hello_reader_step(&connection->hello_reader, &connection->transport, &message, &details);
	if (status == UNITLS_WANT_READ && connection->transport.incoming_eof)
		return unitls_connection_fail_truncated(connection, error);
	if (status > 0)
		return status;
	if (status == UNITLS_OK)
		status = unitls_client_hello_parse(message.data, message.size, &connection->hello, &details);
	if (status == UNITLS_OK && keep_server_name(connection) < 0)
		status = unitls_error_set_alert(&details, UNITLS_ERROR_CLASS_MEMORY, UNITLS_ALERT_INTERNAL_ERROR,
			"no memory for a server name");
	if (status < 0)
		return fail_with_alert(connection, &details, error);
	return ask_application(connection, error);
}

/* RFC 8446, 4.1.2: the second hello differs only in what the retry asked for. A changed name would escape the choice already made. */
static int check_second_hello(const struct unitls_client_hello *first, const struct unitls_client_hello *second,
	struct unitls_error *error)
{
	if (first->has_server_name != second->has_server_name ||
		strcmp(first->server_name, second->server_name) != 0)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER,
			"the second ClientHello has another server name");
	if (first->has_alpn != second->has_alpn || !unitls_bytes_equal(first->alpn, second->alpn))
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER,
			"the second ClientHello has another ALPN list");
	return UNITLS_OK;
}

/* FILTER_SECOND: 0 when the backend may go on, which it may also for a record that is no handshake. */
int unitls_connection_read_second_hello(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_client_hello *second = NULL;
	struct unitls_transport *transport = &connection->transport;
	struct unitls_bytes message;
	int status;

	if (transport->incoming_visible > 0)
		return UNITLS_OK;
	status = unitls_hello_reader_step(&connection->hello_reader, transport, &message, &details);
	if (status == UNITLS_EOF)
		return UNITLS_OK;
	if (status == UNITLS_WANT_READ)
		return transport->incoming_eof ? unitls_connection_fail_truncated(connection, error) : status;
	if (status == UNITLS_OK)
		status = unitls_client_hello_parse(message.data, message.size, &second, &details);
	if (status == UNITLS_OK)
		status = check_second_hello(connection->hello, second, &details);
	unitls_client_hello_free(second);
	if (status < 0)
		return fail_with_alert(connection, &details, error);
	connection->filter = FILTER_PASS;
	transport->incoming_visible = unitls_buffer_size(&transport->incoming);
	return UNITLS_OK;
}

/* FILTER_WATCH: the first octets that the native server sends tell whether it asked for a second hello. */
void unitls_connection_watch_first_flight(struct unitls_connection *connection)
{
	struct unitls_transport *transport = &connection->transport;
	struct unitls_bytes flight = unitls_connection_peek_outgoing(connection);
	const size_t random_at = UNITLS_RECORD_HEADER_SIZE + 4 + 2;

	if (flight.size == 0)
		return;
	if (flight.size >= random_at + RANDOM_SIZE && flight.data[0] == 22 && flight.data[5] == 2 &&
		memcmp(flight.data + random_at, hello_retry_random, RANDOM_SIZE) == 0) {
		connection->filter = FILTER_SECOND;
		return;
	}
	connection->filter = FILTER_PASS;
	transport->incoming_visible = unitls_buffer_size(&transport->incoming);
}

int unitls_connection_decide_hello(struct unitls_connection *connection, enum unitls_hello_decision decision,
	struct unitls_server_context *context, int alert, struct unitls_error *error)
{
	if (connection->state != STATE_DECISION || connection->decision != UNITLS_HELLO_WAIT)
		return unitls_error_set(
			error, UNITLS_ERROR_CLASS_USAGE, "no decision on a ClientHello is pending");
	if (decision == UNITLS_HELLO_WAIT)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "WAIT is no decision");
	connection->decision = decision;
	connection->decided_context = context ? unitls_server_context_ref(context) : NULL;
	connection->decided_alert = alert;
	return UNITLS_OK;
}

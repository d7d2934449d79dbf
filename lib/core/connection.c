/*
 * The sans-I/O connection: drives one backend object between two buffers, and keeps the promises of <unitls/connection.h> for all backends.
 *
 * Invariants: a native object exists exactly in the states HANDSHAKE and OPEN and, after a failure, until the connection is freed. The backend
 * sees only what was judged (transport.incoming_visible). An error or the end is remembered and answered again; the backend is not called after it.
 */
#include "core/connection.h"

#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/buffer.h"
#include "core/session.h"

/* Errors ------------------------------------------------------------------------------------------------------------------- */

static void give_error(struct unitls_error *to, const struct unitls_error *from)
{
	if (to && to->error_class == UNITLS_ERROR_CLASS_NONE)
		*to = *from;
}

struct unitls_counters *unitls_connection_counters(const struct unitls_connection *connection)
{
	if (connection->client_context)
		return unitls_client_context_counters(connection->client_context);
	return unitls_server_context_counters(connection->server_context);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Remembers a failure and answers it. What came in is of no use any more. */
int unitls_connection_fail(struct unitls_connection *connection, int status, const struct unitls_error *details,
	struct unitls_error *error)
{
	if (connection->version == 0)
		count(&unitls_connection_counters(connection)->failed);
	connection->state = STATE_FAILED;
	connection->failure_status = status;
	connection->failure = malloc(sizeof(*connection->failure));
	if (connection->failure)
		*connection->failure = *details;
	unitls_buffer_clear(&connection->transport.incoming);
	connection->transport.incoming_visible = 0;
	give_error(error, details);
	return status;
}

static int answer_failure(const struct unitls_connection *connection, struct unitls_error *error)
{
	if (connection->failure)
		give_error(error, connection->failure);
	else
		(void)unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory to keep the first error");
	return connection->failure_status;
}

int unitls_connection_fail_truncated(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;

	(void)unitls_error_set(&details, UNITLS_ERROR_CLASS_IO, "the peer ended the connection %s",
		connection->state == STATE_OPEN ? "without close_notify: data may be missing"
						: "within the handshake");
	return unitls_connection_fail(connection, UNITLS_RAGGED_EOF, &details, error);
}

/*
 * What a backend call answered, made uniform: a want at the end of the transport is a truncation, whatever the library thinks of it; an
 * allocation that failed under it is a failure.
 */
static int settle(
	struct unitls_connection *connection, int status, struct unitls_error *details, struct unitls_error *error)
{
	struct unitls_transport *transport = &connection->transport;

	unitls_buffer_release_if_empty(&transport->incoming);
	if (transport->out_of_memory) {
		*details = (struct unitls_error)UNITLS_ERROR_INIT;
		(void)unitls_error_set(details, UNITLS_ERROR_CLASS_MEMORY, "no memory for outgoing data");
		return unitls_connection_fail(connection, UNITLS_ERROR, details, error);
	}
	if (status == UNITLS_WANT_READ && unitls_transport_at_eof(transport))
		return unitls_connection_fail_truncated(connection, error);
	if (status == UNITLS_RAGGED_EOF)
		return unitls_connection_fail_truncated(connection, error);
	if (status >= 0)
		return status;
	if (details->backend[0] == '\0')
		memcpy(details->backend, connection->ops->name,
			strnlen(connection->ops->name, sizeof(details->backend) - 1));
	return unitls_connection_fail(connection, status, details, error);
}

static int usage(struct unitls_error *error, const char *what)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "%s", what);
}

/* Making and freeing --------------------------------------------------------------------------------------------------------- */

int unitls_connection_start_native(
	struct unitls_connection *connection, struct unitls_bytes alpn_selected, struct unitls_error *error)
{
	struct unitls_connection_params params = {
		.transport = &connection->transport,
		.peer_name = connection->peer_name,
		.server_name = connection->client_context ? connection->server_name : NULL,
		.alpn_selected = alpn_selected,
	};
	int status;

	connection->ops = connection->identity->ops;
	status =
		connection->ops->connection_new(connection->identity->native, &params, &connection->native, error);
	if (status < 0)
		return status;
	connection->state = STATE_HANDSHAKE;
	return UNITLS_OK;
}

static int take_peer_name(
	struct unitls_connection *connection, const struct unitls_peer_name *name, struct unitls_error *error)
{
	struct unitls_backend *backend = unitls_client_context_backend(connection->client_context);
	bool is_address = name->type == UNITLS_PEER_NAME_IPV4 || name->type == UNITLS_PEER_NAME_IPV6;

	if (name->type == UNITLS_PEER_NAME_NONE)
		return usage(error, "a client connection needs a peer name");
	if (is_address && !(unitls_backend_capabilities(backend)->bits & UNITLS_CAP_IP_NAMES))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "server_name",
			"%s cannot verify an IP address", unitls_backend_name(backend));
	connection->peer_name = malloc(sizeof(*connection->peer_name));
	if (!connection->peer_name)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	*connection->peer_name = *name;
	if (!is_address && connection->peer_name->text[0] != '\0') {
		connection->server_name = strdup(connection->peer_name->text);
		if (!connection->server_name)
			return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	}
	return UNITLS_OK;
}

int unitls_client_connection_new(struct unitls_client_context *context, const struct unitls_peer_name *peer_name,
	struct unitls_connection **ret_connection, struct unitls_error *error)
{
	struct unitls_connection *connection = calloc(1, sizeof(*connection));
	struct unitls_error details =
		UNITLS_ERROR_INIT; /* a backend always gets a record, the caller may have none */
	int status;

	if (!connection)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	connection->client_context = unitls_client_context_ref(context);
	connection->filter = FILTER_PASS;
	status = take_peer_name(connection, peer_name, &details);
	if (status < 0)
		goto out;
	connection->identity = unitls_client_context_identity(context);
	status = unitls_connection_start_native(connection, (struct unitls_bytes){NULL, 0}, &details);
	if (status < 0)
		goto out;
	*ret_connection = connection;
	return UNITLS_OK;
out:
	give_error(error, &details);
	unitls_connection_free(connection);
	return status;
}

int unitls_server_connection_new(struct unitls_server_context *context, struct unitls_connection **ret_connection,
	struct unitls_error *error)
{
	struct unitls_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a connection");
	connection->server_context = unitls_server_context_ref(context);
	connection->state = STATE_HELLO;
	connection->decided_alert = UNITLS_ALERT_UNRECOGNIZED_NAME;
	*ret_connection = connection;
	return UNITLS_OK;
}

void unitls_connection_free(struct unitls_connection *connection)
{
	if (!connection)
		return;
	for (size_t i = 0; i < connection->n_peer_chain; i++)
		unitls_certificate_unref(connection->peer_chain[i]);
	free(connection->peer_chain);
	if (connection->native)
		connection->ops->connection_free(connection->native);
	unitls_identity_unref(connection->identity);
	unitls_client_context_unref(connection->client_context);
	unitls_server_context_unref(connection->server_context);
	unitls_server_context_unref(connection->decided_context);
	unitls_client_hello_free(connection->hello);
	unitls_session_unref(connection->offered);
	unitls_buffer_clear(&connection->transport.incoming);
	unitls_buffer_clear(&connection->transport.outgoing);
	free(connection->peer_name);
	free(connection->server_name);
	free(connection->failure);
	free(connection);
}

/* Ciphertext in ------------------------------------------------------------------------------------------------------------ */

/* After a failure or the end nobody will look at what comes in: it is taken and dropped. */
static bool drops_incoming(const struct unitls_connection *connection)
{
	return connection->eof || connection->state == STATE_FAILED || connection->state == STATE_CLOSED;
}

static void added_incoming(struct unitls_connection *connection, size_t n)
{
	struct unitls_transport *transport = &connection->transport;

	transport->incoming.tail += n;
	if (drops_incoming(connection)) {
		unitls_buffer_clear(&transport->incoming);
		transport->incoming_visible = 0;
	} else if (connection->filter == FILTER_PASS) {
		transport->incoming_visible += n;
	}
}

void unitls_connection_receive(struct unitls_connection *connection, const void *data, size_t size, size_t *ret_n)
{
	struct unitls_buffer *incoming = &connection->transport.incoming;
	size_t room = UNITLS_INCOMING_LIMIT_BYTES - unitls_buffer_size(incoming);
	size_t n = size < room ? size : room;

	*ret_n = 0;
	if (drops_incoming(connection)) {
		*ret_n = size;
		return;
	}
	if (n == 0 || unitls_buffer_reserve(incoming, n, UNITLS_INCOMING_LIMIT_BYTES) < 0)
		return;
	memcpy(incoming->data + incoming->tail, data, n);
	added_incoming(connection, n);
	*ret_n = n;
}

/* How much to offer for reading: what is cheap while little is expected, all that may be held once data flows. */
static size_t wanted_room(const struct unitls_connection *connection, size_t room)
{
	size_t wanted = connection->state == STATE_OPEN ? UNITLS_INCOMING_LIMIT_BYTES : 4096;
	size_t held_room = connection->transport.incoming.capacity - connection->transport.incoming.tail;

	if (wanted < held_room)
		wanted = held_room;
	return wanted < room ? wanted : room;
}

int unitls_connection_reserve_incoming(
	struct unitls_connection *connection, uint8_t **ret_data, size_t *ret_size, struct unitls_error *error)
{
	struct unitls_buffer *incoming = &connection->transport.incoming;
	size_t room = UNITLS_INCOMING_LIMIT_BYTES - unitls_buffer_size(incoming);

	if (room == 0)
		return usage(error, "the incoming buffer is full");
	if (unitls_buffer_reserve(incoming, wanted_room(connection, room), UNITLS_INCOMING_LIMIT_BYTES) < 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for incoming data");
	*ret_data = incoming->data + incoming->tail;
	*ret_size = incoming->capacity - incoming->tail;
	return UNITLS_OK;
}

void unitls_connection_commit_incoming(struct unitls_connection *connection, size_t n)
{
	added_incoming(connection, n);
	unitls_buffer_release_if_empty(&connection->transport.incoming);
}

void unitls_connection_receive_eof(struct unitls_connection *connection)
{
	connection->transport.incoming_eof = true;
}

/* Ciphertext out ----------------------------------------------------------------------------------------------------------- */

struct unitls_bytes unitls_connection_peek_outgoing(const struct unitls_connection *connection)
{
	const struct unitls_buffer *outgoing = &connection->transport.outgoing;
	struct unitls_bytes bytes = {NULL, 0};

	if (outgoing->tail > outgoing->head) {
		bytes.data = outgoing->data + outgoing->head;
		bytes.size = outgoing->tail - outgoing->head;
	}
	return bytes;
}

void unitls_connection_consume_outgoing(struct unitls_connection *connection, size_t n)
{
	unitls_buffer_consume(&connection->transport.outgoing, n);
}

/* The handshake -------------------------------------------------------------------------------------------------------------- */

static bool alpn_was_offered(const struct unitls_connection *connection, struct unitls_bytes name)
{
	const struct unitls_settings *settings = unitls_client_context_settings(connection->client_context);

	for (size_t i = 0; i < settings->n_alpn; i++)
		if (unitls_bytes_equal(settings->alpn[i], name))
			return true;
	return false;
}

static int refuse_alpn(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;

	(void)unitls_error_set(
		&details, UNITLS_ERROR_CLASS_PROTOCOL, "the server chose an ALPN protocol that was not offered");
	return unitls_connection_fail(connection, UNITLS_ERROR, &details, error);
}

/* The native handshake is complete: keeps what was negotiated, lets go of what is needed no more. */
static int complete(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_connection_info info = {0};

	connection->ops->info(connection->native, &info);
	if (!info.resumed) {
		unitls_session_unref(connection->offered);
		connection->offered = NULL;
	}
	/* Before there is a version: until then a failure counts as one of the handshake. */
	if (connection->client_context && info.alpn.size > 0 && !alpn_was_offered(connection, info.alpn))
		return refuse_alpn(connection, error);
	connection->version = info.version;
	connection->cipher_suite = info.cipher_suite;
	connection->alpn = info.alpn;
	connection->resumed = info.resumed;
	connection->extended_master_secret = info.version != UNITLS_TLS_1_2 || info.extended_master_secret;
	connection->group = info.group;
	connection->signature_scheme = info.signature_scheme;
	count(info.resumed ? &unitls_connection_counters(connection)->resumed
			   : &unitls_connection_counters(connection)->full);
	unitls_client_hello_free(connection->hello);
	connection->hello = NULL;
	connection->state = STATE_OPEN;
	return UNITLS_OK;
}

static int native_handshake(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_transport *transport = &connection->transport;
	size_t visible;
	int status;

	connection->asked = true;
	for (;;) {
		if (connection->filter == FILTER_SECOND) {
			status = unitls_connection_read_second_hello(connection, error);
			if (status != UNITLS_OK)
				return status;
		}
		visible = transport->incoming_visible;
		status = connection->ops->handshake(connection->native, &details);
		if (connection->filter == FILTER_WATCH)
			unitls_connection_watch_first_flight(connection);
		if (status == UNITLS_OK) {
			unitls_buffer_release_if_empty(&transport->incoming);
			return complete(connection, error);
		}
		/* Judging the next record may have made something visible: the backend wants it. */
		if (status != UNITLS_WANT_READ || unitls_buffer_size(&transport->incoming) == 0 ||
			(transport->incoming_visible == visible && visible > 0))
			return settle(connection, status, &details, error);
		if (connection->filter != FILTER_SECOND && transport->incoming_visible == 0)
			return settle(connection, status, &details, error);
	}
}

int unitls_connection_handshake(struct unitls_connection *connection, struct unitls_error *error)
{
	int status = UNITLS_OK;

	switch (connection->state) {
	case STATE_OPEN:
		return UNITLS_OK;
	case STATE_FAILED:
		return answer_failure(connection, error);
	case STATE_CLOSED:
		return usage(error, "the connection was shut down");
	case STATE_HELLO:
		status = unitls_connection_read_first_hello(connection, error);
		break;
	case STATE_DECISION:
		if (connection->decision == UNITLS_HELLO_WAIT)
			return UNITLS_WANT_APP;
		status = unitls_connection_act_on_decision(connection, connection->decision,
			connection->decided_context, connection->decided_alert, error);
		break;
	case STATE_HANDSHAKE:
		break;
	}
	if (status != UNITLS_OK)
		return status;
	return native_handshake(connection, error);
}

/* Plaintext ------------------------------------------------------------------------------------------------------------------ */

/* 0 when plaintext may flow. */
static int check_open(const struct unitls_connection *connection, struct unitls_error *error)
{
	if (connection->state == STATE_FAILED)
		return answer_failure(connection, error);
	if (connection->state == STATE_CLOSED)
		return usage(error, "the connection was shut down");
	if (connection->state != STATE_OPEN)
		return usage(error, "the handshake is not complete");
	return UNITLS_OK;
}

/* Whether one direction can go on when the other has ended. */
static bool has_half_close(const struct unitls_connection *connection)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(unitls_connection_backend(connection));

	return (can->bits & UNITLS_CAP_HALF_CLOSE) != 0;
}

/*
 * Whether a read could only say WANT_READ. Callers read until it does, and libraries take long to say so; whoever asks again has the library asked, so
 * nothing that one keeps back for itself can be stuck.
 */
static bool is_drained(const struct unitls_connection *connection)
{
	const struct unitls_transport *transport = &connection->transport;

	return unitls_buffer_size(&transport->incoming) == 0 && !unitls_transport_at_eof(transport) &&
		connection->ops->pending(connection->native) == 0;
}

int unitls_connection_read(
	struct unitls_connection *connection, void *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	int status;

	*ret_n = 0;
	if (connection->eof)
		return UNITLS_EOF;
	status = check_open(connection, error);
	if (status != UNITLS_OK)
		return status;
	if (size == 0)
		return usage(error, "a read of no bytes");
	if (connection->write_ended && !has_half_close(connection))
		return UNITLS_EOF;
	if (connection->reading && is_drained(connection)) {
		connection->reading = false;
		return UNITLS_WANT_READ;
	}
	status = connection->ops->read(connection->native, buffer, size, ret_n, &details);
	connection->reading = status == UNITLS_OK;
	if (status == UNITLS_EOF) {
		connection->eof = true;
		/* Without half-close the library has answered with its own close_notify. */
		connection->write_ended = connection->write_ended || !has_half_close(connection);
		unitls_buffer_clear(&connection->transport.incoming);
		connection->transport.incoming_visible = 0;
		return UNITLS_EOF;
	}
	return settle(connection, status, &details, error);
}

#define RECORD_OVERHEAD_MAX (UNITLS_RECORD_CIPHERTEXT_MAX - UNITLS_RECORD_PLAINTEXT_MAX)

/* Room for all records of a write at once, or as many as are held, so that it does not grow with each. Without memory the first record tells. */
static void expect(struct unitls_connection *connection, size_t size)
{
	struct unitls_buffer *outgoing = &connection->transport.outgoing;
	size_t held = unitls_buffer_size(outgoing);
	size_t room = UNITLS_OUTGOING_LIMIT_BYTES > held ? UNITLS_OUTGOING_LIMIT_BYTES - held : 0;
	size_t records = size / UNITLS_RECORD_PLAINTEXT_MAX + 1;

	if (size <= UNITLS_RECORD_PLAINTEXT_MAX)
		return;
	if (size < room && records * RECORD_OVERHEAD_MAX < room - size)
		room = size + records * RECORD_OVERHEAD_MAX;
	(void)unitls_buffer_reserve(outgoing, room, UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES);
}

/* Room for one record with n bytes of plaintext, below the limit; made now, so that the library's write cannot be cut short. */
static int make_room(struct unitls_connection *connection, size_t n, struct unitls_error *error)
{
	struct unitls_buffer *outgoing = &connection->transport.outgoing;
	size_t record = n + RECORD_OVERHEAD_MAX;
	struct unitls_error details = UNITLS_ERROR_INIT;

	if (unitls_buffer_size(outgoing) + record > UNITLS_OUTGOING_LIMIT_BYTES)
		return UNITLS_WANT_WRITE;
	if (unitls_buffer_reserve(outgoing, record, UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_OUTGOING_SLACK_BYTES) ==
		0)
		return UNITLS_OK;
	(void)unitls_error_set(&details, UNITLS_ERROR_CLASS_MEMORY, "no memory for outgoing data");
	return unitls_connection_fail(connection, UNITLS_ERROR, &details, error);
}

/* One record. */
static int write_record(struct unitls_connection *connection, const uint8_t *data, size_t n, size_t *ret_n,
	struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	int status = make_room(connection, n, error);

	*ret_n = 0;
	if (status != UNITLS_OK)
		return status;
	status = connection->ops->write(connection->native, data, n, ret_n, &details);
	unitls_buffer_release_if_empty(&connection->transport.outgoing);
	return settle(connection, status, &details, error);
}

int unitls_connection_write(struct unitls_connection *connection, const void *data, size_t size, size_t *ret_n,
	struct unitls_error *error)
{
	size_t done = 0;
	int status;

	*ret_n = 0;
	status = check_open(connection, error);
	if (status != UNITLS_OK)
		return status;
	if (connection->write_ended && connection->eof && !has_half_close(connection))
		return usage(error, "write after the end, which without half-close is that of both directions");
	if (connection->write_ended)
		return usage(error, "write after shutdown");
	expect(connection, size);
	while (done < size && status == UNITLS_OK) {
		size_t n = size - done < UNITLS_RECORD_PLAINTEXT_MAX ? size - done : UNITLS_RECORD_PLAINTEXT_MAX;
		size_t taken;

		/* An error after some records were taken is sticky: the next call reports it. */
		status =
			write_record(connection, (const uint8_t *)data + done, n, &taken, done > 0 ? NULL : error);
		done += taken;
	}
	*ret_n = done;
	return done > 0 ? UNITLS_OK : status;
}

int unitls_connection_shutdown(struct unitls_connection *connection, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	int status;

	if (connection->state == STATE_FAILED)
		return answer_failure(connection, error);
	if (connection->write_ended || connection->state == STATE_CLOSED)
		return UNITLS_OK;
	if (connection->state != STATE_OPEN) {
		connection->state = STATE_CLOSED;
		return UNITLS_OK;
	}
	status = connection->ops->shutdown(connection->native, &details);
	status = settle(connection, status, &details, error);
	if (status == UNITLS_OK)
		connection->write_ended = true;
	return status;
}

int unitls_connection_update_keys(struct unitls_connection *connection, bool request, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	int status = check_open(connection, error);

	if (status != UNITLS_OK)
		return status;
	if (connection->write_ended)
		return usage(error, "a KeyUpdate after shutdown");
	if (connection->version < UNITLS_TLS_1_3 || !connection->ops->update_keys)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "%s",
			connection->version < UNITLS_TLS_1_3 ? "TLS 1.2 has no KeyUpdate"
							     : "the backend sends no KeyUpdate");
	status = make_room(connection, 0, error);
	if (status != UNITLS_OK)
		return status;
	status = connection->ops->update_keys(connection->native, request, &details);
	unitls_buffer_release_if_empty(&connection->transport.outgoing);
	return settle(connection, status, &details, error);
}

/* What is so ----------------------------------------------------------------------------------------------------------------- */

size_t unitls_connection_incoming_size(const struct unitls_connection *connection)
{
	return unitls_buffer_size(&connection->transport.incoming);
}

size_t unitls_connection_outgoing_size(const struct unitls_connection *connection)
{
	return unitls_buffer_size(&connection->transport.outgoing);
}

size_t unitls_connection_pending(const struct unitls_connection *connection)
{
	return connection->state == STATE_OPEN && !connection->eof ? connection->ops->pending(connection->native)
								   : 0;
}

const struct unitls_client_hello *unitls_connection_client_hello(const struct unitls_connection *connection)
{
	return connection->hello;
}

bool unitls_connection_hello_accepted(const struct unitls_connection *connection)
{
	return connection->native != NULL;
}

bool unitls_connection_handshake_done(const struct unitls_connection *connection)
{
	return connection->version != 0;
}

uint16_t unitls_connection_cipher(const struct unitls_connection *connection)
{
	return connection->cipher_suite;
}

uint16_t unitls_connection_negotiated_tls_version(const struct unitls_connection *connection)
{
	return connection->version;
}

struct unitls_bytes unitls_connection_negotiated_protocol(const struct unitls_connection *connection)
{
	return connection->alpn;
}

const char *unitls_connection_server_name(const struct unitls_connection *connection)
{
	return connection->server_name;
}

/* Appends one certificate of the peer; one that the core cannot read ends the list. */
static int add_peer_certificate(void *argument, struct unitls_bytes der)
{
	struct unitls_connection *connection = argument;
	size_t n = connection->n_peer_chain;
	struct unitls_certificate **chain = realloc(connection->peer_chain, (n + 1) * sizeof(*chain));

	if (!chain)
		return UNITLS_ERROR;
	connection->peer_chain = chain;
	if (unitls_certificate_from_mem(der.data, der.size, &chain[n], NULL) < 0)
		return UNITLS_ERROR;
	connection->n_peer_chain++;
	return UNITLS_OK;
}

struct unitls_certificate *unitls_connection_peer_certificate(struct unitls_connection *connection, size_t i)
{
	if (!connection->native || connection->version == 0)
		return NULL;
	/* No certificate is sent again then, and what a library keeps of a chain in a session differs. */
	if (connection->offered)
		return unitls_session_peer_certificate(connection->offered, i);
	if (!connection->peer_chain_known) {
		connection->peer_chain_known = true;
		(void)connection->ops->peer_chain(
			connection->native, add_peer_certificate, connection); /* a shorter list says it */
	}
	return i < connection->n_peer_chain ? connection->peer_chain[i] : NULL;
}

uint16_t unitls_connection_group(const struct unitls_connection *connection)
{
	return connection->group;
}

uint16_t unitls_connection_signature_scheme(const struct unitls_connection *connection)
{
	return connection->signature_scheme;
}

struct unitls_bytes unitls_connection_ocsp_response(const struct unitls_connection *connection)
{
	if (!connection->client_context || connection->version == 0 || !connection->ops->ocsp_response)
		return (struct unitls_bytes){NULL, 0};
	return connection->ops->ocsp_response(connection->native);
}

bool unitls_connection_resumed(const struct unitls_connection *connection)
{
	return connection->resumed;
}

struct unitls_client_context *unitls_connection_client_context(const struct unitls_connection *connection)
{
	return connection->client_context;
}

struct unitls_server_context *unitls_connection_server_context(const struct unitls_connection *connection)
{
	return connection->server_context;
}

struct unitls_backend *unitls_connection_backend(const struct unitls_connection *connection)
{
	if (connection->client_context)
		return unitls_client_context_backend(connection->client_context);
	return unitls_server_context_backend(connection->server_context);
}

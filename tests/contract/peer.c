/*
 * Against a peer with keys that does what it should not: KeyUpdates, requests after the handshake, renegotiation, protocols that nobody offered.
 */
#include "tests/contract/helpers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/contract/peer/peer.h"

#define FLOOD         3000
#define EMPTY_RECORDS 100 /* more than any library passes over */
#define KEY_UPDATE    24  /* the message (RFC 8446, 4) */

/* Loaded on first use, beside the suite's program; NULL: this build has none. */
const struct peer_ops *peer_module(void)
{
	static const struct peer_ops *ops;
	static bool tried;
	char path[4096];
	ssize_t n;
	void *module;

	if (tried)
		return ops;
	tried = true;
	n = readlink("/proc/self/exe", path, sizeof(path) - 20);
	if (n < 0)
		return NULL;
	(void)snprintf(path + n, sizeof(path) - (size_t)n, "-peer.so");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module)
		ops = dlsym(module, PEER_SYMBOL);
	return ops;
}

/* One of our connections and the peer. */
struct meeting {
	const struct peer_ops *ops;
	struct peer *peer;
	struct end end;
	enum end_name our_end;
	struct cut cut;
	uint64_t random;
};

static void meeting_close(struct meeting *meeting)
{
	unitls_connection_free(meeting->end.connection);
	free(meeting->end.received);
	if (meeting->ops)
		meeting->ops->free(meeting->peer);
	memset(meeting, 0, sizeof(*meeting));
}

static enum outcome meeting_open(struct meeting *meeting, const struct pair *pair, enum end_name our_end,
	const struct want *want, const char *alpn, unsigned tickets, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct peer_params params = {.server = our_end == CLIENT,
		.version = pair->version,
		.name = "server.example",
		.alpn = alpn,
		.tickets = tickets};
	struct unitls_peer_name name;

	memset(meeting, 0, sizeof(*meeting));
	meeting->ops = peer_module();
	if (!meeting->ops)
		return contract_not_applicable("no peer module in this build");
	meeting->cut = *cut;
	meeting->random = cut->seed;
	meeting->our_end = our_end;
	if (params.server) {
		params.certificate = pki_path("server.pem");
		params.key = pki_path("server.key");
	}
	meeting->peer = meeting->ops->make(&params);
	CHECK(meeting->peer != NULL);
	if (our_end == CLIENT) {
		struct unitls_client_context *context = contract_client(pair, want, &error);

		CHECK(context != NULL);
		CHECK_EQUAL(unitls_peer_name_parse("server.example", &name, &error), UNITLS_OK);
		CHECK_EQUAL(
			unitls_client_connection_new(context, &name, &meeting->end.connection, &error), UNITLS_OK);
	} else {
		struct unitls_server_context *context = contract_server(pair, want, &error);

		CHECK(context != NULL);
		CHECK_EQUAL(unitls_server_connection_new(context, &meeting->end.connection, &error), UNITLS_OK);
	}
	meeting->end.error = meeting->end.read_error = (struct unitls_error)UNITLS_ERROR_INIT;
	return OUTCOME_PASSED;
}

/* What the peer has to say comes to us, in pieces, each of them read at once when reading. */
static void from_peer(struct meeting *meeting, bool reading)
{
	uint8_t buffer[20000];
	size_t n;

	while ((n = meeting->ops->take(meeting->peer, buffer, sizeof(buffer))) > 0)
		for (size_t at = 0; at < n;) {
			size_t piece = n - at;
			size_t taken;

			if (meeting->cut.kind == CUT_ONE_BYTE)
				piece = 1;
			else if (meeting->cut.kind == CUT_RANDOM)
				piece = 1 + (size_t)(contract_random(&meeting->random) % piece);
			unitls_connection_receive(meeting->end.connection, buffer + at, piece, &taken);
			at += taken;
			if (reading || taken == 0)
				link_read(&meeting->end);
		}
	if (reading)
		link_read(&meeting->end);
}

static void to_peer(struct meeting *meeting)
{
	struct unitls_bytes out;

	while (out = unitls_connection_peek_outgoing(meeting->end.connection), out.size > 0) {
		size_t n = out.size < 16384 ? out.size : 16384;

		meeting->ops->give(meeting->peer, out.data, n);
		unitls_connection_consume_outgoing(meeting->end.connection, n);
	}
}

static void meeting_handshake(struct meeting *meeting)
{
	int done = 0;

	for (int turn = 0; turn < 20; turn++) {
		struct end *end = &meeting->end;

		if (end->status >= 0)
			end->status = unitls_connection_handshake(end->connection, &end->error);
		to_peer(meeting);
		if (done >= 0)
			done = meeting->ops->handshake(meeting->peer);
		from_peer(meeting, false);
	}
	(void)done;
}

static enum outcome meeting_connect(struct meeting *meeting)
{
	meeting_handshake(meeting);
	if (meeting->end.status != UNITLS_OK)
		return contract_failed(
			__FILE__, __LINE__, "%s", error_text(meeting->end.status, &meeting->end.error));
	CHECK_EQUAL(meeting->ops->handshake(meeting->peer), 1);
	link_read(&meeting->end);
	return OUTCOME_PASSED;
}

/* Data both ways, still. */
static enum outcome meeting_talk(struct meeting *meeting)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t buffer[64];
	size_t before = meeting->end.n_received;
	size_t n;

	CHECK_EQUAL(meeting->ops->write(meeting->peer, "from the peer", 13), 13);
	from_peer(meeting, true);
	if (meeting->end.read_status < 0)
		return contract_failed(
			__FILE__, __LINE__, "%s", error_text(meeting->end.read_status, &meeting->end.read_error));
	CHECK_EQUAL(meeting->end.n_received - before, 13);
	CHECK_EQUAL(unitls_connection_write(meeting->end.connection, "to the peer", 11, &n, &error), UNITLS_OK);
	to_peer(meeting);
	CHECK_EQUAL(meeting->ops->read(meeting->peer, buffer, sizeof(buffer)), 11);
	return OUTCOME_PASSED;
}

typedef enum outcome (*meeting_steps)(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut);

/* The steps with us as the client, then as the server. */
static enum outcome both_roles(meeting_steps steps, const struct pair *pair, const struct cut *cut)
{
	for (int role = CLIENT; role <= SERVER; role++) {
		struct meeting meeting;
		enum outcome outcome;

		memset(&meeting, 0, sizeof(meeting));
		outcome = steps(&meeting, pair, (enum end_name)role, cut);
		meeting_close(&meeting);
		if (outcome != OUTCOME_PASSED)
			return outcome == OUTCOME_FAILED
				? contract_within(outcome, role == CLIENT ? "as client" : "as server")
				: outcome;
	}
	return OUTCOME_PASSED;
}

/* Our end has failed: its alert reaches the peer. */
static enum outcome refusal_arrives(struct meeting *meeting, int alert)
{
	bool fatal = false;
	uint8_t buffer[16];

	to_peer(meeting);
	(void)meeting->ops->read(meeting->peer, buffer, sizeof(buffer));
	CHECK_EQUAL(meeting->ops->alert(meeting->peer, &fatal), alert);
	CHECK(fatal);
	return OUTCOME_PASSED;
}

/* A library without KeyUpdate ends the connection at one of the peer, whatever is in it. */
static bool refuses_key_updates(const struct meeting *meeting, const struct contract_backend *backend)
{
	return (backend->capabilities->bits & UNITLS_CAP_KEY_UPDATE) == 0 &&
		meeting->end.read_status == UNITLS_ERROR &&
		meeting->end.read_error.error_class == UNITLS_ERROR_CLASS_PROTOCOL &&
		meeting->end.read_error.alert == UNITLS_ALERT_UNEXPECTED_MESSAGE;
}

/* ---- KeyUpdate --------------------------------------------------------------------------------------------------------- */

static enum outcome key_update_steps(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut)
{
	static uint8_t big[300000];
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_connection *connection;
	size_t done = 0;
	size_t got = 0;
	size_t n;

	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){0}, NULL, 2, cut));
	CHECK_PASSED(meeting_connect(meeting));
	connection = meeting->end.connection;
	/* A read that makes output: the answer. */
	CHECK(meeting->ops->key_update(meeting->peer, true));
	from_peer(meeting, true);
	if (refuses_key_updates(meeting, our_end == CLIENT ? pair->client : pair->server))
		return refusal_arrives(meeting, UNITLS_ALERT_UNEXPECTED_MESSAGE);
	CHECK_EQUAL(meeting->end.read_status, UNITLS_WANT_READ);
	CHECK_EQUAL(meeting->end.n_received, 0);
	CHECK_PASSED(meeting_talk(meeting));
	CHECK_EQUAL(meeting->ops->key_updates(meeting->peer), 1);
	/* One that asks for none. */
	CHECK(meeting->ops->key_update(meeting->peer, false));
	CHECK_PASSED(meeting_talk(meeting));
	CHECK_EQUAL(meeting->ops->key_updates(meeting->peer), 1);
	/* While a write is pending, and with data behind it in one feed (openssl#8677, #12485). */
	CHECK_EQUAL(unitls_connection_write(connection, big, sizeof(big), &n, &error), UNITLS_OK);
	done = n;
	CHECK(done < sizeof(big));
	CHECK(meeting->ops->key_update(meeting->peer, true));
	CHECK_EQUAL(meeting->ops->write(meeting->peer, "behind", 6), 6);
	n = meeting->end.n_received;
	from_peer(meeting, true);
	CHECK_EQUAL(meeting->end.n_received - n, 6);
	while (done < sizeof(big)) {
		static uint8_t sink[20000];
		int r;

		to_peer(meeting);
		while ((r = meeting->ops->read(meeting->peer, sink, sizeof(sink))) > 0)
			got += (size_t)r;
		CHECK_EQUAL(r, 0);
		CHECK_EQUAL(got, done);
		CHECK_EQUAL(unitls_connection_write(connection, big + done, sizeof(big) - done, &n, &error),
			UNITLS_OK);
		done += n;
	}
	return OUTCOME_PASSED;
}

static enum outcome key_update(const struct pair *pair, const struct cut *cut)
{
	if (pair->version != UNITLS_TLS_1_3)
		return contract_not_applicable("TLS 1.2 has no KeyUpdate");
	return both_roles(key_update_steps, pair, cut);
}

static enum outcome flood_steps(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut)
{
	const size_t most = UNITLS_OUTGOING_LIMIT_BYTES + 65536;

	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){0}, NULL, 1, cut));
	CHECK_PASSED(meeting_connect(meeting));
	/* The peer takes none of the answers. */
	for (int i = 0; i < FLOOD && meeting->end.read_status >= 0; i++) {
		if (!meeting->ops->key_update(meeting->peer, true))
			break;
		from_peer(meeting, true);
		CHECK(unitls_connection_outgoing_size(meeting->end.connection) <= most);
		CHECK(unitls_connection_incoming_size(meeting->end.connection) <= UNITLS_INCOMING_LIMIT_BYTES);
		if (meeting->end.read_status == UNITLS_WANT_WRITE)
			break; /* nothing more is taken in before the answers are out: that is the bound */
	}
	if (meeting->end.read_status < 0)
		return OUTCOME_PASSED; /* an end is a bound as well */
	to_peer(meeting);
	link_read(&meeting->end);
	to_peer(meeting);
	return meeting_talk(meeting);
}

static enum outcome flood(const struct pair *pair, const struct cut *cut)
{
	if (pair->version != UNITLS_TLS_1_3)
		return contract_not_applicable("TLS 1.2 has no KeyUpdate");
	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	return both_roles(flood_steps, pair, cut);
}

/* ---- After the handshake ------------------------------------------------------------------------------------------------- */

/* Messages and records that have no place behind the handshake of TLS 1.3: refused with the right alert, which arrives. */
static const struct {
	const char *what;
	enum end_name us;
	uint8_t type;
	uint8_t data[32];
	size_t size;
	int alert;
} misplaced[] = {
	/* RFC 8446, 4.6.2: the client did not offer post_handshake_auth. */
	{"CertificateRequest", CLIENT, 22, {13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3}, 15,
		UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"CertificateRequest to a server", SERVER, 22, {13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3}, 15,
		UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"HelloRequest", CLIENT, 22, {0, 0, 0, 0}, 4, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"ClientHello", SERVER, 22, {1, 0, 0, 4, 3, 3, 0, 0}, 8, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"Finished again", CLIENT, 22, {20, 0, 0, 4, 1, 2, 3, 4}, 8, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"NewSessionTicket to a server", SERVER, 22, {4, 0, 0, 4, 1, 2, 3, 4}, 8, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"malformed ticket", CLIENT, 22, {4, 0, 0, 4, 1, 2, 3, 4}, 8, UNITLS_ALERT_DECODE_ERROR},
	{"KeyUpdate of a third kind", CLIENT, 22, {KEY_UPDATE, 0, 0, 1, 2}, 5, UNITLS_ALERT_ILLEGAL_PARAMETER},
	{"KeyUpdate of a third kind", SERVER, 22, {KEY_UPDATE, 0, 0, 1, 2}, 5, UNITLS_ALERT_ILLEGAL_PARAMETER},
	{"empty handshake record", SERVER, 22, {0}, 0, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"unknown content", CLIENT, 99, {1}, 1, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	{"encrypted change_cipher_spec", CLIENT, 20, {1}, 1, UNITLS_ALERT_UNEXPECTED_MESSAGE},
};

/* RFC 8446, 4.6.3 wants illegal_parameter for a KeyUpdate of another kind; some libraries take it for one that they cannot read. */
static bool is_right_alert(size_t i, int expected, int alert)
{
	return alert == expected || (misplaced[i].data[0] == KEY_UPDATE && alert == UNITLS_ALERT_DECODE_ERROR);
}

/* Passed over, and so many of them still end the connection. */
static enum outcome empty_records(struct meeting *meeting, size_t i)
{
	for (int n = 0; n < EMPTY_RECORDS && meeting->end.read_status == UNITLS_WANT_READ; n++) {
		CHECK_EQUAL(meeting->end.n_received, 0);
		CHECK(meeting->ops->send_record(meeting->peer, misplaced[i].type, NULL, 0));
		from_peer(meeting, true);
	}
	CHECK_EQUAL(meeting->end.read_status, UNITLS_ERROR);
	CHECK_EQUAL(meeting->end.read_error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	return OUTCOME_PASSED;
}

/* What a library passes over although it has to refuse it. */
static const struct {
	const char *what;
	const char *backend;
} overlooked[] = {
	{"encrypted change_cipher_spec", "mbedtls"}, /* 3.6; RFC 8446, 5 */
};

static bool is_overlooked(size_t i, const struct contract_backend *backend)
{
	for (size_t k = 0; k < sizeof(overlooked) / sizeof(overlooked[0]); k++)
		if (strcmp(overlooked[k].what, misplaced[i].what) == 0 &&
			strcmp(overlooked[k].backend, backend->name) == 0)
			return true;
	return false;
}

static enum outcome misplaced_case(
	struct meeting *meeting, const struct pair *pair, size_t i, const struct cut *cut)
{
	const struct contract_backend *backend = misplaced[i].us == CLIENT ? pair->client : pair->server;
	int expected = misplaced[i].alert;
	int alert;

	CHECK_PASSED(
		meeting_open(meeting, pair, misplaced[i].us, &(struct want){.no_tickets = true}, NULL, 0, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK(meeting->ops->send_record(meeting->peer, misplaced[i].type, misplaced[i].data, misplaced[i].size));
	from_peer(meeting, true);
	/* RFC 8446, 5.4 wants an end at once for a record without content; some libraries pass over a bounded number of them. */
	if (misplaced[i].size == 0 && meeting->end.read_status == UNITLS_WANT_READ)
		return empty_records(meeting, i);
	if (is_overlooked(i, backend)) {
		CHECK_EQUAL(meeting->end.read_status, UNITLS_WANT_READ);
		return OUTCOME_PASSED;
	}
	if (misplaced[i].data[0] == KEY_UPDATE && refuses_key_updates(meeting, backend))
		expected = UNITLS_ALERT_UNEXPECTED_MESSAGE;
	alert = meeting->end.read_error.alert;
	if (meeting->end.read_status != UNITLS_ERROR ||
		meeting->end.read_error.error_class != UNITLS_ERROR_CLASS_PROTOCOL ||
		!is_right_alert(i, expected, alert))
		return contract_failed(__FILE__, __LINE__, "not refused with alert %s: %s",
			unitls_alert_name(expected),
			error_text(meeting->end.read_status, &meeting->end.read_error));
	return refusal_arrives(meeting, alert);
}

static enum outcome late_messages(const struct pair *pair, const struct cut *cut)
{
	if (pair->version != UNITLS_TLS_1_3)
		return contract_not_applicable("the peer makes records of TLS 1.3");
	for (size_t i = 0; i < sizeof(misplaced) / sizeof(misplaced[0]); i++) {
		struct meeting meeting;
		enum outcome outcome;

		memset(&meeting, 0, sizeof(meeting));
		outcome = misplaced_case(&meeting, pair, i, cut);
		meeting_close(&meeting);
		contract_release();
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, misplaced[i].what);
	}
	return OUTCOME_PASSED;
}

/* The same way in, for what is legal: a fatal alert is reported as such, a warning and empty data are passed over. */
static enum outcome late_alert_steps(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut)
{
	static const uint8_t internal_error[] = {2, 80};

	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){.no_tickets = true}, NULL, 0, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK(meeting->ops->send_record(meeting->peer, 21, internal_error, sizeof(internal_error)));
	from_peer(meeting, true);
	CHECK_EQUAL(meeting->end.read_status, UNITLS_ERROR);
	CHECK_EQUAL(meeting->end.read_error.error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	CHECK_EQUAL(meeting->end.read_error.alert, UNITLS_ALERT_INTERNAL_ERROR);
	meeting_close(meeting);
	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){.no_tickets = true}, NULL, 0, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK(meeting->ops->send_record(meeting->peer, 23, NULL, 0));
	from_peer(meeting, true);
	CHECK_EQUAL(meeting->end.read_status, UNITLS_WANT_READ);
	CHECK_EQUAL(meeting->end.n_received, 0);
	return OUTCOME_PASSED;
}

static enum outcome late_alert(const struct pair *pair, const struct cut *cut)
{
	if (pair->version != UNITLS_TLS_1_3)
		return contract_not_applicable("the peer makes records of TLS 1.3");
	return both_roles(late_alert_steps, pair, cut);
}

/* A HelloRequest or a ClientHello on an open connection: refused or passed over, and nothing of the connection's data is lost. */
static enum outcome renegotiation_steps(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	bool fatal = false;
	uint8_t buffer[64];
	int alert;
	size_t n;

	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){0}, NULL, 1, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK(meeting->ops->renegotiate(meeting->peer));
	from_peer(meeting, true);
	to_peer(meeting);
	(void)meeting->ops->read(meeting->peer, buffer, sizeof(buffer));
	alert = meeting->ops->alert(meeting->peer, &fatal);
	if (meeting->end.read_status == UNITLS_ERROR) {
		CHECK_EQUAL(meeting->end.read_error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
		CHECK(fatal);
		CHECK_EQUAL(meeting->end.read_error.alert, alert);
		return OUTCOME_PASSED;
	}
	CHECK_EQUAL(meeting->end.read_status, UNITLS_WANT_READ);
	CHECK(alert == UNITLS_ALERT_NO_RENEGOTIATION || (our_end == CLIENT && alert == -1));
	CHECK(!fatal);
	/* We are where we were. */
	CHECK_EQUAL(unitls_connection_write(meeting->end.connection, "on", 2, &n, &error), UNITLS_OK);
	CHECK(unitls_connection_outgoing_size(meeting->end.connection) > 0);
	return OUTCOME_PASSED;
}

static enum outcome renegotiation(const struct pair *pair, const struct cut *cut)
{
	if (pair->version != UNITLS_TLS_1_2)
		return contract_not_applicable("TLS 1.3 has no renegotiation");
	return both_roles(renegotiation_steps, pair, cut);
}

/* Many tickets, in the handshake's wake and before data. */
static enum outcome tickets_steps(
	struct meeting *meeting, const struct pair *pair, enum end_name our_end, const struct cut *cut)
{
	CHECK_PASSED(meeting_open(meeting, pair, our_end, &(struct want){0}, NULL, 20, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK_EQUAL(meeting->end.n_received, 0);
	return meeting_talk(meeting);
}

static enum outcome tickets(const struct pair *pair, const struct cut *cut)
{
	return both_roles(tickets_steps, pair, cut);
}

/* ---- ALPN ---------------------------------------------------------------------------------------------------------------- */

static enum outcome not_offered_steps(struct meeting *meeting, const struct pair *pair, const struct cut *cut)
{
	const struct want want = {.alpn = {text_bytes("h2"), text_bytes("http/1.1")}, .n_alpn = 2};

	CHECK_PASSED(meeting_open(meeting, pair, CLIENT, &want, "smtp", 1, cut));
	meeting_handshake(meeting);
	CHECK_EQUAL(meeting->end.status, UNITLS_ERROR);
	CHECK_EQUAL(meeting->end.error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	CHECK_EQUAL(unitls_connection_negotiated_protocol(meeting->end.connection).size, 0);
	meeting_close(meeting);
	/* A prefix of an offered name is another name. */
	CHECK_PASSED(meeting_open(meeting, pair, CLIENT, &want, "h", 1, cut));
	meeting_handshake(meeting);
	CHECK_EQUAL(meeting->end.status, UNITLS_ERROR);
	meeting_close(meeting);
	CHECK_PASSED(meeting_open(meeting, pair, CLIENT, &want, "http/1.1", 1, cut));
	CHECK_PASSED(meeting_connect(meeting));
	CHECK(bytes_are(unitls_connection_negotiated_protocol(meeting->end.connection), "http/1.1"));
	return OUTCOME_PASSED;
}

static enum outcome not_offered(const struct pair *pair, const struct cut *cut)
{
	struct meeting meeting;
	enum outcome outcome;

	memset(&meeting, 0, sizeof(meeting));
	outcome = not_offered_steps(&meeting, pair, cut);
	meeting_close(&meeting);
	return outcome;
}

/* ---- Errors of others ----------------------------------------------------------------------------------------------------- */

/* What the program left in the library's queue of errors is none of ours. */
static enum outcome stale_queue_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct peer_ops *ops = peer_module();

	if (!ops)
		return contract_not_applicable("no peer module in this build");
	ops->leave_error();
	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	for (int turn = 0; turn < 8; turn++) {
		struct end *end = &link->ends[turn % 2];

		ops->leave_error();
		end->status = unitls_connection_handshake(end->connection, &end->error);
		if (end->status < 0)
			return contract_failed(__FILE__, __LINE__, "%s", error_text(end->status, &end->error));
		(void)link_move(link, (enum end_name)(turn % 2));
	}
	CHECK_PASSED(link_connect(link));
	link_read(&link->ends[CLIENT]);
	for (int i = 0; i < 2; i++) {
		ops->leave_error();
		link_read(&link->ends[i]);
		CHECK_EQUAL(link->ends[i].read_status, UNITLS_WANT_READ);
		ops->leave_error();
		CHECK_PASSED(link_send(link, (enum end_name)i, "clean", 5));
	}
	for (int i = 0; i < 2; i++) {
		ops->leave_error();
		CHECK_EQUAL(unitls_connection_shutdown(link->ends[i].connection, &link->ends[i].error), UNITLS_OK);
	}
	return OUTCOME_PASSED;
}

static enum outcome stale_queue(const struct pair *pair, const struct cut *cut)
{
	return link_run(stale_queue_steps, pair, cut);
}

const struct scenario peer_scenarios[] = {
	{"KeyUpdates of the peer", "4 5", PER_SERVER, key_update},
	{"a flood of KeyUpdates", "18", PER_SERVER, flood},
	{"messages that come too late", "16 17 4", PER_SERVER, late_messages},
	{"alerts and empty records on an open connection", "4 6", PER_SERVER, late_alert},
	{"renegotiation is refused", "17", PER_SERVER, renegotiation},
	{"tickets of a generous server", "13 14", PER_SERVER, tickets},
	{"a protocol that was not offered", "26", PER_SERVER, not_offered},
	{"errors that the program left behind", "23", PER_PAIR, stale_queue},
	{0},
};

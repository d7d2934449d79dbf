/*
 * Close and EOF: a clean close and a truncation are told apart, after all plaintext, however the bytes are cut.
 */
#include "contract.h"

#include <string.h>

static const char question[] = "a question of some length";
static const char answer[] = "and its answer, which is longer than the question was";

static bool half_close(const struct contract_backend *backend)
{
	return backend->capabilities->bits & UNITLS_CAP_HALF_CLOSE;
}

static enum outcome shut_down(struct link *link, enum end_name at)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK_EQUAL(unitls_connection_shutdown(link->ends[at].connection, &error), UNITLS_OK);
	return OUTCOME_PASSED;
}

static enum outcome write_all(struct link *link, enum end_name at, const char *text)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n;

	CHECK_EQUAL(unitls_connection_write(link->ends[at].connection, text, strlen(text), &n, &error), UNITLS_OK);
	CHECK_EQUAL(n, strlen(text));
	return OUTCOME_PASSED;
}

static enum outcome check_received(const struct end *end, const char *text, int status)
{
	CHECK_EQUAL(end->n_received, strlen(text));
	CHECK(end->n_received == 0 || memcmp(end->received, text, strlen(text)) == 0);
	CHECK_EQUAL(end->read_status, status);
	return OUTCOME_PASSED;
}

static enum outcome check_facts(const struct link *link, const struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		struct unitls_connection *connection = link->ends[i].connection;

		CHECK(unitls_connection_handshake_done(connection));
		CHECK_EQUAL(unitls_connection_negotiated_tls_version(connection), pair->version);
		CHECK_EQUAL(unitls_cipher_suite_version(unitls_connection_cipher(connection)), pair->version);
		CHECK(strcmp(unitls_connection_server_name(connection), "server.example") == 0);
	}
	CHECK_EQUAL(unitls_connection_cipher(link->ends[CLIENT].connection),
		unitls_connection_cipher(link->ends[SERVER].connection));
	CHECK(unitls_connection_peer_certificate(link->ends[CLIENT].connection, 0) != NULL);
	CHECK(unitls_connection_peer_certificate(link->ends[SERVER].connection, 0) == NULL);
	return OUTCOME_PASSED;
}

/* Whether an answer to one who has closed his side goes out and arrives. */
static bool can_answer(const struct pair *pair)
{
	return half_close(pair->client) && half_close(pair->server);
}

/* An answer to one who has closed his side (RFC 8446, 6.1); without half-close that was the end of both. */
static enum outcome answer_after_close(struct link *link, const struct pair *pair)
{
	struct unitls_connection *server = link->ends[SERVER].connection;
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n;

	if (half_close(pair->server))
		return write_all(link, SERVER, answer);
	CHECK_EQUAL(unitls_connection_write(server, answer, 1, &n, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	CHECK_EQUAL(n, 0);
	return OUTCOME_PASSED;
}

static enum outcome life_steps(struct link *link, const struct pair *pair)
{
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];

	CHECK_PASSED(link_connect(link));
	CHECK_PASSED(check_facts(link, pair));
	/* Data and close_notify in one feed. */
	CHECK_PASSED(write_all(link, CLIENT, question));
	CHECK_PASSED(shut_down(link, CLIENT));
	link_deliver(link, CLIENT);
	CHECK_PASSED(check_received(server, question, UNITLS_EOF));
	link_read(server);
	CHECK_PASSED(check_received(server, question, UNITLS_EOF)); /* sticky */
	CHECK_PASSED(answer_after_close(link, pair));
	CHECK_PASSED(shut_down(link, SERVER));
	link_deliver(link, SERVER);
	CHECK_PASSED(check_received(client, can_answer(pair) ? answer : "", UNITLS_EOF));
	/* The transport's end behind close_notify is no error. */
	link_end(link, CLIENT);
	link_end(link, SERVER);
	link_read(client);
	link_read(server);
	CHECK_EQUAL(client->read_status, UNITLS_EOF);
	CHECK_EQUAL(server->read_status, UNITLS_EOF);
	return OUTCOME_PASSED;
}

static enum outcome life(const struct pair *pair, const struct cut *cut)
{
	struct link link;
	enum outcome outcome = link_between(&link, pair, NULL, NULL, cut);

	if (outcome == OUTCOME_PASSED)
		outcome = life_steps(&link, pair);
	link_close(&link);
	return outcome;
}

/* A link whose handshake is complete, with the server's tickets read. */
static enum outcome connected(struct link *link, const struct pair *pair, const struct cut *cut)
{
	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	CHECK_PASSED(link_connect(link));
	link_read(&link->ends[CLIENT]);
	return OUTCOME_PASSED;
}

static enum outcome truncation_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *server = &link->ends[SERVER];
	size_t n;

	CHECK_PASSED(connected(link, pair, cut));
	CHECK_PASSED(write_all(link, CLIENT, question));
	while (link_move(link, CLIENT) > 0)
		;
	link_end(link, SERVER);
	link_read(server);
	CHECK_PASSED(check_received(server, question, UNITLS_RAGGED_EOF));
	CHECK_EQUAL(server->read_error.error_class, UNITLS_ERROR_CLASS_IO);
	link_read(server);
	CHECK_EQUAL(server->read_status, UNITLS_RAGGED_EOF); /* sticky */
	CHECK(unitls_connection_write(server->connection, question, 1, &n, &error) < 0);
	return OUTCOME_PASSED;
}

static enum outcome truncation(const struct pair *pair, const struct cut *cut)
{
	struct link link;
	enum outcome outcome = truncation_steps(&link, pair, cut);

	link_close(&link);
	return outcome;
}

/* The end of the transport at every offset of a record: never a clean end, and no byte of it gets out. */
static enum outcome truncated_record_steps(
	struct link *link, const struct pair *pair, const struct cut *cut, size_t offset)
{
	struct end *client = &link->ends[CLIENT];
	struct unitls_bytes out;
	size_t n;

	CHECK_PASSED(connected(link, pair, cut));
	CHECK_PASSED(write_all(link, SERVER, answer));
	out = unitls_connection_peek_outgoing(link->ends[SERVER].connection);
	if (offset >= out.size)
		return OUTCOME_NOT_APPLICABLE;
	unitls_connection_receive(client->connection, out.data, offset, &n);
	link_read(client);
	link_end(link, CLIENT);
	link_read(client);
	CHECK_PASSED(check_received(client, "", UNITLS_RAGGED_EOF));
	return OUTCOME_PASSED;
}

static enum outcome truncated_record(const struct pair *pair, const struct cut *cut)
{
	enum outcome outcome = OUTCOME_PASSED;

	for (size_t offset = 1; outcome == OUTCOME_PASSED; offset += 7) {
		struct link link;

		outcome = truncated_record_steps(&link, pair, cut, offset);
		link_close(&link);
	}
	return outcome == OUTCOME_NOT_APPLICABLE ? OUTCOME_PASSED : outcome;
}

/* The transport ends at an offset of what one side sends in the handshake: the other may not think it complete unless it saw all it needs. */
static enum outcome truncated_handshake_steps(
	struct link *link, const struct pair *pair, enum end_name from, size_t offset)
{
	const struct cut whole = {CUT_WHOLE, 0, 0};
	struct end *to = &link->ends[1 - from];

	CHECK_PASSED(link_between(link, pair, NULL, NULL, &whole));
	link->cut = (struct cut){CUT_AT, offset, 0};
	for (int turn = 0; turn < 20 && link->ends[from].sent < offset; turn++) {
		for (int i = 0; i < 2; i++)
			if (link->ends[i].status >= 0)
				link->ends[i].status = unitls_connection_handshake(
					link->ends[i].connection, &link->ends[i].error);
		(void)link_move(link, from);
		if (link->ends[from].sent < offset)
			(void)link_move(link, (enum end_name)(1 - from));
	}
	if (link->ends[from].sent < offset)
		return OUTCOME_NOT_APPLICABLE; /* the stream is shorter */
	link_end(link, (enum end_name)(1 - from));
	to->status = unitls_connection_handshake(to->connection, &to->error);
	if (to->status == UNITLS_OK)
		return OUTCOME_PASSED; /* it had all it needs */
	CHECK_EQUAL(to->status, UNITLS_RAGGED_EOF);
	CHECK_EQUAL(unitls_connection_handshake(to->connection, &to->error), UNITLS_RAGGED_EOF);
	return OUTCOME_PASSED;
}

static enum outcome truncated_handshake(const struct pair *pair, const struct cut *cut)
{
	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED; /* it makes its own cuts */
	for (int from = CLIENT; from <= SERVER; from++) {
		enum outcome outcome = OUTCOME_PASSED;

		for (size_t offset = 1; outcome == OUTCOME_PASSED; offset += 41) {
			struct link link;

			outcome = truncated_handshake_steps(&link, pair, (enum end_name)from, offset);
			link_close(&link);
		}
		if (outcome == OUTCOME_FAILED)
			return outcome;
	}
	return OUTCOME_PASSED;
}

static enum outcome odd_closes_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];
	size_t n;

	CHECK_PASSED(connected(link, pair, cut));
	/* Closed while plaintext of the peer is unread; both at once. */
	CHECK_PASSED(write_all(link, SERVER, answer));
	CHECK_PASSED(shut_down(link, CLIENT));
	CHECK_PASSED(shut_down(link, SERVER));
	CHECK_PASSED(shut_down(link, SERVER)); /* idempotent */
	while (link_move(link, CLIENT) + link_move(link, SERVER) > 0)
		;
	link_read(client);
	link_read(server);
	CHECK_EQUAL(server->read_status, UNITLS_EOF);
	CHECK_EQUAL(client->read_status, UNITLS_EOF);
	if (half_close(pair->client))
		CHECK_PASSED(check_received(client, answer, UNITLS_EOF));
	/* A write after our close is a mistake of the caller, and breaks nothing. */
	CHECK_EQUAL(unitls_connection_write(client->connection, question, 1, &n, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	CHECK_EQUAL(n, 0);
	CHECK_EQUAL(unitls_connection_outgoing_size(client->connection), 0);
	return OUTCOME_PASSED;
}

static enum outcome odd_closes(const struct pair *pair, const struct cut *cut)
{
	struct link link;
	enum outcome outcome = odd_closes_steps(&link, pair, cut);

	link_close(&link);
	return outcome;
}

static enum outcome close_before_handshake_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	for (int i = 0; i < 2; i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_connection *connection = link->ends[i].connection;
		uint8_t byte;
		size_t n;

		CHECK_EQUAL(unitls_connection_read(connection, &byte, 1, &n, &error), UNITLS_ERROR);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
		CHECK_PASSED(shut_down(link, (enum end_name)i));
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		CHECK_EQUAL(unitls_connection_handshake(connection, &error), UNITLS_ERROR);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
		CHECK_EQUAL(unitls_connection_outgoing_size(connection), 0);
	}
	return OUTCOME_PASSED;
}

static enum outcome close_before_handshake(const struct pair *pair, const struct cut *cut)
{
	struct link link;
	enum outcome outcome = close_before_handshake_steps(&link, pair, cut);

	link_close(&link);
	return outcome;
}

const struct scenario close_scenarios[] = {
	{"a whole life: handshake, data, close_notify each way", "1 2 3 7 9 11", PER_CUT, life},
	{"a truncation is no clean close", "1", PER_PAIR, truncation},
	{"EOF inside a record", "2", PER_PAIR, truncated_record},
	{"EOF in the handshake", "2", PER_PAIR, truncated_handshake},
	{"both close at once, close while plaintext is unread, write after close", "2", PER_PAIR, odd_closes},
	{"close before the handshake", "2", PER_PAIR, close_before_handshake},
	{0},
};

/*
 * Wants, progress and writes: who must do what next is always said, counts are exact, nothing accepted is lost, nothing grows without bound.
 */
#include "tests/contract/helpers.h"

#include <stdlib.h>

#define BIG (400u * 1024)

static uint8_t *pattern(size_t size, uint64_t seed)
{
	uint8_t *data = malloc(size);

	if (!data)
		abort();
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)contract_random(&seed);
	return data;
}

static enum outcome check_same(const struct end *end, const uint8_t *data, size_t size)
{
	CHECK_EQUAL(end->n_received, size);
	CHECK(size == 0 || memcmp(end->received, data, size) == 0);
	return OUTCOME_PASSED;
}

/* ---- Wants ---------------------------------------------------------------------------------------------------------- */

static enum outcome first_flight_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];
	size_t size;

	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	CHECK_EQUAL(unitls_connection_handshake(server->connection, &server->error), UNITLS_WANT_READ);
	CHECK_EQUAL(unitls_connection_outgoing_size(server->connection), 0);
	CHECK(!unitls_connection_hello_accepted(server->connection));
	CHECK_EQUAL(unitls_connection_handshake(client->connection, &client->error), UNITLS_WANT_READ);
	CHECK(unitls_connection_outgoing_size(client->connection) > 0);
	/* Asked again, with the flight still there: the same answer, and not a byte more. */
	size = unitls_connection_outgoing_size(client->connection);
	CHECK_EQUAL(unitls_connection_handshake(client->connection, &client->error), UNITLS_WANT_READ);
	CHECK_EQUAL(unitls_connection_outgoing_size(client->connection), size);
	while (link_move(link, CLIENT) > 0)
		;
	CHECK(unitls_connection_incoming_size(server->connection) > 0);
	CHECK_EQUAL(unitls_connection_handshake(server->connection, &server->error), UNITLS_WANT_READ);
	CHECK(unitls_connection_outgoing_size(server->connection) > 0);
	CHECK_EQUAL(unitls_connection_incoming_size(server->connection), 0);
	CHECK(unitls_connection_hello_accepted(server->connection));
	CHECK_PASSED(link_connect(link));
	return OUTCOME_PASSED;
}

static enum outcome first_flight(const struct pair *pair, const struct cut *cut)
{
	return link_run(first_flight_steps, pair, cut);
}

/* Many records in one feed: all of it is read without another byte from the transport. */
static enum outcome queued_records_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n;

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	for (int way = 0; way < 2; way++) {
		struct end *from = &link->ends[way];
		struct end *to = &link->ends[1 - way];

		for (size_t i = 0; i < 40; i++) {
			CHECK_EQUAL(
				unitls_connection_write(from->connection, "0123456789", 1 + i % 10, &n, &error),
				UNITLS_OK);
			CHECK_EQUAL(n, 1 + i % 10);
		}
		while (link_move(link, (enum end_name)way) > 0)
			;
		link_read(to);
		CHECK_EQUAL(to->n_received, 4 * 55);
		CHECK_EQUAL(to->read_status, UNITLS_WANT_READ);
		CHECK_EQUAL(unitls_connection_incoming_size(to->connection), 0);
		CHECK_EQUAL(unitls_connection_outgoing_size(to->connection), 0);
	}
	return OUTCOME_PASSED;
}

static enum outcome queued_records(const struct pair *pair, const struct cut *cut)
{
	return link_run(queued_records_steps, pair, cut);
}

static enum outcome pending_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	uint8_t text[1000];
	uint8_t buffer[1000];
	size_t n;

	memset(text, 'x', sizeof(text));
	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	CHECK_EQUAL(unitls_connection_pending(client->connection), 0);
	CHECK_EQUAL(
		unitls_connection_write(link->ends[SERVER].connection, text, sizeof(text), &n, &error), UNITLS_OK);
	while (link_move(link, SERVER) > 0)
		;
	CHECK(unitls_connection_incoming_size(client->connection) > sizeof(text));
	for (size_t left = sizeof(text); left > 0; left -= n) {
		CHECK_EQUAL(unitls_connection_read(client->connection, buffer, left > 7 ? 7 : left, &n, &error),
			UNITLS_OK);
		CHECK(n > 0 && n <= 7);
		CHECK_EQUAL(unitls_connection_pending(client->connection), left - n);
		CHECK_EQUAL(unitls_connection_incoming_size(client->connection), 0);
	}
	CHECK_EQUAL(unitls_connection_read(client->connection, buffer, 1, &n, &error), UNITLS_WANT_READ);
	CHECK_EQUAL(n, 0);
	CHECK_EQUAL(unitls_connection_pending(client->connection), 0);
	/* A read of no bytes is a mistake that breaks nothing. */
	CHECK_EQUAL(unitls_connection_read(client->connection, buffer, 0, &n, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	CHECK_PASSED(link_send(link, SERVER, "on", 2));
	return OUTCOME_PASSED;
}

static enum outcome pending(const struct pair *pair, const struct cut *cut)
{
	return link_run(pending_steps, pair, cut);
}

/* A read that has to say something: the alert for a record that was tampered with. */
static enum outcome bad_mac_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];
	struct unitls_bytes out;
	uint8_t copy[200];
	size_t n;

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	CHECK_EQUAL(unitls_connection_write(client->connection, "hello", 5, &n, &error), UNITLS_OK);
	out = unitls_connection_peek_outgoing(client->connection);
	CHECK(out.size <= sizeof(copy));
	memcpy(copy, out.data, out.size);
	copy[out.size - 1] ^= 1;
	unitls_connection_receive(server->connection, copy, out.size, &n);
	CHECK_EQUAL(n, out.size);
	unitls_connection_consume_outgoing(client->connection, n);
	link_read(server);
	CHECK_EQUAL(server->n_received, 0);
	CHECK_EQUAL(server->read_status, UNITLS_ERROR);
	CHECK_EQUAL(server->read_error.error_class, UNITLS_ERROR_CLASS_PROTOCOL);
	CHECK_EQUAL(server->read_error.alert, UNITLS_ALERT_BAD_RECORD_MAC);
	/* Sticky, for writes as well, and the alert can still be drained. */
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK_EQUAL(unitls_connection_write(server->connection, "x", 1, &n, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.alert, UNITLS_ALERT_BAD_RECORD_MAC);
	CHECK(unitls_connection_outgoing_size(server->connection) > 0);
	link_deliver(link, SERVER);
	CHECK_EQUAL(client->read_status, UNITLS_ERROR);
	CHECK_EQUAL(client->read_error.error_class, UNITLS_ERROR_CLASS_PEER_ALERT);
	CHECK_EQUAL(client->read_error.alert, UNITLS_ALERT_BAD_RECORD_MAC);
	return OUTCOME_PASSED;
}

static enum outcome bad_mac(const struct pair *pair, const struct cut *cut)
{
	return link_run(bad_mac_steps, pair, cut);
}

/* ---- Writes ---------------------------------------------------------------------------------------------------------- */

static enum outcome empty_write_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	for (int i = 0; i < 2; i++) {
		size_t n = 99;

		CHECK_EQUAL(unitls_connection_write(link->ends[i].connection, "", 0, &n, &error), UNITLS_OK);
		CHECK_EQUAL(n, 0);
		CHECK_EQUAL(unitls_connection_outgoing_size(link->ends[i].connection), 0);
		CHECK_PASSED(link_send(link, (enum end_name)i, "after it", 8));
	}
	return OUTCOME_PASSED;
}

static enum outcome empty_write(const struct pair *pair, const struct cut *cut)
{
	return link_run(empty_write_steps, pair, cut);
}

/* Writes until nothing more is taken; how much was. */
static enum outcome fill(struct unitls_connection *connection, const uint8_t *data, size_t size, size_t *ret_done)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t done = 0;
	int status;

	for (;;) {
		size_t n = 0;

		status = unitls_connection_write(connection, data + done, size - done, &n, &error);
		CHECK(status == UNITLS_OK || status == UNITLS_WANT_WRITE);
		CHECK((status == UNITLS_OK) == (n > 0));
		CHECK(n <= size - done);
		CHECK(unitls_connection_outgoing_size(connection) <= UNITLS_OUTGOING_LIMIT_BYTES);
		done += n;
		if (status == UNITLS_WANT_WRITE || done == size)
			break;
	}
	*ret_done = done;
	return OUTCOME_PASSED;
}

/* A peer that never reads: the write stops at the limit and stays there; then other bytes go on where it stopped. */
static enum outcome full_steps(struct link *link, const struct pair *pair, const uint8_t *first,
	const uint8_t *second, const struct cut *cut)
{
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];
	size_t taken;
	size_t more;

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	CHECK_PASSED(fill(server->connection, first, BIG, &taken));
	CHECK(taken < BIG && taken >= UNITLS_OUTGOING_LIMIT_BYTES / 2);
	for (int i = 0; i < 100; i++) {
		CHECK_PASSED(fill(server->connection, second, BIG, &more));
		CHECK_EQUAL(more, 0);
	}
	/* Another pointer, another length, other bytes (openssl: "bad write retry"; curl#15801 lost some). */
	while (link_move(link, SERVER) > 0)
		link_read(client);
	CHECK_PASSED(check_same(client, first, taken));
	client->n_received = 0;
	CHECK_PASSED(link_send(link, SERVER, second, 777));
	CHECK_EQUAL(client->n_received, 777);
	CHECK_PASSED(link_send(link, CLIENT, second, 50000));
	return OUTCOME_PASSED;
}

static enum outcome full(const struct pair *pair, const struct cut *cut)
{
	uint8_t *first = pattern(BIG, 1);
	uint8_t *second = pattern(BIG, 2);
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = cut->kind == CUT_ONE_BYTE ? OUTCOME_PASSED : full_steps(&link, pair, first, second, cut);
	link_close(&link);
	free(first);
	free(second);
	return outcome;
}

/* Both directions at once, records of every odd size. */
static enum outcome traffic_steps(
	struct link *link, const struct pair *pair, const uint8_t *data, const struct cut *cut)
{
	static const size_t sizes[] = {1, 2, 15, 16, 17, 255, 256, 4095, 4096, 16383, 16384, 16385, 33000};
	size_t n_sizes = cut->kind == CUT_ONE_BYTE ? 8 : sizeof(sizes) / sizeof(sizes[0]);

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	for (size_t i = 0; i < n_sizes; i++) {
		CHECK_PASSED(link_send(link, CLIENT, data + i, sizes[i]));
		CHECK_PASSED(link_send(link, SERVER, data + 2 * i, sizes[i]));
	}
	return OUTCOME_PASSED;
}

static enum outcome traffic(const struct pair *pair, const struct cut *cut)
{
	uint8_t *data = pattern(40000, 3);
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = traffic_steps(&link, pair, data, cut);
	link_close(&link);
	free(data);
	return outcome;
}

/* What comes in is bounded too: a feed that is not read stops, and goes on where it stopped. */
static enum outcome unread_steps(
	struct link *link, const struct pair *pair, const uint8_t *data, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	struct unitls_connection *from;
	struct unitls_bytes out;
	size_t taken = 0;
	size_t n;

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	from = link->ends[SERVER].connection;
	CHECK_EQUAL(unitls_connection_write(link->ends[SERVER].connection, data, 100000, &n, &error), UNITLS_OK);
	CHECK_EQUAL(n, 100000);
	while (out = unitls_connection_peek_outgoing(from), out.size > 0) {
		unitls_connection_receive(client->connection, out.data, out.size, &n);
		if (n == 0)
			break;
		taken += n;
		unitls_connection_consume_outgoing(from, n);
	}
	CHECK(out.size > 0);
	CHECK_EQUAL(taken, UNITLS_INCOMING_LIMIT_BYTES);
	CHECK_EQUAL(unitls_connection_incoming_size(client->connection), UNITLS_INCOMING_LIMIT_BYTES);
	link_read(client);
	link_deliver(link, SERVER);
	CHECK_PASSED(check_same(client, data, 100000));
	return OUTCOME_PASSED;
}

static enum outcome unread(const struct pair *pair, const struct cut *cut)
{
	uint8_t *data = pattern(100000, 4);
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = cut->kind == CUT_WHOLE ? unread_steps(&link, pair, data, cut) : OUTCOME_PASSED;
	link_close(&link);
	free(data);
	return outcome;
}

/* ---- Tickets --------------------------------------------------------------------------------------------------------- */

/* Tickets that nobody takes: the server is done, can write, and can be freed; a client that is gone is a truncation, no failure of the write. */
static enum outcome undelivered_tickets_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	struct end *server = &link->ends[SERVER];
	size_t n;

	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	for (int turn = 0; turn < 100000 && !unitls_connection_handshake_done(server->connection); turn++) {
		client->status = unitls_connection_handshake(client->connection, &client->error);
		(void)link_move(link, CLIENT);
		server->status = unitls_connection_handshake(server->connection, &server->error);
		if (client->status != UNITLS_OK)
			(void)link_move(link, SERVER);
	}
	CHECK_EQUAL(server->status, UNITLS_OK);
	CHECK_EQUAL(unitls_connection_write(server->connection, "banner", 6, &n, &error), UNITLS_OK);
	CHECK(unitls_connection_outgoing_size(server->connection) > 6);
	link_end(link, SERVER);
	link_read(server);
	CHECK_EQUAL(server->read_status, UNITLS_RAGGED_EOF);
	return OUTCOME_PASSED;
}

static enum outcome undelivered_tickets(const struct pair *pair, const struct cut *cut)
{
	return link_run(undelivered_tickets_steps, pair, cut);
}

/* A client that only writes never sees a ticket, and one that gets ticket and data in one feed sees the data alone. */
static enum outcome tickets_unseen_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct end *client = &link->ends[CLIENT];
	size_t n;

	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	CHECK_PASSED(link_connect(link));
	CHECK_EQUAL(unitls_connection_pending(client->connection), 0);
	for (int i = 0; i < 20; i++)
		CHECK_PASSED(link_send(link, CLIENT, "one way only", 12));
	CHECK_EQUAL(unitls_connection_write(link->ends[SERVER].connection, "data", 4, &n, &error), UNITLS_OK);
	while (link_move(link, SERVER) > 0)
		;
	link_read(client);
	CHECK_EQUAL(client->n_received, 4);
	CHECK_EQUAL(client->read_status, UNITLS_WANT_READ);
	return OUTCOME_PASSED;
}

static enum outcome tickets_unseen(const struct pair *pair, const struct cut *cut)
{
	return link_run(tickets_unseen_steps, pair, cut);
}

const struct scenario progress_scenarios[] = {
	{"the first flight is there while more is wanted", "3", PER_PAIR, first_flight},
	{"records queued in one feed are all read", "6", PER_PAIR, queued_records},
	{"pending plaintext is counted exactly", "7", PER_PAIR, pending},
	{"a record that was tampered with: the read leaves an alert", "4 19 20", PER_PAIR, bad_mac},
	{"a write of nothing", "8", PER_PAIR, empty_write},
	{"a peer that never reads; a retry with other bytes", "9 10 12", PER_PAIR, full},
	{"traffic both ways in all sizes", "9 11", PER_PAIR, traffic},
	{"a feed that is not read is bounded", "12", PER_PAIR, unread},
	{"tickets with nowhere to go", "14", PER_PAIR, undelivered_tickets},
	{"tickets are never seen", "13", PER_PAIR, tickets_unseen},
	{0},
};

/*
 * Two connections in memory and the bytes between them, cut as the run says.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 2000000 /* a link that does not settle is a defect, not a hang */

uint64_t contract_random(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

enum outcome link_open(struct link *link, struct unitls_client_context *client,
	struct unitls_server_context *server, const char *peer, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;

	memset(link, 0, sizeof(*link));
	link->cut = *cut;
	link->random = cut->seed;
	for (int i = 0; i < 2; i++) {
		link->ends[i].error = (struct unitls_error)UNITLS_ERROR_INIT;
		link->ends[i].read_error = (struct unitls_error)UNITLS_ERROR_INIT;
	}
	if (unitls_peer_name_parse(peer ? peer : "server.example", &name, &error) < 0 ||
		unitls_client_connection_new(client, &name, &link->ends[CLIENT].connection, &error) < 0 ||
		unitls_server_connection_new(server, &link->ends[SERVER].connection, &error) < 0)
		return contract_failed(__FILE__, __LINE__, "no connection: %s", error.text);
	return OUTCOME_PASSED;
}

enum outcome link_between(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const struct cut *cut)
{
	static const struct want ordinary;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *client_context = contract_client(pair, client ? client : &ordinary, &error);
	struct unitls_server_context *server_context = contract_server(pair, server ? server : &ordinary, &error);

	memset(link, 0, sizeof(*link));
	if (!client_context || !server_context)
		return contract_failed(__FILE__, __LINE__, "no context: %s: %s", error.field, error.text);
	return link_open(link, client_context, server_context, NULL, cut);
}

void link_close(struct link *link)
{
	for (int i = 0; i < 2; i++) {
		unitls_connection_free(link->ends[i].connection);
		free(link->ends[i].received);
	}
	memset(link, 0, sizeof(*link));
}

static size_t piece_size(struct link *link, const struct end *from, size_t there)
{
	switch (link->cut.kind) {
	case CUT_WHOLE:
		return there;
	case CUT_ONE_BYTE:
		return 1;
	case CUT_AT:
		if (from->sent < link->cut.offset && link->cut.offset - from->sent < there)
			return link->cut.offset - from->sent;
		return there;
	case CUT_RANDOM:
		return 1 + (size_t)(contract_random(&link->random) % there);
	}
	return there;
}

size_t link_move(struct link *link, enum end_name from_name)
{
	struct end *from = &link->ends[from_name];
	struct end *to = &link->ends[1 - from_name];
	struct unitls_bytes out = unitls_connection_peek_outgoing(from->connection);
	size_t n = 0;

	if (out.size == 0)
		return 0;
	unitls_connection_receive(to->connection, out.data, piece_size(link, from, out.size), &n);
	unitls_connection_consume_outgoing(from->connection, n);
	from->sent += n;
	return n;
}

static void act(struct end *end)
{
	if (end->status != UNITLS_OK && end->status < 0)
		return;
	end->error = (struct unitls_error)UNITLS_ERROR_INIT;
	end->status = unitls_connection_handshake(end->connection, &end->error);
}

void link_end(struct link *link, enum end_name at)
{
	unitls_connection_receive_eof(link->ends[at].connection);
	link->ends[at].closed = true;
}

/* A side that failed closes its transport once its alert is out. */
static bool end_after_failure(struct link *link)
{
	bool changed = false;

	for (int i = 0; i < 2; i++)
		if (link->ends[i].status < 0 && !link->ends[1 - i].closed &&
			unitls_connection_outgoing_size(link->ends[i].connection) == 0) {
			link_end(link, (enum end_name)(1 - i));
			changed = true;
		}
	return changed;
}

bool link_turn(struct link *link)
{
	size_t moved;

	act(&link->ends[CLIENT]);
	moved = link_move(link, CLIENT);
	act(&link->ends[SERVER]);
	moved += link_move(link, SERVER);
	if (moved > 0 || end_after_failure(link))
		return true;
	act(&link->ends[CLIENT]);
	act(&link->ends[SERVER]);
	return false;
}

void link_handshake(struct link *link)
{
	for (size_t turn = 0; turn < TURNS_MAX; turn++)
		if (!link_turn(link))
			return;
}

enum outcome link_check_connected(const struct link *link)
{
	for (int i = 0; i < 2; i++) {
		const struct end *end = &link->ends[i];

		if (end->status != UNITLS_OK)
			return contract_failed(__FILE__, __LINE__, "handshake of the %s: %s: %s (alert %d)",
				i == CLIENT ? "client" : "server", unitls_status_name(end->status),
				end->error.text, end->error.alert);
	}
	return OUTCOME_PASSED;
}

enum outcome link_connect(struct link *link)
{
	link_handshake(link);
	return link_check_connected(link);
}

void link_read(struct end *end)
{
	uint8_t buffer[5000]; /* no divisor of a record */
	size_t n;

	for (;;) {
		end->read_error = (struct unitls_error)UNITLS_ERROR_INIT;
		end->read_status =
			unitls_connection_read(end->connection, buffer, sizeof(buffer), &n, &end->read_error);
		if (end->read_status != UNITLS_OK)
			return;
		end->received = realloc(end->received, end->n_received + n);
		if (!end->received)
			abort();
		memcpy(end->received + end->n_received, buffer, n);
		end->n_received += n;
	}
}

void link_deliver(struct link *link, enum end_name from)
{
	while (link_move(link, from) > 0)
		link_read(&link->ends[1 - from]);
	link_read(&link->ends[1 - from]);
}

enum outcome link_send(struct link *link, enum end_name from, const void *data, size_t size)
{
	struct end *to = &link->ends[1 - from];
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t before = to->n_received;
	size_t done = 0;

	while (done < size) {
		size_t n = 0;
		int status = unitls_connection_write(
			link->ends[from].connection, (const uint8_t *)data + done, size - done, &n, &error);

		if (status < 0)
			return contract_failed(__FILE__, __LINE__, "write: %s", error.text);
		CHECK(status == UNITLS_OK || n == 0);
		done += n;
		link_deliver(link, from);
		if (n == 0 && unitls_connection_outgoing_size(link->ends[from].connection) > 0)
			return contract_failed(__FILE__, __LINE__, "the write does not go on");
	}
	CHECK_EQUAL(to->n_received - before, size);
	CHECK(size == 0 || memcmp(to->received + before, data, size) == 0);
	return OUTCOME_PASSED;
}

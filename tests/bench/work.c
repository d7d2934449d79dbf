/*
 * Fixed work in memory, to have its instructions counted by callgrind (tests/bench/instructions): handshakes, resumed handshakes, bulk data and
 * round trips of one backend with itself.
 *
 * Collection is on only while a call of the counted end's connection runs; carrying the bytes between the ends, what a kernel would do, is
 * never counted. Each dump is named CASE/END/UNITS. Without valgrind it does the same work and says what it did.
 * Invariant: what is counted depends on no clock, address or order of a hash.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/unitls.h>
#include <valgrind/callgrind.h>

#define SERVER_NAME      "server.example"
#define TRANSFER_BYTES   ((size_t)1 << 20)
#define WRITE_BYTES      UNITLS_RECORD_PLAINTEXT_MAX
#define ROUND_TRIP_BYTES 512
#define ROUND_TRIPS      64
#define WIRE_BYTES       (4 * (size_t)UNITLS_OUTGOING_LIMIT_BYTES)
#define TURNS_MAX        20

enum end {
	CLIENT,
	SERVER,
	ENDS
};

static const char *const end_names[ENDS] = {"client", "server"};

/* What one end has sent and the other has not yet taken. */
struct wire {
	uint8_t bytes[WIRE_BYTES];
	size_t size;
};

struct pair {
	struct unitls_connection *ends[ENDS];
};

struct work {
	struct unitls_backend *backend;
	struct unitls_client_context *client;
	struct unitls_server_context *server;
};

static struct wire wires[ENDS]; /* by who sends */
static uint8_t pattern[WRITE_BYTES];
static enum end counted;
static bool counting;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("work: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1);
}

static void require(int status, const char *what, const struct unitls_error *error)
{
	if (status < 0)
		die("%s: %s", what, error->text);
}

/* ---- the counted calls ---- */

static void enter(enum end end)
{
	if (counting && end == counted)
		CALLGRIND_TOGGLE_COLLECT;
}

static void leave(enum end end)
{
	enter(end);
}

/* The sending end's whole output goes to the wire. */
static void send_outgoing(struct pair *pair, enum end end)
{
	struct wire *wire = &wires[end];

	for (;;) {
		struct unitls_bytes out;

		enter(end);
		out = unitls_connection_peek_outgoing(pair->ends[end]);
		leave(end);
		if (out.size == 0)
			return;
		if (out.size > sizeof(wire->bytes) - wire->size)
			die("more on the wire than there is room for");
		memcpy(wire->bytes + wire->size, out.data, out.size);
		wire->size += out.size;
		enter(end);
		unitls_connection_consume_outgoing(pair->ends[end], out.size);
		leave(end);
	}
}

/* As a read from a socket does: once, as much as there is room for. */
static void take_incoming(struct pair *pair, enum end end)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct wire *wire = &wires[1 - end];
	uint8_t *room = NULL;
	size_t size = 0;
	int status;

	if (wire->size == 0)
		return;
	enter(end);
	status = unitls_connection_reserve_incoming(pair->ends[end], &room, &size, &error);
	leave(end);
	require(status, "reserve", &error);
	if (size > wire->size)
		size = wire->size;
	memcpy(room, wire->bytes, size);
	wire->size -= size;
	memmove(wire->bytes, wire->bytes + size, wire->size);
	enter(end);
	unitls_connection_commit_incoming(pair->ends[end], size);
	leave(end);
}

static int handshake_turn(struct pair *pair, enum end end)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int status;

	take_incoming(pair, end);
	enter(end);
	status = unitls_connection_handshake(pair->ends[end], &error);
	leave(end);
	require(status, "handshake", &error);
	send_outgoing(pair, end);
	return status;
}

static void handshake(struct pair *pair)
{
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		int client = handshake_turn(pair, CLIENT);
		int server = handshake_turn(pair, SERVER);

		if (client == UNITLS_OK && server == UNITLS_OK)
			return;
	}
	die("the handshake does not come to an end");
}

/* Everything that one end has been sent, each byte compared. Returns how much it was. */
static size_t read_all(struct pair *pair, enum end end, size_t offset)
{
	static uint8_t buffer[WRITE_BYTES];
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t total = 0;

	for (;;) {
		size_t n;
		int status;

		enter(end);
		status = unitls_connection_read(pair->ends[end], buffer, sizeof(buffer), &n, &error);
		leave(end);
		require(status, "read", &error);
		send_outgoing(pair, end);
		if (status == UNITLS_WANT_READ && wires[1 - end].size > 0)
			take_incoming(pair, end);
		else if (status != UNITLS_OK)
			return total;
		for (size_t i = 0; i < n; i++)
			if (buffer[i] != pattern[(offset + total + i) % sizeof(pattern)])
				die("other bytes came than were sent");
		total += n;
	}
}

static void write_all(struct pair *pair, enum end end, const uint8_t *data, size_t size)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	while (size > 0) {
		size_t n;
		int status;

		enter(end);
		status = unitls_connection_write(pair->ends[end], data, size, &n, &error);
		leave(end);
		require(status, "write", &error);
		send_outgoing(pair, end);
		data += n;
		size -= n;
	}
}

static void transfer(struct pair *pair, enum end from, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t n = size - at < sizeof(pattern) ? size - at : sizeof(pattern);

		write_all(pair, from, pattern, n);
		if (read_all(pair, 1 - from, at) != n)
			die("what was written did not arrive");
		at += n;
	}
}

/* ---- connections ---- */

static void pair_open(struct pair *pair, const struct work *work, struct unitls_session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;
	int status;

	wires[CLIENT].size = wires[SERVER].size = 0;
	require(unitls_peer_name_parse(SERVER_NAME, &name, &error), SERVER_NAME, &error);
	enter(CLIENT);
	status = unitls_client_connection_new(work->client, &name, &pair->ends[CLIENT], &error);
	if (status == UNITLS_OK && session)
		status = unitls_connection_offer_session(pair->ends[CLIENT], session, &error);
	leave(CLIENT);
	require(status, "client connection", &error);
	enter(SERVER);
	status = unitls_server_connection_new(work->server, &pair->ends[SERVER], &error);
	leave(SERVER);
	require(status, "server connection", &error);
	handshake(pair);
	if (unitls_connection_resumed(pair->ends[SERVER]) != (session != NULL))
		die("a session was %s", session ? "not resumed" : "resumed");
}

static void end_output(struct pair *pair, enum end end)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	int status;

	enter(end);
	status = unitls_connection_shutdown(pair->ends[end], &error);
	leave(end);
	require(status, "shutdown", &error);
	send_outgoing(pair, end);
}

static void pair_close(struct pair *pair)
{
	end_output(pair, CLIENT);
	(void)read_all(pair, SERVER, 0);
	end_output(pair, SERVER);
	(void)read_all(pair, CLIENT, 0);
	for (int end = 0; end < ENDS; end++) {
		enter((enum end)end);
		unitls_connection_free(pair->ends[end]);
		leave((enum end)end);
	}
}

/* ---- cases: one unit each ---- */

static void full(const struct work *work)
{
	struct pair pair;

	counting = true;
	pair_open(&pair, work, NULL);
	pair_close(&pair);
	counting = false;
}

static void resumed(const struct work *work)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_session *session = NULL;
	struct pair pair;

	pair_open(&pair, work, NULL);
	transfer(&pair, SERVER, 1); /* some send their ticket with the first data, and a client has to read it */
	if (unitls_connection_session(pair.ends[CLIENT], &session, &error) != UNITLS_OK)
		die("no session came");
	pair_close(&pair);
	counting = true;
	pair_open(&pair, work, session);
	pair_close(&pair);
	counting = false;
	unitls_session_unref(session);
}

static void megabyte(const struct work *work, enum end from)
{
	struct pair pair;

	pair_open(&pair, work, NULL);
	transfer(&pair, from, 1);
	counting = true;
	transfer(&pair, from, TRANSFER_BYTES);
	counting = false;
	pair_close(&pair);
}

static void down(const struct work *work)
{
	megabyte(work, SERVER);
}

static void up(const struct work *work)
{
	megabyte(work, CLIENT);
}

static void round_trips(const struct work *work)
{
	struct pair pair;

	pair_open(&pair, work, NULL);
	transfer(&pair, SERVER, 1);
	counting = true;
	for (int i = 0; i < ROUND_TRIPS; i++) {
		transfer(&pair, CLIENT, ROUND_TRIP_BYTES);
		transfer(&pair, SERVER, ROUND_TRIP_BYTES);
	}
	counting = false;
	pair_close(&pair);
}

static const struct {
	const char *name;
	void (*run)(const struct work *work);
	int runs;
	int units; /* of one run */
	uint64_t needs;
} cases[] = {
	{"full", full, 2, 1, 0},
	{"resumed", resumed, 2, 1, UNITLS_CAP_SESSION_TICKETS | UNITLS_CAP_CLIENT_SESSIONS},
	{"megabyte-down", down, 1, 1, 0},
	{"megabyte-up", up, 1, 1, 0},
	{"round-trip", round_trips, 1, ROUND_TRIPS, 0},
};

static void run_case(const struct work *work, size_t i)
{
	char label[64];

	counted = ENDS;
	cases[i].run(work); /* what is done once in a process */
	for (int end = 0; end < ENDS; end++) {
		counted = (enum end)end;
		CALLGRIND_ZERO_STATS;
		for (int run = 0; run < cases[i].runs; run++)
			cases[i].run(work);
		(void)snprintf(label, sizeof(label), "%s/%s/%d", cases[i].name, end_names[end],
			cases[i].runs * cases[i].units);
		CALLGRIND_DUMP_STATS_AT(label);
		(void)puts(label);
	}
}

/* ---- contexts ---- */

/* The highest version that the backend has, alone. */
static void set_version(const struct work *work, struct unitls_config_builder *builder)
{
	uint16_t version = unitls_backend_capabilities(work->backend)->max_version;

	/* What they say comes again when it is built. */
	(void)unitls_config_builder_set_min_version(builder, version);
	(void)unitls_config_builder_set_max_version(builder, version);
}

static struct unitls_config_builder *builder_new(void)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();

	if (!builder)
		die("out of memory");
	return builder;
}

static void make_client(struct work *work, const char *ca)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_config_builder *builder = builder_new();
	struct unitls_client_config *config = NULL;
	struct unitls_trust_store *store = NULL;

	require(unitls_trust_store_from_file(ca, &store, &error), ca, &error);
	(void)unitls_config_builder_set_trust_store(builder, store);
	set_version(work, builder);
	require(unitls_config_builder_build_client(builder, &config, &error), "client", &error);
	require(unitls_client_context_new(
			work->backend, config, UNITLS_EFFORT_STRICT, NULL, &work->client, &error),
		"client", &error);
	unitls_client_config_unref(config);
	unitls_trust_store_unref(store);
	unitls_config_builder_free(builder);
}

static void make_server(struct work *work, const char *identity)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_config_builder *builder = builder_new();
	struct unitls_server_config *config = NULL;
	struct unitls_signing_chain *chain = NULL;

	require(unitls_signing_chain_from_file(identity, identity, NULL, &chain, &error), identity, &error);
	(void)unitls_config_builder_add_signing_chain(builder, chain);
	set_version(work, builder);
	require(unitls_config_builder_build_server(builder, &config, &error), "server", &error);
	require(unitls_server_context_new(work->backend, config, UNITLS_EFFORT_BEST, NULL, &work->server, &error),
		"server", &error);
	unitls_server_config_unref(config);
	unitls_signing_chain_unref(chain);
	unitls_config_builder_free(builder);
}

int main(int argc, char **argv)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct work work = {0};
	uint64_t bits;

	if (argc != 4)
		die("usage: work BACKEND CA.pem CERTIFICATE-AND-KEY.pem");
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i % 251);
	require(unitls_backend_load(argv[1], &work.backend, &error), argv[1], &error);
	make_client(&work, argv[2]);
	make_server(&work, argv[3]);
	(void)printf("library %s\n", unitls_backend_library_version(work.backend));
	bits = unitls_backend_capabilities(work.backend)->bits;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((bits & cases[i].needs) == cases[i].needs)
			run_case(&work, i);
	unitls_client_context_unref(work.client);
	unitls_server_context_unref(work.server);
	return 0;
}

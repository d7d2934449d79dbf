/*
 * floor FOLDER: what a TLS library costs a server, both ends in memory: what no proxy on it can get below. Prints a JSON object with microseconds of CPU of the
 * server's calls a unit. FOLDER holds ecdsa.pem, ecdsa.key, rsa.pem and rsa.key.
 *
 * Each figure is the median of ROUNDS batches; the client's share is not in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/floor/library.h"

#define ROUNDS       9
#define CONNECTIONS  60 /* a batch */
#define ROUND_TRIPS  2000
#define BULK_RECORDS 800
#define RECORD_BYTES 16384
#define ECHO_BYTES   512

struct cell {
	const char *name;
	const char *unit;
	double (*measure)(const struct floor_params *params); /* microseconds a unit */
	bool rsa;
	struct floor_params params;
};

/* Both ends of a connection. */
struct pair {
	struct floor_pipe to_server;
	struct floor_pipe to_client;
	struct floor_end *client;
	struct floor_end *server;
	double spent_us; /* by the server */
};

_Noreturn void floor_die(const char *what)
{
	(void)fprintf(stderr, "floor: %s: %s\n", floor_library_name(), what);
	exit(1);
}

size_t floor_pipe_take(struct floor_pipe *pipe, void *data, size_t size)
{
	size_t n = pipe->tail - pipe->head;

	if (n > size)
		n = size;
	memcpy(data, pipe->bytes + pipe->head, n);
	pipe->head += n;
	if (pipe->head == pipe->tail)
		pipe->head = pipe->tail = 0;
	return n;
}

size_t floor_pipe_put(struct floor_pipe *pipe, const void *data, size_t size)
{
	if (size > sizeof(pipe->bytes) - pipe->tail)
		floor_die("a pipe is full");
	memcpy(pipe->bytes + pipe->tail, data, size);
	pipe->tail += size;
	return size;
}

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void open_pair(struct pair *pair, struct floor_context *client, struct floor_context *server)
{
	double from = cpu_us();

	pair->to_client.head = pair->to_client.tail = 0;
	pair->to_server.head = pair->to_server.tail = 0;
	pair->server = floor_end_new(server, &pair->to_server, &pair->to_client);
	pair->spent_us += cpu_us() - from;
	pair->client = floor_end_new(client, &pair->to_client, &pair->to_server);
}

static void shake_hands(struct pair *pair)
{
	bool client = false;
	bool server = false;
	double from;

	for (int turn = 0; !client || !server; turn++) {
		if (turn == 10)
			floor_die("the handshake does not end");
		client = client || floor_end_handshake(pair->client);
		from = cpu_us();
		server = server || floor_end_handshake(pair->server);
		pair->spent_us += cpu_us() - from;
	}
}

static void close_pair(struct pair *pair)
{
	double from = cpu_us();

	floor_end_free(pair->server);
	pair->spent_us += cpu_us() - from;
	floor_end_free(pair->client);
}

/* One short answer, as what comes with the first bytes (BoringSSL's tickets) belongs to the handshake. */
static void answer(struct pair *pair)
{
	uint8_t bytes[ECHO_BYTES] = {0};
	double from = cpu_us();

	floor_end_write(pair->server, bytes, sizeof(bytes));
	pair->spent_us += cpu_us() - from;
	while (floor_end_read(pair->client, bytes, sizeof(bytes)) > 0)
		;
}

static double measure_connections(const struct floor_params *params)
{
	static struct pair pair;
	struct floor_context *client = floor_context_new(params, false);
	struct floor_context *server = floor_context_new(params, true);

	for (int i = -1; i < CONNECTIONS; i++) {
		/* The first fetches the session. */
		if (i == 0)
			pair.spent_us = 0;
		open_pair(&pair, client, server);
		shake_hands(&pair);
		answer(&pair);
		if (i >= 0 && floor_end_resumed(pair.server) != params->resume)
			floor_die(params->resume ? "not resumed" : "resumed");
		close_pair(&pair);
	}
	floor_context_free(client);
	floor_context_free(server);
	return pair.spent_us / CONNECTIONS;
}

/* One connection, over which ROUNDS have their way. */
static void with_connection(const struct floor_params *params, void (*run)(struct pair *pair), struct pair *pair)
{
	struct floor_context *client = floor_context_new(params, false);
	struct floor_context *server = floor_context_new(params, true);

	open_pair(pair, client, server);
	shake_hands(pair);
	answer(pair);
	pair->spent_us = 0;
	run(pair);
	close_pair(pair);
	floor_context_free(client);
	floor_context_free(server);
}

static void echo(struct pair *pair)
{
	uint8_t bytes[ECHO_BYTES] = {0};

	for (int i = 0; i < ROUND_TRIPS; i++) {
		double from;

		floor_end_write(pair->client, bytes, sizeof(bytes));
		from = cpu_us();
		if (floor_end_read(pair->server, bytes, sizeof(bytes)) != sizeof(bytes))
			floor_die("a read was short");
		floor_end_write(pair->server, bytes, sizeof(bytes));
		pair->spent_us += cpu_us() - from;
		if (floor_end_read(pair->client, bytes, sizeof(bytes)) != sizeof(bytes))
			floor_die("a read was short");
	}
	pair->spent_us /= ROUND_TRIPS;
}

static double measure_echo(const struct floor_params *params)
{
	static struct pair pair;

	with_connection(params, echo, &pair);
	return pair.spent_us;
}

static void move(struct floor_end *from, struct floor_end *to)
{
	static uint8_t bytes[RECORD_BYTES];
	size_t n = 0;

	if (from)
		floor_end_write(from, bytes, sizeof(bytes));
	while (to && n < sizeof(bytes))
		n += floor_end_read(to, bytes, sizeof(bytes) - n);
}

static void encrypt(struct pair *pair)
{
	for (int i = 0; i < BULK_RECORDS; i++) {
		double from = cpu_us();

		move(pair->server, NULL);
		pair->spent_us += cpu_us() - from;
		move(NULL, pair->client);
	}
}

static void decrypt(struct pair *pair)
{
	for (int i = 0; i < BULK_RECORDS; i++) {
		double from;

		move(pair->client, NULL);
		from = cpu_us();
		move(NULL, pair->server);
		pair->spent_us += cpu_us() - from;
	}
}

#define BULK_MB ((double)BULK_RECORDS * RECORD_BYTES / 1e6)

static double measure_encrypt(const struct floor_params *params)
{
	static struct pair pair;

	with_connection(params, encrypt, &pair);
	return pair.spent_us / BULK_MB;
}

static double measure_decrypt(const struct floor_params *params)
{
	static struct pair pair;

	with_connection(params, decrypt, &pair);
	return pair.spent_us / BULK_MB;
}

static struct cell cells[] = {
	{"full_1_3", "connection", measure_connections, false, {.tickets = 2}},
	{"full_1_3_one_ticket", "connection", measure_connections, false, {.tickets = 1}},
	{"full_1_3_no_tickets", "connection", measure_connections, false, {.tickets = 0}},
	{"resumed_1_3", "connection", measure_connections, false, {.tickets = 2, .resume = true}},
	{"resumed_1_3_one_ticket", "connection", measure_connections, false, {.tickets = 1, .resume = true}},
	{"full_1_2", "connection", measure_connections, false, {.tickets = 1, .tls_1_2 = true}},
	{"resumed_1_2", "connection", measure_connections, false, {.tickets = 1, .tls_1_2 = true, .resume = true}},
	{"full_1_2_rsa", "connection", measure_connections, true, {.tickets = 1, .tls_1_2 = true}},
	{"round_trip", "round trip", measure_echo, false, {.tickets = 1}},
	{"encrypt", "MB", measure_encrypt, false, {.tickets = 1}},
	{"decrypt", "MB", measure_decrypt, false, {.tickets = 1}},
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct cell *cell)
{
	double us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		us[i] = cell->measure(&cell->params);
	qsort(us, ROUNDS, sizeof(us[0]), compare);
	return us[ROUNDS / 2];
}

static char *file(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		floor_die("no memory");
	return path;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fputs("usage: floor FOLDER\n", stderr);
		return 2;
	}
	printf("{\"library\":\"%s\",\"version\":\"%s\",\"us_per_unit\":{", floor_library_name(),
		floor_library_version());
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct cell *cell = &cells[i];

		cell->params.certificate = file(argv[1], cell->rsa ? "rsa.pem" : "ecdsa.pem");
		cell->params.key = file(argv[1], cell->rsa ? "rsa.key" : "ecdsa.key");
		printf("%s\"%s\":%.2f", i ? "," : "", cell->name, median(cell));
	}
	printf("}}\n");
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}

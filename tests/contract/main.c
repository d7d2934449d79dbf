/*
 * The runner: which backends there are, which items the suite must cover, and every scenario for every pair, version and cut it is meant for.
 * A further backend joins by its line in `backends`.
 */
#include "contract.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Backends ---------------------------------------------------------------------------------------------------------- */

#define BACKENDS_MAX 8 /* room for those of --add */

static struct contract_backend backends[BACKENDS_MAX] = {
	{.name = "openssl"},
	{.name = "mbedtls"},
	{.name = "gnutls"},
	{.name = "boringssl"},
	{.name = "wolfssl"},
	{.name = "bearssl"},
};

const struct contract_backend *contract_backend_at(size_t i)
{
	return i < BACKENDS_MAX && backends[i].name ? &backends[i] : NULL;
}

/* ---- What is asked for ------------------------------------------------------------------------------------------------- */

static struct {
	enum {
		QUICK,    /* a few cuts, for pairs with openssl and of one backend */
		ORDINARY, /* every offset for pairs with openssl */
		FULL,     /* every offset for all pairs */
	} depth;
	bool deep_bind;           /* how modules are loaded */
	const char *only_backend; /* pairs without this backend are left out; NULL: none is */
	const char *only;         /* a part of a scenario's name; NULL: all */
	size_t part; /* of the combinations, dealt out in turn, those whose turn is this one's, from 0 */
	size_t parts;
} options = {.depth = ORDINARY, .parts = 1};

static bool add_backend(const char *name)
{
	for (size_t i = 0; i < BACKENDS_MAX; i++)
		if (!backends[i].name) {
			backends[i] = (struct contract_backend){.name = name, .added = true};
			return true;
		}
	return false;
}

/* "2/3": the second of three. At most nine. */
static bool read_part(const char *text)
{
	if (strlen(text) != 3 || text[0] < '1' || text[1] != '/' || text[2] > '9' || text[0] > text[2])
		return false;
	options.part = (size_t)(text[0] - '1');
	options.parts = (size_t)(text[2] - '0');
	return true;
}

static bool read_options(int argc, char **argv)
{
	if (getenv("UNITLS_CONTRACT_FULL"))
		options.depth = FULL;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--full") == 0)
			options.depth = FULL;
		else if (strcmp(argv[i], "--quick") == 0)
			options.depth = QUICK;
		else if (strcmp(argv[i], "--deep-bind") == 0)
			options.deep_bind = true;
		else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
			options.only_backend = argv[++i];
		else if (strcmp(argv[i], "--add") == 0 && i + 1 < argc && add_backend(argv[i + 1]))
			i++;
		else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc && read_part(argv[i + 1]))
			i++;
		else if (argv[i][0] != '-' && !options.only)
			options.only = argv[i];
		else
			return false;
	return true;
}

/* ---- Items of conformance.md --------------------------------------------------------------------------------------------- */

#define ITEMS_MAX 55

/* ---- Results ------------------------------------------------------------------------------------------------------------- */

static size_t n_passed;
static size_t n_failed;
static size_t n_skipped;
static char reason[512];

static const struct scenario *const tables[] = {
	close_scenarios,
	progress_scenarios,
	failure_scenarios,
	hello_scenarios,
	alpn_scenarios,
	certificate_scenarios,
	cipher_scenarios,
	peer_scenarios,
	session_scenarios,
	exporter_scenarios,
	negotiation_scenarios,
	revocation_scenarios,
	external_scenarios,
	differential_scenarios,
	lifetime_scenarios,
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

enum outcome contract_failed(const char *file, int line, const char *format, ...)
{
	va_list arguments;
	const char *base = strrchr(file, '/');
	int n = snprintf(reason, sizeof(reason), "%s:%d: ", base ? base + 1 : file, line);

	va_start(arguments, format);
	(void)vsnprintf(reason + n, sizeof(reason) - (size_t)n, format, arguments);
	va_end(arguments);
	return OUTCOME_FAILED;
}

enum outcome contract_within(enum outcome outcome, const char *what)
{
	char text[sizeof(reason)];

	(void)snprintf(text, sizeof(text), "%s: %.400s", what, reason);
	memcpy(reason, text, sizeof(reason));
	return outcome;
}

enum outcome contract_not_applicable(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	return OUTCOME_NOT_APPLICABLE;
}

/* ---- Running ------------------------------------------------------------------------------------------------------------- */

#define SEEDED_CUTS 50

static const char *version_name(uint16_t version)
{
	const char *name = unitls_tls_version_name(version);

	return name ? name : "any version";
}

static void cut_text(const struct cut *cut, char *text, size_t size)
{
	switch (cut->kind) {
	case CUT_WHOLE:
		(void)snprintf(text, size, "whole");
		return;
	case CUT_ONE_BYTE:
		(void)snprintf(text, size, "one byte at a time");
		return;
	case CUT_AT:
		(void)snprintf(text, size, "cut at offset %zu", cut->offset);
		return;
	case CUT_RANDOM:
		(void)snprintf(text, size, "random pieces, seed %llu", (unsigned long long)cut->seed);
		return;
	}
}

static enum outcome run_one(const struct scenario *scenario, const struct pair *pair, const struct cut *cut)
{
	enum outcome outcome;
	char text[64];

	reason[0] = '\0';
	outcome = scenario->run(pair, cut);
	contract_release();
	if (outcome == OUTCOME_FAILED) {
		cut_text(cut, text, sizeof(text));
		(void)printf("FAILED: %s [%s -> %s, %s, %s]: %s\n", scenario->name, pair->client->name,
			pair->server->name, version_name(pair->version), text, reason);
	}
	return outcome;
}

/* How long the longer direction of a life is: the offsets that a cut can have. */
static size_t stream_length(const struct pair *pair)
{
	const struct cut whole = {CUT_WHOLE, 0, 0};
	struct link link;
	size_t length = 0;

	if (link_between(&link, pair, NULL, NULL, &whole) == OUTCOME_PASSED &&
		link_connect(&link) == OUTCOME_PASSED) {
		link_read(&link.ends[CLIENT]);
		length = link.ends[CLIENT].sent > link.ends[SERVER].sent ? link.ends[CLIENT].sent
									 : link.ends[SERVER].sent;
		length += 200; /* the data and the close_notify of a life */
	}
	link_close(&link);
	contract_release();
	return length;
}

/* All cuts of a pair, until one fails. every_offset: else seeded ones in their place. */
static enum outcome run_cuts(const struct scenario *scenario, const struct pair *pair, bool every_offset)
{
	const struct cut whole = {CUT_WHOLE, 0, 0};
	const struct cut one = {CUT_ONE_BYTE, 0, 0};
	size_t seeds = scenario->scope == PER_CUT && options.depth != QUICK ? SEEDED_CUTS : 3;
	enum outcome outcome = run_one(scenario, pair, &whole);

	if (outcome == OUTCOME_PASSED)
		outcome = run_one(scenario, pair, &one);
	for (uint64_t seed = 1; seed <= seeds && outcome == OUTCOME_PASSED; seed++)
		outcome = run_one(scenario, pair, &(struct cut){CUT_RANDOM, 0, seed});
	if (!every_offset || scenario->scope != PER_CUT || outcome != OUTCOME_PASSED)
		return outcome;
	for (size_t offset = 1, length = stream_length(pair); offset < length && outcome == OUTCOME_PASSED;
		offset++)
		outcome = run_one(scenario, pair, &(struct cut){CUT_AT, offset, 0});
	return outcome;
}

static void count(const struct scenario *scenario, const struct pair *pair, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_PASSED:
		n_passed++;
		return;
	case OUTCOME_FAILED:
		n_failed++;
		return;
	case OUTCOME_NOT_APPLICABLE:
		n_skipped++;
		(void)printf("not applicable: %s [%s -> %s, %s]: %s\n", scenario->name, pair->client->name,
			pair->server->name, version_name(pair->version), reason);
		return;
	}
}

static bool has_version(const struct contract_backend *backend, uint16_t version)
{
	return backend->backend && backend->capabilities->min_version <= version &&
		version <= backend->capabilities->max_version;
}

static void run_pair(const struct scenario *scenario, const struct contract_backend *client,
	const struct contract_backend *server, uint16_t version)
{
	const struct pair pair = {client, server, version};
	bool reference = client == &backends[0] || server == &backends[0];
	bool every_offset = options.depth == FULL || (options.depth == ORDINARY && reference);

	if (has_version(client, version) && has_version(server, version))
		count(scenario, &pair, run_cuts(scenario, &pair, every_offset));
}

static bool is_our_turn(void)
{
	static size_t n;

	return n++ % options.parts == options.part;
}

static bool is_wanted(const struct contract_backend *client, const struct contract_backend *server)
{
	const char *only = options.only_backend;

	if (options.depth == QUICK && client != server && client != &backends[0] && server != &backends[0])
		return false;
	return !only || strcmp(client->name, only) == 0 || strcmp(server->name, only) == 0;
}

static void run_scenario(const struct scenario *scenario)
{
	static const uint16_t versions[] = {UNITLS_TLS_1_2, UNITLS_TLS_1_3};
	const struct pair first = {&backends[0], &backends[0], UNITLS_TLS_1_3};

	if (scenario->scope == ONCE) {
		if (!is_our_turn())
			return;
		count(scenario, &first, run_one(scenario, &first, &(struct cut){CUT_WHOLE, 0, 0}));
		return;
	}
	for (size_t v = 0; v < 2; v++)
		for (size_t s = 0; contract_backend_at(s); s++)
			for (size_t c = 0; contract_backend_at(c); c++) {
				/* Where the client does not matter the server is given itself, or the first that has the version. */
				if (scenario->scope == PER_SERVER && c != s)
					continue;
				if (is_wanted(&backends[c], &backends[s]) && is_our_turn())
					run_pair(scenario, &backends[c], &backends[s], versions[v]);
			}
}

/* ---- Coverage -------------------------------------------------------------------------------------------------------------- */

/* items: numbers apart by blanks. */
static void mark_items(const char *items, bool *covered)
{
	int item = 0;

	for (;; items++) {
		if (*items >= '0' && *items <= '9') {
			item = 10 * item + (*items - '0');
			continue;
		}
		if (item >= 1 && item <= ITEMS_MAX)
			covered[item] = true;
		item = 0;
		if (*items == '\0')
			return;
	}
}

static size_t count_uncovered(const bool *covered)
{
	size_t n = 0;

	for (int item = 1; item <= ITEMS_MAX; item++)
		n += !covered[item];
	return n;
}

/* An item that no scenario names fails the suite. */
static void check_coverage(void)
{
	bool covered[ITEMS_MAX + 1] = {false};

	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct scenario *scenario = tables[t]; scenario->name; scenario++)
			mark_items(scenario->items, covered);
	(void)printf("contract: items not yet covered: %zu of %d\n", count_uncovered(covered), ITEMS_MAX);
	for (int item = 1; item <= ITEMS_MAX; item++)
		if (covered[item]) {
			n_passed++;
		} else {
			n_failed++;
			(void)printf("FAILED: item %d of the conformance list is not tested\n", item);
		}
}

static bool load_backends(void)
{
	const struct unitls_backend_load_params params = {.deep_bind = options.deep_bind};

	for (size_t i = 0; contract_backend_at(i); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		if (unitls_backend_load_with(backends[i].name, &params, &backends[i].backend, &error) < 0) {
			(void)printf("not tested: backend %s: %s\n", backends[i].name, error.text);
			backends[i].backend = NULL;
			continue;
		}
		backends[i].capabilities = unitls_backend_capabilities(backends[i].backend);
		(void)printf(
			"backend %s: %s\n", backends[i].name, unitls_backend_library_version(backends[i].backend));
	}
	return backends[0].backend != NULL;
}

/*
 * contract [--quick | --full] [--deep-bind] [--part I/N] [--add BACKEND] [--backend BACKEND] [NAME]: all scenarios and pairs, or those whose name holds
 * NAME, those with BACKEND at one end, or every Nth. --add: a backend that is not of this tree takes part; UNITLS_BACKEND_DIR says where its module is.
 */
int main(int argc, char **argv)
{
	if (!read_options(argc, argv)) {
		(void)fprintf(stderr,
			"usage: contract [--quick | --full] [--deep-bind] [--part I/N] [--add BACKEND] "
			"[--backend BACKEND] [NAME]\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!load_backends()) {
		(void)printf("contract: 0 passed, 1 failed\n");
		return 1;
	}
	pki_make();
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct scenario *scenario = tables[t]; scenario->name; scenario++)
			if (!options.only || strstr(scenario->name, options.only))
				run_scenario(scenario);
	if (!options.only && !options.only_backend && options.part == 0)
		check_coverage();
	pki_remove();
	if (n_skipped > 0)
		(void)printf("contract: %zu combinations not applicable, each with its reason above\n", n_skipped);
	(void)printf("contract: %zu passed, %zu failed\n", n_passed, n_failed);
	return n_failed > 0;
}

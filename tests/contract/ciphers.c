/*
 * Cipher suites and versions: exactly what was asked for is negotiated, in the server's order; the impossible is refused when it is built.
 */
#include "tests/contract/helpers.h"

#include <unitls/cipher_suite.h>

static enum outcome names(const struct pair *pair, const struct cut *cut)
{
	uint16_t suite;
	size_t n = 0;

	(void)pair;
	(void)cut;
	for (; unitls_cipher_suite_at(n, &suite); n++) {
		const char *name = unitls_cipher_suite_name(suite);
		uint16_t again = 0;

		CHECK(name != NULL);
		CHECK_EQUAL(unitls_cipher_suite_from_name(name, &again), UNITLS_OK);
		CHECK_EQUAL(again, suite);
		CHECK(unitls_cipher_suite_version(suite) == UNITLS_TLS_1_2 ||
			unitls_cipher_suite_version(suite) == UNITLS_TLS_1_3);
	}
	CHECK(n > 20);
	return OUTCOME_PASSED;
}

static bool can(const struct contract_backend *backend, uint16_t suite)
{
	for (size_t i = 0; i < backend->capabilities->n_cipher_suites; i++)
		if (backend->capabilities->cipher_suites[i] == suite)
			return true;
	return false;
}

static enum outcome check_suite(struct link *link, const struct pair *pair, uint16_t suite)
{
	for (int i = 0; i < 2; i++) {
		CHECK_EQUAL(unitls_connection_cipher(link->ends[i].connection), suite);
		CHECK_EQUAL(unitls_connection_negotiated_tls_version(link->ends[i].connection), pair->version);
	}
	CHECK_PASSED(link_send(link, CLIENT, "by this suite", 13));
	return link_send(link, SERVER, "and back", 8);
}

static enum outcome one_suite(const struct pair *pair, uint16_t suite, const struct cut *cut)
{
	const struct want client = {.suites = {suite}, .n_suites = 1};
	const struct want server = {.suites = {suite}, .n_suites = 1, .chains = {"server", "rsa"}};
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = link_connected(&link, pair, &client, &server, cut);
	if (outcome == OUTCOME_PASSED)
		outcome = check_suite(&link, pair, suite);
	link_close(&link);
	return outcome;
}

/* Every suite that both have, each alone in the list. */
static enum outcome every_suite(const struct pair *pair, const struct cut *cut)
{
	uint16_t suite;
	size_t tried = 0;

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED; /* the bytes are alike */
	if (!pair_chooses_suites(pair))
		return check_suite_refused(pair, pair->version == UNITLS_TLS_1_3 ? 0x1301 : 0xc02b);
	for (size_t i = 0; unitls_cipher_suite_at(i, &suite); i++) {
		enum outcome outcome;

		if (unitls_cipher_suite_version(suite) != pair->version || !can(pair->client, suite) ||
			!can(pair->server, suite))
			continue;
		tried++;
		outcome = one_suite(pair, suite, cut);
		contract_release();
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, unitls_cipher_suite_name(suite));
	}
	CHECK(tried >= 3);
	return OUTCOME_PASSED;
}

/* Where suites cannot be chosen a list of all of them, in the library's order, asks for nothing else and is taken. */
static enum outcome fixed_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct want want = {.n_suites = 0};
	uint16_t last;

	if (chooses_suites(pair->server, pair->version))
		return contract_not_applicable("its suites can be chosen");
	for (size_t i = 0; i < pair->server->capabilities->n_cipher_suites && want.n_suites < WANT_LIST_MAX; i++) {
		uint16_t suite = pair->server->capabilities->cipher_suites[i];

		if (unitls_cipher_suite_version(suite) == pair->version)
			want.suites[want.n_suites++] = suite;
	}
	CHECK_PASSED(link_connected(link, pair, &want, &want, cut));
	CHECK_PASSED(check_suite(link, pair, unitls_connection_cipher(link->ends[SERVER].connection)));
	/* In another order it asks for what cannot be. */
	last = want.suites[want.n_suites - 1];
	memmove(want.suites + 1, want.suites, (want.n_suites - 1) * sizeof(want.suites[0]));
	want.suites[0] = last;
	CHECK(!contract_server(pair, &want, &(struct unitls_error)UNITLS_ERROR_INIT));
	return OUTCOME_PASSED;
}

static enum outcome fixed(const struct pair *pair, const struct cut *cut)
{
	return link_run(fixed_steps, pair, cut);
}

/* A list that holds the other version's suites alone says nothing about this one. */
static enum outcome other_version_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	uint16_t others = pair->version == UNITLS_TLS_1_2 ? 0x1301 : 0xc02b;
	struct want client = {.suites = {others}, .n_suites = 1};
	struct want server = {.suites = {others}, .n_suites = 1};

	/* Only between two backends that have both. */
	if (!can(pair->client, others) || !can(pair->server, others))
		return contract_not_applicable("only one version to choose suites for");
	CHECK_PASSED(link_connected(link, pair, &client, &server, cut));
	return check_suite(link, pair, unitls_connection_cipher(link->ends[SERVER].connection));
}

static enum outcome other_version(const struct pair *pair, const struct cut *cut)
{
	return link_run(other_version_steps, pair, cut);
}

static enum outcome order_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const uint16_t sorted[2][2] = {{0xc02b, 0xc02c}, {0x1301, 0x1302}};
	const uint16_t *suites = sorted[pair->version == UNITLS_TLS_1_3];

	if (!pair_chooses_suites(pair))
		return check_suite_refused(pair, suites[1]);
	for (int turn = 0; turn < 2; turn++) {
		const struct want client = {.suites = {suites[1 - turn], suites[turn]}, .n_suites = 2};
		const struct want server = {.suites = {suites[turn], suites[1 - turn]}, .n_suites = 2};

		CHECK_PASSED(link_connected(link, pair, &client, &server, cut));
		CHECK_PASSED(check_suite(link, pair, suites[turn]));
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome order(const struct pair *pair, const struct cut *cut)
{
	return link_run(order_steps, pair, cut);
}

/* What can never be: an error when it is built, with the field. */
static enum outcome impossible(const struct pair *pair, const struct cut *cut)
{
	const struct want upside_down = {.min_version = UNITLS_TLS_1_3, .max_version = UNITLS_TLS_1_2};
	const struct want unknown = {.suites = {0x1399}, .n_suites = 1};
	const struct want too_new = {.min_version = UNITLS_TLS_1_3, .max_version = UNITLS_TLS_1_3};
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	CHECK(!contract_client(pair, &upside_down, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	CHECK(strcmp(error.field, "min_version") == 0 || strcmp(error.field, "max_version") == 0);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK(!contract_server(pair, &upside_down, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK(!contract_server(pair, &unknown, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
	CHECK(strcmp(error.field, "ciphers") == 0);
	if (has(pair->server, UNITLS_CAP_TLS_1_3))
		return OUTCOME_PASSED;
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK(!contract_server(pair, &too_new, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "min_version") == 0 || strcmp(error.field, "max_version") == 0);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK(!contract_client(&(struct pair){pair->server, pair->server, pair->version}, &too_new, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	return OUTCOME_PASSED;
}

/* Each suite of the table that a backend lacks is refused by name of the field when the context is built. */
static enum outcome lacking(const struct pair *pair, const struct cut *cut)
{
	uint16_t suite;

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	for (size_t i = 0; unitls_cipher_suite_at(i, &suite); i++) {
		const struct want want = {.suites = {suite},
			.n_suites = 1,
			.min_version = UNITLS_TLS_1_2,
			.max_version = UNITLS_TLS_MAXIMUM_SUPPORTED};
		struct unitls_error error = UNITLS_ERROR_INIT;

		if (can(pair->server, suite))
			continue;
		CHECK(!contract_server(pair, &want, &error));
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "ciphers") == 0);
	}
	return OUTCOME_PASSED;
}

const struct scenario cipher_scenarios[] = {
	{"numbers and names of suites", "43", ONCE, names},
	{"every suite that both have", "44", PER_PAIR, every_suite},
	{"a list of all suites that cannot be chosen", "44 46", PER_SERVER, fixed},
	{"a list of the other version's suites only", "44", PER_PAIR, other_version},
	{"the server's order of suites", "46", PER_PAIR, order},
	{"versions and suites that cannot be", "45", PER_SERVER, impossible},
	{"suites that a backend lacks", "45", PER_SERVER, lacking},
	{0},
};

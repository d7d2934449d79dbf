/*
 * Handshakes that must fail: with our error class, with the one right alert, and so that the peer is told.
 */
#include "tests/contract/helpers.h"

/* Some second of 2001: before every certificate of the suite. */
static int64_t long_ago(void *argument)
{
	(void)argument;
	return 1000000000;
}

/* A descriptor of what both ends are and of how it must end. */
struct refusal {
	const char *what;
	struct want client;
	struct want server;
	const char *peer;
	struct failure failure;
	int alert_1_2; /* where TLS 1.2 has another alert; 0: the same */
};

#define SERVER_REFUSES(id, alert_id, reason_id)                                                     \
	{                                                                                           \
		SERVER, UNITLS_ERROR_CLASS_##id, UNITLS_ALERT_##alert_id, UNITLS_VERIFY_##reason_id \
	}
#define CLIENT_REFUSES(id, alert_id, reason_id)                                                     \
	{                                                                                           \
		CLIENT, UNITLS_ERROR_CLASS_##id, UNITLS_ALERT_##alert_id, UNITLS_VERIFY_##reason_id \
	}

static const struct refusal refusals[] = {
	{.what = "expired",
		.server = {.chains = {"expired"}},
		.failure = CLIENT_REFUSES(VERIFY, CERTIFICATE_EXPIRED, EXPIRED)},
	{.what = "not yet valid",
		.client = {.clock = long_ago},
		.failure = CLIENT_REFUSES(VERIFY, CERTIFICATE_EXPIRED, NOT_YET_VALID)},
	{.what = "unknown CA",
		.client = {.trust = "other.pem"},
		.failure = CLIENT_REFUSES(VERIFY, UNKNOWN_CA, UNKNOWN_CA)},
	{.what = "empty trust store",
		.client = {.trust = ""},
		.failure = CLIENT_REFUSES(VERIFY, UNKNOWN_CA, UNKNOWN_CA)},
	{.what = "missing intermediate",
		.server = {.chains = {"deep-alone"}},
		.failure = CLIENT_REFUSES(VERIFY, UNKNOWN_CA, UNKNOWN_CA)},
	{.what = "wrong name",
		.peer = "elsewhere.example",
		.failure = CLIENT_REFUSES(VERIFY, BAD_CERTIFICATE, NAME_MISMATCH)},
	{.what = "wrong address",
		.peer = "127.0.0.2",
		.failure = CLIENT_REFUSES(VERIFY, BAD_CERTIFICATE, NAME_MISMATCH)},
	{.what = "self-signed",
		.server = {.chains = {"self"}},
		.failure = CLIENT_REFUSES(VERIFY, UNKNOWN_CA, SELF_SIGNED)},
	{.what = "a client's certificate on a server",
		.server = {.chains = {"purpose"}},
		.failure = CLIENT_REFUSES(VERIFY, UNSUPPORTED_CERTIFICATE, BAD_PURPOSE)},
	{.what = "name constraints",
		.server = {.chains = {"outside"}},
		.failure = CLIENT_REFUSES(VERIFY, BAD_CERTIFICATE, NAME_CONSTRAINTS)},
	{.what = "no client certificate",
		.server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"},
		.failure = SERVER_REFUSES(VERIFY, CERTIFICATE_REQUIRED, MISSING),
		.alert_1_2 = UNITLS_ALERT_HANDSHAKE_FAILURE},
	{.what = "a client certificate of an unknown CA",
		.client = {.chains = {"stranger"}},
		.server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"},
		.failure = SERVER_REFUSES(VERIFY, UNKNOWN_CA, UNKNOWN_CA)},
	{.what = "the same, optional",
		.client = {.chains = {"stranger"}},
		.server = {.client_auth = UNITLS_CLIENT_AUTH_OPTIONAL, .trust = "root.pem"},
		.failure = SERVER_REFUSES(VERIFY, UNKNOWN_CA, UNKNOWN_CA)},
	{.what = "a self-signed client certificate",
		.client = {.chains = {"self"}},
		.server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"},
		.failure = SERVER_REFUSES(VERIFY, UNKNOWN_CA, SELF_SIGNED)},
	{.what = "an expired client certificate",
		.client = {.chains = {"expired"}},
		.server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"},
		.failure = SERVER_REFUSES(VERIFY, CERTIFICATE_EXPIRED, EXPIRED)},
};

static enum outcome refusal_steps(
	struct link *link, const struct pair *pair, const struct refusal *refusal, const struct cut *cut)
{
	struct failure failure = refusal->failure;

	if (pair->version == UNITLS_TLS_1_2 && refusal->alert_1_2 != 0)
		failure.alert = refusal->alert_1_2;
	CHECK_PASSED(link_tried(link, pair, &refusal->client, &refusal->server, refusal->peer, cut));
	return check_failure(link, &failure);
}

static enum outcome certificates(const struct pair *pair, const struct cut *cut)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct link link;
		enum outcome outcome;

		memset(&link, 0, sizeof(link));
		outcome = refusal_steps(&link, pair, &refusals[i], cut);
		link_close(&link);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, refusals[i].what);
	}
	return OUTCOME_PASSED;
}

/* A client that the server refuses after the client's own handshake may be complete: the alert arrives however the bytes are cut. */
static enum outcome late_refusal_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"};
	struct failure failure = SERVER_REFUSES(VERIFY, CERTIFICATE_REQUIRED, MISSING);

	if (pair->version == UNITLS_TLS_1_2)
		failure.alert = UNITLS_ALERT_HANDSHAKE_FAILURE;
	CHECK_PASSED(link_tried(link, pair, NULL, &server, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome late_refusal(const struct pair *pair, const struct cut *cut)
{
	return link_run(late_refusal_steps, pair, cut);
}

static enum outcome version_mismatch_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	uint16_t other = pair->version == UNITLS_TLS_1_2 ? UNITLS_TLS_1_3 : UNITLS_TLS_1_2;
	const struct want server = {.min_version = other, .max_version = other};
	const struct failure failure = SERVER_REFUSES(PROTOCOL, PROTOCOL_VERSION, NONE);

	if (other > pair->server->capabilities->max_version)
		return contract_not_applicable("the server has no other version");
	CHECK_PASSED(link_tried(link, pair, NULL, &server, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome version_mismatch(const struct pair *pair, const struct cut *cut)
{
	return link_run(version_mismatch_steps, pair, cut);
}

static enum outcome no_common_suite_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	bool old = pair->version == UNITLS_TLS_1_2;
	const struct want client = {.suites = {old ? 0xc02b : 0x1301}, .n_suites = 1};
	const struct want server = {.suites = {old ? 0xc02c : 0x1302}, .n_suites = 1};
	const struct failure failure = SERVER_REFUSES(PROTOCOL, HANDSHAKE_FAILURE, NONE);

	if (!pair_chooses_suites(pair))
		return check_suite_refused(pair, client.suites[0]);
	CHECK_PASSED(link_tried(link, pair, &client, &server, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome no_common_suite(const struct pair *pair, const struct cut *cut)
{
	return link_run(no_common_suite_steps, pair, cut);
}

/* A key that the client's suites cannot use: the ECDSA certificate for a client of RSA suites. */
static enum outcome no_usable_key_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.suites = {0xc02f}, .n_suites = 1};
	const struct failure failure = SERVER_REFUSES(PROTOCOL, HANDSHAKE_FAILURE, NONE);

	if (pair->version == UNITLS_TLS_1_3)
		return contract_not_applicable("suites of TLS 1.3 do not name a kind of key");
	CHECK_PASSED(link_tried(link, pair, &client, NULL, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome no_usable_key(const struct pair *pair, const struct cut *cut)
{
	return link_run(no_usable_key_steps, pair, cut);
}

/* A connection that fails between two steps of another leaves that one alone, whatever the library keeps for the thread. */
static enum outcome stale_errors_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	for (int turn = 0; turn < 6; turn++) {
		struct link failing;
		enum outcome outcome;

		memset(&failing, 0, sizeof(failing));
		outcome = refusal_steps(&failing, pair, &refusals[turn % 3], &(struct cut){CUT_WHOLE, 0, 0});
		link_close(&failing);
		CHECK_PASSED(outcome);
		for (int i = 0; i < 2; i++) {
			struct end *end = &link->ends[i];

			end->status = unitls_connection_handshake(end->connection, &end->error);
			CHECK(end->status >= 0);
		}
		(void)link_move(link, turn % 2 == 0 ? CLIENT : SERVER);
	}
	CHECK_PASSED(link_connect(link));
	CHECK_PASSED(link_send(link, CLIENT, "unharmed", 8));
	return link_send(link, SERVER, "unharmed", 8);
}

static enum outcome stale_errors(const struct pair *pair, const struct cut *cut)
{
	return link_run(stale_errors_steps, pair, cut);
}

const struct scenario failure_scenarios[] = {
	{"certificates that must be refused", "19 20 38 39 42", PER_PAIR, certificates},
	{"a missing client certificate, cut anywhere", "15 19 20", PER_CUT, late_refusal},
	{"no version in common", "19", PER_PAIR, version_mismatch},
	{"no cipher suite in common", "19", PER_PAIR, no_common_suite},
	{"no suite for the server's key", "19", PER_PAIR, no_usable_key},
	{"another connection's failure", "23", PER_PAIR, stale_errors},
	{0},
};

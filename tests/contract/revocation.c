/*
 * Certificates that were revoked: by lists, and by OCSP responses that the server staples.
 */
#include "tests/contract/helpers.h"

#include <time.h>

struct trial {
	const char *what;
	const char *crls;
	const char *chain;
	enum unitls_verify_reason reason; /* NONE: accepted */
	int alert;
};

static const struct trial server_trials[] = {
	{"nothing is revoked", "none-revoked.crl", "server", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
	{"a list in DER", "none-revoked-der.crl", "server", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
	{"the certificate is revoked", "server-revoked.crl", "server", UNITLS_VERIFY_REVOKED,
		UNITLS_ALERT_CERTIFICATE_REVOKED},
	{"another is revoked", "server-revoked.crl", "p384", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
	{"no list of its issuer", "of-other.crl", "server", UNITLS_VERIFY_REVOCATION_UNKNOWN,
		UNITLS_ALERT_CERTIFICATE_UNKNOWN},
	{"a list that is out of date", "stale.crl", "server", UNITLS_VERIFY_REVOCATION_UNKNOWN,
		UNITLS_ALERT_CERTIFICATE_UNKNOWN},
	{"a list that somebody else signed", "forged.crl", "server", UNITLS_VERIFY_REVOCATION_UNKNOWN,
		UNITLS_ALERT_CERTIFICATE_UNKNOWN},
	{"lists for the whole chain", "all-good.crl", "deep", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
	{"an intermediate that no list covers", "of-middle.crl", "deep", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
	{"a leaf that no list covers", "of-root.crl", "deep", UNITLS_VERIFY_REVOCATION_UNKNOWN,
		UNITLS_ALERT_CERTIFICATE_UNKNOWN},
	{"the leaf is revoked by an intermediate", "deep-revoked.crl", "deep", UNITLS_VERIFY_REVOKED,
		UNITLS_ALERT_CERTIFICATE_REVOKED},
	{"the intermediate is revoked", "middle-gone.crl", "deep", UNITLS_VERIFY_REVOKED,
		UNITLS_ALERT_CERTIFICATE_REVOKED},
};

static enum outcome check_trial(
	struct link *link, enum end_name judge, enum unitls_verify_reason reason, int alert)
{
	const struct failure failure = {judge, UNITLS_ERROR_CLASS_VERIFY, alert, reason};

	if (reason != UNITLS_VERIFY_NONE)
		return check_failure(link, &failure);
	for (int i = 0; i < 2; i++)
		if (link->ends[i].status != UNITLS_OK)
			return contract_failed(
				__FILE__, __LINE__, "%s", error_text(link->ends[i].status, &link->ends[i].error));
	return OUTCOME_PASSED;
}

static enum outcome check_crls_refused(const struct pair *pair, enum end_name at)
{
	const struct want want = {
		.crls = "none-revoked.crl", .trust = "root.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
	const struct want client = {.crls = "none-revoked.crl"};
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (at == CLIENT)
		CHECK(!contract_client(pair, &client, &error));
	else
		CHECK(!contract_server(pair, &want, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "crls") == 0);
	return OUTCOME_PASSED;
}

static enum outcome servers(const struct pair *pair, const struct cut *cut)
{
	if (!has(pair->client, UNITLS_CAP_CRL))
		return check_crls_refused(pair, CLIENT);
	for (size_t i = 0; i < sizeof(server_trials) / sizeof(server_trials[0]); i++) {
		const struct trial *trial = &server_trials[i];
		struct link link;
		enum outcome outcome = link_tried(&link, pair, &(struct want){.crls = trial->crls},
			&(struct want){.chains = {trial->chain}}, NULL, cut);

		if (outcome == OUTCOME_PASSED)
			outcome = check_trial(&link, CLIENT, trial->reason, trial->alert);
		link_close(&link);
		contract_release();
		CHECK_PASSED(contract_within(outcome, trial->what));
	}
	return OUTCOME_PASSED;
}

static enum outcome clients(const struct pair *pair, const struct cut *cut)
{
	static const struct trial trials[] = {
		{"good", "none-revoked.crl", "client", UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE},
		{"revoked", "server-revoked.crl", "client", UNITLS_VERIFY_REVOKED,
			UNITLS_ALERT_CERTIFICATE_REVOKED},
		{"not covered", "of-other.crl", "client", UNITLS_VERIFY_REVOCATION_UNKNOWN,
			UNITLS_ALERT_CERTIFICATE_UNKNOWN},
	};

	if (!has(pair->server, UNITLS_CAP_CRL))
		return check_crls_refused(pair, SERVER);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct want server = {
			.crls = trials[i].crls, .trust = "root.pem", .client_auth = UNITLS_CLIENT_AUTH_REQUIRED};
		struct link link;
		enum outcome outcome =
			link_tried(&link, pair, &(struct want){.chains = {trials[i].chain}}, &server, NULL, cut);

		if (outcome == OUTCOME_PASSED)
			outcome = check_trial(&link, SERVER, trials[i].reason, trials[i].alert);
		link_close(&link);
		contract_release();
		CHECK_PASSED(contract_within(outcome, trials[i].what));
	}
	return OUTCOME_PASSED;
}

/* ---- Staples --------------------------------------------------------------------------------------------------------------------- */

static int64_t in_three_days(void *argument)
{
	(void)argument;
	return (int64_t)time(NULL) + 3 * 86400;
}

static const struct {
	const char *what;
	const char *staple;
	enum unitls_ocsp ocsp;
	enum unitls_verify_reason reason;
	unitls_clock clock;
	const char *chain; /* NULL: "server" */
	const char *crls;
	const char *trust; /* NULL: the root */
} staples[] = {
	{"good, asked for", "good.ocsp", UNITLS_OCSP_REQUEST, .reason = UNITLS_VERIFY_NONE},
	{"good, required", "good.ocsp", UNITLS_OCSP_REQUIRE, .reason = UNITLS_VERIFY_NONE},
	{"not asked for", "revoked.ocsp", UNITLS_OCSP_NONE, .reason = UNITLS_VERIFY_NONE},
	{"none, asked for", NULL, UNITLS_OCSP_REQUEST, .reason = UNITLS_VERIFY_NONE},
	{"none, required", NULL, UNITLS_OCSP_REQUIRE, .reason = UNITLS_VERIFY_REVOCATION_UNKNOWN},
	{"revoked, asked for", "revoked.ocsp", UNITLS_OCSP_REQUEST, .reason = UNITLS_VERIFY_REVOKED},
	{"revoked, required", "revoked.ocsp", UNITLS_OCSP_REQUIRE, .reason = UNITLS_VERIFY_REVOKED},
	{"for another certificate, required", "elsewhere.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_REVOCATION_UNKNOWN},
	{"signed by somebody else, required", "impostor.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_REVOCATION_UNKNOWN},
	{"out of date, required", "good.ocsp", UNITLS_OCSP_REQUIRE, .reason = UNITLS_VERIFY_REVOCATION_UNKNOWN,
		.clock = in_three_days},
	/* The list covers the leaf alone; nobody says anything of the intermediate, who signs list and response. */
	{"good, required, beside an intermediate's list", "deep-good.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_NONE, .chain = "deep", .crls = "of-middle.crl"},
	{"revoked, asked for, beside an intermediate's list", "deep-gone.ocsp", UNITLS_OCSP_REQUEST,
		.reason = UNITLS_VERIFY_REVOKED, .chain = "deep", .crls = "of-middle.crl"},
	{"good, required, under an intermediate that is the anchor", "deep-good.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_NONE, .chain = "deep", .trust = "middle.pem"},
	{"revoked, asked for, under an intermediate that is the anchor", "deep-gone.ocsp", UNITLS_OCSP_REQUEST,
		.reason = UNITLS_VERIFY_REVOKED, .chain = "deep", .trust = "middle.pem"},
	{"by a delegate, required", "by-delegate.ocsp", UNITLS_OCSP_REQUIRE, .reason = UNITLS_VERIFY_NONE},
	{"by a delegate that expired by the clock, required", "by-delegate.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_REVOCATION_UNKNOWN, .clock = in_three_days},
	{"by a delegate that is valid by the clock, required", "by-later.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_NONE, .clock = in_three_days},
	{"by a delegate that is not yet valid, required", "by-later.ocsp", UNITLS_OCSP_REQUIRE,
		.reason = UNITLS_VERIFY_REVOCATION_UNKNOWN},
};

/* A library may have an alert of its own for staples. */
static enum outcome check_staple_refused(const struct link *link, enum unitls_verify_reason reason)
{
	const struct end *client = &link->ends[CLIENT];

	if (client->status != UNITLS_ERROR || client->error.error_class != UNITLS_ERROR_CLASS_VERIFY ||
		client->error.verify_reason != reason)
		return contract_failed(__FILE__, __LINE__, "%s", error_text(client->status, &client->error));
	CHECK(client->error.alert == UNITLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE ||
		client->error.alert == UNITLS_ALERT_CERTIFICATE_REVOKED ||
		client->error.alert == UNITLS_ALERT_CERTIFICATE_UNKNOWN);
	CHECK(link->ends[SERVER].status < 0);
	return OUTCOME_PASSED;
}

static enum outcome check_staple(struct link *link, const struct pair *pair, size_t i)
{
	struct unitls_bytes response;
	bool is_refused = staples[i].reason != UNITLS_VERIFY_NONE && has(pair->client, UNITLS_CAP_OCSP_VERIFY);

	if (is_refused)
		return check_staple_refused(link, staples[i].reason);
	CHECK_PASSED(check_trial(link, CLIENT, UNITLS_VERIFY_NONE, UNITLS_ALERT_NONE));
	response = unitls_connection_ocsp_response(link->ends[CLIENT].connection);
	CHECK_EQUAL(response.size > 0, staples[i].staple && staples[i].ocsp != UNITLS_OCSP_NONE);
	CHECK_EQUAL(unitls_connection_ocsp_response(link->ends[SERVER].connection).size, 0);
	return OUTCOME_PASSED;
}

/* By field name, where an end cannot do what is asked. */
static enum outcome check_ocsp_refused(const struct pair *pair, const struct want *want, enum end_name at)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (at == CLIENT)
		CHECK(!contract_client(pair, want, &error));
	else
		CHECK(!contract_server(pair, want, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, at == CLIENT ? "ocsp" : "ocsp_response") == 0);
	return OUTCOME_PASSED;
}

static enum outcome stapled(const struct pair *pair, const struct cut *cut)
{
	for (size_t i = 0; i < sizeof(staples) / sizeof(staples[0]); i++) {
		const struct want client = {.ocsp = staples[i].ocsp,
			.clock = staples[i].clock,
			.crls = staples[i].crls,
			.trust = staples[i].trust};
		const struct want server = {.staple = staples[i].staple, .chains = {staples[i].chain}};
		enum unitls_capability needed =
			staples[i].ocsp == UNITLS_OCSP_REQUIRE ? UNITLS_CAP_OCSP_VERIFY : UNITLS_CAP_OCSP_REQUEST;
		struct link link;
		enum outcome outcome;

		if ((staples[i].clock && !has(pair->client, UNITLS_CAP_CLOCK)) ||
			(staples[i].crls && !has(pair->client, UNITLS_CAP_CRL)))
			continue;
		if (staples[i].ocsp != UNITLS_OCSP_NONE && !has(pair->client, needed)) {
			CHECK_PASSED(contract_within(check_ocsp_refused(pair, &client, CLIENT), staples[i].what));
			continue;
		}
		if (staples[i].staple && !has(pair->server, UNITLS_CAP_OCSP_STAPLE)) {
			CHECK_PASSED(contract_within(check_ocsp_refused(pair, &server, SERVER), staples[i].what));
			continue;
		}
		outcome = link_tried(&link, pair, &client, &server, NULL, cut);
		if (outcome == OUTCOME_PASSED)
			outcome = check_staple(&link, pair, i);
		link_close(&link);
		contract_release();
		CHECK_PASSED(contract_within(outcome, staples[i].what));
	}
	return OUTCOME_PASSED;
}

const struct scenario revocation_scenarios[] = {
	{"revocation lists for servers", "19", PER_PAIR, servers},
	{"revocation lists for clients", "19", PER_PAIR, clients},
	{"stapled OCSP responses", "19", PER_PAIR, stapled},
	{0},
};

/*
 * Private keys that are elsewhere: a signer answers at once or later, fails, or answers when nobody waits any more.
 */
#include "tests/contract/helpers.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/peer/peer.h"

enum manner {
	AT_ONCE,
	LATER,
	FAIL,
	WRONG,         /* a signature of something else */
	NEVER_AT_ONCE, /* not deferred, and yet without an answer */
};

struct notary {
	char key[256]; /* PEM file */
	enum manner manner;
	struct unitls_sign_request *pending;
	unsigned asked;
	unsigned released;
	uint16_t scheme; /* of the last request */
};

static void answer(const struct notary *notary, struct unitls_sign_request *request, bool wrong)
{
	uint8_t signature[UNITLS_SIGNATURE_MAX];
	struct unitls_bytes input = unitls_sign_request_input(request);
	uint8_t *copy = malloc(input.size);
	size_t size;

	if (!copy)
		abort();
	memcpy(copy, input.data, input.size);
	if (wrong)
		copy[0] ^= 1;
	size = peer_module()->sign(
		notary->key, unitls_sign_request_scheme(request), copy, input.size, signature, sizeof(signature));
	free(copy);
	if (size > 0)
		unitls_sign_request_finish(request, signature, size);
	else
		unitls_sign_request_fail(request);
}

static void on_sign(void *argument, struct unitls_sign_request *request)
{
	struct notary *notary = argument;

	notary->asked++;
	notary->scheme = unitls_sign_request_scheme(request);
	switch (notary->manner) {
	case AT_ONCE:
		answer(notary, request, false);
		return;
	case LATER:
	case NEVER_AT_ONCE:
		notary->pending = request;
		return;
	case FAIL:
		unitls_sign_request_fail(request);
		return;
	case WRONG:
		answer(notary, request, true);
		return;
	}
}

static void on_release(void *argument)
{
	struct notary *notary = argument;

	notary->released++;
}

static const struct unitls_signer prompt = {.sign = on_sign, .release = on_release};
static const struct unitls_signer deferred = {.sign = on_sign, .release = on_release, .deferred = true};

static void notary_open(struct notary *notary, const char *name, enum manner manner)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.key", name);
	memset(notary, 0, sizeof(*notary));
	(void)snprintf(notary->key, sizeof(notary->key), "%s", pki_path(file));
	notary->manner = manner;
}

/* The other end of what is tried stays ordinary. A server's key is of the client's kind: in TLS 1.2 wolfSSL's asks for no other (certificate_types). */
static void fill_wants(struct want wants[2], enum end_name at, const char *name, struct notary *notary)
{
	memset(wants, 0, 2 * sizeof(wants[0]));
	wants[at].signer = notary->manner == LATER ? &deferred : &prompt;
	wants[at].signer_argument = notary;
	wants[at].chains[0] = name;
	if (at == CLIENT) {
		wants[SERVER].client_auth = UNITLS_CLIENT_AUTH_REQUIRED;
		wants[SERVER].trust = "root.pem";
		wants[SERVER].chains[0] = strcmp(name, "rsa") == 0 ? "rsa" : "server";
	}
}

static const struct contract_backend *backend_at(const struct pair *pair, enum end_name at)
{
	return at == CLIENT ? pair->client : pair->server;
}

/* A context must refuse the key, by its field, and say so as unsupported. */
static enum outcome check_key_refused(const struct pair *pair, enum end_name at, const struct want *want)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (at == CLIENT)
		CHECK(!contract_client(pair, want, &error));
	else
		CHECK(!contract_server(pair, want, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "key") == 0 || strcmp(error.field, "certificate") == 0);
	return OUTCOME_PASSED;
}

/* ---- Keys of all kinds ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum unitls_key_type type;
} kinds[] = {
	{"server", UNITLS_KEY_ECDSA_P256},
	{"p384", UNITLS_KEY_ECDSA_P384},
	{"rsa", UNITLS_KEY_RSA},
	{"pss", UNITLS_KEY_RSA_PSS},
	{"ed25519", UNITLS_KEY_ED25519},
};

static enum outcome sign_at_once(const struct pair *pair, enum end_name at, size_t kind, const struct cut *cut)
{
	struct notary notary;
	struct want wants[2];
	struct link link;
	enum outcome outcome;

	notary_open(&notary, kinds[kind].name, AT_ONCE);
	fill_wants(wants, at, kinds[kind].name, &notary);
	if (!has(backend_at(pair, at), UNITLS_CAP_EXTERNAL_KEYS))
		return check_key_refused(pair, at, &wants[at]);
	if (!(backend_at(pair, at)->capabilities->key_types & 1u << kinds[kind].type) ||
		!(backend_at(pair, (enum end_name)(1 - at))->capabilities->key_types & 1u << kinds[kind].type))
		return OUTCOME_PASSED; /* certificates.c has the refusal; what one cannot sign with, it does not verify either */
	outcome = link_connected(&link, pair, &wants[CLIENT], &wants[SERVER], cut);
	if (outcome == OUTCOME_PASSED)
		outcome = link_send(&link, CLIENT, "signed", 6);
	link_close(&link);
	contract_release();
	CHECK_PASSED(outcome);
	CHECK_EQUAL(notary.asked, 1);
	CHECK(unitls_signature_scheme_name(notary.scheme) != NULL);
	CHECK_EQUAL(notary.released, 1);
	return OUTCOME_PASSED;
}

static enum outcome at_once(const struct pair *pair, const struct cut *cut)
{
	if (!peer_module())
		return contract_not_applicable("nothing here can sign: OpenSSL's headers were not found");
	for (int at = 0; at < 2; at++)
		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
			CHECK_PASSED(contract_within(
				sign_at_once(pair, (enum end_name)at, kind, cut), kinds[kind].name));
	return OUTCOME_PASSED;
}

/* ---- Later ------------------------------------------------------------------------------------------------------------------------- */

/* Runs to where the signature is owed. */
static enum outcome run_to_request(struct link *link, const struct pair *pair, enum end_name at,
	struct notary *notary, const char *name, const struct cut *cut)
{
	struct want wants[2];

	notary_open(notary, name, LATER);
	fill_wants(wants, at, name, notary);
	CHECK_PASSED(link_tried(link, pair, &wants[CLIENT], &wants[SERVER], NULL, cut));
	CHECK_EQUAL(link->ends[at].status, UNITLS_WANT_APP);
	CHECK_EQUAL(notary->asked, 1);
	CHECK(notary->pending != NULL);
	/* Asked again while nothing has happened: the same answer, and no second request. */
	CHECK_EQUAL(unitls_connection_handshake(link->ends[at].connection, NULL), UNITLS_WANT_APP);
	CHECK_EQUAL(notary->asked, 1);
	return OUTCOME_PASSED;
}

static enum outcome finish_later(const struct pair *pair, enum end_name at, size_t kind, const struct cut *cut)
{
	struct notary notary;
	struct link link;
	enum outcome outcome;

	if (!(backend_at(pair, at)->capabilities->key_types & 1u << kinds[kind].type) ||
		!(backend_at(pair, (enum end_name)(1 - at))->capabilities->key_types & 1u << kinds[kind].type))
		return OUTCOME_PASSED;
	memset(&link, 0, sizeof(link));
	outcome = run_to_request(&link, pair, at, &notary, kinds[kind].name, cut);
	if (outcome == OUTCOME_PASSED) {
		answer(&notary, notary.pending, false);
		outcome = link_connect(&link);
	}
	if (outcome == OUTCOME_PASSED)
		outcome = link_send(&link, SERVER, "at last", 7);
	link_close(&link);
	contract_release();
	CHECK_PASSED(outcome);
	CHECK_EQUAL(notary.asked, 1);
	return OUTCOME_PASSED;
}

/* The connection goes first; the answer comes to nobody. */
static enum outcome abandon(const struct pair *pair, enum end_name at, bool fails, const struct cut *cut)
{
	struct notary notary;
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = run_to_request(&link, pair, at, &notary, "server", cut);
	link_close(&link);
	contract_release();
	CHECK_PASSED(outcome);
	if (fails)
		unitls_sign_request_fail(notary.pending);
	else
		answer(&notary, notary.pending, false);
	CHECK_EQUAL(notary.released, 1);
	return OUTCOME_PASSED;
}

static enum outcome fail_later(const struct pair *pair, enum end_name at, const struct cut *cut)
{
	struct notary notary;
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = run_to_request(&link, pair, at, &notary, "server", cut);
	if (outcome == OUTCOME_PASSED) {
		unitls_sign_request_fail(notary.pending);
		link_handshake(&link);
		if (link.ends[at].status != UNITLS_ERROR ||
			link.ends[at].error.error_class != UNITLS_ERROR_CLASS_INTERNAL)
			outcome = contract_failed(
				__FILE__, __LINE__, "%s", error_text(link.ends[at].status, &link.ends[at].error));
	}
	link_close(&link);
	contract_release();
	return outcome;
}

static enum outcome later(const struct pair *pair, const struct cut *cut)
{
	if (!peer_module())
		return contract_not_applicable("nothing here can sign: OpenSSL's headers were not found");
	for (int at = 0; at < 2; at++) {
		struct notary notary;
		struct want wants[2];

		if (!has(backend_at(pair, (enum end_name)at), UNITLS_CAP_EXTERNAL_KEYS_ASYNC)) {
			notary_open(&notary, "server", LATER);
			fill_wants(wants, (enum end_name)at, "server", &notary);
			CHECK_PASSED(check_key_refused(pair, (enum end_name)at, &wants[at]));
			continue;
		}
		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
			CHECK_PASSED(contract_within(
				finish_later(pair, (enum end_name)at, kind, cut), kinds[kind].name));
		CHECK_PASSED(
			contract_within(abandon(pair, (enum end_name)at, false, cut), "abandoned, then signed"));
		CHECK_PASSED(
			contract_within(abandon(pair, (enum end_name)at, true, cut), "abandoned, then refused"));
		CHECK_PASSED(contract_within(fail_later(pair, (enum end_name)at, cut), "refused later"));
	}
	return OUTCOME_PASSED;
}

/* ---- Signers that fail -------------------------------------------------------------------------------------------------------------- */

static enum outcome check_failed(
	const struct pair *pair, enum end_name at, enum manner manner, const struct cut *cut)
{
	struct notary notary;
	struct want wants[2];
	struct link link;
	enum outcome outcome;
	bool is_wrong = manner == WRONG;
	const struct end *judge = &link.ends[is_wrong ? 1 - at : at];

	notary_open(&notary, "server", manner);
	fill_wants(wants, at, "server", &notary);
	outcome = link_tried(&link, pair, &wants[CLIENT], &wants[SERVER], NULL, cut);
	/* Who is wronged by a false signature is the peer; anything else is our own failure. */
	if (outcome == OUTCOME_PASSED &&
		(judge->status != UNITLS_ERROR ||
			(!is_wrong && judge->error.error_class != UNITLS_ERROR_CLASS_INTERNAL)))
		outcome = contract_failed(__FILE__, __LINE__, "%s", error_text(judge->status, &judge->error));
	link_close(&link);
	if (notary.pending)
		unitls_sign_request_fail(notary.pending);
	contract_release();
	CHECK_PASSED(outcome);
	CHECK_EQUAL(notary.released, 1);
	return OUTCOME_PASSED;
}

static enum outcome failing(const struct pair *pair, const struct cut *cut)
{
	if (!peer_module())
		return contract_not_applicable("nothing here can sign: OpenSSL's headers were not found");
	for (int at = 0; at < 2; at++) {
		if (!has(backend_at(pair, (enum end_name)at), UNITLS_CAP_EXTERNAL_KEYS))
			continue;
		CHECK_PASSED(contract_within(check_failed(pair, (enum end_name)at, FAIL, cut), "refuses"));
		CHECK_PASSED(contract_within(
			check_failed(pair, (enum end_name)at, WRONG, cut), "signs something else"));
		CHECK_PASSED(contract_within(
			check_failed(pair, (enum end_name)at, NEVER_AT_ONCE, cut), "does not answer"));
	}
	return OUTCOME_PASSED;
}

const struct scenario external_scenarios[] = {
	{"external keys that sign at once", "41 48", PER_PAIR, at_once},
	{"external keys that sign later", "48", PER_PAIR, later},
	{"external keys that do not sign", "48", PER_PAIR, failing},
	{0},
};

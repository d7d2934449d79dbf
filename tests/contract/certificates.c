/*
 * Certificates: what is sent of a chain, which names match, every form of a file, every kind of key.
 */
#include "tests/contract/helpers.h"

#include <unitls/insecure.h>

static struct unitls_certificate *load(const char *file)
{
	struct unitls_certificate *certificate = NULL;

	return unitls_certificate_from_file(pki_path(file), &certificate, NULL) == UNITLS_OK ? certificate : NULL;
}

/* What the client got is exactly these files, in this order. */
static enum outcome check_sent(struct link *link, const char *const *files)
{
	size_t i;

	for (i = 0; files[i]; i++) {
		struct unitls_certificate *expected = load(files[i]);
		struct unitls_certificate *sent =
			unitls_connection_peer_certificate(link->ends[CLIENT].connection, i);
		bool same = expected && sent &&
			memcmp(unitls_certificate_fingerprint(expected), unitls_certificate_fingerprint(sent),
				32) == 0;

		unitls_certificate_unref(expected);
		if (!same)
			return contract_failed(__FILE__, __LINE__, "certificate %zu is not %s", i, files[i]);
	}
	CHECK(!unitls_connection_peer_certificate(link->ends[CLIENT].connection, i));
	return OUTCOME_PASSED;
}

/* Chains as operators write them, and what must come of them. */
static enum outcome chains_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const struct {
		struct want client;
		struct want server;
		const char *sent[4];
	} cases[] = {
		{.server = {.chains = {"deep"}}, .sent = {"deep.crt", "middle.crt"}},
		{.server = {.chains = {"messy"}}, .sent = {"deep.crt", "middle.crt"}},
		{.client = {.trust = "middle.pem"},
			.server = {.chains = {"deep"}},
			.sent = {"deep.crt", "middle.crt"}},
		{.client = {.trust = "middle.pem"}, .server = {.chains = {"deep-alone"}}, .sent = {"deep.crt"}},
		{.server = {.chains = {"rsa4096"}}, .sent = {"rsa4096.crt"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char what[16] = {'c', 'h', 'a', 'i', 'n', ' ', (char)('0' + i)};
		enum outcome outcome = link_connected(link, pair, &cases[i].client, &cases[i].server, cut);

		if (outcome == OUTCOME_PASSED)
			outcome = check_sent(link, cases[i].sent);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, what);
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome chains(const struct pair *pair, const struct cut *cut)
{
	return link_run(chains_steps, pair, cut);
}

/* A chain with two ways up, in either order, for a client that trusts both; one that goes round in circles. */
static enum outcome crossed_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const char *const names[] = {"crossed", "crossed-2"};
	const struct want client = {.trust = "both.pem"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct want cyclic = {.chains = {"cyclic"}};

	for (int i = 0; i < 2; i++) {
		const struct want server = {.chains = {names[i]}};

		CHECK_PASSED(link_connected(link, pair, &client, &server, cut));
		CHECK(unitls_connection_peer_certificate(link->ends[CLIENT].connection, 1) != NULL);
		link_close(link);
	}
	if (!contract_server(pair, &cyclic, &error)) {
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
		CHECK(strcmp(error.field, "certificate") == 0);
		return OUTCOME_PASSED;
	}
	CHECK_PASSED(link_tried(link, pair, NULL, &cyclic, NULL, cut));
	return check_failure(link,
		&(struct failure){
			CLIENT, UNITLS_ERROR_CLASS_VERIFY, UNITLS_ALERT_UNKNOWN_CA, UNITLS_VERIFY_UNKNOWN_CA});
}

static enum outcome crossed(const struct pair *pair, const struct cut *cut)
{
	return link_run(crossed_steps, pair, cut);
}

static enum outcome forms_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const char *const names[] = {"sec1", "pkcs1", "locked", "locked-old", "der", "trusted", "junk"};

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED; /* the bytes are alike */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct want server = {.chains = {names[i]}, .password = "secret"};
		struct unitls_error error = UNITLS_ERROR_INIT;
		enum outcome outcome;

		if (strncmp(names[i], "locked", 6) != 0)
			server.password = NULL;
		else if (!has(pair->server, UNITLS_CAP_ENCRYPTED_KEYS)) {
			CHECK(!contract_server(pair, &server, &error));
			CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
			continue;
		}
		outcome = link_connected(link, pair, NULL, &server, cut);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, names[i]);
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome forms(const struct pair *pair, const struct cut *cut)
{
	return link_run(forms_steps, pair, cut);
}

/* What cannot be used is refused when it is built, with the field. */
static enum outcome unusable(const struct pair *pair, const struct cut *cut)
{
	static const struct want wants[] = {
		{.chains = {"mismatch"}},
		{.chains = {"locked"}},
		{.chains = {"locked"}, .password = "wrong"},
		{.chains = {"locked-old"}, .password = "wrong"},
	};

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		bool unreadable = wants[i].password && !has(pair->server, UNITLS_CAP_ENCRYPTED_KEYS);

		CHECK(!contract_server(pair, &wants[i], &error));
		CHECK_EQUAL(error.error_class,
			unreadable ? UNITLS_ERROR_CLASS_UNSUPPORTED : UNITLS_ERROR_CLASS_CONFIG);
		CHECK(strcmp(error.field, "key") == 0);
	}
	return OUTCOME_PASSED;
}

static enum outcome names_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const struct {
		const char *peer;
		const char *chain;
		bool good;
	} cases[] = {
		{"server.example", "server", true},
		{"SERVER.Example", "server", true},
		{"server.example.", "server", true},
		{"one.wild.example", "server", true},
		{"one.two.wild.example", "server", false},
		{"wild.example", "server", false},
		{"server.example.org", "server", false},
		{"127.0.0.1", "server", true},
		{"::1", "server", true},
		{"::2", "server", false},
		{"server.example", "cn-only", false},
		{"server.example", "nul", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct want server = {.chains = {cases[i].chain}};
		enum outcome outcome = link_tried(link, pair, NULL, &server, cases[i].peer, cut);

		if (outcome == OUTCOME_PASSED && cases[i].good)
			outcome = link_connect(link);
		else if (outcome == OUTCOME_PASSED)
			outcome = check_failure(link,
				&(struct failure){CLIENT, UNITLS_ERROR_CLASS_VERIFY, UNITLS_ALERT_BAD_CERTIFICATE,
					UNITLS_VERIFY_NAME_MISMATCH});
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, cases[i].peer);
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome names(const struct pair *pair, const struct cut *cut)
{
	return link_run(names_steps, pair, cut);
}

/* Unchecked means the name alone: the chain still counts, and without verification nothing does. */
static enum outcome insecure_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want blind = {.skip_verification = true, .trust = ""};
	const struct want stranger = {.trust = "other.pem"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name unchecked;

	CHECK_EQUAL(unitls_insecure_peer_name_unchecked("elsewhere.example", &unchecked, &error), UNITLS_OK);
	for (int turn = 0; turn < 2; turn++) {
		struct unitls_client_context *client =
			contract_client(pair, turn == 0 ? &(struct want){0} : &stranger, &error);
		struct unitls_server_context *server = contract_server(pair, &(struct want){0}, &error);

		CHECK(client && server);
		CHECK_PASSED(link_open(link, client, server, NULL, cut));
		unitls_connection_free(link->ends[CLIENT].connection);
		link->ends[CLIENT].connection = NULL;
		CHECK_EQUAL(
			unitls_client_connection_new(client, &unchecked, &link->ends[CLIENT].connection, &error),
			UNITLS_OK);
		if (turn == 0) {
			CHECK_PASSED(link_connect(link));
			CHECK(strcmp(unitls_connection_server_name(link->ends[SERVER].connection),
				      "elsewhere.example") == 0);
		} else {
			link_handshake(link);
			CHECK_PASSED(check_failure(link,
				&(struct failure){CLIENT, UNITLS_ERROR_CLASS_VERIFY, UNITLS_ALERT_UNKNOWN_CA,
					UNITLS_VERIFY_UNKNOWN_CA}));
		}
		link_close(link);
	}
	CHECK_PASSED(link_tried(link, pair, &blind, &(struct want){.chains = {"self"}}, "elsewhere.example", cut));
	return link_connect(link);
}

static enum outcome insecure(const struct pair *pair, const struct cut *cut)
{
	return link_run(insecure_steps, pair, cut);
}

/* Each kind of key works, or is refused when the context is built; a client that cannot read it refuses, it does not hang. */
static enum outcome key_steps(struct link *link, const struct pair *pair, const char *name, const struct cut *cut)
{
	const struct want server = {.chains = {name}};
	struct unitls_certificate *leaf;
	char file[32];
	enum unitls_key_type type;
	struct unitls_error error = UNITLS_ERROR_INIT;
	size_t n = strlen(name);

	memcpy(file, name, n);
	memcpy(file + n, ".crt", 5);
	leaf = load(file);
	CHECK(leaf != NULL);
	type = unitls_certificate_key_type(leaf);
	unitls_certificate_unref(leaf);
	if (!(pair->server->capabilities->key_types & 1u << type)) {
		CHECK(!contract_server(pair, &server, &error));
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "certificate") == 0 || strcmp(error.field, "key") == 0);
		return OUTCOME_PASSED;
	}
	CHECK_PASSED(link_tried(link, pair, NULL, &server, NULL, cut));
	if (pair->client->capabilities->key_types & 1u << type) {
		CHECK_PASSED(link_connect(link));
		return link_send(link, SERVER, "signed", 6);
	}
	CHECK(link->ends[CLIENT].status < 0);
	CHECK(link->ends[SERVER].status < 0);
	return OUTCOME_PASSED;
}

static enum outcome keys(const struct pair *pair, const struct cut *cut)
{
	static const char *const kinds[] = {"server", "p384", "rsa", "rsa4096", "pss", "ed25519"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct link link;
		enum outcome outcome;

		memset(&link, 0, sizeof(link));
		outcome = key_steps(&link, pair, kinds[i], cut);
		link_close(&link);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, kinds[i]);
	}
	return OUTCOME_PASSED;
}

/* Client certificates that are welcome, and optional ones that are not sent. */
static enum outcome client_certificate_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want required = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = "root.pem"};
	const struct want optional = {.client_auth = UNITLS_CLIENT_AUTH_OPTIONAL, .trust = "root.pem"};
	const struct want with = {.chains = {"client"}};
	struct unitls_certificate *sent;

	CHECK_PASSED(link_connected(link, pair, &with, &required, cut));
	sent = unitls_connection_peer_certificate(link->ends[SERVER].connection, 0);
	CHECK(sent != NULL);
	CHECK(bytes_are(unitls_certificate_common_name(sent), "client"));
	CHECK(!unitls_connection_peer_certificate(link->ends[SERVER].connection, 1));
	CHECK_PASSED(link_send(link, SERVER, "welcome", 7));
	link_close(link);
	CHECK_PASSED(link_connected(link, pair, NULL, &optional, cut));
	CHECK(!unitls_connection_peer_certificate(link->ends[SERVER].connection, 0));
	link_close(link);
	/* A certificate that nobody asks for is not sent. */
	CHECK_PASSED(link_connected(link, pair, &with, NULL, cut));
	CHECK(!unitls_connection_peer_certificate(link->ends[SERVER].connection, 0));
	return OUTCOME_PASSED;
}

static enum outcome client_certificate(const struct pair *pair, const struct cut *cut)
{
	if (!has(pair->client, UNITLS_CAP_CLIENT_AUTH) || !has(pair->server, UNITLS_CAP_CLIENT_AUTH))
		return contract_not_applicable("no client certificates");
	return link_run(client_certificate_steps, pair, cut);
}

/* Whoever trusts nobody: client and server. */
static enum outcome nobody_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want server = {.client_auth = UNITLS_CLIENT_AUTH_REQUIRED, .trust = ""};
	const struct want client = {.chains = {"client"}};
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (!contract_server(pair, &server, &error)) {
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_CONFIG);
		return OUTCOME_PASSED;
	}
	CHECK_PASSED(link_tried(link, pair, &client, &server, NULL, cut));
	return check_failure(link,
		&(struct failure){
			SERVER, UNITLS_ERROR_CLASS_VERIFY, UNITLS_ALERT_UNKNOWN_CA, UNITLS_VERIFY_UNKNOWN_CA});
}

static enum outcome nobody(const struct pair *pair, const struct cut *cut)
{
	return link_run(nobody_steps, pair, cut);
}

const struct scenario certificate_scenarios[] = {
	{"what is sent of a chain", "36 40", PER_PAIR, chains},
	{"crossed and circular chains", "36", PER_PAIR, crossed},
	{"forms of certificates and keys", "37", PER_PAIR, forms},
	{"keys that cannot be used", "37", PER_SERVER, unusable},
	{"names and certificates", "39 42", PER_PAIR, names},
	{"a name unchecked, nothing verified", "39", PER_PAIR, insecure},
	{"kinds of keys", "41", PER_PAIR, keys},
	{"client certificates", "15 41", PER_PAIR, client_certificate},
	{"a server that trusts nobody", "38", PER_PAIR, nobody},
	{0},
};

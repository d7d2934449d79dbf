/*
 * Groups and signature schemes as lists, what was negotiated of them, and KeyUpdate.
 */
#include "tests/contract/helpers.h"

#include <stdio.h>

static bool in_list(const uint16_t *list, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == number)
			return true;
	return false;
}

/* Whether TLS of this version, with the suite's certificates and default suites, can use a group. */
static bool is_usual(uint16_t group, uint16_t version)
{
	switch (group) {
	case 23: /* secp256r1 */
	case 24: /* secp384r1 */
	case 25: /* secp521r1 */
	case 29: /* x25519 */
	case 30: /* x448 */
		return true;
	default:
		return group > 4096 && version == UNITLS_TLS_1_3; /* hybrids */
	}
}

/* Without the capability a list is refused, by its field. */
static enum outcome check_refused(
	const struct pair *pair, enum end_name at, const struct want *want, const char *field)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (at == CLIENT)
		CHECK(!contract_client(pair, want, &error));
	else
		CHECK(!contract_server(pair, want, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	if (strcmp(error.field, field) != 0)
		return contract_failed(__FILE__, __LINE__, "the field is \"%s\"", error.field);
	return OUTCOME_PASSED;
}

static enum outcome check_group(const struct end *end, const struct contract_backend *backend, uint16_t group)
{
	uint16_t told = unitls_connection_group(end->connection);

	if (told != (has(backend, UNITLS_CAP_GROUP_INFO) ? group : 0))
		return contract_failed(__FILE__, __LINE__, "%s says group %u, not %u", backend->name, told, group);
	return OUTCOME_PASSED;
}

/* A server may be unable to hold to a list in one version, and says so when it is built. */
static bool is_refused_for_groups(const struct pair *pair, const struct want *server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	return !contract_server(pair, server, &error) && error.error_class == UNITLS_ERROR_CLASS_UNSUPPORTED &&
		strcmp(error.field, "groups") == 0;
}

/* One end has the group alone, the other may have others too. */
static enum outcome meet_in_group(
	const struct pair *pair, uint16_t group, enum end_name chooser, const struct cut *cut)
{
	/* In TLS 1.2 the list also limits the curves of ECDSA keys. */
	struct want wants[2] = {{0}, {.chains = {"rsa"}}};
	struct link link;
	enum outcome outcome;

	wants[chooser].groups[0] = group;
	wants[chooser].n_groups = 1;
	if (has(chooser == CLIENT ? pair->server : pair->client, UNITLS_CAP_GROUPS)) {
		wants[1 - chooser].groups[0] = group == 23 ? 24 : 23;
		wants[1 - chooser].groups[1] = group;
		wants[1 - chooser].n_groups = 2;
	}
	if (is_refused_for_groups(pair, &wants[SERVER]))
		return OUTCOME_PASSED;
	outcome = link_connected(&link, pair, &wants[CLIENT], &wants[SERVER], cut);
	if (outcome == OUTCOME_PASSED)
		outcome = check_group(&link.ends[CLIENT], pair->client, group);
	if (outcome == OUTCOME_PASSED)
		outcome = check_group(&link.ends[SERVER], pair->server, group);
	link_close(&link);
	contract_release();
	return outcome;
}

/* A group of the core's table that a backend does not have; a list of groups with it is refused. (OpenSSL 3.5 has them all.) */
static bool find_unknown_group(const struct unitls_capabilities *capabilities, uint16_t *ret_group)
{
	for (size_t i = 0; unitls_group_at(i, ret_group); i++)
		if (!in_list(capabilities->groups, capabilities->n_groups, *ret_group))
			return true;
	return false;
}

static enum outcome groups(const struct pair *pair, const struct cut *cut)
{
	const struct unitls_capabilities *theirs[2] = {pair->client->capabilities, pair->server->capabilities};
	const struct contract_backend *backends[2] = {pair->client, pair->server};

	for (int chooser = 0; chooser < 2; chooser++) {
		struct want unknown = {.n_groups = 1};
		size_t tried = 0;

		if (find_unknown_group(theirs[chooser], &unknown.groups[0]))
			CHECK_PASSED(check_refused(pair, (enum end_name)chooser, &unknown, "groups"));
		if (!has(backends[chooser], UNITLS_CAP_GROUPS))
			continue;
		for (size_t i = 0; i < theirs[chooser]->n_groups; i++) {
			uint16_t group = theirs[chooser]->groups[i];
			char what[32];

			if (!is_usual(group, pair->version) ||
				!in_list(theirs[1 - chooser]->groups, theirs[1 - chooser]->n_groups, group))
				continue;
			/* What the other has but does not use by itself, it must be told to. */
			if (!has(backends[1 - chooser], UNITLS_CAP_GROUPS) && group != 23 && group != 24)
				continue;
			(void)snprintf(what, sizeof(what), "group %u", group);
			CHECK_PASSED(
				contract_within(meet_in_group(pair, group, (enum end_name)chooser, cut), what));
			tried++;
		}
		CHECK(tried >= 1 || theirs[1 - chooser]->n_groups == 0);
	}
	return OUTCOME_PASSED;
}

static enum outcome no_group_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.groups = {23}, .n_groups = 1};
	const struct want server = {.groups = {24}, .n_groups = 1, .chains = {"rsa"}};
	const struct failure failure = {
		SERVER, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_HANDSHAKE_FAILURE, UNITLS_VERIFY_NONE};

	if (!has(pair->client, UNITLS_CAP_GROUPS) || !has(pair->server, UNITLS_CAP_GROUPS))
		return contract_not_applicable("groups cannot be chosen");
	if (is_refused_for_groups(pair, &server))
		return OUTCOME_PASSED;
	CHECK_PASSED(link_tried(link, pair, &client, &server, NULL, cut));
	return check_failure(link, &failure);
}

static enum outcome no_group(const struct pair *pair, const struct cut *cut)
{
	return link_run(no_group_steps, pair, cut);
}

/* ---- Signature schemes ----------------------------------------------------------------------------------------------------------- */

static const struct {
	uint16_t scheme;
	const char *chain;
	enum unitls_key_type type;
	uint16_t lowest; /* versions that use it for this key */
	uint16_t highest;
} signings[] = {
	{UNITLS_SIGNATURE_ecdsa_secp256r1_sha256, "server", UNITLS_KEY_ECDSA_P256, UNITLS_TLS_1_2, UNITLS_TLS_1_3},
	{UNITLS_SIGNATURE_ecdsa_secp384r1_sha384, "p384", UNITLS_KEY_ECDSA_P384, UNITLS_TLS_1_3, UNITLS_TLS_1_3},
	{UNITLS_SIGNATURE_rsa_pss_rsae_sha256, "rsa", UNITLS_KEY_RSA, UNITLS_TLS_1_3, UNITLS_TLS_1_3},
	{UNITLS_SIGNATURE_rsa_pss_rsae_sha512, "rsa", UNITLS_KEY_RSA, UNITLS_TLS_1_3, UNITLS_TLS_1_3},
	{UNITLS_SIGNATURE_rsa_pkcs1_sha256, "rsa", UNITLS_KEY_RSA, UNITLS_TLS_1_2, UNITLS_TLS_1_2},
	{UNITLS_SIGNATURE_rsa_pkcs1_sha384, "rsa", UNITLS_KEY_RSA, UNITLS_TLS_1_2, UNITLS_TLS_1_2},
	{UNITLS_SIGNATURE_ed25519, "ed25519", UNITLS_KEY_ED25519, UNITLS_TLS_1_3, UNITLS_TLS_1_3},
};

static bool knows(const struct contract_backend *backend, uint16_t scheme)
{
	return in_list(
		backend->capabilities->signature_schemes, backend->capabilities->n_signature_schemes, scheme);
}

static enum outcome check_scheme(struct link *link, const struct pair *pair, uint16_t scheme)
{
	uint16_t client = unitls_connection_signature_scheme(link->ends[CLIENT].connection);
	uint16_t server = unitls_connection_signature_scheme(link->ends[SERVER].connection);

	if (has(pair->client, UNITLS_CAP_SIGNATURE_INFO) && client != scheme)
		return contract_failed(__FILE__, __LINE__, "the client says 0x%04x", client);
	/* Not every library tells a server. */
	if (server != 0 && server != scheme)
		return contract_failed(__FILE__, __LINE__, "the server says 0x%04x", server);
	return OUTCOME_PASSED;
}

/* The client takes one scheme alone (with the one that the suite's certificates are signed with), so the server has to sign so. */
static enum outcome meet_in_scheme(const struct pair *pair, size_t i, const struct cut *cut)
{
	const struct want client = {
		.schemes = {signings[i].scheme, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256}, .n_schemes = 2};
	const struct want server = {.chains = {signings[i].chain}};
	struct link link;
	enum outcome outcome = link_connected(&link, pair, &client, &server, cut);

	if (outcome == OUTCOME_PASSED)
		outcome = check_scheme(&link, pair, signings[i].scheme);
	link_close(&link);
	contract_release();
	return outcome;
}

static enum outcome schemes(const struct pair *pair, const struct cut *cut)
{
	const struct want unknown = {
		.schemes = {UNITLS_SIGNATURE_ecdsa_brainpoolP512r1tls13_sha512}, .n_schemes = 1};
	size_t tried = 0;

	if (!has(pair->client, UNITLS_CAP_SIGNATURE_SCHEMES))
		return check_refused(pair, CLIENT, &unknown, "signature_schemes");
	if (!has(pair->server, UNITLS_CAP_SIGNATURE_SCHEMES))
		CHECK_PASSED(check_refused(pair, SERVER, &unknown, "signature_schemes"));
	for (size_t i = 0; i < sizeof(signings) / sizeof(signings[0]); i++) {
		if (pair->version < signings[i].lowest || pair->version > signings[i].highest ||
			!(pair->server->capabilities->key_types & 1u << signings[i].type) ||
			!knows(pair->client, signings[i].scheme) || !knows(pair->server, signings[i].scheme) ||
			!knows(pair->client, UNITLS_SIGNATURE_ecdsa_secp256r1_sha256))
			continue;
		CHECK_PASSED(contract_within(
			meet_in_scheme(pair, i, cut), unitls_signature_scheme_name(signings[i].scheme)));
		tried++;
	}
	CHECK(tried >= 1 || pair->server->capabilities->n_signature_schemes == 0);
	return OUTCOME_PASSED;
}

/* ---- KeyUpdate --------------------------------------------------------------------------------------------------------------------- */

static enum outcome check_no_update(struct end *end, bool is_1_2)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK_EQUAL(unitls_connection_update_keys(end->connection, true, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(!is_1_2 || strstr(error.text, "1.2") != NULL);
	return OUTCOME_PASSED;
}

static enum outcome key_update_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct contract_backend *backends[2] = {pair->client, pair->server};

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	/* Few: libraries bound how many they take within a second. */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 2; i++) {
			struct unitls_error error = UNITLS_ERROR_INIT;
			struct end *end = &link->ends[i];
			int status;

			if (pair->version == UNITLS_TLS_1_2 || !has(backends[i], UNITLS_CAP_KEY_UPDATE)) {
				CHECK_PASSED(check_no_update(end, pair->version == UNITLS_TLS_1_2));
				continue;
			}
			/* A peer that cannot take one is a difference of its own: not here. */
			if (!has(backends[1 - i], UNITLS_CAP_KEY_UPDATE))
				continue;
			status = unitls_connection_update_keys(end->connection, round % 2 == 0, &error);
			if (status != UNITLS_OK)
				return contract_failed(__FILE__, __LINE__, "%s", error_text(status, &error));
			CHECK_PASSED(link_send(link, (enum end_name)i, "with new keys", 13));
			CHECK_PASSED(link_send(link, (enum end_name)(1 - i), "and back", 8));
		}
	return link_send(link, CLIENT, "on", 2);
}

static enum outcome key_update(const struct pair *pair, const struct cut *cut)
{
	return link_run(key_update_steps, pair, cut);
}

const struct scenario negotiation_scenarios[] = {
	{"every group that both have", "19", PER_PAIR, groups},
	{"no group in common", "19", PER_PAIR, no_group},
	{"signature schemes as a list", "41", PER_PAIR, schemes},
	{"KeyUpdates of our own", "4 5", PER_PAIR, key_update},
	{0},
};

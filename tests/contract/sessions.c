/*
 * Resumption: within its scope it works, outside of it never. Keys of tickets come from outside and rotate.
 */
#include "tests/contract/helpers.h"

#include <pthread.h>
#include <stdlib.h>

/* Contexts of one scenario, and the session that its first connection got. */
struct life {
	struct unitls_client_context *client;
	struct unitls_server_context *server;
	struct unitls_session *session; /* NULL: none came */
};

static bool resumes(const struct pair *pair)
{
	return has(pair->client, UNITLS_CAP_CLIENT_SESSIONS) && has(pair->server, UNITLS_CAP_SESSION_TICKETS);
}

static enum outcome life_begin(
	struct life *life, const struct pair *pair, const struct want *client, const struct want *server)
{
	static const struct want ordinary;
	struct unitls_error error = UNITLS_ERROR_INIT;

	memset(life, 0, sizeof(*life));
	life->client = contract_client(pair, client ? client : &ordinary, &error);
	life->server = contract_server(pair, server ? server : &ordinary, &error);
	if (!life->client || !life->server)
		return contract_failed(__FILE__, __LINE__, "no context: %s: %s", error.field, error.text);
	return OUTCOME_PASSED;
}

/* A connection of these contexts that is complete, with a word each way: some servers send tickets with their first data. */
static enum outcome meet(struct link *link, struct unitls_client_context *client,
	struct unitls_server_context *server, const char *peer, struct unitls_session *session,
	const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK_PASSED(link_open(link, client, server, peer, cut));
	if (session && unitls_connection_offer_session(link->ends[CLIENT].connection, session, &error) < 0)
		return contract_failed(__FILE__, __LINE__, "not offered: %s", error.text);
	CHECK_PASSED(link_connect(link));
	CHECK_PASSED(link_send(link, CLIENT, "question", 8));
	CHECK_PASSED(link_send(link, SERVER, "answer", 6));
	CHECK_EQUAL(unitls_connection_resumed(link->ends[CLIENT].connection),
		unitls_connection_resumed(link->ends[SERVER].connection));
	return OUTCOME_PASSED;
}

/* The first connection of a life, which leaves it a session. */
static enum outcome get_session(struct life *life, const char *peer, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct link link;
	enum outcome outcome = meet(&link, life->client, life->server, peer, NULL, cut);
	int status = UNITLS_OK;

	if (outcome == OUTCOME_PASSED)
		status = unitls_connection_session(link.ends[CLIENT].connection, &life->session, &error);
	link_close(&link);
	CHECK_PASSED(outcome);
	if (status != UNITLS_OK)
		return contract_failed(
			__FILE__, __LINE__, "no session: %s %s", unitls_status_name(status), error.text);
	return OUTCOME_PASSED;
}

/* Whether a connection with the session of a life is resumed. */
static enum outcome try_session(struct life *life, struct unitls_server_context *server, const char *peer,
	bool *ret_resumed, const struct cut *cut)
{
	struct link link;
	enum outcome outcome = meet(&link, life->client, server, peer, life->session, cut);

	if (outcome == OUTCOME_PASSED)
		*ret_resumed = unitls_connection_resumed(link.ends[CLIENT].connection);
	link_close(&link);
	return outcome;
}

/* Runs steps on a life that has a session, if there can be one; else checks that the capability's absence is told. */
typedef enum outcome (*life_steps)(struct life *life, const struct pair *pair, const struct cut *cut);

static enum outcome check_refusal(struct life *life, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct link link;
	enum outcome outcome = meet(&link, life->client, life->server, NULL, NULL, cut);
	int status = UNITLS_OK;

	if (outcome == OUTCOME_PASSED)
		status = unitls_connection_session(link.ends[CLIENT].connection, &life->session, &error);
	link_close(&link);
	CHECK_PASSED(outcome);
	if (!has(pair->client, UNITLS_CAP_CLIENT_SESSIONS)) {
		CHECK_EQUAL(status, UNITLS_ERROR);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "session") == 0);
		return OUTCOME_PASSED;
	}
	/* A server without tickets may still have given an identifier that it does not remember. */
	if (status == UNITLS_OK) {
		bool resumed = true;

		CHECK_PASSED(try_session(life, life->server, NULL, &resumed, cut));
		CHECK(!resumed);
		return OUTCOME_PASSED;
	}
	CHECK_EQUAL(status, UNITLS_WANT_READ);
	return OUTCOME_PASSED;
}

static enum outcome life_run(life_steps steps, const struct pair *pair, const struct want *client,
	const struct want *server, const struct cut *cut)
{
	struct life life;
	enum outcome outcome = life_begin(&life, pair, client, server);

	if (outcome == OUTCOME_PASSED && !resumes(pair)) {
		outcome = check_refusal(&life, pair, cut);
	} else if (outcome == OUTCOME_PASSED) {
		outcome = get_session(&life, NULL, cut);
		if (outcome == OUTCOME_PASSED)
			outcome = steps(&life, pair, cut);
	}
	unitls_session_unref(life.session);
	return outcome;
}

/* ---- What is so after a resumption ------------------------------------------------------------------------------------------- */

static enum outcome check_resumed(struct link *link, struct life *life, const struct cut *cut)
{
	struct unitls_connection *client;
	struct unitls_session *next = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	int status;

	CHECK_PASSED(meet(link, life->client, life->server, NULL, life->session, cut));
	client = link->ends[CLIENT].connection;
	CHECK(unitls_connection_resumed(client));
	CHECK(bytes_are(unitls_connection_negotiated_protocol(client), "two"));
	CHECK(bytes_are(unitls_connection_negotiated_protocol(link->ends[SERVER].connection), "two"));
	CHECK(strcmp(unitls_connection_server_name(link->ends[SERVER].connection), "server.example") == 0);
	CHECK(bytes_are(unitls_certificate_common_name(unitls_connection_peer_certificate(client, 0)), "deep"));
	CHECK(bytes_are(unitls_certificate_common_name(unitls_connection_peer_certificate(client, 1)), "middle"));
	CHECK(!unitls_connection_peer_certificate(client, 2));
	CHECK(!unitls_connection_peer_certificate(link->ends[SERVER].connection, 0));
	CHECK_EQUAL(unitls_connection_signature_scheme(client), 0);
	/* What a resumed connection exports can be resumed in its turn, and does not live longer. */
	status = unitls_connection_session(client, &next, &error);
	if (status == UNITLS_OK) {
		bool later = unitls_session_expires(next) > unitls_session_expires(life->session);

		unitls_session_unref(life->session);
		life->session = next;
		CHECK(!later);
		return OUTCOME_PASSED;
	}
	/* TLS 1.2 need not send another ticket; then the library may have none to give. In TLS 1.3 a ticket is used once (RFC 8446, C.4). */
	CHECK_EQUAL(status, UNITLS_WANT_READ);
	CHECK_EQUAL(unitls_connection_negotiated_tls_version(client), UNITLS_TLS_1_2);
	return OUTCOME_PASSED;
}

static enum outcome resumed_steps(struct life *life, const struct pair *pair, const struct cut *cut)
{
	(void)pair;
	for (int i = 0; i < 3; i++) {
		struct link link;
		enum outcome outcome = check_resumed(&link, life, cut);

		link_close(&link);
		CHECK_PASSED(outcome);
	}
	return OUTCOME_PASSED;
}

static enum outcome resumed(const struct pair *pair, const struct cut *cut)
{
	const struct want client = {.alpn = {text_bytes("one"), text_bytes("two")}, .n_alpn = 2};
	const struct want server = {.alpn = {text_bytes("two")}, .n_alpn = 1, .chains = {"deep"}};

	return life_run(resumed_steps, pair, &client, &server, cut);
}

/* Sessions as bytes, whole and damaged. */
static enum outcome as_bytes_steps(struct life *life, const struct pair *pair, const struct cut *cut)
{
	struct unitls_bytes bytes = unitls_session_bytes(life->session);
	struct unitls_session *copy = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t *damaged = malloc(bytes.size);
	bool is_resumed = false;

	(void)pair;
	if (!damaged)
		abort();
	for (size_t size = 0; size < bytes.size; size++) {
		error = (struct unitls_error)UNITLS_ERROR_INIT;
		if (unitls_session_from_bytes(bytes.data, size, &copy, &error) != UNITLS_ERROR ||
			error.error_class != UNITLS_ERROR_CLASS_CONFIG || strcmp(error.field, "session") != 0) {
			free(damaged);
			return contract_failed(__FILE__, __LINE__, "cut to %zu bytes", size);
		}
	}
	memcpy(damaged, bytes.data, bytes.size);
	CHECK_EQUAL(unitls_session_from_bytes(damaged, bytes.size, &copy, &error), UNITLS_OK);
	free(damaged);
	CHECK_EQUAL(unitls_session_expires(copy), unitls_session_expires(life->session));
	unitls_session_unref(life->session);
	life->session = copy;
	CHECK_PASSED(try_session(life, life->server, NULL, &is_resumed, cut));
	CHECK(is_resumed);
	return OUTCOME_PASSED;
}

static enum outcome as_bytes(const struct pair *pair, const struct cut *cut)
{
	return life_run(as_bytes_steps, pair, NULL, NULL, cut);
}

/* A session with one bit changed is none: no library gets to see it. */
static enum outcome damaged_steps(struct life *life, const struct pair *pair, const struct cut *cut)
{
	struct unitls_bytes bytes = unitls_session_bytes(life->session);
	uint8_t *damaged = malloc(bytes.size);
	uint64_t random = 7;
	int refused = 0;

	(void)pair, (void)cut;
	if (!damaged)
		abort();
	for (int i = 0; i < 60; i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_session *session = NULL;

		memcpy(damaged, bytes.data, bytes.size);
		damaged[contract_random(&random) % bytes.size] ^= (uint8_t)(1u << (contract_random(&random) % 8));
		refused += unitls_session_from_bytes(damaged, bytes.size, &session, &error) < 0 &&
			error.error_class == UNITLS_ERROR_CLASS_CONFIG;
		unitls_session_unref(session);
	}
	free(damaged);
	CHECK_EQUAL(refused, 60);
	return OUTCOME_PASSED;
}

static enum outcome damaged(const struct pair *pair, const struct cut *cut)
{
	return life_run(damaged_steps, pair, NULL, NULL, cut);
}

/* ---- A client's scope ---------------------------------------------------------------------------------------------------------- */

/* A client context of other settings, or another peer, does not take the session, and connects all the same. */
static enum outcome check_not_offered(struct life *life, struct unitls_client_context *client, const char *peer,
	const char *what, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct link link;
	enum outcome outcome = link_open(&link, client, life->server, peer, cut);

	if (outcome == OUTCOME_PASSED &&
		unitls_connection_offer_session(link.ends[CLIENT].connection, life->session, &error) !=
			UNITLS_ERROR)
		outcome = contract_failed(__FILE__, __LINE__, "%s: offered", what);
	if (outcome == OUTCOME_PASSED &&
		(error.error_class != UNITLS_ERROR_CLASS_CONFIG || strcmp(error.field, "session") != 0))
		outcome = contract_failed(__FILE__, __LINE__, "%s: %s", what, error.text);
	if (outcome == OUTCOME_PASSED)
		outcome = link_connect(&link);
	if (outcome == OUTCOME_PASSED && unitls_connection_resumed(link.ends[CLIENT].connection))
		outcome = contract_failed(__FILE__, __LINE__, "%s: resumed", what);
	link_close(&link);
	return outcome;
}

static int64_t in_a_year(void *argument)
{
	(void)argument;
	return (int64_t)1 << 40;
}

static enum outcome client_scope_steps(struct life *life, const struct pair *pair, const struct cut *cut)
{
	static const struct {
		const char *what;
		struct want want;
		const char *peer;
	} others[] = {
		{"another host name", {0}, "x.wild.example"},
		{"an address", {0}, "127.0.0.1"},
		{"another trust store", {.trust = "both.pem"}, NULL},
		{"no verification", {.skip_verification = true}, NULL},
		{"another ALPN", {.alpn = {{(const uint8_t *)"one", 3}}, .n_alpn = 1}, NULL},
		{"a certificate of its own", {.chains = {"client"}}, NULL},
	};
	static const struct want late = {.clock = in_a_year};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_client_context *client = contract_client(pair, &others[i].want, &error);

		CHECK(client != NULL);
		CHECK_PASSED(check_not_offered(life, client, others[i].peer, others[i].what, cut));
	}
	/* Too old: of the same scope, for a clock is no part of it; nothing is resumed then, whatever the certificate says now. */
	if (has(pair->client, UNITLS_CAP_CLOCK)) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_client_context *client = contract_client(pair, &late, &error);
		struct link link;
		enum outcome outcome;

		CHECK(client != NULL);
		outcome = link_open(&link, client, life->server, NULL, cut);
		if (outcome == OUTCOME_PASSED &&
			unitls_connection_offer_session(link.ends[CLIENT].connection, life->session, &error) ==
				UNITLS_OK)
			outcome = contract_failed(__FILE__, __LINE__, "an old session was offered");
		link_close(&link);
		CHECK_PASSED(outcome);
		CHECK(strstr(error.text, "too old") != NULL);
	}
	return OUTCOME_PASSED;
}

static enum outcome client_scope(const struct pair *pair, const struct cut *cut)
{
	return life_run(client_scope_steps, pair, NULL, NULL, cut);
}

/* ---- A server's scope ---------------------------------------------------------------------------------------------------------- */

static enum outcome new_keys(struct unitls_ticket_keys **ret_keys)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	CHECK_EQUAL(unitls_ticket_keys_new(ret_keys, &error), UNITLS_OK);
	return OUTCOME_PASSED;
}

static bool shares_keys(const struct contract_backend *server)
{
	return has(server, UNITLS_CAP_TICKET_KEYS) || has(server, UNITLS_CAP_TICKETS_SELF_ROTATED);
}

/* Servers that share the keys of a life: what must resume there and what must not. */
static enum outcome try_servers(
	struct life *life, const struct pair *pair, struct unitls_ticket_keys *keys, const struct cut *cut)
{
	const struct {
		const char *what;
		struct want want;
		bool resumes;
	} servers[] = {
		{"the same", {.ticket_keys = keys}, true},
		{"a renewed certificate", {.ticket_keys = keys, .chains = {"p384"}}, true},
		{"keys of its own", {0}, false},
		{"client certificates",
			{.ticket_keys = keys, .client_auth = UNITLS_CLIENT_AUTH_OPTIONAL, .trust = "root.pem"},
			false},
		{"another name", {.ticket_keys = keys, .chains = {"alpha", "deep"}}, false},
		{"another ALPN", {.ticket_keys = keys, .alpn = {text_bytes("one")}, .n_alpn = 1}, false},
		{"no tickets", {.ticket_keys = keys, .no_tickets = true}, false},
	};

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_server_context *server = contract_server(pair, &servers[i].want, &error);
		bool is_resumed = false;

		CHECK(server != NULL);
		CHECK_PASSED(try_session(life, server, NULL, &is_resumed, cut));
		if (is_resumed != servers[i].resumes)
			return contract_failed(__FILE__, __LINE__, "%s: %s", servers[i].what,
				is_resumed ? "resumed" : "not resumed");
	}
	return OUTCOME_PASSED;
}

static enum outcome server_scope(const struct pair *pair, const struct cut *cut)
{
	struct unitls_ticket_keys *keys = NULL;
	struct want server = {0};
	struct life life = {NULL, NULL, NULL};
	enum outcome outcome;

	CHECK_PASSED(new_keys(&keys));
	server.ticket_keys = keys;
	if (!shares_keys(pair->server)) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		outcome = contract_server(pair, &server, &error) || strcmp(error.field, "ticket_keys") != 0
			? contract_failed(__FILE__, __LINE__, "ticket keys are not refused")
			: OUTCOME_PASSED;
	} else if (!resumes(pair)) {
		outcome = contract_not_applicable("the client has no sessions");
	} else {
		outcome = life_begin(&life, pair, NULL, &server);
		if (outcome == OUTCOME_PASSED)
			outcome = get_session(&life, NULL, cut);
		if (outcome == OUTCOME_PASSED)
			outcome = try_servers(&life, pair, keys, cut);
	}
	unitls_session_unref(life.session);
	unitls_ticket_keys_unref(keys);
	return outcome;
}

/* wolfSSL 5.5 ends a handshake over a ticket of more than 256 octets (docs/backends.md); GnuTLS's are larger. */
static bool cannot_ignore(const struct contract_backend *other, const struct pair *pair)
{
	return pair->version == UNITLS_TLS_1_2 && strcmp(other->name, "wolfssl") == 0 &&
		strcmp(pair->server->name, "gnutls") == 0;
}

/* Another backend with the same secrets, in the place of the one that gave the ticket. */
static enum outcome try_other_backends(
	struct life *life, const struct pair *pair, const struct want *server, const struct cut *cut)
{
	const struct contract_backend *other;

	for (size_t i = 0; (other = contract_backend_at(i)) != NULL; i++) {
		struct pair crossed = {pair->client, other, pair->version};
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_server_context *context;
		bool is_resumed = true;

		if (other == pair->server || !other->backend || !shares_keys(other) ||
			other->capabilities->max_version < pair->version || cannot_ignore(other, pair))
			continue;
		context = contract_server(&crossed, server, &error);
		CHECK(context != NULL);
		CHECK_PASSED(contract_within(try_session(life, context, NULL, &is_resumed, cut), other->name));
		CHECK(!is_resumed);
	}
	return OUTCOME_PASSED;
}

static enum outcome other_backend(const struct pair *pair, const struct cut *cut)
{
	struct unitls_ticket_keys *keys = NULL;
	struct want server = {0};
	struct life life = {NULL, NULL, NULL};
	enum outcome outcome;

	if (!resumes(pair) || !shares_keys(pair->server))
		return contract_not_applicable("no tickets with keys from outside, or no sessions of the client");
	CHECK_PASSED(new_keys(&keys));
	server.ticket_keys = keys;
	outcome = life_begin(&life, pair, NULL, &server);
	if (outcome == OUTCOME_PASSED)
		outcome = get_session(&life, NULL, cut);
	if (outcome == OUTCOME_PASSED)
		outcome = try_other_backends(&life, pair, &server, cut);
	unitls_session_unref(life.session);
	unitls_ticket_keys_unref(keys);
	return outcome;
}

/* ---- Rotation ------------------------------------------------------------------------------------------------------------------- */

/* A set of secrets from letters: each stands for a secret, the first seals. The stable one is always the same. */
static struct unitls_ticket_secrets secrets_of(const char *letters)
{
	struct unitls_ticket_secrets secrets = {.n = strlen(letters)};

	for (size_t i = 0; i < secrets.n; i++)
		memset(secrets.secrets[i], letters[i], sizeof(secrets.secrets[i]));
	memset(secrets.stable, '!', sizeof(secrets.stable));
	return secrets;
}

static enum outcome rotate_steps(
	struct life *life, struct unitls_ticket_keys *keys, const struct pair *pair, const struct cut *cut)
{
	static const struct {
		const char *letters;
		bool resumes;
	} turns[] = {
		{"b", true},   /* as it was sealed */
		{"cb", true},  /* previous */
		{"abc", true}, /* next: another machine is ahead of this one */
		{"dc", false}, /* gone */
		{"b", true},
	};
	bool own = has(pair->server, UNITLS_CAP_TICKETS_SELF_ROTATED);

	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		struct unitls_ticket_secrets secrets = secrets_of(turns[i].letters);
		struct unitls_error error = UNITLS_ERROR_INIT;
		bool is_resumed = false;

		CHECK_EQUAL(unitls_ticket_keys_rotate(keys, &secrets, &error), UNITLS_OK);
		CHECK_PASSED(try_session(life, life->server, NULL, &is_resumed, cut));
		if (is_resumed != (turns[i].resumes || own))
			return contract_failed(__FILE__, __LINE__, "with the secrets %s: %s", turns[i].letters,
				is_resumed ? "resumed" : "not resumed");
	}
	return OUTCOME_PASSED;
}

static enum outcome rotation(const struct pair *pair, const struct cut *cut)
{
	struct unitls_ticket_secrets first = secrets_of("b");
	struct unitls_ticket_keys *keys = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct want server = {0};
	struct life life = {NULL, NULL, NULL};
	enum outcome outcome;

	if (!resumes(pair) || !shares_keys(pair->server))
		return contract_not_applicable("no tickets with keys from outside, or no sessions of the client");
	CHECK_EQUAL(unitls_ticket_keys_from_secrets(&first, &keys, &error), UNITLS_OK);
	server.ticket_keys = keys;
	outcome = life_begin(&life, pair, NULL, &server);
	if (outcome == OUTCOME_PASSED)
		outcome = get_session(&life, NULL, cut);
	if (outcome == OUTCOME_PASSED)
		outcome = rotate_steps(&life, keys, pair, cut);
	unitls_session_unref(life.session);
	unitls_ticket_keys_unref(keys);
	return outcome;
}

/* ---- Threads ------------------------------------------------------------------------------------------------------------------- */

#define THREADS      4
#define THREAD_LINKS 6

struct visitor {
	pthread_t thread;
	struct life *life; /* its contexts, shared by all */
	uint64_t seed;
	size_t resumed;
	const char *failure; /* NULL: none. Checks do not work in a thread: their text is the runner's */
};

/* One connection that offers *session and puts its own in the place. What is wrong, or NULL. */
static const char *visit(struct visitor *visitor, struct unitls_session **session, uint64_t seed)
{
	const struct cut cut = {CUT_RANDOM, 0, seed};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct link link;
	struct unitls_connection *client;
	struct unitls_session *next = NULL;
	const char *failure = NULL;
	uint8_t keys[32];
	size_t n;

	if (link_open(&link, visitor->life->client, visitor->life->server, NULL, &cut) != OUTCOME_PASSED)
		return "no connection";
	client = link.ends[CLIENT].connection;
	if (*session && unitls_connection_offer_session(client, *session, &error) < 0)
		failure = "a session is not offered";
	link_handshake(&link);
	if (unitls_connection_write(link.ends[SERVER].connection, "hello", 5, &n, &error) == UNITLS_OK)
		link_deliver(&link, SERVER);
	if (!failure && link.ends[CLIENT].n_received != 5)
		failure = "data did not arrive";
	if (!failure && *session && !unitls_connection_resumed(client))
		failure = "a session is not resumed";
	visitor->resumed += unitls_connection_resumed(client);
	(void)!unitls_connection_export_keys(client, "EXPERIMENTAL thread", NULL, 0, keys, sizeof(keys), &error);
	link_read(&link.ends[CLIENT]);
	if (unitls_connection_session(client, &next, &error) == UNITLS_OK) {
		unitls_session_unref(*session);
		*session = next; /* a resumed connection of TLS 1.2 need not bring one: the old one serves again */
	}
	link_close(&link);
	return failure;
}

static void *on_thread(void *argument)
{
	struct visitor *visitor = argument;
	struct unitls_session *session = NULL;

	for (uint64_t i = 0; i < THREAD_LINKS && !visitor->failure; i++)
		visitor->failure = visit(visitor, &session, visitor->seed + i);
	unitls_session_unref(session);
	return NULL;
}

/* While the keys change places: each ticket can be opened at any time, with another key of the two. */
static enum outcome threads_steps(struct life *life, struct unitls_ticket_keys *keys)
{
	const struct unitls_ticket_secrets turns[] = {secrets_of("ab"), secrets_of("ba")};
	struct visitor visitors[THREADS];
	bool rotated = true;
	size_t resumed = 0;

	memset(visitors, 0, sizeof(visitors));
	for (size_t i = 0; i < THREADS; i++) {
		visitors[i].life = life;
		visitors[i].seed = i * 100;
		CHECK_EQUAL(pthread_create(&visitors[i].thread, NULL, on_thread, &visitors[i]), 0);
	}
	for (size_t i = 0; i < 200; i++)
		rotated = rotated && unitls_ticket_keys_rotate(keys, &turns[i % 2], NULL) == UNITLS_OK;
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(visitors[i].thread, NULL);
		resumed += visitors[i].resumed;
	}
	CHECK(rotated);
	for (size_t i = 0; i < THREADS; i++)
		if (visitors[i].failure)
			return contract_failed(__FILE__, __LINE__, "thread %zu: %s", i, visitors[i].failure);
	CHECK_EQUAL(resumed, THREADS * (THREAD_LINKS - 1));
	return OUTCOME_PASSED;
}

static enum outcome threads(const struct pair *pair, const struct cut *cut)
{
	struct unitls_ticket_secrets first = secrets_of("ab");
	struct unitls_ticket_keys *keys = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct want server = {0};
	struct life life = {NULL, NULL, NULL};
	enum outcome outcome;

	if (!resumes(pair) || !shares_keys(pair->server))
		return contract_not_applicable("no tickets with keys from outside, or no sessions of the client");
	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	CHECK_EQUAL(unitls_ticket_keys_from_secrets(&first, &keys, &error), UNITLS_OK);
	server.ticket_keys = keys;
	outcome = life_begin(&life, pair, NULL, &server);
	if (outcome == OUTCOME_PASSED)
		outcome = threads_steps(&life, keys);
	unitls_ticket_keys_unref(keys);
	return outcome;
}

/* ---- Statistics ------------------------------------------------------------------------------------------------------------------ */

static enum outcome statistics_steps(struct life *life, const struct pair *pair, const struct cut *cut)
{
	struct unitls_statistics client;
	struct unitls_statistics server;
	struct unitls_error error = UNITLS_ERROR_INIT;
	bool is_resumed = false;
	struct unitls_server_context *stranger = contract_server(pair, &(struct want){.chains = {"self"}}, &error);
	struct link link;
	enum outcome outcome;

	CHECK(stranger != NULL);
	CHECK_PASSED(try_session(life, life->server, NULL, &is_resumed, cut));
	CHECK(is_resumed);
	outcome = link_open(&link, life->client, stranger, NULL, cut);
	if (outcome == OUTCOME_PASSED)
		link_handshake(&link);
	link_close(&link);
	CHECK_PASSED(outcome);
	unitls_client_context_statistics(life->client, &client);
	unitls_server_context_statistics(life->server, &server);
	CHECK_EQUAL(client.full, 1);
	CHECK_EQUAL(client.resumed, 1);
	CHECK_EQUAL(client.offered, 1);
	CHECK_EQUAL(client.failed, 1);
	CHECK_EQUAL(server.full, 1);
	CHECK_EQUAL(server.resumed, 1);
	CHECK_EQUAL(server.offered, 1);
	CHECK_EQUAL(server.failed, 0);
	unitls_server_context_statistics(stranger, &server);
	CHECK_EQUAL(server.failed, 1);
	return OUTCOME_PASSED;
}

static enum outcome statistics(const struct pair *pair, const struct cut *cut)
{
	return life_run(statistics_steps, pair, NULL, NULL, cut);
}

/* When a session can be asked for and offered. */
static enum outcome misuse_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_session *session = NULL;

	if (!has(pair->client, UNITLS_CAP_CLIENT_SESSIONS))
		return contract_not_applicable("the client has no sessions");
	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	CHECK_EQUAL(unitls_connection_session(link->ends[CLIENT].connection, &session, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK_EQUAL(unitls_connection_session(link->ends[SERVER].connection, &session, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	return link_connect(link);
}

static enum outcome misuse(const struct pair *pair, const struct cut *cut)
{
	return link_run(misuse_steps, pair, cut);
}

const struct scenario session_scenarios[] = {
	{"a resumed connection is this connection", "33", PER_PAIR, resumed},
	{"a session as bytes", "33", PER_PAIR, as_bytes},
	{"a session with a byte changed", "33", PER_PAIR, damaged},
	{"no resumption outside a client's scope", "32", PER_PAIR, client_scope},
	{"no resumption outside a server's scope", "31", PER_PAIR, server_scope},
	{"a ticket of another backend", "35", PER_PAIR, other_backend},
	{"ticket keys rotate", "34", PER_PAIR, rotation},
	{"sessions of threads while keys rotate", "34 47", PER_PAIR, threads},
	{"handshakes are counted", "33", PER_PAIR, statistics},
	{"sessions asked for at the wrong time", "33", PER_PAIR, misuse},
	{0},
};

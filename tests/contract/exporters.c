/*
 * Exported keys, channel bindings, key logs: both ends say the same, whatever their backends.
 */
#include "tests/contract/helpers.h"

#include <stdio.h>
#include <stdlib.h>

#define LABEL "EXPORTER-unitls-contract"

/* Whether what is exported between these two belongs to the connection alone. */
static bool exports(const struct pair *pair)
{
	enum unitls_capability master = UNITLS_CAP_EXTENDED_MASTER_SECRET;

	return pair->version != UNITLS_TLS_1_2 || (has(pair->client, master) && has(pair->server, master));
}

/* In TLS 1.2 a backend that does not have the extended master secret, or does not know whether, exports nothing. */
static bool can_export(const struct contract_backend *backend, uint16_t version)
{
	return has(backend, UNITLS_CAP_EXPORTER) &&
		(version != UNITLS_TLS_1_2 || has(backend, UNITLS_CAP_EXTENDED_MASTER_SECRET));
}

static enum outcome check_unsupported(struct end *end)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	uint8_t bytes[UNITLS_CHANNEL_BINDING_MAX];
	size_t size;

	CHECK_EQUAL(
		unitls_connection_export_keys(end->connection, LABEL, NULL, 0, bytes, 32, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK_EQUAL(unitls_connection_channel_binding(
			    end->connection, UNITLS_CHANNEL_BINDING_TLS_EXPORTER, bytes, &size, &error),
		UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	return OUTCOME_PASSED;
}

/* What one end exports for the cases below; they must differ, but for two in TLS 1.3. */
#define CASES     6
#define CASE_SIZE 48

static enum outcome export_all(struct end *end, uint8_t ret_bytes[CASES][CASE_SIZE])
{
	static const struct {
		const char *label;
		const char *context;
	} cases[CASES] = {
		{LABEL, NULL},
		{LABEL, ""},
		{LABEL, "context"},
		{LABEL, "contexT"},
		{LABEL "-other", NULL},
		{LABEL "-other", "context"},
	};
	struct unitls_error error = UNITLS_ERROR_INIT;

	for (size_t i = 0; i < CASES; i++) {
		size_t size = cases[i].context ? strlen(cases[i].context) : 0;

		if (unitls_connection_export_keys(end->connection, cases[i].label, cases[i].context, size,
			    ret_bytes[i], CASE_SIZE, &error) < 0)
			return contract_failed(__FILE__, __LINE__, "case %zu: %s", i, error.text);
	}
	return OUTCOME_PASSED;
}

static enum outcome exporters_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	uint8_t of_client[CASES][CASE_SIZE];
	uint8_t of_server[CASES][CASE_SIZE];

	CHECK_PASSED(link_connected(link, pair, NULL, NULL, cut));
	if (!can_export(pair->client, pair->version))
		CHECK_PASSED(check_unsupported(&link->ends[CLIENT]));
	else if (exports(pair))
		CHECK_PASSED(export_all(&link->ends[CLIENT], of_client));
	if (!can_export(pair->server, pair->version))
		CHECK_PASSED(check_unsupported(&link->ends[SERVER]));
	else if (exports(pair))
		CHECK_PASSED(export_all(&link->ends[SERVER], of_server));
	if (!can_export(pair->client, pair->version) || !can_export(pair->server, pair->version))
		return OUTCOME_PASSED;
	CHECK(memcmp(of_client, of_server, sizeof(of_client)) == 0);
	for (size_t i = 0; i < CASES; i++)
		for (size_t j = i + 1; j < CASES; j++) {
			bool equal = memcmp(of_client[i], of_client[j], CASE_SIZE) == 0;

			/* RFC 8446, 7.5: no context and an empty one are the same in TLS 1.3. */
			CHECK_EQUAL(equal, i == 0 && j == 1 && pair->version == UNITLS_TLS_1_3);
		}
	return OUTCOME_PASSED;
}

static enum outcome exporters(const struct pair *pair, const struct cut *cut)
{
	return link_run(exporters_steps, pair, cut);
}

static enum outcome misuse_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const char *const labels[] = {"", "master secret", "extended master secret", "key expansion",
		"client finished", "server finished"};
	uint8_t bytes[32];

	CHECK_PASSED(link_between(link, pair, NULL, NULL, cut));
	for (int i = 0; i < 2; i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		CHECK_EQUAL(unitls_connection_export_keys(
				    link->ends[i].connection, LABEL, NULL, 0, bytes, sizeof(bytes), &error),
			UNITLS_ERROR);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	}
	CHECK_PASSED(link_connect(link));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		CHECK_EQUAL(unitls_connection_export_keys(link->ends[CLIENT].connection, labels[i], NULL, 0, bytes,
				    sizeof(bytes), &error),
			UNITLS_ERROR);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	}
	/* A mistake breaks nothing. */
	return link_send(link, CLIENT, "on", 2);
}

static enum outcome misuse(const struct pair *pair, const struct cut *cut)
{
	return link_run(misuse_steps, pair, cut);
}

/* ---- Channel bindings ---------------------------------------------------------------------------------------------------------- */

static enum outcome bind(struct end *end, enum unitls_channel_binding type, uint8_t *ret_bytes, size_t *ret_size)
{
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_connection_channel_binding(end->connection, type, ret_bytes, ret_size, &error) < 0)
		return contract_failed(__FILE__, __LINE__, "binding %d: %s", (int)type, error.text);
	return OUTCOME_PASSED;
}

static enum outcome check_equal_bindings(struct link *link, enum unitls_channel_binding type, size_t size)
{
	uint8_t of_client[UNITLS_CHANNEL_BINDING_MAX];
	uint8_t of_server[UNITLS_CHANNEL_BINDING_MAX];
	size_t client_size = 0;
	size_t server_size = 0;

	CHECK_PASSED(bind(&link->ends[CLIENT], type, of_client, &client_size));
	CHECK_PASSED(bind(&link->ends[SERVER], type, of_server, &server_size));
	CHECK_EQUAL(client_size, size);
	CHECK_EQUAL(server_size, size);
	CHECK(memcmp(of_client, of_server, size) == 0);
	return OUTCOME_PASSED;
}

/* Each certificate of the suite is signed with ECDSA and SHA-256. */
static enum outcome bindings_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	CHECK_PASSED(link_connected(link, pair, NULL, &(struct want){.chains = {"rsa"}}, cut));
	CHECK_PASSED(check_equal_bindings(link, UNITLS_CHANNEL_BINDING_TLS_SERVER_END_POINT, 32));
	if (!has(pair->client, UNITLS_CAP_EXPORTER) || !has(pair->server, UNITLS_CAP_EXPORTER) || !exports(pair))
		return OUTCOME_PASSED;
	return check_equal_bindings(link, UNITLS_CHANNEL_BINDING_TLS_EXPORTER, 32);
}

static enum outcome bindings(const struct pair *pair, const struct cut *cut)
{
	return link_run(bindings_steps, pair, cut);
}

/* ---- Key log --------------------------------------------------------------------------------------------------------------------- */

#define LINES_MAX 32

struct log {
	char lines[LINES_MAX][512];
	size_t n;
};

static void on_line(void *argument, const char *line)
{
	struct log *log = argument;

	if (log->n < LINES_MAX)
		(void)snprintf(log->lines[log->n++], sizeof(log->lines[0]), "%s", line);
}

static bool has_line(const struct log *log, const char *line)
{
	for (size_t i = 0; i < log->n; i++)
		if (strcmp(log->lines[i], line) == 0)
			return true;
	return false;
}

static bool has_label(const struct log *log, const char *label)
{
	for (size_t i = 0; i < log->n; i++)
		if (strncmp(log->lines[i], label, strlen(label)) == 0 && log->lines[i][strlen(label)] == ' ')
			return true;
	return false;
}

static enum outcome check_log(const struct log *log, uint16_t version)
{
	static const char *const labels_1_3[] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
		"SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"};

	if (version == UNITLS_TLS_1_2) {
		CHECK(has_label(log, "CLIENT_RANDOM"));
		return OUTCOME_PASSED;
	}
	for (size_t i = 0; i < sizeof(labels_1_3) / sizeof(labels_1_3[0]); i++)
		if (!has_label(log, labels_1_3[i]))
			return contract_failed(__FILE__, __LINE__, "no line %s", labels_1_3[i]);
	return OUTCOME_PASSED;
}

static enum outcome check_key_log_refused(const struct pair *pair, enum end_name at)
{
	static struct log unused;
	const struct want want = {.key_log = on_line, .key_log_argument = &unused};
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (at == CLIENT)
		CHECK(!contract_client(pair, &want, &error));
	else
		CHECK(!contract_server(pair, &want, &error));
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	CHECK(strcmp(error.field, "key_log") == 0);
	return OUTCOME_PASSED;
}

static enum outcome key_log_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static struct log logs[2];
	struct want wants[2] = {{0}, {0}};
	const struct contract_backend *backends[2] = {pair->client, pair->server};

	memset(logs, 0, sizeof(logs));
	for (int i = 0; i < 2; i++) {
		if (!has(backends[i], UNITLS_CAP_KEY_LOG)) {
			CHECK_PASSED(check_key_log_refused(pair, (enum end_name)i));
			continue;
		}
		wants[i].key_log = on_line;
		wants[i].key_log_argument = &logs[i];
	}
	CHECK_PASSED(link_connected(link, pair, &wants[CLIENT], &wants[SERVER], cut));
	for (int i = 0; i < 2; i++)
		if (wants[i].key_log)
			CHECK_PASSED(check_log(&logs[i], pair->version));
	if (!wants[CLIENT].key_log || !wants[SERVER].key_log)
		return OUTCOME_PASSED;
	/* Each line that one end has, but exporter secrets, which not all libraries log, the other has too. */
	for (size_t i = 0; i < logs[CLIENT].n; i++)
		CHECK(has_line(&logs[SERVER], logs[CLIENT].lines[i]) ||
			strncmp(logs[CLIENT].lines[i], "EXPORTER_SECRET", 15) == 0);
	return OUTCOME_PASSED;
}

static enum outcome key_log(const struct pair *pair, const struct cut *cut)
{
	return link_run(key_log_steps, pair, cut);
}

const struct scenario exporter_scenarios[] = {
	{"exported keys are the same at both ends", "54", PER_PAIR, exporters},
	{"exporters asked for what they must not give", "54", PER_PAIR, misuse},
	{"channel bindings are the same at both ends", "55", PER_PAIR, bindings},
	{"the key log of both ends agrees", "54", PER_PAIR, key_log},
	{0},
};

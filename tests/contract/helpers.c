#include "tests/contract/helpers.h"

#include <stdio.h>

enum outcome link_run(link_steps steps, const struct pair *pair, const struct cut *cut)
{
	struct link link;
	enum outcome outcome;

	memset(&link, 0, sizeof(link));
	outcome = steps(&link, pair, cut);
	link_close(&link);
	return outcome;
}

enum outcome link_connected(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const struct cut *cut)
{
	CHECK_PASSED(link_between(link, pair, client, server, cut));
	CHECK_PASSED(link_connect(link));
	link_read(&link->ends[CLIENT]);
	return OUTCOME_PASSED;
}

enum outcome link_tried(struct link *link, const struct pair *pair, const struct want *client,
	const struct want *server, const char *peer, const struct cut *cut)
{
	static const struct want ordinary;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *client_context = contract_client(pair, client ? client : &ordinary, &error);
	struct unitls_server_context *server_context = contract_server(pair, server ? server : &ordinary, &error);

	if (!client_context || !server_context)
		return contract_failed(__FILE__, __LINE__, "no context: %s: %s", error.field, error.text);
	CHECK_PASSED(link_open(link, client_context, server_context, peer, cut));
	link_handshake(link);
	return OUTCOME_PASSED;
}

bool chooses_suites(const struct contract_backend *backend, uint16_t version)
{
	return has(backend, version == UNITLS_TLS_1_3 ? UNITLS_CAP_CIPHERS_1_3 : UNITLS_CAP_CIPHERS_1_2);
}

bool pair_chooses_suites(const struct pair *pair)
{
	return chooses_suites(pair->client, pair->version) && chooses_suites(pair->server, pair->version);
}

enum outcome check_suite_refused(const struct pair *pair, uint16_t suite)
{
	const struct want want = {.suites = {suite}, .n_suites = 1};

	for (int end = CLIENT; end <= SERVER; end++) {
		struct unitls_error error = UNITLS_ERROR_INIT;

		if (chooses_suites(end == CLIENT ? pair->client : pair->server, pair->version))
			continue;
		if (end == CLIENT)
			CHECK(!contract_client(pair, &want, &error));
		else
			CHECK(!contract_server(pair, &want, &error));
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "ciphers") == 0);
	}
	return OUTCOME_PASSED;
}

const char *error_text(int status, const struct unitls_error *error)
{
	static char buffers[4][512];
	static unsigned next;
	char *buffer = buffers[next++ % 4];

	(void)snprintf(buffer, sizeof(buffers[0]), "%s class %s alert %s reason %s (%s)",
		unitls_status_name(status), unitls_error_class_name(error->error_class),
		unitls_alert_name(error->alert), unitls_verify_reason_name(error->verify_reason), error->text);
	return buffer;
}

enum outcome check_failure(struct link *link, const struct failure *expected)
{
	struct end *end = &link->ends[expected->at];
	struct end *other = &link->ends[1 - expected->at];
	int status = other->status;
	const struct unitls_error *told = &other->error;

	if (end->status != UNITLS_ERROR || end->error.error_class != expected->error_class ||
		end->error.alert != expected->alert || end->error.verify_reason != expected->reason)
		return contract_failed(__FILE__, __LINE__,
			"the end that should refuse with class %s alert %s reason %s: %s",
			unitls_error_class_name(expected->error_class), unitls_alert_name(expected->alert),
			unitls_verify_reason_name(expected->reason), error_text(end->status, &end->error));
	/* A client of TLS 1.3 is done before the server judges its certificate. */
	if (status == UNITLS_OK) {
		link_read(other);
		status = other->read_status;
		told = &other->read_error;
	}
	if (status != UNITLS_ERROR || told->error_class != UNITLS_ERROR_CLASS_PEER_ALERT ||
		told->alert != expected->alert)
		return contract_failed(__FILE__, __LINE__, "what the peer was told, not alert %s: %s",
			unitls_alert_name(expected->alert), error_text(status, told));
	return OUTCOME_PASSED;
}

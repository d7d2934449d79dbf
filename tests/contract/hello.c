/*
 * The ClientHello: what is no hello, hellos in pieces, server names and what they choose, second hellos, decisions of the application.
 */
#include "tests/contract/helpers.h"

#include <stdlib.h>

#include "tests/contract/hello_bytes.h"

/* Scenarios run one at a time, and these are large. */
static struct hello_bytes bytes;
static struct hello_bytes message;
static struct flight flight;

/* Gives bytes to a fresh server connection and keeps its answer in flight. *ret_server: for more; or freed. */
static enum outcome answer(const struct pair *pair, const struct want *want, const struct cut *cut,
	struct unitls_connection **ret_server)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_context *context = contract_server(pair, want, &error);
	struct unitls_connection *server = NULL;

	if (!context)
		return contract_failed(__FILE__, __LINE__, "no context: %s", error.text);
	CHECK_EQUAL(unitls_server_connection_new(context, &server, &error), UNITLS_OK);
	server_answer(server, bytes.data, bytes.size, cut, &flight);
	if (ret_server)
		*ret_server = server;
	else
		unitls_connection_free(server);
	return OUTCOME_PASSED;
}

static enum outcome check_refused(enum unitls_error_class error_class, int alert)
{
	if (flight.status != UNITLS_ERROR || flight.error.error_class != error_class ||
		flight.error.alert != alert)
		return contract_failed(__FILE__, __LINE__, "not refused with class %s alert %s: %s",
			unitls_error_class_name(error_class), unitls_alert_name(alert),
			error_text(flight.status, &flight.error));
	if (error_class != UNITLS_ERROR_CLASS_PEER_ALERT)
		CHECK_EQUAL(flight.alert, alert);
	CHECK(!flight.server_hello);
	return OUTCOME_PASSED;
}

static enum outcome check_accepted(const struct pair *pair)
{
	if (flight.status != UNITLS_WANT_READ || !flight.server_hello)
		return contract_failed(
			__FILE__, __LINE__, "not accepted: %s", error_text(flight.status, &flight.error));
	CHECK_EQUAL(flight.version, pair->version);
	CHECK_EQUAL(unitls_cipher_suite_version(flight.suite), pair->version);
	return OUTCOME_PASSED;
}

static bool is_certificate(struct unitls_bytes der, const char *file)
{
	struct unitls_certificate *certificate = NULL;
	struct unitls_bytes expected;
	bool same;

	if (unitls_certificate_from_file(pki_path(file), &certificate, NULL) != UNITLS_OK)
		return false;
	expected = unitls_certificate_der(certificate);
	same = expected.size == der.size && memcmp(expected.data, der.data, der.size) == 0;
	unitls_certificate_unref(certificate);
	return same;
}

/* ---- What is no hello -------------------------------------------------------------------------------------------------- */

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1

static enum outcome no_hello(const struct pair *pair, const struct cut *cut)
{
	static const uint8_t zeros[64] = {0};
	const struct {
		const char *what;
		const uint8_t *data;
		size_t size;
		enum unitls_error_class error_class;
		int alert;
	} cases[] = {
		{"HTTP", TEXT("GET / HTTP/1.0\r\n\r\n"), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"SMTP", TEXT("EHLO somebody\r\n"), UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"zeros", zeros, sizeof(zeros), UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"SSLv2", BYTES(0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_PROTOCOL_VERSION},
		{"record of version 2", BYTES(22, 2, 0, 0, 1, 1), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_PROTOCOL_VERSION},
		{"record of version 4", BYTES(22, 4, 0, 0, 1, 1), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_PROTOCOL_VERSION},
		{"DTLS", BYTES(22, 0xfe, 0xfd, 0, 0, 0), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_PROTOCOL_VERSION},
		{"record too long", BYTES(22, 3, 1, 0x40, 1, 1), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_RECORD_OVERFLOW},
		{"empty record", BYTES(22, 3, 1, 0, 0), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"data first", BYTES(23, 3, 3, 0, 1, 0), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"change_cipher_spec first", BYTES(20, 3, 3, 0, 1, 1), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"another message", BYTES(22, 3, 3, 0, 4, 0, 0, 0, 0), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_UNEXPECTED_MESSAGE},
		{"an alert", BYTES(21, 3, 1, 0, 2, 2, 40), UNITLS_ERROR_CLASS_PEER_ALERT,
			UNITLS_ALERT_HANDSHAKE_FAILURE},
		{"close_notify", BYTES(21, 3, 1, 0, 2, 1, 0), UNITLS_ERROR_CLASS_PEER_ALERT,
			UNITLS_ALERT_CLOSE_NOTIFY},
		{"hello above the cap", BYTES(22, 3, 1, 0, 4, 1, 0, 0x3f, 0xfd), UNITLS_ERROR_CLASS_PROTOCOL,
			UNITLS_ALERT_ILLEGAL_PARAMETER},
		{"data within a hello", BYTES(22, 3, 1, 0, 4, 1, 0, 1, 0, 23, 3, 1, 0, 1, 0),
			UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum outcome outcome;

		memcpy(bytes.data, cases[i].data, cases[i].size);
		bytes.size = cases[i].size;
		outcome = answer(pair, &(struct want){0}, cut, NULL);
		if (outcome == OUTCOME_PASSED)
			outcome = check_refused(cases[i].error_class, cases[i].alert);
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, cases[i].what);
		contract_release();
	}
	return OUTCOME_PASSED;
}

/* ---- Hellos in pieces ---------------------------------------------------------------------------------------------------- */

static enum outcome pieces(const struct pair *pair, const struct cut *cut)
{
	static const size_t fragments[] = {0, 1, 2, 3, 4, 5, 17, 100, 200};
	const struct hello_spec spec = {.version = pair->version, .name = "server.example"};

	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
		hello_make(&message, &spec);
		bytes.size = 0;
		records_append(&bytes, 22, message.data, message.size, fragments[i]);
		CHECK_PASSED(answer(pair, &(struct want){0}, cut, NULL));
		CHECK_PASSED(check_accepted(pair));
		contract_release();
	}
	return OUTCOME_PASSED;
}

/* As large as may be, whole and in the smallest records; one byte more is refused. */
static enum outcome largest(const struct pair *pair, const struct cut *cut)
{
	struct hello_spec spec = {.version = pair->version, .name = "server.example", .padding = 1};

	hello_make(&message, &spec);
	spec.padding += UNITLS_CLIENT_HELLO_LIMIT_BYTES - message.size;
	for (int turn = 0; turn < 3; turn++) {
		spec.padding += turn == 2;
		hello_make(&message, &spec);
		CHECK_EQUAL(message.size, UNITLS_CLIENT_HELLO_LIMIT_BYTES + (turn == 2));
		bytes.size = 0;
		records_append(&bytes, 22, message.data, message.size, turn == 1 ? 1 : 0);
		CHECK_PASSED(answer(pair, &(struct want){0}, cut, NULL));
		if (turn < 2)
			CHECK_PASSED(check_accepted(pair));
		else
			CHECK_PASSED(check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER));
	}
	return OUTCOME_PASSED;
}

/* The transport ends within the hello: no alert, a truncation. */
static enum outcome cut_off(const struct pair *pair, const struct cut *cut)
{
	const struct hello_spec spec = {.version = pair->version};
	size_t whole;

	hello_record(&bytes, &spec);
	whole = bytes.size;
	for (size_t size = 0; size < whole; size += 1 + size / 4) {
		struct unitls_connection *server;
		struct unitls_error error = UNITLS_ERROR_INIT;
		int status;

		bytes.size = size;
		CHECK_PASSED(answer(pair, &(struct want){0}, cut, &server));
		unitls_connection_receive_eof(server);
		status = unitls_connection_handshake(server, &error);
		size = bytes.size;
		unitls_connection_free(server);
		contract_release();
		CHECK_EQUAL(status, UNITLS_RAGGED_EOF);
		CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_IO);
		CHECK_EQUAL(flight.size, 0);
	}
	return OUTCOME_PASSED;
}

/* ---- Server names --------------------------------------------------------------------------------------------------------- */

/* A hello's name, and which certificate answers in TLS 1.2, or the alert. */
static enum outcome name_case(const struct pair *pair, const struct want *want, const char *name, size_t size,
	const char *certificate, enum unitls_error_class error_class, int alert, const struct cut *cut)
{
	const struct hello_spec spec = {.version = pair->version, .name = name, .name_size = size};

	hello_record(&bytes, &spec);
	CHECK_PASSED(answer(pair, want, cut, NULL));
	if (!certificate)
		return check_refused(error_class, alert);
	CHECK_PASSED(check_accepted(pair));
	if (pair->version == UNITLS_TLS_1_2 && !is_certificate(flight.certificate, certificate))
		return contract_failed(__FILE__, __LINE__, "the certificate sent is not %s", certificate);
	return OUTCOME_PASSED;
}

static enum outcome server_names(const struct pair *pair, const struct cut *cut)
{
	static char longest[254 + 1];
	static char too_long[300];
	const struct want lenient = {.chains = {"server", "alpha", "beta", "wild"}};
	const struct want strict = {
		.chains = {"server", "alpha", "beta", "wild"}, .sni_policy = UNITLS_SNI_STRICT};
	const struct {
		const char *name;
		size_t size;
		const char *lenient;
		const char *strict; /* NULL: unrecognized_name */
		int alert;          /* of both; 0: by the policy */
	} cases[] = {
		{NULL, 0, "server.crt", NULL, 0},
		{"alpha.example", 0, "alpha.crt", "alpha.crt", 0},
		{"ALPHA.Example", 0, "alpha.crt", "alpha.crt", 0},
		{"alpha.example.", 0, "alpha.crt", "alpha.crt", 0},
		{"beta.example", 0, "beta.crt", "beta.crt", 0},
		{"www.beta.example", 0, "wild.crt", "wild.crt", 0},
		{"xn--bcher-kva.beta.example", 0, "wild.crt", "wild.crt", 0},
		{"a.www.beta.example", 0, "server.crt", NULL, 0},
		{"unknown.example", 0, "server.crt", NULL, 0},
		{"server.example", 0, "server.crt", "server.crt", 0},
		{"127.0.0.1", 0, "server.crt", NULL, 0},
		{"::1", 0, "server.crt", NULL, 0},
		{longest, 0, "server.crt", NULL, 0},
		{too_long, 0, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
		{"alpha.example\0.x", 16, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
		{"\xc3\xa9.example", 0, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
		{"*.beta.example", 0, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
		{".example", 0, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
		{"a b.example", 0, NULL, NULL, UNITLS_ALERT_ILLEGAL_PARAMETER},
	};

	memset(longest, 'l', sizeof(longest) - 1);
	longest[63] = longest[127] = longest[191] = '.';
	longest[253] = '\0';
	memset(too_long, 't', sizeof(too_long) - 1);
	for (size_t i = 31; i < sizeof(too_long) - 1; i += 32)
		too_long[i] = '.';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int alert = cases[i].alert;
		enum unitls_error_class error_class =
			alert ? UNITLS_ERROR_CLASS_PROTOCOL : UNITLS_ERROR_CLASS_LOCAL_ALERT;
		enum outcome outcome;

		outcome = name_case(
			pair, &lenient, cases[i].name, cases[i].size, cases[i].lenient, error_class, alert, cut);
		/* A sign that no host name has (RFC 1123, 2.1): a library may refuse it, too. */
		if (cases[i].name && strchr(cases[i].name, ':') && flight.status < 0)
			outcome = check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER);
		if (outcome == OUTCOME_PASSED)
			outcome = name_case(pair, &strict, cases[i].name, cases[i].size, cases[i].strict,
				error_class, alert ? alert : UNITLS_ALERT_UNRECOGNIZED_NAME, cut);
		contract_release();
		if (outcome != OUTCOME_PASSED)
			return contract_within(outcome, cases[i].name ? cases[i].name : "no name");
	}
	return OUTCOME_PASSED;
}

/* Two names, even the same one twice (RFC 6066, 3: one of a type). */
static enum outcome two_names(const struct pair *pair, const struct cut *cut)
{
	const struct hello_spec spec = {
		.version = pair->version, .name = "alpha.example", .second_name = "beta.example"};

	hello_record(&bytes, &spec);
	CHECK_PASSED(answer(pair, &(struct want){0}, cut, NULL));
	return check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER);
}

/* RSA or ECDSA, by what the client can use; the default chain when neither. */
static enum outcome kind_of_key(const struct pair *pair, const struct cut *cut)
{
	static const uint16_t rsa_suites[] = {0xc02f, 0xc030, 0};
	static const uint16_t ecdsa_suites[] = {0xc02b, 0xc02c, 0};
	static const uint16_t all_schemes[] = {0x0403, 0x0503, 0x0804, 0x0401, 0};
	static const uint16_t rsa_schemes[] = {0x0804, 0x0401, 0};
	static const uint16_t p384[] = {24, 0};
	const struct want want = {.chains = {"server", "alpha", "alpha-rsa"}};
	const struct want reversed = {.chains = {"server", "alpha-rsa", "alpha"}};
	const struct {
		const char *what;
		const uint16_t *suites;
		const uint16_t *schemes;
		const uint16_t *groups;
		const char *certificate;
		const char *reversed;
	} cases[] = {
		{"RSA suites, all schemes", rsa_suites, all_schemes, NULL, "alpha-rsa.crt", "alpha-rsa.crt"},
		{"ECDSA suites", ecdsa_suites, all_schemes, NULL, "alpha.crt", "alpha.crt"},
		{"all suites", NULL, all_schemes, NULL, "alpha.crt", "alpha-rsa.crt"},
		{"RSA schemes alone", NULL, rsa_schemes, NULL, "alpha-rsa.crt", "alpha-rsa.crt"},
		{"no group for the key's curve", NULL, all_schemes, p384, "alpha-rsa.crt", "alpha-rsa.crt"},
	};

	if (pair->version != UNITLS_TLS_1_2)
		return contract_not_applicable("the certificate is not in the clear");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int turn = 0; turn < 2; turn++) {
			const struct hello_spec spec = {.name = "alpha.example",
				.suites = cases[i].suites,
				.schemes = cases[i].schemes,
				.groups = cases[i].groups};
			const char *expected = turn == 0 ? cases[i].certificate : cases[i].reversed;
			enum outcome outcome;

			hello_record(&bytes, &spec);
			outcome = answer(pair, turn == 0 ? &want : &reversed, cut, NULL);
			if (outcome == OUTCOME_PASSED)
				outcome = check_accepted(pair);
			if (outcome == OUTCOME_PASSED && !is_certificate(flight.certificate, expected))
				outcome = contract_failed(
					__FILE__, __LINE__, "the certificate sent is not %s", expected);
			contract_release();
			if (outcome != OUTCOME_PASSED)
				return contract_within(outcome, cases[i].what);
		}
	return OUTCOME_PASSED;
}

/* The same by real clients, in both versions: the client sees whom it asked for. */
static enum outcome chosen_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	static const struct {
		const char *name;
		const char *common_name;
	} cases[] = {{"alpha.example", "alpha"}, {"beta.example", "beta"}, {"x.beta.example", "wild"},
		{"server.example", "server"}};
	const struct want server = {.chains = {"server", "alpha", "alpha-rsa", "beta", "wild"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unitls_certificate *leaf;

		CHECK_PASSED(link_tried(link, pair, NULL, &server, cases[i].name, cut));
		CHECK_PASSED(link_connect(link));
		leaf = unitls_connection_peer_certificate(link->ends[CLIENT].connection, 0);
		CHECK(bytes_are(unitls_certificate_common_name(leaf), cases[i].common_name));
		CHECK(strcmp(unitls_connection_server_name(link->ends[SERVER].connection), cases[i].name) == 0);
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome chosen(const struct pair *pair, const struct cut *cut)
{
	return link_run(chosen_steps, pair, cut);
}

/* ---- Versions ------------------------------------------------------------------------------------------------------------- */

static enum outcome fallback(const struct pair *pair, const struct cut *cut)
{
	static const uint16_t suites[] = {0xc02b, 0xc02f, 0x5600, 0};
	const struct hello_spec spec = {.suites = suites};
	const struct want up_to_1_2 = {.min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_1_2};
	const struct want all = {.min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_MAXIMUM_SUPPORTED};

	if (pair->version != UNITLS_TLS_1_2)
		return contract_not_applicable("a fallback ends below the highest version");
	hello_record(&bytes, &spec);
	CHECK_PASSED(answer(pair, &up_to_1_2, cut, NULL));
	CHECK_PASSED(check_accepted(pair));
	CHECK_PASSED(answer(pair, &all, cut, NULL));
	if (!has(pair->server, UNITLS_CAP_TLS_1_3))
		return check_accepted(pair);
	return check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_INAPPROPRIATE_FALLBACK);
}

/* RFC 8446, 4.1.3: a server that could do better says so in its random. */
static enum outcome sentinel(const struct pair *pair, const struct cut *cut)
{
	static const uint8_t downgraded[] = {'D', 'O', 'W', 'N', 'G', 'R', 'D', 1};
	const struct want all = {.min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_MAXIMUM_SUPPORTED};
	const struct hello_spec spec = {0};

	if (pair->version != UNITLS_TLS_1_2 || !has(pair->server, UNITLS_CAP_TLS_1_3))
		return contract_not_applicable("no higher version to fall from");
	hello_record(&bytes, &spec);
	CHECK_PASSED(answer(pair, &all, cut, NULL));
	CHECK_PASSED(check_accepted(pair));
	CHECK(memcmp(flight.data + 4 + 2 + 24, downgraded, sizeof(downgraded)) == 0);
	return OUTCOME_PASSED;
}

/* The same seen by a client that could do better: a downgrade by somebody in between. Without the sentinel it goes on. */
static enum outcome downgraded_client(const struct pair *pair, const struct cut *cut)
{
	static const uint8_t head[] = {22, 3, 3, 0, 49, 2, 0, 0, 45, 3, 3};
	static const uint8_t tail[] = {0, 0xc0, 0x2b, 0, 0, 5, 0xff, 1, 0, 1, 0};
	const struct want all = {.min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_MAXIMUM_SUPPORTED};

	if (pair->version != UNITLS_TLS_1_2 || !has(pair->client, UNITLS_CAP_TLS_1_3))
		return contract_not_applicable("no higher version to fall from");
	for (int downgrade = 0; downgrade < 2; downgrade++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_client_context *context = contract_client(pair, &all, &error);
		struct unitls_connection *client = NULL;
		struct unitls_peer_name name;
		int status;

		CHECK(context != NULL);
		CHECK_EQUAL(unitls_peer_name_parse("server.example", &name, &error), UNITLS_OK);
		CHECK_EQUAL(unitls_client_connection_new(context, &name, &client, &error), UNITLS_OK);
		status = unitls_connection_handshake(client, &error);
		unitls_connection_consume_outgoing(client, unitls_connection_outgoing_size(client));
		memcpy(bytes.data, head, sizeof(head));
		memset(bytes.data + sizeof(head), 'r', 24);
		memcpy(bytes.data + sizeof(head) + 24, downgrade ? "DOWNGRD\1" : "random\1\2", 8);
		memcpy(bytes.data + sizeof(head) + 32, tail, sizeof(tail));
		bytes.size = sizeof(head) + 32 + sizeof(tail);
		server_answer(client, bytes.data, bytes.size, cut, &flight);
		unitls_connection_free(client);
		CHECK_EQUAL(status, UNITLS_WANT_READ);
		if (downgrade)
			CHECK_PASSED(check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER));
		else
			CHECK_EQUAL(flight.status, UNITLS_WANT_READ);
	}
	return OUTCOME_PASSED;
}

static enum outcome old_versions(const struct pair *pair, const struct cut *cut)
{
	for (uint16_t version = 0x0300; version < UNITLS_TLS_1_2; version++) {
		const struct hello_spec spec = {.legacy_version = version};
		const struct want all = {
			.min_version = UNITLS_TLS_1_2, .max_version = UNITLS_TLS_MAXIMUM_SUPPORTED};

		hello_record(&bytes, &spec);
		CHECK_PASSED(answer(pair, &all, cut, NULL));
		CHECK_PASSED(check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION));
	}
	return OUTCOME_PASSED;
}

/* Nothing in common but the version. */
static enum outcome no_common_group(const struct pair *pair, const struct cut *cut)
{
	static const uint16_t unknown[] = {0x0a0a, 0x1234, 0};
	static const uint16_t suites[] = {0xc02b, 0xc02f, 0x1301, 0};
	const struct hello_spec spec = {
		.version = pair->version, .groups = unknown, .suites = suites, .key_share = HELLO_NO_KEY_SHARE};

	hello_record(&bytes, &spec);
	CHECK_PASSED(answer(pair, &(struct want){0}, cut, NULL));
	return check_refused(UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_HANDSHAKE_FAILURE);
}

/* ---- The second hello ------------------------------------------------------------------------------------------------------ */

static enum outcome second_case(const struct pair *pair, const struct hello_spec *first,
	const struct hello_spec *second, bool with_ccs, size_t fragment, int alert, const struct cut *cut)
{
	static const uint8_t change_cipher_spec[] = {1};
	const struct want want = {.alpn = {text_bytes("h2"), text_bytes("smtp")},
		.n_alpn = 2,
		.chains = {"server", "alpha", "beta"}};
	struct unitls_connection *server = NULL;
	enum outcome outcome;

	hello_record(&bytes, first);
	CHECK_PASSED(answer(pair, &want, cut, &server));
	if (!flight.retry) {
		unitls_connection_free(server);
		return contract_failed(
			__FILE__, __LINE__, "no HelloRetryRequest: %s", error_text(flight.status, &flight.error));
	}
	hello_make(&message, second);
	bytes.size = 0;
	if (with_ccs)
		records_append(&bytes, 20, change_cipher_spec, 1, 0);
	records_append(&bytes, 22, message.data, message.size, fragment);
	server_answer(server, bytes.data, bytes.size, cut, &flight);
	outcome = alert == UNITLS_ALERT_NONE ? check_accepted(pair)
					     : check_refused(UNITLS_ERROR_CLASS_PROTOCOL, alert);
	unitls_connection_free(server);
	return outcome;
}

static enum outcome second_hello(const struct pair *pair, const struct cut *cut)
{
	static const uint8_t h2[] = {2, 'h', '2'};
	static const uint16_t p256[] = {23, 0};
	static const uint8_t smtp[] = {4, 's', 'm', 't', 'p'};
	const struct unitls_bytes alpn = {h2, sizeof(h2)};
	const struct unitls_bytes other_alpn = {smtp, sizeof(smtp)};
	const struct hello_spec first = {.version = UNITLS_TLS_1_3,
		.name = "alpha.example",
		.alpn = alpn,
		.groups = p256,
		.key_share = HELLO_NO_KEY_SHARE};
	const struct hello_spec nameless = {
		.version = UNITLS_TLS_1_3, .alpn = alpn, .groups = p256, .key_share = HELLO_NO_KEY_SHARE};
	struct hello_spec good = first;
	struct hello_spec other_name = first;
	struct hello_spec no_name = nameless;
	struct hello_spec other_protocol = first;

	if (pair->version != UNITLS_TLS_1_3)
		return contract_not_applicable("TLS 1.2 has no second hello");
	good.key_share = other_name.key_share = no_name.key_share = other_protocol.key_share = 23;
	other_name.name = "beta.example";
	other_protocol.alpn = other_alpn;
	for (int ccs = 0; ccs < 2; ccs++)
		for (size_t fragment = 0; fragment < 3; fragment++) {
			CHECK_PASSED(second_case(pair, &first, &good, ccs, fragment, UNITLS_ALERT_NONE, cut));
			CHECK_PASSED(second_case(
				pair, &first, &other_name, ccs, fragment, UNITLS_ALERT_ILLEGAL_PARAMETER, cut));
			contract_release();
		}
	CHECK_PASSED(second_case(pair, &first, &no_name, false, 0, UNITLS_ALERT_ILLEGAL_PARAMETER, cut));
	CHECK_PASSED(second_case(pair, &nameless, &other_name, false, 0, UNITLS_ALERT_ILLEGAL_PARAMETER, cut));
	CHECK_PASSED(second_case(pair, &first, &other_protocol, false, 0, UNITLS_ALERT_ILLEGAL_PARAMETER, cut));
	CHECK_PASSED(second_case(pair, &nameless, &no_name, false, 0, UNITLS_ALERT_NONE, cut));
	return OUTCOME_PASSED;
}

/* ---- Decisions ---------------------------------------------------------------------------------------------------------------- */

struct decider {
	enum unitls_hello_decision decision;
	struct unitls_server_context *context;
	int alert;
	int calls;
	bool inside; /* decides within the callback and says WAIT */
	char name[64];
};

static enum unitls_hello_decision decide(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert)
{
	struct decider *decider = argument;
	const char *name = unitls_client_hello_server_name(hello);
	struct unitls_error error = UNITLS_ERROR_INIT;

	decider->calls++;
	strncpy(decider->name, name ? name : "", sizeof(decider->name) - 1);
	if (decider->inside) {
		if (unitls_connection_decide_hello(
			    connection, decider->decision, decider->context, decider->alert, &error) < 0)
			abort();
		return UNITLS_HELLO_WAIT;
	}
	if (decider->decision == UNITLS_HELLO_ACCEPT)
		*context = decider->context;
	if (decider->decision == UNITLS_HELLO_REJECT && decider->alert != UNITLS_ALERT_NONE)
		*alert = decider->alert;
	return decider->decision;
}

/* Every setting of the context that was switched to holds: versions, suites, ALPN, chain, client certificates. */
static enum outcome check_switched(
	struct link *link, const struct pair *pair, struct unitls_server_context *special)
{
	struct unitls_connection *server = link->ends[SERVER].connection;

	CHECK(unitls_connection_server_context(server) == special);
	CHECK_EQUAL(unitls_connection_negotiated_tls_version(server), pair->version);
	if (chooses_suites(pair->server, pair->version))
		CHECK_EQUAL(unitls_connection_cipher(server), pair->version == UNITLS_TLS_1_2 ? 0xc02c : 0x1302);
	CHECK(bytes_are(unitls_connection_negotiated_protocol(server), "imap"));
	CHECK(bytes_are(unitls_connection_negotiated_protocol(link->ends[CLIENT].connection), "imap"));
	CHECK(bytes_are(unitls_certificate_common_name(
				unitls_connection_peer_certificate(link->ends[CLIENT].connection, 0)),
		"alpha"));
	CHECK(unitls_connection_peer_certificate(server, 0) != NULL);
	return OUTCOME_PASSED;
}

static enum outcome switched_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	uint16_t highest = UNITLS_TLS_MAXIMUM_SUPPORTED;
	const struct want special = {.chains = {"alpha"},
		.suites = {pair->version == UNITLS_TLS_1_2 ? 0xc02c : 0x1302},
		.n_suites = chooses_suites(pair->server, pair->version) ? 1 : 0,
		.alpn = {text_bytes("imap")},
		.n_alpn = 1,
		.client_auth = UNITLS_CLIENT_AUTH_REQUIRED,
		.trust = "root.pem"};
	const struct want client = {.min_version = UNITLS_TLS_1_2,
		.max_version = highest,
		.chains = {"client"},
		.alpn = {text_bytes("smtp"), text_bytes("imap")},
		.n_alpn = 2};
	const struct want bare = {
		.min_version = UNITLS_TLS_1_2, .max_version = highest, .alpn = {text_bytes("imap")}, .n_alpn = 1};

	for (int turn = 0; turn < 4; turn++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct decider decider = {
			.decision = turn == 2 ? UNITLS_HELLO_WAIT : UNITLS_HELLO_ACCEPT, .inside = turn == 1};
		const struct want plain = {.min_version = UNITLS_TLS_1_2,
			.max_version = highest,
			.hello_callback = decide,
			.hello_argument = &decider,
			.alpn = {text_bytes("smtp")},
			.n_alpn = 1};
		struct unitls_client_context *client_context =
			contract_client(pair, turn == 3 ? &bare : &client, &error);
		struct unitls_server_context *plain_context = contract_server(pair, &plain, &error);

		decider.context = contract_server(pair, &special, &error);
		if (!client_context || !plain_context || !decider.context)
			return contract_failed(__FILE__, __LINE__, "no context: %s", error.text);
		CHECK_PASSED(link_open(link, client_context, plain_context, "alpha.example", cut));
		link_handshake(link);
		CHECK_EQUAL(decider.calls, 1);
		CHECK(strcmp(decider.name, "alpha.example") == 0);
		if (turn == 2) {
			CHECK_EQUAL(link->ends[SERVER].status, UNITLS_WANT_APP);
			CHECK(!unitls_connection_hello_accepted(link->ends[SERVER].connection));
			CHECK(unitls_connection_client_hello(link->ends[SERVER].connection) != NULL);
			CHECK_EQUAL(unitls_connection_outgoing_size(link->ends[SERVER].connection), 0);
			CHECK_EQUAL(unitls_connection_decide_hello(link->ends[SERVER].connection,
					    UNITLS_HELLO_ACCEPT, decider.context, 0, &error),
				UNITLS_OK);
			link_handshake(link);
		}
		if (turn == 3) {
			/* The client has no certificate: the special context's demand counts. */
			CHECK_PASSED(check_failure(link,
				&(struct failure){SERVER, UNITLS_ERROR_CLASS_VERIFY,
					pair->version == UNITLS_TLS_1_2 ? UNITLS_ALERT_HANDSHAKE_FAILURE
									: UNITLS_ALERT_CERTIFICATE_REQUIRED,
					UNITLS_VERIFY_MISSING}));
		} else {
			CHECK_PASSED(link_connect(link));
			CHECK_PASSED(check_switched(link, pair, decider.context));
			CHECK_EQUAL(decider.calls, 1);
		}
		link_close(link);
		contract_release();
	}
	return OUTCOME_PASSED;
}

static enum outcome switched(const struct pair *pair, const struct cut *cut)
{
	return link_run(switched_steps, pair, cut);
}

static enum outcome rejected_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	for (int turn = 0; turn < 3; turn++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		int alert = turn == 0 ? UNITLS_ALERT_UNRECOGNIZED_NAME : UNITLS_ALERT_ACCESS_DENIED;
		struct decider decider = {.decision = turn == 2 ? UNITLS_HELLO_WAIT : UNITLS_HELLO_REJECT,
			.alert = turn == 0 ? UNITLS_ALERT_NONE : alert};
		const struct want want = {.hello_callback = decide, .hello_argument = &decider};

		CHECK_PASSED(link_tried(link, pair, NULL, &want, NULL, cut));
		if (turn == 2) {
			CHECK_EQUAL(link->ends[SERVER].status, UNITLS_WANT_APP);
			CHECK_EQUAL(unitls_connection_decide_hello(link->ends[SERVER].connection,
					    UNITLS_HELLO_REJECT, NULL, alert, &error),
				UNITLS_OK);
			link_handshake(link);
		}
		CHECK_PASSED(check_failure(link,
			&(struct failure){SERVER, UNITLS_ERROR_CLASS_LOCAL_ALERT, alert, UNITLS_VERIFY_NONE}));
		link_close(link);
	}
	return OUTCOME_PASSED;
}

static enum outcome rejected(const struct pair *pair, const struct cut *cut)
{
	return link_run(rejected_steps, pair, cut);
}

const struct scenario hello_scenarios[] = {
	{"what is no ClientHello", "21 20", PER_SERVER, no_hello},
	{"a hello in many records", "21", PER_SERVER, pieces},
	{"the largest hello", "21", PER_SERVER, largest},
	{"the transport ends within the hello", "2", PER_SERVER, cut_off},
	{"server names in hellos", "28 29", PER_SERVER, server_names},
	{"two server names", "28", PER_SERVER, two_names},
	{"RSA or ECDSA by what the client can use", "29", PER_SERVER, kind_of_key},
	{"the certificate for the name", "29", PER_PAIR, chosen},
	{"a fallback signalled", "22", PER_SERVER, fallback},
	{"the downgrade sentinel of a server", "22", PER_SERVER, sentinel},
	{"the downgrade sentinel seen by a client", "22", PER_SERVER, downgraded_client},
	{"versions below 1.2", "19", PER_SERVER, old_versions},
	{"no group in common", "19", PER_SERVER, no_common_group},
	{"the second hello", "21", PER_SERVER, second_hello},
	{"another context holds in everything", "30", PER_PAIR, switched},
	{"hellos that the application refuses", "19 28", PER_PAIR, rejected},
	{0},
};

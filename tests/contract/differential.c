/*
 * The same bytes to every backend: the verdict must be the same, accepted with the same parameters or refused with the same class and alert. What is known to
 * differ is a line of lib/core/differences.c, with its reason; the suite prints the lines that it met, and fails for one that no longer is so.
 */
#include "tests/contract/helpers.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/hello_bytes.h"

#define VERDICT_MAX     160
#define DIFFERENCES_MAX 1024

static struct hello_bytes bytes;
static struct hello_bytes message;
static struct flight flight;

/* ---- Verdicts ---------------------------------------------------------------------------------------------------------- */

static void refusal(int status, const struct unitls_error *error, char *verdict)
{
	if (status == UNITLS_RAGGED_EOF)
		(void)snprintf(verdict, VERDICT_MAX, "ragged eof");
	else
		(void)snprintf(verdict, VERDICT_MAX, "refused: %s, %s",
			unitls_error_class_name(error->error_class), unitls_alert_name(error->alert));
}

/* The case's verdicts so far: the first backend's is the one that the others are held to. */
static char expected[VERDICT_MAX];
static const char *expected_of;
static bool met[DIFFERENCES_MAX];
static unsigned scenarios_run; /* to their end */
#define N_COMPARING 5

/* Whether the row is about the library that this backend has here. */
static bool is_of(const struct unitls_backend_difference *known, const struct contract_backend *backend)
{
	return strcmp(known->backend, backend->name) == 0 &&
		(!known->library ||
			fnmatch(known->library, unitls_backend_library_version(backend->backend), 0) == 0);
}

static bool is_known(const struct unitls_backend_difference *known, const char *what,
	const struct contract_backend *backend, const char *verdict)
{
	return is_of(known, backend) && fnmatch(known->what, what, 0) == 0 &&
		fnmatch(known->verdict, verdict, 0) == 0;
}

static enum outcome judge(const char *what, const struct contract_backend *backend, const char *verdict)
{
	struct unitls_backend_difference known;

	if (!expected_of) {
		expected_of = backend->name;
		memcpy(expected, verdict, sizeof(expected));
		return OUTCOME_PASSED;
	}
	if (strcmp(expected, verdict) == 0)
		return OUTCOME_PASSED;
	for (size_t i = 0; unitls_backend_difference_at(i, &known); i++) {
		CHECK(i < DIFFERENCES_MAX);
		if (!is_known(&known, what, backend, verdict))
			continue;
		if (!met[i])
			(void)printf("known difference: %s: %s says \"%s\" where %s says \"%s\": %s\n", what,
				backend->name, verdict, expected_of, expected, known.reason);
		met[i] = true;
		return OUTCOME_PASSED;
	}
	if (backend->added) {
		(void)printf("difference: %s: %s says \"%s\" where %s says \"%s\"\n", what, backend->name, verdict,
			expected_of, expected);
		return OUTCOME_PASSED;
	}
	return contract_failed(__FILE__, __LINE__, "%s: %s says \"%s\", %s says \"%s\"", what, backend->name,
		verdict, expected_of, expected);
}

/* ---- Servers --------------------------------------------------------------------------------------------------------------- */

static const struct cut whole = {CUT_WHOLE, 0, 0};

/* A server of one backend, held to TLS 1.2, which all have. */
static struct unitls_connection *new_server(const struct contract_backend *backend)
{
	const struct pair pair = {backend, backend, UNITLS_TLS_1_2};
	const struct want want = {.chains = {"server", "rsa"},
		.suites = {0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8},
		.n_suites = 6,
		.alpn = {text_bytes("h2"), text_bytes("smtp")},
		.n_alpn = 2,
		.alpn_policy = UNITLS_ALPN_GO_ON};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_context *context = contract_server(&pair, &want, &error);
	struct unitls_connection *server = NULL;

	if (!context || unitls_server_connection_new(context, &server, &error) < 0)
		return NULL;
	return server;
}

static bool takes_part(const struct contract_backend *backend)
{
	return backend->backend && backend->capabilities->min_version <= UNITLS_TLS_1_2;
}

/* What the backends say to the hello in bytes. */
static enum outcome compare_hello(const char *what)
{
	expected_of = NULL;
	for (size_t i = 0; contract_backend_at(i); i++) {
		const struct contract_backend *backend = contract_backend_at(i);
		struct unitls_connection *server;
		char verdict[VERDICT_MAX];

		if (!takes_part(backend))
			continue;
		server = new_server(backend);
		CHECK(server != NULL);
		server_answer(server, bytes.data, bytes.size, &whole, &flight);
		if (flight.status < 0)
			refusal(flight.status, &flight.error, verdict);
		else if (!flight.server_hello)
			(void)snprintf(verdict, sizeof(verdict), "waits");
		else
			(void)snprintf(verdict, sizeof(verdict),
				"accepted: suite 0x%04x, ALPN %.*s, certificate of %zu bytes", flight.suite,
				(int)flight.alpn.size, flight.alpn.size ? (const char *)flight.alpn.data : "",
				flight.certificate.size);
		unitls_connection_free(server);
		contract_release();
		CHECK_PASSED(judge(what, backend, verdict));
	}
	return OUTCOME_PASSED;
}

static enum outcome hellos(const struct pair *pair, const struct cut *cut)
{
	static const uint16_t none[] = {0x0a0a, 0};
	static const uint16_t cbc[] = {0xc009, 0xc013, 0x002f, 0};
	static const uint16_t rsa_kx[] = {0x009c, 0x009d, 0};
	static const uint16_t dhe[] = {0x009e, 0x009f, 0};
	static const uint16_t client_order[] = {0xc030, 0xc02f, 0xc02c, 0xc02b, 0};
	static const uint16_t chacha[] = {0xcca9, 0xcca8, 0};
	static const uint16_t x25519[] = {29, 0};
	static const uint16_t p384[] = {24, 0};
	static const uint16_t p521[] = {25, 0};
	static const uint16_t sha1[] = {0x0203, 0x0201, 0};
	static const uint16_t sha512[] = {0x0603, 0x0601, 0};
	static const uint16_t pss[] = {0x0804, 0x0805, 0};
	static const uint16_t unknown_schemes[] = {0x0909, 0};
	static const uint8_t alpn[] = {2, 'h', '2'};
	static const uint8_t other_alpn[] = {2, 'h', '3'};
	static const uint8_t grease[] = {0x1a, 0x1a, 0, 1, 0};
	static const uint8_t bad_formats[] = {0, 23, 0, 1, 7};
	static const struct {
		const char *what;
		struct hello_spec spec;
	} cases[] = {
		{"ordinary", {.name = "server.example"}},
		{"no extensions", {.no_extensions = true}},
		{"unknown suites", {.suites = none}},
		{"CBC suites", {.suites = cbc}},
		{"RSA key transport", {.suites = rsa_kx}},
		{"DHE", {.suites = dhe}},
		{"the client's order", {.suites = client_order}},
		{"ChaCha20", {.suites = chacha}},
		{"X25519 alone", {.groups = x25519}},
		{"P-384 alone", {.groups = p384}},
		{"P-521 alone", {.groups = p521}},
		{"unknown groups", {.groups = none}},
		{"SHA-1 signatures", {.schemes = sha1}},
		{"SHA-512 signatures", {.schemes = sha512}},
		{"PSS signatures", {.schemes = pss}},
		{"unknown signatures", {.schemes = unknown_schemes}},
		{"ALPN", {.alpn = {alpn, sizeof(alpn)}}},
		{"other ALPN", {.alpn = {other_alpn, sizeof(other_alpn)}}},
		{"compression", {.compression = 1}},
		{"GREASE extension", {.extra = {grease, sizeof(grease)}}},
		{"malformed extended_master_secret", {.extra = {bad_formats, sizeof(bad_formats)}}},
		{"version 3.4 in the old field", {.legacy_version = 0x0304}},
		{"version 3.9 in the old field", {.legacy_version = 0x0309}},
		{"TLS 1.1", {.legacy_version = 0x0302}},
		{"SSL 3", {.legacy_version = 0x0300}},
		{"TLS 1.3 offered too", {.version = UNITLS_TLS_1_3}},
		{"padding", {.padding = 3000}},
	};

	(void)pair;
	(void)cut;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hello_record(&bytes, &cases[i].spec);
		CHECK_PASSED(compare_hello(cases[i].what));
	}
	scenarios_run++;
	return OUTCOME_PASSED;
}

/* Every byte of a hello changed, two ways. */
static enum outcome damaged_hellos(const struct pair *pair, const struct cut *cut)
{
	static const uint8_t masks[] = {0x01, 0x80};
	static const uint8_t alpn[] = {2, 'h', '2'};
	const struct hello_spec spec = {.name = "server.example", .alpn = {alpn, sizeof(alpn)}};
	size_t size;

	(void)pair;
	(void)cut;
	hello_record(&bytes, &spec);
	size = bytes.size;
	for (size_t at = 0; at < size; at++)
		for (size_t m = 0; m < sizeof(masks); m++) {
			char what[64];

			if (at >= 11 && at < 11 + 32 && m == 1)
				continue; /* the random */
			hello_record(&bytes, &spec);
			bytes.data[at] ^= masks[m];
			(void)snprintf(what, sizeof(what), "byte %zu ^ 0x%02x", at, masks[m]);
			CHECK_PASSED(compare_hello(what));
		}
	scenarios_run++;
	return OUTCOME_PASSED;
}

/* ---- What comes behind the hello ------------------------------------------------------------------------------------------- */

struct stream {
	const char *what;
	uint8_t data[48];
	size_t size;
};

static enum outcome streams_after_hello(const struct pair *pair, const struct cut *cut)
{
	static const struct stream streams[] = {
		{"application data", {23, 3, 3, 0, 1, 'x'}, 6},
		{"change_cipher_spec too early", {20, 3, 3, 0, 1, 1}, 6},
		{"fatal alert", {21, 3, 3, 0, 2, 2, 42}, 7},
		{"close_notify", {21, 3, 3, 0, 2, 1, 0}, 7},
		{"short alert", {21, 3, 3, 0, 1, 2}, 6},
		{"unknown record", {99, 3, 3, 0, 1, 2}, 6},
		{"record of version 2", {22, 2, 0, 0, 1, 2}, 6},
		{"record too long", {22, 3, 3, 0xff, 0xff, 2}, 6},
		{"ClientHello again", {22, 3, 3, 0, 4, 1, 0, 0, 0}, 9},
		{"Finished", {22, 3, 3, 0, 16, 20, 0, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 21},
		{"Certificate unasked", {22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0}, 12},
		{"ClientKeyExchange, empty", {22, 3, 3, 0, 4, 16, 0, 0, 0}, 9},
		{"ClientKeyExchange, point too short", {22, 3, 3, 0, 7, 16, 0, 0, 3, 2, 4, 4}, 12},
		{"ClientKeyExchange, no point", {22, 3, 3, 0, 6, 16, 0, 0, 2, 1, 9}, 11},
		{"unknown message", {22, 3, 3, 0, 4, 77, 0, 0, 0}, 9},
		{"HTTP", {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'}, 10},
	};

	(void)pair;
	(void)cut;
	for (size_t s = 0; s < sizeof(streams) / sizeof(streams[0]); s++) {
		expected_of = NULL;
		for (size_t i = 0; contract_backend_at(i); i++) {
			const struct contract_backend *backend = contract_backend_at(i);
			const struct hello_spec spec = {.name = "server.example"};
			struct unitls_connection *server;
			char verdict[VERDICT_MAX];

			if (!takes_part(backend))
				continue;
			server = new_server(backend);
			CHECK(server != NULL);
			hello_record(&bytes, &spec);
			server_answer(server, bytes.data, bytes.size, &whole, &flight);
			CHECK(flight.server_hello);
			server_answer(server, streams[s].data, streams[s].size, &whole, &flight);
			if (flight.status >= 0)
				(void)snprintf(verdict, sizeof(verdict), "%s", unitls_status_name(flight.status));
			else
				refusal(flight.status, &flight.error, verdict);
			if (flight.status == UNITLS_ERROR &&
				flight.error.error_class == UNITLS_ERROR_CLASS_PROTOCOL &&
				flight.alert != flight.error.alert)
				(void)snprintf(verdict, sizeof(verdict), "said %s but sent %s",
					unitls_alert_name(flight.error.alert), unitls_alert_name(flight.alert));
			unitls_connection_free(server);
			contract_release();
			CHECK_PASSED(judge(streams[s].what, backend, verdict));
		}
	}
	scenarios_run++;
	return OUTCOME_PASSED;
}

/* ---- Clients ---------------------------------------------------------------------------------------------------------------- */

/* A client of one backend, held to TLS 1.2, that has sent its hello. */
static struct unitls_connection *new_client(const struct contract_backend *backend)
{
	const struct pair pair = {backend, backend, UNITLS_TLS_1_2};
	const struct want want = {
		.alpn = {text_bytes("h2")}, .n_alpn = 1, .suites = {0xc02b, 0xc02f}, .n_suites = 2};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *context = contract_client(&pair, &want, &error);
	struct unitls_connection *client = NULL;
	struct unitls_peer_name name;

	if (!context || unitls_peer_name_parse("server.example", &name, &error) < 0 ||
		unitls_client_connection_new(context, &name, &client, &error) < 0)
		return NULL;
	if (unitls_connection_handshake(client, &error) != UNITLS_WANT_READ) {
		unitls_connection_free(client);
		return NULL;
	}
	unitls_connection_consume_outgoing(client, unitls_connection_outgoing_size(client));
	return client;
}

/* A ServerHello: version, suite, compression, extensions. */
struct server_hello {
	const char *what;
	uint16_t version;
	uint16_t suite;
	uint8_t compression;
	uint8_t extensions[24];
	size_t extensions_size;
};

static void make_server_hello(const struct server_hello *hello)
{
	uint8_t *at = message.data;
	size_t body = 2 + 32 + 1 + 2 + 1 + (hello->extensions_size ? 2 + hello->extensions_size : 0);

	*at++ = 2;
	*at++ = 0;
	*at++ = (uint8_t)(body >> 8);
	*at++ = (uint8_t)body;
	*at++ = (uint8_t)(hello->version >> 8);
	*at++ = (uint8_t)hello->version;
	memset(at, 'r', 32);
	at += 32;
	*at++ = 0;
	*at++ = (uint8_t)(hello->suite >> 8);
	*at++ = (uint8_t)hello->suite;
	*at++ = hello->compression;
	if (hello->extensions_size) {
		*at++ = 0;
		*at++ = (uint8_t)hello->extensions_size;
		memcpy(at, hello->extensions, hello->extensions_size);
		at += hello->extensions_size;
	}
	message.size = (size_t)(at - message.data);
	bytes.size = 0;
	records_append(&bytes, 22, message.data, message.size, 0);
	/* As servers do, whose records are of the version that they chose. */
	bytes.data[2] = (uint8_t)(hello->version < UNITLS_TLS_1_2 ? hello->version : UNITLS_TLS_1_2);
}

/* What the backends' clients say to what is in bytes. */
static enum outcome compare_flight(const char *what)
{
	expected_of = NULL;
	for (size_t i = 0; contract_backend_at(i); i++) {
		const struct contract_backend *backend = contract_backend_at(i);
		struct unitls_connection *client;
		char verdict[VERDICT_MAX];

		if (!takes_part(backend))
			continue;
		client = new_client(backend);
		CHECK(client != NULL);
		server_answer(client, bytes.data, bytes.size, &whole, &flight);
		if (flight.status >= 0)
			(void)snprintf(verdict, sizeof(verdict), "%s", unitls_status_name(flight.status));
		else
			refusal(flight.status, &flight.error, verdict);
		if (flight.status == UNITLS_ERROR && flight.error.error_class == UNITLS_ERROR_CLASS_PROTOCOL &&
			flight.alert != flight.error.alert)
			(void)snprintf(verdict, sizeof(verdict), "said %s but sent %s",
				unitls_alert_name(flight.error.alert), unitls_alert_name(flight.alert));
		unitls_connection_free(client);
		contract_release();
		CHECK_PASSED(judge(what, backend, verdict));
	}
	return OUTCOME_PASSED;
}

#define RENEGOTIATION 0xff, 1, 0, 1, 0

static enum outcome server_hellos(const struct pair *pair, const struct cut *cut)
{
	static const struct server_hello cases[] = {
		{"good ServerHello", 0x0303, 0xc02b, 0, {RENEGOTIATION}, 5},
		{"ServerHello without renegotiation_info", 0x0303, 0xc02b, 0, {0}, 0},
		{"ServerHello of TLS 1.1", 0x0302, 0xc02b, 0, {RENEGOTIATION}, 5},
		{"ServerHello of SSL 3", 0x0300, 0xc02b, 0, {RENEGOTIATION}, 5},
		{"ServerHello of version 3.4", 0x0304, 0xc02b, 0, {RENEGOTIATION}, 5},
		{"suite not offered", 0x0303, 0xc02c, 0, {RENEGOTIATION}, 5},
		{"suite of TLS 1.3", 0x0303, 0x1301, 0, {RENEGOTIATION}, 5},
		{"unknown suite", 0x0303, 0x0a0a, 0, {RENEGOTIATION}, 5},
		{"null suite", 0x0303, 0x0000, 0, {RENEGOTIATION}, 5},
		{"compression chosen", 0x0303, 0xc02b, 1, {RENEGOTIATION}, 5},
		{"extension not offered", 0x0303, 0xc02b, 0, {RENEGOTIATION, 0x1a, 0x1a, 0, 0}, 9},
		{"extension twice", 0x0303, 0xc02b, 0, {RENEGOTIATION, RENEGOTIATION}, 10},
		{"malformed extensions", 0x0303, 0xc02b, 0, {0xff, 1, 0, 9, 0}, 5},
		{"ALPN offered", 0x0303, 0xc02b, 0, {RENEGOTIATION, 0, 16, 0, 5, 0, 3, 2, 'h', '2'}, 14},
		{"ALPN not offered", 0x0303, 0xc02b, 0, {RENEGOTIATION, 0, 16, 0, 5, 0, 3, 2, 'h', '9'}, 14},
		{"two ALPN names", 0x0303, 0xc02b, 0, {RENEGOTIATION, 0, 16, 0, 8, 0, 6, 2, 'h', '2', 2, 'h', '2'},
			17},
		{"empty ALPN", 0x0303, 0xc02b, 0, {RENEGOTIATION, 0, 16, 0, 2, 0, 0}, 11},
	};

	(void)pair;
	(void)cut;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_server_hello(&cases[i]);
		CHECK_PASSED(compare_flight(cases[i].what));
	}
	scenarios_run++;
	return OUTCOME_PASSED;
}

static enum outcome streams_to_client(const struct pair *pair, const struct cut *cut)
{
	static const struct stream streams[] = {
		{"client: HTTP", {'H', 'T', 'T', 'P', '/', '1', '.', '1', ' ', '4', '0', '0'}, 12},
		{"client: SSH", {'S', 'S', 'H', '-', '2', '.', '0', '-', 'x', '\r', '\n'}, 11},
		{"client: zeros", {0}, 16},
		{"client: fatal alert", {21, 3, 3, 0, 2, 2, 40}, 7},
		{"client: unrecognized_name", {21, 3, 3, 0, 2, 2, 112}, 7},
		{"client: unknown alert", {21, 3, 3, 0, 2, 2, 200}, 7},
		{"client: close_notify", {21, 3, 3, 0, 2, 1, 0}, 7},
		{"client: application data", {23, 3, 3, 0, 1, 'x'}, 6},
		{"client: change_cipher_spec", {20, 3, 3, 0, 1, 1}, 6},
		{"client: Certificate first", {22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0}, 12},
		{"client: HelloRequest", {22, 3, 3, 0, 4, 0, 0, 0, 0}, 9},
		{"client: ServerHello cut short", {22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3}, 11},
		{"client: record of version 2", {22, 2, 0, 0, 1, 2}, 6},
		{"client: record too long", {22, 3, 3, 0xff, 0xff, 2}, 6},
	};

	(void)pair;
	(void)cut;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		memcpy(bytes.data, streams[i].data, streams[i].size);
		bytes.size = streams[i].size;
		CHECK_PASSED(compare_flight(streams[i].what));
	}
	scenarios_run++;
	return OUTCOME_PASSED;
}

/* ---- The table -------------------------------------------------------------------------------------------------------------- */

/* Last of all: a row that no case met says what is no longer so, or never was. */
static enum outcome rows_met(const struct pair *pair, const struct cut *cut)
{
	struct unitls_backend_difference known;
	size_t unmet = 0;

	(void)pair;
	(void)cut;
	if (scenarios_run != N_COMPARING)
		return contract_not_applicable("the scenarios that meet the rows did not all run");
	for (size_t i = 0; unitls_backend_difference_at(i, &known); i++)
		for (size_t b = 0; contract_backend_at(b); b++)
			if (takes_part(contract_backend_at(b)) && is_of(&known, contract_backend_at(b)) &&
				!met[i]) {
				(void)printf("unmet: \"%s\", %s, \"%s\" with %s\n", known.what, known.backend,
					known.verdict,
					unitls_backend_library_version(contract_backend_at(b)->backend));
				unmet++;
			}
	return unmet == 0 ? OUTCOME_PASSED
			  : contract_failed(__FILE__, __LINE__,
				    "no case met %zu rows: take them away, or give them a library", unmet);
}

const struct scenario differential_scenarios[] = {
	{"the same hello to every server", "", ONCE, hellos},
	{"the same damaged hello to every server", "", ONCE, damaged_hellos},
	{"the same stream behind the hello", "", ONCE, streams_after_hello},
	{"the same ServerHello to every client", "", ONCE, server_hellos},
	{"the same stream to every client", "", ONCE, streams_to_client},
	{"the same differences as in the table", "", ONCE, rows_met},
	{0},
};

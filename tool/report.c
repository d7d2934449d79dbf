/* The report, built as a JSON tree. A further fact of a connection is a line of `negotiated`. */

#include "tool/report.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unitls/certificate.h>
#include <unitls/cipher_suite.h>
#include <unitls/group.h>
#include <unitls/signature_scheme.h>
#include <unitls/tls_version.h>

#include "tool/hint.h"
#include "tool/message.h"
#include "tool/printable.h"

#define NAME_TEXT_SIZE   1024
#define FINGERPRINT_SIZE 32

/* ---- what was negotiated ---- */

/* An IANA number, by its name where the library knows one. */
static json_t *number(uint16_t value, const char *name)
{
	char text[8];

	if (name)
		return json_string(name);
	(void)snprintf(text, sizeof(text), "0x%04x", value);
	return json_string(text);
}

static json_t *get_version(const struct unitls_connection *tls)
{
	uint16_t version = unitls_connection_negotiated_tls_version(tls);

	return number(version, unitls_tls_version_name(version));
}

static json_t *get_cipher_suite(const struct unitls_connection *tls)
{
	uint16_t suite = unitls_connection_cipher(tls);

	return number(suite, unitls_cipher_suite_name(suite));
}

/* Null: there was none, or the library does not tell. */
static json_t *get_group(const struct unitls_connection *tls)
{
	uint16_t group = unitls_connection_group(tls);

	return group ? number(group, unitls_group_name(group)) : json_null();
}

static json_t *get_signature_scheme(const struct unitls_connection *tls)
{
	uint16_t scheme = unitls_connection_signature_scheme(tls);

	return scheme ? number(scheme, unitls_signature_scheme_name(scheme)) : json_null();
}

static json_t *get_alpn(const struct unitls_connection *tls)
{
	struct unitls_bytes name = unitls_connection_negotiated_protocol(tls);

	return name.data ? json_bytes(name) : json_null();
}

static json_t *get_server_name(const struct unitls_connection *tls)
{
	return json_text(unitls_connection_server_name(tls));
}

static json_t *get_resumed(const struct unitls_connection *tls)
{
	return json_boolean(unitls_connection_resumed(tls));
}

static const struct {
	const char *key;
	json_t *(*get)(const struct unitls_connection *tls);
} negotiated[] = {
	{"version", get_version},
	{"cipher_suite", get_cipher_suite},
	{"group", get_group},
	{"signature_scheme", get_signature_scheme},
	{"alpn", get_alpn},
	{"server_name", get_server_name},
	{"resumed", get_resumed},
};

/* ---- certificates ---- */

static json_t *name_text(struct unitls_bytes name)
{
	char text[NAME_TEXT_SIZE];

	(void)unitls_distinguished_name_text(name, text, sizeof(text));
	return json_text(text);
}

/* "DNS:a.example", "IP:192.0.2.1" */
static json_t *alternative_name(enum unitls_name_type type, struct unitls_bytes name)
{
	static const char *const kinds[] = {[UNITLS_NAME_DNS] = "DNS",
		[UNITLS_NAME_IP] = "IP",
		[UNITLS_NAME_EMAIL] = "email",
		[UNITLS_NAME_URI] = "URI"};
	char text[NAME_TEXT_SIZE];

	if (type != UNITLS_NAME_IP ||
		!inet_ntop(name.size == 4 ? AF_INET : AF_INET6, name.data, text, sizeof(text)))
		(void)printable(name, text, sizeof(text));
	return json_sprintf("%s:%s", kinds[type], text);
}

static json_t *alternative_names(const struct unitls_certificate *certificate)
{
	json_t *names = json_array();
	enum unitls_name_type type;
	struct unitls_bytes name;

	for (size_t i = 0; unitls_certificate_name_at(certificate, i, &type, &name); i++)
		json_add(names, alternative_name(type, name));
	return names;
}

static json_t *certificate_report(const struct unitls_certificate *certificate)
{
	json_t *report = json_object();

	json_put(report, "subject", name_text(unitls_certificate_subject(certificate)));
	json_put(report, "issuer", name_text(unitls_certificate_issuer(certificate)));
	json_put(report, "names", alternative_names(certificate));
	json_put(report, "not_before", json_time(unitls_certificate_not_before(certificate)));
	json_put(report, "not_after", json_time(unitls_certificate_not_after(certificate)));
	json_put(report, "key", json_text(unitls_key_type_name(unitls_certificate_key_type(certificate))));
	json_put(report, "key_bits", json_integer(unitls_certificate_key_bits(certificate)));
	json_put(report, "authority", json_boolean(unitls_certificate_is_ca(certificate)));
	json_put(report, "sha256", json_octets(unitls_certificate_fingerprint(certificate), FINGERPRINT_SIZE));
	return report;
}

static json_t *chain_report(struct unitls_connection *tls)
{
	json_t *chain = json_array();
	struct unitls_certificate *certificate;

	for (size_t i = 0; (certificate = unitls_connection_peer_certificate(tls, i)) != NULL; i++)
		json_add(chain, certificate_report(certificate));
	return chain;
}

/* ---- verification ---- */

/* What can be said of a certificate that nobody verified: whether its name and dates would do. */
static void add_plain_checks(
	json_t *report, const struct report_facts *facts, const struct unitls_certificate *certificate)
{
	int64_t now = (int64_t)time(NULL);

	if (facts->expected)
		json_put(report, "name_matches",
			json_boolean(unitls_certificate_matches(certificate, facts->expected)));
	json_put(report, "valid_now",
		json_boolean(unitls_certificate_not_before(certificate) <= now &&
			now <= unitls_certificate_not_after(certificate)));
}

static json_t *verification_report(const struct report_facts *facts, struct session *session)
{
	json_t *report = json_object();
	const struct unitls_certificate *certificate = unitls_connection_peer_certificate(session->tls, 0);

	json_put(report, "verified", json_boolean(certificate && !facts->unverified));
	if (facts->expected)
		json_put(report, "expected_name", json_text(facts->expected->text));
	if (!facts->unverified) {
		if (!certificate)
			json_put(report, "why_not", json_text("no certificate was sent"));
		return report;
	}
	json_put(report, "why_not", json_text(facts->server ? "no certificate was asked for" : "--insecure"));
	if (certificate)
		add_plain_checks(report, facts, certificate);
	return report;
}

json_t *report_connection(const struct report_facts *facts, struct session *session)
{
	json_t *report = json_object();

	json_put(report, "role", json_text(facts->server ? "server" : "client"));
	json_put(report, "peer", json_text(facts->peer));
	json_put(report, "backend", json_text(unitls_backend_name(facts->backend)));
	json_put(report, "library", json_text(unitls_backend_library_version(facts->backend)));
	if (!session || !unitls_connection_handshake_done(session->tls))
		return report;
	json_put(report, "handshake_ms", json_integer(session->handshake_ms));
	for (size_t i = 0; i < sizeof(negotiated) / sizeof(negotiated[0]); i++)
		json_put(report, negotiated[i].key, negotiated[i].get(session->tls));
	json_put(report, "verification", verification_report(facts, session));
	json_put(report, "certificates", chain_report(session->tls));
	return report;
}

/* ---- ends ---- */

static bool within_handshake(const struct session *session)
{
	return !session || !unitls_connection_handshake_done(session->tls);
}

static const char *end_name(enum status status)
{
	switch (status) {
	case STATUS_CLEAN:
		return "clean";
	case STATUS_LOCAL:
		return "failed here";
	case STATUS_USAGE:
		return "usage";
	case STATUS_NO_CONNECTION:
		return "no connection";
	case STATUS_TLS:
		return "TLS failed";
	case STATUS_VERIFY:
		return "verification failed";
	case STATUS_TRUNCATED:
		return "truncated";
	case STATUS_TIMEOUT:
		return "timed out";
	}
	return "unknown";
}

static json_t *error_report(
	const struct report_facts *facts, const struct session *session, const struct unitls_error *error)
{
	const char *hint = hint_for(error, facts->server, within_handshake(session));
	json_t *report = json_object();

	json_put(report, "class", json_text(unitls_error_class_name(error->error_class)));
	json_put(report, "text", json_text(error->text));
	json_put(report, "within_handshake", json_boolean(within_handshake(session)));
	if (error->alert != UNITLS_ALERT_NONE) {
		json_put(report, "alert", json_text(unitls_alert_name(error->alert)));
		json_put(report, "alert_from",
			json_text(error->error_class == UNITLS_ERROR_CLASS_PEER_ALERT ? "peer" : "unitls"));
	}
	if (error->error_class == UNITLS_ERROR_CLASS_VERIFY) {
		json_put(report, "verify_reason", json_text(unitls_verify_reason_name(error->verify_reason)));
		json_put(report, "verify_depth",
			error->verify_depth >= 0 ? json_integer(error->verify_depth) : json_null());
	}
	if (error->field[0] != '\0')
		json_put(report, "field", json_text(error->field));
	if (error->native_code != 0)
		json_put(report, "native_code", json_integer(error->native_code));
	if (hint)
		json_put(report, "what_to_do", json_text(hint));
	return report;
}

/* Adds how it ended. */
static void add_end(json_t *report, const struct report_facts *facts, const struct session *session,
	const struct session_end *end)
{
	json_t *how = json_object();

	json_put(how, "how", json_text(end_name(end->status)));
	json_put(how, "exit_status", json_integer(end->status));
	json_put(how, "bytes_received", json_integer(session ? (json_int_t)session->bytes_in : 0));
	json_put(how, "bytes_sent", json_integer(session ? (json_int_t)session->bytes_out : 0));
	if (end->status != STATUS_CLEAN)
		json_put(how, "error", error_report(facts, session, &end->error));
	json_put(report, "end", how);
}

/* Reason and depth; the library's own words only where they say more. */
static void message_verify(const struct report_facts *facts, const struct unitls_error *error)
{
	const char *reason = unitls_verify_reason_name(error->verify_reason);
	char depth[40] = "";
	bool says_more = strstr(error->text, reason) == NULL;

	if (error->verify_depth >= 0)
		(void)snprintf(depth, sizeof(depth), ", at depth %d%s", error->verify_depth,
			error->verify_depth == 0 ? " (its own)" : "");
	message("%s: the peer's certificate was refused: %s%s%s%s", facts->peer, reason, depth,
		says_more ? ": " : "", says_more ? error->text : "");
}

static void tell_error(
	const struct report_facts *facts, const struct session *session, const struct session_end *end)
{
	const struct unitls_error *error = &end->error;

	if (end->status == STATUS_VERIFY)
		message_verify(facts, error);
	else if (end->status == STATUS_LOCAL)
		message("%s", error->text);
	else if (error->error_class == UNITLS_ERROR_CLASS_IO)
		message("%s: %s", facts->peer, error->text);
	else
		message("%s: %s error%s: %s", facts->peer, unitls_error_class_name(error->error_class),
			within_handshake(session) ? " in the handshake" : "", error->text);
	message_hint(hint_for(error, facts->server, within_handshake(session)));
}

void report_tell_open(const struct report_style *style, const struct report_facts *facts, struct session *session)
{
	json_t *report;

	if (style->quiet || style->json)
		return;
	report = report_connection(facts, session);
	json_print_text(stderr, report, 0);
	json_decref(report);
}

enum status report_tell_end(const struct report_style *style, const struct report_facts *facts,
	struct session *session, const struct session_end *end)
{
	enum status status = end->status;

	if (status != STATUS_CLEAN)
		tell_error(facts, session, end);
	else if (!style->quiet && !style->json)
		(void)fprintf(stderr, "%s: ended cleanly: %llu bytes received, %llu sent\n", facts->peer,
			(unsigned long long)session->bytes_in, (unsigned long long)session->bytes_out);
	if (style->json) {
		json_t *report = report_connection(facts, session);

		add_end(report, facts, session, end);
		if (json_print(stdout, report) < 0 && status == STATUS_CLEAN)
			status = STATUS_LOCAL;
		json_decref(report);
	}
	return status;
}

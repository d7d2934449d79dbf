/* The lines that connections leave in the log, and the counters they move when they end. */

#include "daemon/session_log.h"

#include <unitls/unitls.h>

#include "daemon/address.h"
#include "daemon/clock.h"

static void put_address(struct log_line *line, const char *key, const union session_address *value)
{
	struct address address;
	char text[ADDRESS_TEXT_MAX];
	socklen_t length = value->any.sa_family == AF_INET ? sizeof(value->v4) : sizeof(value->v6);

	if (value->any.sa_family == AF_UNSPEC)
		return;
	if (value->any.sa_family == AF_UNIX)
		log_text(line, key, "unix:");
	else if (address_from_sockaddr(&value->any, length, &address) == 0)
		log_text(line, key, address_format(&address, text, sizeof(text)));
}

/* A suite by name, or as a number when the table has none. */
static void put_cipher(struct log_line *line, const char *key, uint16_t suite)
{
	const char *name = unitls_cipher_suite_name(suite);

	if (name != NULL)
		log_text(line, key, name);
	else
		log_format(line, key, "0x%04x", (unsigned)suite);
}

static void put_error(struct log_line *line, const struct unitls_error *error)
{
	if (error == NULL || error->error_class == UNITLS_ERROR_CLASS_NONE)
		return;
	log_text(line, "class", unitls_error_class_name(error->error_class));
	if (error->alert != UNITLS_ALERT_NONE) {
		log_text(line, "alert", unitls_alert_name(error->alert));
		log_text(line, "alert_from",
			error->error_class == UNITLS_ERROR_CLASS_PEER_ALERT ? "peer" : "unitlsd");
	}
	log_text(line, "text", error->text);
}

static void put_client_tls(struct log_line *line, const struct unitls_connection *tls)
{
	struct unitls_bytes alpn;

	if (tls == NULL)
		return;
	log_text(line, "backend", unitls_backend_name(unitls_connection_backend(tls)));
	log_text(line, "sni", unitls_connection_server_name(tls));
	if (!unitls_connection_handshake_done(tls))
		return;
	log_text(line, "version", unitls_tls_version_name(unitls_connection_negotiated_tls_version(tls)));
	put_cipher(line, "cipher", unitls_connection_cipher(tls));
	alpn = unitls_connection_negotiated_protocol(tls);
	if (alpn.size > 0)
		log_bytes(line, "alpn", alpn.data, alpn.size);
	if (unitls_connection_resumed(tls))
		log_text(line, "resumed", "yes");
}

static void put_upstream(struct log_line *line, const struct session *session)
{
	const struct upstream *upstream = session->listener->upstream;
	const struct unitls_connection *tls = session->upstream.tls;
	char text[ADDRESS_TEXT_MAX];

	log_text(line, "upstream", upstream->name);
	if (session->target.any.sa_family == AF_UNIX)
		log_text(line, "server",
			address_format(&upstream->servers[session->server].address, text, sizeof(text)));
	else
		put_address(line, "server", &session->target);
	if (tls == NULL || !unitls_connection_handshake_done(tls))
		return;
	log_text(line, "upstream_backend", unitls_backend_name(unitls_connection_backend(tls)));
	log_text(line, "upstream_version", unitls_tls_version_name(unitls_connection_negotiated_tls_version(tls)));
	put_cipher(line, "upstream_cipher", unitls_connection_cipher(tls));
}

void session_log_close(struct session *session, enum reason reason, const struct unitls_error *error)
{
	struct log_line line;

	/* Its addresses alone cost as much as everything else that the daemon does at a connection's end. */
	if (!log_wants(LOG_LEVEL_INFO))
		return;
	log_begin(&line, LOG_LEVEL_INFO, "close");
	put_address(&line, "peer", &session->peer);
	log_text(&line, "listener", session->listener->name);
	put_client_tls(&line, session->client.tls);
	put_upstream(&line, session);
	log_count(&line, "bytes_in", session->relay.up.bytes);
	log_count(&line, "bytes_out", session->relay.down.bytes);
	log_count(&line, "duration_ms", clock_now_ms() - session->started_ms);
	log_text(&line, "reason", reason_name(reason));
	put_error(&line, error);
	log_end(&line);
}

void session_log_handshake(struct session *session, enum reason reason, const struct unitls_error *error)
{
	struct log_line line;
	uint64_t left_out = 0;

	if (!log_limiter_allow(&session->engine->handshake_log, clock_now_ms(), &left_out))
		return;
	log_begin(&line, LOG_LEVEL_INFO, "handshake_failed");
	put_address(&line, "peer", &session->peer);
	log_text(&line, "listener", session->listener->name);
	put_client_tls(&line, session->client.tls);
	log_count(&line, "bytes_received", session->client.received);
	log_count(&line, "duration_ms", clock_now_ms() - session->started_ms);
	log_text(&line, "reason", reason_name(reason));
	put_error(&line, error);
	if (left_out > 0)
		log_count(&line, "left_out", left_out);
	log_end(&line);
}

void session_log_upstream(
	struct session *session, enum reason reason, const char *text, const struct unitls_error *error)
{
	struct log_line line;
	uint64_t left_out = 0;

	counters_add(session->engine->counters, COUNTER_UPSTREAM_FAILURES, 1);
	if (!log_limiter_allow(&session->engine->upstream_log, clock_now_ms(), &left_out))
		return;
	log_begin(&line, LOG_LEVEL_WARNING, "upstream_failed");
	log_text(&line, "listener", session->listener->name);
	put_upstream(&line, session);
	log_text(&line, "reason", reason_name(reason));
	log_text(&line, "text", text);
	put_error(&line, error);
	if (left_out > 0)
		log_count(&line, "left_out", left_out);
	log_end(&line);
}

static void tell_left_out(struct log_limiter *limiter, const char *of, uint64_t now_ms)
{
	struct log_line line;
	uint64_t left_out = log_limiter_take(limiter, now_ms);

	if (left_out == 0)
		return;
	log_begin(&line, LOG_LEVEL_INFO, "left_out");
	log_text(&line, "of", of);
	log_count(&line, "left_out", left_out);
	log_end(&line);
}

void session_log_tick(struct engine *engine, uint64_t now_ms)
{
	tell_left_out(&engine->handshake_log, "handshake_failed", now_ms);
	tell_left_out(&engine->upstream_log, "upstream_failed", now_ms);
}

void session_count_end(struct session *session, enum reason reason)
{
	struct counters *counters = session->engine->counters;

	counters_add(counters, (enum counter)((unsigned)COUNTER_END_DONE + (unsigned)reason), 1);
	switch (reason) {
	case REASON_END_HANDSHAKE_FAILED:
	case REASON_END_HANDSHAKE_CLOSED:
		counters_add(counters, COUNTER_HANDSHAKE_FAILURES, 1);
		break;
	case REASON_END_HANDSHAKE_TIMEOUT:
		counters_add(counters, COUNTER_HANDSHAKE_FAILURES, 1);
		counters_add(counters, COUNTER_TIMEOUTS, 1);
		break;
	case REASON_END_IDLE:
	case REASON_END_UPSTREAM_TIMEOUT:
		counters_add(counters, COUNTER_TIMEOUTS, 1);
		break;
	case REASON_END_CLIENT_RESET:
	case REASON_END_UPSTREAM_RESET:
		counters_add(counters, COUNTER_RESETS, 1);
		break;
	case REASON_END_CLIENT_TRUNCATED:
	case REASON_END_UPSTREAM_TRUNCATED:
		counters_add(counters, COUNTER_TRUNCATIONS, 1);
		break;
	case REASON_END_DRAIN:
		counters_add(counters, COUNTER_CUT_BY_DRAIN, 1);
		break;
	default:
		break;
	}
}

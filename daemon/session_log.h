/* The lines that connections leave in the log, and the counters they move when they end. */

#ifndef UNITLSD_SESSION_LOG_H
#define UNITLSD_SESSION_LOG_H

#include <unitls/error.h>

#include "daemon/reason.h"
#include "daemon/session.h"

/* The end of a connection whose client handshake was complete: event=close. */
void session_log_close(struct session *session, enum reason reason, const struct unitls_error *error);

/* The end of one whose client handshake was not: event=handshake_failed. At most ENGINE_FAILURE_LINES a second, the rest is counted. */
void session_log_handshake(struct session *session, enum reason reason, const struct unitls_error *error);

/* A server that could not be reached: event=upstream_failed. TEXT may be NULL. Rate-limited likewise. */
void session_log_upstream(
	struct session *session, enum reason reason, const char *text, const struct unitls_error *error);

/* What was left out and not told yet; about every second, and at the end with UINT64_MAX. */
void session_log_tick(struct engine *engine, uint64_t now_ms);

/* Counts the end. */
void session_count_end(struct session *session, enum reason reason);

#endif

/* What there is to say of a connection: what was negotiated, the peer's certificates, whether they were verified, how it ended. */

#ifndef UNITLS_TOOL_REPORT_H
#define UNITLS_TOOL_REPORT_H

#include <unitls/backend.h>
#include <unitls/peer_name.h>

#include "tool/json.h"
#include "tool/session.h"

/* What the connection itself does not know. */
struct report_facts {
	bool server;
	bool unverified;  /* nothing was to be verified: --insecure, or no certificate was asked for */
	const char *peer; /* address */
	const struct unitls_backend *backend;
	const struct unitls_peer_name *expected; /* client: whose certificate is wanted */
};

/* How it is said. Neither: text on standard error. */
struct report_style {
	bool quiet; /* errors only */
	bool json;  /* one line on standard output, when the connection has ended */
};

/* The connection as far as it has come. session is NULL while there is none. */
json_t *report_connection(const struct report_facts *facts, struct session *session);
/* After the handshake. */
void report_tell_open(const struct report_style *style, const struct report_facts *facts, struct session *session);
/* How it ended; an error and what to do about it always on standard error, too. session is NULL when there never was one. Returns the status of
 * the end, or STATUS_LOCAL when that was clean but could not be written. */
enum status report_tell_end(const struct report_style *style, const struct report_facts *facts,
	struct session *session, const struct session_end *end);

#endif

/*
 * Sessions that a client may resume: exported from one connection, offered on a later one. Immutable, reference-counted; secret: whoever has the
 * bytes can impersonate either end of what is resumed. Wiped when freed.
 *
 * A session never leaves its resumption scope: backend, trust, revocation, versions, signature schemes, ALPN, own identity, and the peer's
 * name. It is not offered after the certificate it was made with has expired, nor after UNITLS_SESSION_LIFETIME_MAX_S (RFC 8446, 4.6.1).
 * In TLS 1.3 use each once (RFC 8446, C.4).
 */
#ifndef UNITLS_SESSION_H
#define UNITLS_SESSION_H

#include <unitls/connection.h>
#include <unitls/error.h>

#define UNITLS_SESSION_LIFETIME_MAX_S 604800

struct unitls_session;

UNITLS_BEGIN_DECLS

/*
 * The newest session of a client connection, with one reference. 0; UNITLS_WANT_READ when there is none (in TLS 1.3 it comes with a read after the
 * handshake); UNITLS_ERROR: USAGE before the handshake is complete or on a server, UNSUPPORTED without UNITLS_CAP_CLIENT_SESSIONS, MEMORY. Legal
 * also after the connection has ended.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_session(
	struct unitls_connection *connection, struct unitls_session **ret_session, struct unitls_error *error);
/*
 * Offers a session, of which it takes a reference; whether the server takes it, unitls_connection_resumed tells afterwards. Client, before the first handshake call (class USAGE
 * otherwise). UNITLS_ERROR, class CONFIG, field "session": it belongs to another scope or peer, it is too old, or the library cannot
 * read it. The connection is not harmed by that: it goes on with a full handshake.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_offer_session(
	struct unitls_connection *connection, struct unitls_session *session, struct unitls_error *error);

UNITLS_API struct unitls_session *unitls_session_ref(struct unitls_session *session);
/* Drops one reference; NULL is fine. The last one wipes the bytes. */
UNITLS_API void unitls_session_unref(struct unitls_session *session);

/* The session as bytes to be kept, lent for its life. Keep them as you would a private key. */
UNITLS_API struct unitls_bytes unitls_session_bytes(const struct unitls_session *session);
/* From such bytes; copies. UNITLS_ERROR, class CONFIG, field "session" when they are none, or of another version of this library. */
UNITLS_API UNITLS_MUST_CHECK int unitls_session_from_bytes(
	const void *data, size_t size, struct unitls_session **ret_session, struct unitls_error *error);
/* Seconds since 1970-01-01 UTC from which on it is not offered. */
UNITLS_API int64_t unitls_session_expires(const struct unitls_session *session);

UNITLS_END_DECLS

#endif

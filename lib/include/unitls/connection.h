/*
 * A TLS connection between memory buffers (PEP 543's TLSWrappedBuffer): ciphertext in, ciphertext out, plaintext in, plaintext out.
 * No descriptor, no event loop, no blocking.
 *
 * The one rule that makes it safe: after every call, also a failed one, send what unitls_connection_peek_outgoing shows before waiting
 * for input and before freeing the connection: an alert may be in there.
 *
 * A server connection reads and judges the ClientHello itself before the backend's object exists.
 */
#ifndef UNITLS_CONNECTION_H
#define UNITLS_CONNECTION_H

#include <unitls/client_hello.h>
#include <unitls/context.h>
#include <unitls/error.h>
#include <unitls/peer_name.h>

#define UNITLS_RECORD_PLAINTEXT_MAX  16384  /* RFC 8446, 5.1 */
#define UNITLS_RECORD_CIPHERTEXT_MAX 18437  /* header and the largest expansion of TLS 1.2 (RFC 5246, 6.2.3) */
#define UNITLS_INCOMING_LIMIT_BYTES  65536  /* ciphertext held before the backend took it */
#define UNITLS_OUTGOING_LIMIT_BYTES  131072 /* ciphertext held before write says WANT_WRITE */

struct unitls_connection;

UNITLS_BEGIN_DECLS

/*
 * A client connection to the named peer; the name is sent as SNI when it is a DNS name, and is what the certificate must be for.
 * Takes a reference of the context. UNITLS_ERROR: MEMORY, UNSUPPORTED (an IP name that the backend cannot verify), USAGE (no name).
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_client_connection_new(struct unitls_client_context *context,
	const struct unitls_peer_name *peer_name, struct unitls_connection **ret_connection,
	struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_server_connection_new(struct unitls_server_context *context,
	struct unitls_connection **ret_connection, struct unitls_error *error);
/* Frees it in any state; NULL is fine. Sends nothing. */
UNITLS_API void unitls_connection_free(struct unitls_connection *connection);

/* Ciphertext in ------------------------------------------------------------------------------------------------------------ */

/* Copies in up to size bytes; *ret_n (always set) says how many were taken: less when the incoming buffer is full (process, then go on). */
UNITLS_API void unitls_connection_receive(
	struct unitls_connection *connection, const void *data, size_t size, size_t *ret_n);
/*
 * Zero copy: lends at least 1 and up to the free bytes of the incoming buffer to read into. 0, WANT_APP never; UNITLS_WANT_WRITE never;
 * returns UNITLS_ERROR, class MEMORY without memory or class USAGE when the buffer is full. Follow with commit (0 <= n <= *ret_size);
 * what was reserved is void after any other call on the connection.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_reserve_incoming(
	struct unitls_connection *connection, uint8_t **ret_data, size_t *ret_size, struct unitls_error *error);
UNITLS_API void unitls_connection_commit_incoming(struct unitls_connection *connection, size_t n);
/* The transport has ended: no ciphertext will follow what was received. Idempotent. */
UNITLS_API void unitls_connection_receive_eof(struct unitls_connection *connection);

/* Ciphertext out ----------------------------------------------------------------------------------------------------------- */

/* What waits to be sent, lent until the next call on the connection; {NULL, 0} when nothing does. */
UNITLS_API struct unitls_bytes unitls_connection_peek_outgoing(const struct unitls_connection *connection);
/* Removes the first n bytes (at most what peek showed). */
UNITLS_API void unitls_connection_consume_outgoing(struct unitls_connection *connection, size_t n);

/* The protocol ------------------------------------------------------------------------------------------------------------- */

/*
 * Goes on with the handshake. 0 when it is complete (and ever after); WANT_READ, WANT_WRITE, WANT_APP; UNITLS_ERROR; UNITLS_RAGGED_EOF
 * when the transport ended within it. An error is sticky: every later call returns it again.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_handshake(
	struct unitls_connection *connection, struct unitls_error *error);
/*
 * Reads plaintext. *ret_n is always set; 0 is returned exactly when *ret_n > 0. Otherwise WANT_READ (WANT_WRITE when the library must send first),
 * UNITLS_EOF after close_notify, UNITLS_RAGGED_EOF after an end without one (class IO), UNITLS_ERROR. EOF and errors come after all plaintext.
 * The handshake must be complete (class USAGE otherwise). size: 1 and up.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_read(struct unitls_connection *connection, void *buffer,
	size_t size, size_t *ret_n, struct unitls_error *error);
/*
 * Encrypts plaintext. *ret_n is always set: how much was taken. 0 when something was taken, or size is 0 (then nothing is sent); WANT_WRITE when
 * nothing fits before outgoing is drained; what follows may be other bytes than before. After unitls_connection_shutdown: class USAGE.
 * Legal after the peer's close_notify where the backend has UNITLS_CAP_HALF_CLOSE; else its UNITLS_EOF ends both directions, and a write is class USAGE.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_write(struct unitls_connection *connection, const void *data,
	size_t size, size_t *ret_n, struct unitls_error *error);
/*
 * Sends close_notify: no more writes. Reading goes on where the backend has UNITLS_CAP_HALF_CLOSE; else it is UNITLS_EOF at once. 0 when it is in outgoing (idempotent), WANT_WRITE when
 * outgoing must be drained first. Before the handshake is complete it ends the connection without a close_notify: everything after is class USAGE.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_shutdown(
	struct unitls_connection *connection, struct unitls_error *error);
/*
 * Sends a KeyUpdate (RFC 8446, 4.6.3), at the latest with the next write; request: the peer is asked for one, too. 0; WANT_WRITE when outgoing must be
 * drained first; UNITLS_ERROR: UNSUPPORTED in TLS 1.2 or without UNITLS_CAP_KEY_UPDATE, USAGE before the handshake is complete and after shutdown.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_update_keys(
	struct unitls_connection *connection, bool request, struct unitls_error *error);
/*
 * Answers a hello callback that said UNITLS_HELLO_WAIT: context (NULL: the connection's own) or, for REJECT, alert. Call handshake next.
 * UNITLS_ERROR, class USAGE when no decision is pending.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_decide_hello(struct unitls_connection *connection,
	enum unitls_hello_decision decision, struct unitls_server_context *context, int alert,
	struct unitls_error *error);

/* What is so ---------------------------------------------------------------------------------------------------------------- */

/* Exact counts of what is held: ciphertext not yet taken by the backend, ciphertext to send, plaintext decrypted but not yet read. */
UNITLS_API size_t unitls_connection_incoming_size(const struct unitls_connection *connection);
UNITLS_API size_t unitls_connection_outgoing_size(const struct unitls_connection *connection);
UNITLS_API size_t unitls_connection_pending(const struct unitls_connection *connection);

/*
 * The parsed hello of a server connection; NULL until it has come whole and was accepted by the parser, and again after the handshake (an idle
 * connection holds no more than it needs): keep what you want of it when it is accepted.
 */
UNITLS_API const struct unitls_client_hello *unitls_connection_client_hello(
	const struct unitls_connection *connection);
/* True once a server's hello was accepted and its context and identity are chosen; true for a client from the start. */
UNITLS_API bool unitls_connection_hello_accepted(const struct unitls_connection *connection);
UNITLS_API bool unitls_connection_handshake_done(const struct unitls_connection *connection);
/* After the handshake; 0 before. */
UNITLS_API uint16_t unitls_connection_cipher(const struct unitls_connection *connection);
UNITLS_API uint16_t unitls_connection_negotiated_tls_version(const struct unitls_connection *connection);
/* The ALPN protocol; {NULL, 0} when none was negotiated. */
UNITLS_API struct unitls_bytes unitls_connection_negotiated_protocol(const struct unitls_connection *connection);
/* The name the client asked for (server), or that was sent (client); NULL when none. */
UNITLS_API const char *unitls_connection_server_name(const struct unitls_connection *connection);
/* The peer's certificates as sent, 0 its own; lent, NULL past the end (then also: none was sent). */
UNITLS_API struct unitls_certificate *unitls_connection_peer_certificate(
	struct unitls_connection *connection, size_t i);
/*
 * The group of the key exchange and the scheme of the server's signature in this handshake (IANA numbers). 0: there was none (a resumed
 * session has no signature), or the library does not tell (UNITLS_CAP_GROUP_INFO, UNITLS_CAP_SIGNATURE_INFO).
 */
UNITLS_API uint16_t unitls_connection_group(const struct unitls_connection *connection);
UNITLS_API uint16_t unitls_connection_signature_scheme(const struct unitls_connection *connection);
/* The OCSP response that the server stapled, DER, lent for the connection's life; {NULL, 0} when none came or none was asked for. */
UNITLS_API struct unitls_bytes unitls_connection_ocsp_response(const struct unitls_connection *connection);
/* Whether the handshake resumed an earlier session. */
UNITLS_API bool unitls_connection_resumed(const struct unitls_connection *connection);
/* The context in use, which a hello callback may have changed; one of the two is NULL. */
UNITLS_API struct unitls_client_context *unitls_connection_client_context(
	const struct unitls_connection *connection);
UNITLS_API struct unitls_server_context *unitls_connection_server_context(
	const struct unitls_connection *connection);
UNITLS_API struct unitls_backend *unitls_connection_backend(const struct unitls_connection *connection);

UNITLS_END_DECLS

#endif

/*
 * A parsed ClientHello (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2), read by the core before any native object exists, and the decision
 * that a server takes on it.
 */
#ifndef UNITLS_CLIENT_HELLO_H
#define UNITLS_CLIENT_HELLO_H

#include <unitls/error.h>
#include <unitls/tls_version.h>

#define UNITLS_CLIENT_HELLO_LIMIT_BYTES \
	16384 /* a larger hello is refused: it must fit one record when handed on */

struct unitls_client_hello;
struct unitls_connection;
struct unitls_server_context;

/* What a hello callback says. */
enum unitls_hello_decision {
	UNITLS_HELLO_ACCEPT, /* go on, with *context when it was set, else with the connection's own context */
	UNITLS_HELLO_REJECT, /* send *alert and fail */
	UNITLS_HELLO_WAIT, /* undecided: handshake returns WANT_APP until unitls_connection_decide_hello is called */
};

/*
 * Called once per server connection, from within unitls_connection_handshake, with the whole first hello; hello is lent until
 * the handshake is complete. *context: set to another context to go on with it (the connection takes a reference of its own).
 * *alert: preset to UNITLS_ALERT_UNRECOGNIZED_NAME. The connection must not be freed in here.
 */
typedef enum unitls_hello_decision (*unitls_hello_callback)(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert);

UNITLS_BEGIN_DECLS

/*
 * The host name of server_name (RFC 6066, 3): lower case, without a trailing dot; NULL when absent. An IP literal, which RFC 6066 forbids but
 * clients send, counts as absent. Anything else that is no host name (empty, overlong, other bytes, two names) never gets here: the
 * connection was refused with an alert.
 */
UNITLS_API const char *unitls_client_hello_server_name(const struct unitls_client_hello *hello);
/* ALPN protocol i in the client's order; false past the end. */
UNITLS_API bool unitls_client_hello_alpn_at(
	const struct unitls_client_hello *hello, size_t i, struct unitls_bytes *ret_name);
/* Whether the client offers this version (supported_versions, or legacy_version when that is absent). */
UNITLS_API bool unitls_client_hello_offers_version(const struct unitls_client_hello *hello, uint16_t version);
/* Value i of a list; false past the end. Groups and signature schemes are empty when the extension is absent. */
UNITLS_API bool unitls_client_hello_cipher_suite_at(
	const struct unitls_client_hello *hello, size_t i, uint16_t *ret_suite);
UNITLS_API bool unitls_client_hello_group_at(
	const struct unitls_client_hello *hello, size_t i, uint16_t *ret_group);
UNITLS_API bool unitls_client_hello_signature_scheme_at(
	const struct unitls_client_hello *hello, size_t i, uint16_t *ret_scheme);
/* The hello as it came, re-assembled: the handshake message from its type octet on. */
UNITLS_API struct unitls_bytes unitls_client_hello_raw(const struct unitls_client_hello *hello);

UNITLS_END_DECLS

#endif

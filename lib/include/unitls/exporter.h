/*
 * Keys out of a connection for other protocols (RFC 5705; RFC 8446, 7.5), and channel bindings made of them (RFC 5929, RFC 9266).
 */
#ifndef UNITLS_EXPORTER_H
#define UNITLS_EXPORTER_H

#include <unitls/connection.h>

#define UNITLS_EXPORT_MAX          8160 /* bytes of one export: what HKDF with SHA-256 can give */
#define UNITLS_EXPORT_LABEL_MAX    249  /* bytes of a label: what fits the HkdfLabel of RFC 8446, 7.1 */
#define UNITLS_CHANNEL_BINDING_MAX 64

enum unitls_channel_binding {
	UNITLS_CHANNEL_BINDING_TLS_EXPORTER,         /* RFC 9266: 32 bytes */
	UNITLS_CHANNEL_BINDING_TLS_SERVER_END_POINT, /* RFC 5929, 4: a hash of the server's certificate, 32 to 64 bytes */
};

UNITLS_BEGIN_DECLS

/*
 * Writes size (1 to UNITLS_EXPORT_MAX) bytes that both ends of this connection derive alike from label and context, and nobody else can. context NULL:
 * none, which TLS 1.2 tells from an empty one and TLS 1.3 does not (RFC 8446, 7.5). UNITLS_ERROR: USAGE before the handshake is
 * complete, or for a label that is too long or is TLS's own; UNSUPPORTED without UNITLS_CAP_EXPORTER, and on TLS 1.2 without
 * the extended master secret (RFC 7627), where what is exported would not belong to this connection alone.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_export_keys(struct unitls_connection *connection,
	const char *label, const void *context, size_t context_size, uint8_t *ret_bytes, size_t size,
	struct unitls_error *error);
/*
 * The channel binding, without the prefix that SASL puts before it. UNITLS_ERROR as above; UNSUPPORTED for TLS_SERVER_END_POINT when the certificate's
 * signature has no hash of its own (Ed25519), for which RFC 5929 defines none.
 *
 * On a resumed connection no certificate is sent. TLS_SERVER_END_POINT is then, for a client, of the certificate that it verified in the handshake that the
 * session is of, and for a server of the one that it would send now. If it was renewed in between, the two differ and the authentication that they are
 * for fails: prefer TLS_EXPORTER, or connect again without a session.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_connection_channel_binding(struct unitls_connection *connection,
	enum unitls_channel_binding type, uint8_t ret_bytes[UNITLS_CHANNEL_BINDING_MAX], size_t *ret_size,
	struct unitls_error *error);

UNITLS_END_DECLS

#endif

/*
 * ALPN protocol names (RFC 7301): byte strings of 1 to 255 bytes, and the well-known ones.
 */
#ifndef UNITLS_ALPN_H
#define UNITLS_ALPN_H

#include <unitls/common.h>

#define UNITLS_ALPN_NAME_MAX 255
#define UNITLS_ALPN_LIST_MAX 65533 /* bytes of an encoded list that fits its extension */

/* Well-known names (IANA). X(identifier, bytes) */
#define UNITLS_ALPN_NAMES(X)          \
	X(HTTP_1_1, "http/1.1")       \
	X(H2, "h2")                   \
	X(SMTP, "smtp")               \
	X(IMAP, "imap")               \
	X(POP3, "pop3")               \
	X(MANAGESIEVE, "managesieve") \
	X(XMPP_CLIENT, "xmpp-client") \
	X(XMPP_SERVER, "xmpp-server") \
	X(FTP, "ftp")                 \
	X(IRC, "irc")                 \
	X(NNTP, "nntp")               \
	X(POSTGRESQL, "postgresql")   \
	X(MQTT, "mqtt")               \
	X(DOT, "dot")                 \
	X(ACME_TLS_1, "acme-tls/1")

enum unitls_alpn {
#define UNITLS_ALPN_ENUM(id, bytes) UNITLS_ALPN_##id,
	UNITLS_ALPN_NAMES(UNITLS_ALPN_ENUM)
#undef UNITLS_ALPN_ENUM
	UNITLS_ALPN_N
};

UNITLS_BEGIN_DECLS

/* The bytes of a well-known name (constant); {NULL, 0} when out of range. */
UNITLS_API struct unitls_bytes unitls_alpn_bytes(enum unitls_alpn protocol);
/* The well-known name that these bytes are; UNITLS_ALPN_N when they are none of the table. */
UNITLS_API enum unitls_alpn unitls_alpn_from_bytes(struct unitls_bytes name);

UNITLS_END_DECLS

#endif

/*
 * The name a client expects of its peer, and the one matching rule for it.
 *
 * Rules (RFC 9525, RFC 6125): subject alternative names only, never the common name; ASCII, case-insensitive, A-labels; "*" only as
 * the whole left-most label, for exactly one label, with at least two labels behind it, never for an IP address; an IP
 * address matches an iPAddress name octet by octet; an embedded NUL refuses.
 */
#ifndef UNITLS_PEER_NAME_H
#define UNITLS_PEER_NAME_H

#include <unitls/error.h>

#define UNITLS_DNS_NAME_MAX 253 /* octets of a DNS name in text without the trailing dot (RFC 1035, 2.3.4) */

enum unitls_peer_name_type {
	UNITLS_PEER_NAME_NONE, /* never valid for a connection */
	UNITLS_PEER_NAME_DNS,
	UNITLS_PEER_NAME_IPV4,
	UNITLS_PEER_NAME_IPV6,
	UNITLS_PEER_NAME_UNCHECKED, /* made by unitls/insecure.h only */
};

/* Plain data; fill it with the functions below. text is normalised: lower case, no trailing dot. */
struct unitls_peer_name {
	enum unitls_peer_name_type type;
	char text[UNITLS_DNS_NAME_MAX +
		1];          /* DNS name, or the address in text; for UNCHECKED: SNI to send, or empty */
	uint8_t address[16]; /* 4 octets for IPv4, 16 for IPv6 */
};

UNITLS_BEGIN_DECLS

/*
 * A DNS name: A-labels of letters, digits, '-' and '_', 1 to 63 octets each, 253 in all, one trailing dot allowed and removed.
 * UNITLS_ERROR with class CONFIG, field "server_name" otherwise (an IP literal, a wildcard and an empty name are refused too).
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_peer_name_dns(
	const char *name, struct unitls_peer_name *ret_name, struct unitls_error *error);
/* An IPv4 or IPv6 address in text (no brackets, no zone). */
UNITLS_API UNITLS_MUST_CHECK int unitls_peer_name_ip(
	const char *address, struct unitls_peer_name *ret_name, struct unitls_error *error);
/* Whichever of the two it is. */
UNITLS_API UNITLS_MUST_CHECK int unitls_peer_name_parse(
	const char *text, struct unitls_peer_name *ret_name, struct unitls_error *error);
/*
 * Whether a DNS name presented by a certificate (may hold a wildcard, need not be terminated, may hold NULs) matches a reference
 * name, by the rules above. Pure.
 */
UNITLS_API bool unitls_dns_name_matches(struct unitls_bytes presented, const char *reference);

UNITLS_END_DECLS

#endif

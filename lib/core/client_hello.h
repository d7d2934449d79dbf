/*
 * The parser of ClientHello messages: pure, bounded, on foreign bytes.
 */
#ifndef UNITLS_CORE_CLIENT_HELLO_H
#define UNITLS_CORE_CLIENT_HELLO_H

#include <unitls/client_hello.h>
#include <unitls/peer_name.h>

/*
 * A parsed hello. Views point into raw, which it owns. Lists of 16-bit values are views of the wire bytes (big-endian, even size).
 */
struct unitls_client_hello {
	uint8_t *raw; /* handshake message, from its type octet */
	size_t raw_size;
	uint16_t legacy_version;
	struct unitls_bytes cipher_suites;
	bool has_server_name;
	char server_name[UNITLS_DNS_NAME_MAX + 1];
	bool has_alpn;
	struct unitls_bytes alpn; /* sequence of length-prefixed names, checked */
	bool has_supported_versions;
	struct unitls_bytes supported_versions;
	bool has_groups;
	struct unitls_bytes groups;
	bool has_signature_schemes;
	struct unitls_bytes signature_schemes;
	bool has_signature_schemes_cert;
	struct unitls_bytes signature_schemes_cert;
	bool offers_session; /* a ticket (RFC 5077) or a pre-shared key (RFC 8446, 4.2.11) */
};

/*
 * Parses message[0, size): one whole ClientHello with its 4-octet handshake header. Copies. UNITLS_ERROR, class PROTOCOL with the alert to send
 * (decode_error, illegal_parameter, unrecognized_name, ...), or MEMORY.
 */
int unitls_client_hello_parse(
	const uint8_t *message, size_t size, struct unitls_client_hello **ret_hello, struct unitls_error *error);
void unitls_client_hello_free(struct unitls_client_hello *hello);

#endif

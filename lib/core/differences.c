/*
 * Where backends are known to answer a peer in another way than the OpenSSL backend does: the one table that the contract suite's differential
 * tests are held to, and that programs show. A row that the suite no longer meets fails there.
 */
#include <unitls/backend.h>

#define ONE_CODE  "the library has one code for a message that it cannot read and for another in its place"
#define OLD_FIELD "3.6 refuses a client whose newest version it does not know"

/* what, backend, verdict, reason, and, only where it depends on the version of the library, library: most rows leave that out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
static const struct unitls_backend_difference differences[] = {
	{"PSS signatures", "mbedtls", "refused: protocol, handshake_failure",
		"the library signs by PKCS#1 only in TLS 1.2"},
	{"version 3.? in the old field", "mbedtls", "refused: protocol, protocol_version", OLD_FIELD,
		"mbedTLS 3.*"},
	{"byte 10 ^ 0x80", "mbedtls", "refused: protocol, protocol_version", OLD_FIELD, "mbedTLS 3.*"},
	{"byte 91 ^ 0x01", "mbedtls", "refused: protocol, *",
		"a malformed max_fragment_length: each library has its own alert"},
	{"byte 96 ^ 0x*", "mbedtls", "accepted: *",
		"a server name of another type: OpenSSL refuses what RFC 6066 leaves open"},
	{"byte 130 ^ 0x01", "mbedtls", "refused: protocol, *",
		"a malformed SRP extension, which mbedTLS does not know"},
	{"byte 145 ^ 0x*", "mbedtls", "refused: protocol, *",
		"a malformed renegotiation_info: each library has its own alert"},
	{"ClientHello again", "mbedtls", "refused: protocol, decode_error", ONE_CODE, "mbedTLS 2.*"},
	{"Finished", "mbedtls", "refused: protocol, decode_error", ONE_CODE, "mbedTLS 2.*"},
	{"Certificate unasked", "mbedtls", "refused: protocol, decode_error", ONE_CODE, "mbedTLS 2.*"},
	{"ClientKeyExchange, *", "mbedtls", "refused: protocol, decode_error", ONE_CODE},
	{"unknown message", "mbedtls", "refused: protocol, decode_error", ONE_CODE, "mbedTLS 2.*"},
	{"HTTP", "mbedtls", "refused: protocol, unexpected_message",
		"OpenSSL looks at the version before the type of a record"},
	{"* suite", "mbedtls", "refused: protocol, internal_error",
		"the library's own alert for a suite that it does not know"},
	{"suite of TLS 1.3", "mbedtls", "refused: protocol, internal_error",
		"the library's own alert for a suite that it does not know", "mbedTLS 2.*"},
	{"extension twice", "mbedtls", "want_read", "mbedTLS does not look for duplicates in a ServerHello"},
	{"ALPN not offered", "mbedtls", "refused: protocol, *", "each library has its own alert"},
	{"client: Certificate first", "mbedtls", "refused: protocol, decode_error", ONE_CODE},
	{"client: HelloRequest", "mbedtls", "refused: protocol, decode_error",
		"OpenSSL passes it over within a handshake (RFC 5246, 7.4.1.1)"},
	{"client: record of version 2", "mbedtls", "refused: protocol, protocol_version",
		"OpenSSL takes it for no TLS at all"},
};

bool unitls_backend_difference_at(size_t i, struct unitls_backend_difference *ret_difference)
{
	if (i >= sizeof(differences) / sizeof(differences[0]))
		return false;
	*ret_difference = differences[i];
	return true;
}

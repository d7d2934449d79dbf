/*
 * Signature schemes by their IANA numbers and names (TLS SignatureScheme; RFC 8446, 4.2.3).
 */
#ifndef UNITLS_SIGNATURE_SCHEME_H
#define UNITLS_SIGNATURE_SCHEME_H

#include <unitls/common.h>

/* X(number, identifier and IANA name) */
#define UNITLS_SIGNATURE_SCHEMES(X)                  \
	X(0x0201, rsa_pkcs1_sha1)                    \
	X(0x0203, ecdsa_sha1)                        \
	X(0x0301, rsa_pkcs1_sha224)                  \
	X(0x0303, ecdsa_sha224)                      \
	X(0x0401, rsa_pkcs1_sha256)                  \
	X(0x0403, ecdsa_secp256r1_sha256)            \
	X(0x0501, rsa_pkcs1_sha384)                  \
	X(0x0503, ecdsa_secp384r1_sha384)            \
	X(0x0601, rsa_pkcs1_sha512)                  \
	X(0x0603, ecdsa_secp521r1_sha512)            \
	X(0x0804, rsa_pss_rsae_sha256)               \
	X(0x0805, rsa_pss_rsae_sha384)               \
	X(0x0806, rsa_pss_rsae_sha512)               \
	X(0x0807, ed25519)                           \
	X(0x0808, ed448)                             \
	X(0x0809, rsa_pss_pss_sha256)                \
	X(0x080a, rsa_pss_pss_sha384)                \
	X(0x080b, rsa_pss_pss_sha512)                \
	X(0x081a, ecdsa_brainpoolP256r1tls13_sha256) \
	X(0x081b, ecdsa_brainpoolP384r1tls13_sha384) \
	X(0x081c, ecdsa_brainpoolP512r1tls13_sha512)

enum unitls_signature_scheme {
#define UNITLS_SIGNATURE_SCHEME_ENUM(number, name) UNITLS_SIGNATURE_##name = number,
	UNITLS_SIGNATURE_SCHEMES(UNITLS_SIGNATURE_SCHEME_ENUM)
#undef UNITLS_SIGNATURE_SCHEME_ENUM
};

UNITLS_BEGIN_DECLS

/* IANA name such as "rsa_pss_rsae_sha256"; NULL for a number not in the table. */
UNITLS_API const char *unitls_signature_scheme_name(uint16_t scheme);
/* Number of an IANA name (any case) or of "0x0804". Returns 0 and sets *ret_scheme, or UNITLS_ERROR when the table has no such scheme. */
UNITLS_API UNITLS_MUST_CHECK int unitls_signature_scheme_from_name(const char *name, uint16_t *ret_scheme);
/* Walks the table: the scheme at position i in order of number; false past the end. */
UNITLS_API bool unitls_signature_scheme_at(size_t i, uint16_t *ret_scheme);

UNITLS_END_DECLS

#endif

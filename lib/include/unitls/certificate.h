/*
 * One X.509 certificate: its DER bytes and what the core reads of them (RFC 5280). Immutable, reference-counted.
 */
#ifndef UNITLS_CERTIFICATE_H
#define UNITLS_CERTIFICATE_H

#include <unitls/error.h>
#include <unitls/peer_name.h>

#define UNITLS_FILE_LIMIT_BYTES (16u << 20) /* larger certificate or key files are refused */

#define UNITLS_NAME_PARTS_MAX 64 /* a distinguished name of more parts has no text */

/* X(identifier, name) */
#define UNITLS_KEY_TYPES(X)                            \
	X(UNKNOWN, "unknown")                          \
	X(RSA, "rsa")                                  \
	X(RSA_PSS, "rsa-pss") /* id-RSASSA-PSS keys */ \
	X(ECDSA_P256, "ecdsa-p256")                    \
	X(ECDSA_P384, "ecdsa-p384")                    \
	X(ECDSA_P521, "ecdsa-p521")                    \
	X(ED25519, "ed25519")                          \
	X(ED448, "ed448")

enum unitls_key_type {
#define UNITLS_KEY_TYPE_ENUM(id, name) UNITLS_KEY_##id,
	UNITLS_KEY_TYPES(UNITLS_KEY_TYPE_ENUM)
#undef UNITLS_KEY_TYPE_ENUM
};

enum unitls_name_type {
	UNITLS_NAME_DNS,   /* dNSName: ASCII bytes, as in the certificate */
	UNITLS_NAME_IP,    /* iPAddress: 4 or 16 octets */
	UNITLS_NAME_EMAIL, /* rfc822Name */
	UNITLS_NAME_URI,   /* uniformResourceIdentifier */
};

struct unitls_certificate;

UNITLS_BEGIN_DECLS

/*
 * Reads one certificate: the DER bytes, or the first CERTIFICATE block of a PEM text (told by the "-----BEGIN" preamble; junk
 * around blocks, CRLF, and TRUSTED CERTIFICATE blocks, whose trust settings are ignored, are fine).
 * data: up to UNITLS_FILE_LIMIT_BYTES. Copies. UNITLS_ERROR with class CONFIG, field "certificate" when it is no certificate.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_certificate_from_mem(
	const void *data, size_t size, struct unitls_certificate **ret_certificate, struct unitls_error *error);
/* The same from a file, read at once; class IO when it cannot be read. */
UNITLS_API UNITLS_MUST_CHECK int unitls_certificate_from_file(
	const char *path, struct unitls_certificate **ret_certificate, struct unitls_error *error);
UNITLS_API struct unitls_certificate *unitls_certificate_ref(struct unitls_certificate *certificate);
/* Drops one reference; NULL is fine. */
UNITLS_API void unitls_certificate_unref(struct unitls_certificate *certificate);

/* Getters; what they lend lives as long as the certificate. */
UNITLS_API struct unitls_bytes unitls_certificate_der(const struct unitls_certificate *certificate);
/* SHA-256 of the DER bytes (32 octets). */
UNITLS_API const uint8_t *unitls_certificate_fingerprint(const struct unitls_certificate *certificate);
/* The SubjectPublicKeyInfo, DER. */
UNITLS_API struct unitls_bytes unitls_certificate_spki(const struct unitls_certificate *certificate);
/* Subject and issuer names, DER. */
UNITLS_API struct unitls_bytes unitls_certificate_subject(const struct unitls_certificate *certificate);
UNITLS_API struct unitls_bytes unitls_certificate_issuer(const struct unitls_certificate *certificate);
/*
 * A name (subject or issuer, DER) as text: RFC 4514, "CN=server,O=Example\\, Inc". Writes at most size bytes with the NUL, always terminated
 * unless size is 0, cut between characters; returns how many it needs without the NUL, as snprintf does. Control characters and what is no UTF-8 are
 * escaped, so it can be shown as it is. 0 and "" for an empty name and for what is no name of up to UNITLS_NAME_PARTS_MAX parts. Pure.
 */
UNITLS_API size_t unitls_distinguished_name_text(struct unitls_bytes name, char *buffer, size_t size);
/* The subject's last common name, UTF-8 or ASCII as in the certificate; {NULL, 0} when absent. For display only. */
UNITLS_API struct unitls_bytes unitls_certificate_common_name(const struct unitls_certificate *certificate);
/* Validity in seconds since 1970-01-01 UTC. */
UNITLS_API int64_t unitls_certificate_not_before(const struct unitls_certificate *certificate);
UNITLS_API int64_t unitls_certificate_not_after(const struct unitls_certificate *certificate);
UNITLS_API enum unitls_key_type unitls_certificate_key_type(const struct unitls_certificate *certificate);
/* "rsa", "ecdsa-p256", ...; "unknown" for a number not in the table. A string constant. */
UNITLS_API const char *unitls_key_type_name(enum unitls_key_type type);
/* Size of the key in bits (RSA modulus, curve size). */
UNITLS_API unsigned unitls_certificate_key_bits(const struct unitls_certificate *certificate);
/* Whether basicConstraints says CA. */
UNITLS_API bool unitls_certificate_is_ca(const struct unitls_certificate *certificate);
/* Subject alternative names in order; false past the end. */
UNITLS_API bool unitls_certificate_name_at(const struct unitls_certificate *certificate, size_t i,
	enum unitls_name_type *ret_type, struct unitls_bytes *ret_name);
/* Whether the certificate is for this peer: the rules of <unitls/peer_name.h>. */
UNITLS_API bool unitls_certificate_matches(
	const struct unitls_certificate *certificate, const struct unitls_peer_name *name);

UNITLS_END_DECLS

#endif

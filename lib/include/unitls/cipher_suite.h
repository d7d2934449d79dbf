/*
 * Cipher suites by their IANA numbers and names, and the named policies.
 * A number not in the table is legal wherever a negotiated suite is reported, and refused in a configuration.
 */
#ifndef UNITLS_CIPHER_SUITE_H
#define UNITLS_CIPHER_SUITE_H

#include <unitls/common.h>
#include <unitls/tls_version.h>

UNITLS_BEGIN_DECLS

/* IANA name such as "TLS_AES_128_GCM_SHA256"; NULL for a number not in the table. */
UNITLS_API const char *unitls_cipher_suite_name(uint16_t suite);
/*
 * Number of an IANA name (any case), of OpenSSL's name ("ECDHE-RSA-AES128-GCM-SHA256"), or of "0x1301".
 * Returns 0 and sets *ret_suite, or UNITLS_ERROR when the table has no such suite.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_cipher_suite_from_name(const char *name, uint16_t *ret_suite);
/* The version a suite belongs to: UNITLS_TLS_1_3, UNITLS_TLS_1_2, or 0 for a number not in the table. */
UNITLS_API uint16_t unitls_cipher_suite_version(uint16_t suite);
/* Walks the table: the suite at position i in order of number; false past the end. */
UNITLS_API bool unitls_cipher_suite_at(size_t i, uint16_t *ret_suite);
/*
 * A named policy's suites in order of preference: "modern" and "intermediate", as Mozilla's server side TLS guidelines 5.7
 * have them. Returns 0 and lends a constant array, or UNITLS_ERROR for an unknown name.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_cipher_policy(
	const char *name, const uint16_t **ret_suites, size_t *ret_n);

UNITLS_END_DECLS

#endif

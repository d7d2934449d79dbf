/*
 * One decoded certificate, and what can be said of it alone.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CERTIFICATE_H
#define UNITLS_BACKEND_WOLFSSL_CERTIFICATE_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

#include <wolfssl/wolfcrypt/asn.h>

/* Decodes der, which ret_decoded refers to afterwards. 0, or the library's error; a critical extension that it does not know is one. */
int wolf_certificate_decode(struct unitls_bytes der, DecodedCert **ret_decoded);
void wolf_certificate_free(DecodedCert *decoded);

/* Whether it may issue others: basic constraints, key usage. */
bool wolf_certificate_is_ca(const DecodedCert *decoded);
/* Whether extended key usage, where there is one, admits the other side of a connection in which we have this role. */
bool wolf_certificate_has_purpose(const DecodedCert *decoded, enum unitls_role role);
/* Validity at a time in seconds of the epoch: NONE, EXPIRED, NOT_YET_VALID or MALFORMED. */
enum unitls_verify_reason wolf_certificate_judge_time(const DecodedCert *decoded, int64_t now);
/* Whether key and (unless it is an anchor) signature are strong enough. */
bool wolf_certificate_has_strong_key(const DecodedCert *decoded);
bool wolf_certificate_has_strong_signature(const DecodedCert *decoded);
/* Whether it has name constraints; and such as the library can apply, which passes over kinds that it does not know. */
bool wolf_certificate_is_constrained(const DecodedCert *decoded);
bool wolf_certificate_has_known_constraints(const DecodedCert *decoded);

#endif

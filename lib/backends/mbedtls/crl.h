/*
 * Revocation lists: reading them, and what they say of a certificate.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_CRL_H
#define UNITLS_BACKEND_MBEDTLS_CRL_H

#include "backends/mbedtls/context.h"

int mbed_crl_load(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error);
/*
 * What the lists say of a certificate. issuer: the next one in its chain, or itself where it is its own; NULL: unknown. must_be_covered: it is the
 * peer's own, and a list has to be there. UNITLS_VERIFY_NONE, _REVOKED or _REVOCATION_UNKNOWN.
 */
enum unitls_verify_reason mbed_crl_judge(const struct mbed_context *context, const mbedtls_x509_crt *crt,
	mbedtls_x509_crt *issuer, bool must_be_covered);

#endif

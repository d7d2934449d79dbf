/*
 * OCSP staples: what a client makes of one.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_OCSP_H
#define UNITLS_BACKENDS_GNUTLS_OCSP_H

#include <gnutls/x509.h>

#include "core/backend.h"

/*
 * What a response (DER; {NULL, 0}: none came) says of a certificate: NONE (good), REVOKED, or REVOCATION_UNKNOWN: it is no response for this certificate that
 * the issuer, or whom it named for that, has signed, and that is current.
 */
enum unitls_verify_reason gtls_ocsp_judge(
	struct unitls_bytes response, gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer, int64_t now);

#endif

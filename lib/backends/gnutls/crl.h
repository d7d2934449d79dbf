/*
 * Revocation lists of a context, and the contract's rule for them.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_CRL_H
#define UNITLS_BACKENDS_GNUTLS_CRL_H

#include <gnutls/x509.h>

#include "core/backend.h"

struct gtls_crls {
	gnutls_x509_crl_t *items;
	size_t n;
};

/* Reads the lists of the params. UNITLS_ERROR: class CONFIG, field "crls", or MEMORY. Also after a failure to be finished by fini. */
int gtls_crls_init(struct gtls_crls *crls, const struct unitls_context_params *params, struct unitls_error *error);
void gtls_crls_fini(struct gtls_crls *crls);
/*
 * What the lists say of a certificate that issuer issued: NONE, REVOKED, or REVOCATION_UNKNOWN when none is current and signed by the issuer. *ret_covered:
 * whether any list is from an issuer of that name.
 */
enum unitls_verify_reason gtls_crls_judge(const struct gtls_crls *crls, gnutls_x509_crt_t certificate,
	gnutls_x509_crt_t issuer, int64_t now, bool *ret_covered);

#endif

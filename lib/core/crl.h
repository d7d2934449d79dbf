/*
 * Reading CRLs as far as the core needs: their form, and whose they are. Pure.
 */
#ifndef UNITLS_CORE_CRL_H
#define UNITLS_CORE_CRL_H

#include <unitls/crl.h>

/* What is read of one list; views of its bytes. */
struct unitls_crl {
	struct unitls_bytes issuer; /* whole DER value */
};

/* Reads one CRL, which is all of der. Returns NULL, or what is wrong with it (a constant, to follow "the revocation list"). */
const char *unitls_crl_parse(struct unitls_bytes der, struct unitls_crl *ret_crl);

#endif

/*
 * Reading CRLs as far as the core needs: their form, whose they are, and that nothing in them must be understood. Pure.
 */
#ifndef UNITLS_CORE_CRL_H
#define UNITLS_CORE_CRL_H

#include <unitls/crl.h>

/* What is read of one list; views of its bytes. */
struct unitls_crl {
	struct unitls_bytes issuer; /* whole DER value */
	struct unitls_bytes
		critical; /* with a fault: the extension (an OID's content) that it is about, or {NULL, 0} */
};

/*
 * Reads one CRL, which is all of der. Returns NULL, or what is wrong with it (a constant, to follow "the revocation list").
 *
 * A critical extension of the list or of an entry is a fault (RFC 5280, 5.2 and 5.3): it changes what the list says, for one that is a delta, of some
 * certificates only, or indirect is no full list of its issuer, and not every backend would see that.
 */
const char *unitls_crl_parse(struct unitls_bytes der, struct unitls_crl *ret_crl);

#endif

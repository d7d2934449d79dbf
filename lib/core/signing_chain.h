/*
 * Ordering the certificates of a signing chain.
 */
#ifndef UNITLS_CORE_SIGNING_CHAIN_H
#define UNITLS_CORE_SIGNING_CHAIN_H

#include <unitls/signing_chain.h>

/*
 * Writes the chain of leaf to ret_certificates (lent, not referenced), leaf first, without a self-signed root. Goes by names and key
 * identifiers; signatures are for the peer to verify. UNITLS_ERROR, class CONFIG, field "certificate": cyclic or too long. Pure.
 */
int unitls_signing_chain_order(struct unitls_certificate *leaf, struct unitls_certificate *const *intermediates,
	size_t n, struct unitls_certificate *ret_certificates[UNITLS_CHAIN_LENGTH_MAX], size_t *ret_n,
	struct unitls_error *error);

#endif

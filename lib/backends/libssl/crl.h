/*
 * Revocation lists of a context, and the contract's rule for them: the peer's own certificate must be covered, others are checked where they are.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_CRL_H
#define UNITLS_BACKENDS_LIBSSL_CRL_H

#include <openssl/x509.h>

#include "core/backend.h"

/* Adds the lists of params to the store. Nothing to do without lists. */
int libssl_crl_setup(X509_STORE *store, const struct unitls_context_params *params, struct unitls_error *error);
/* Makes a verification that is about to begin check the chain against the store's lists, and tolerate intermediates that none covers. */
void libssl_crl_prepare(X509_STORE_CTX *store);

#endif

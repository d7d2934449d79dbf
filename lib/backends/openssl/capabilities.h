/*
 * What this OpenSSL can do, asked of the library when the module is initialised: after openssl.cnf, so that its policy
 * (versions, security level, providers) counts. Constant afterwards.
 */
#ifndef UNITLS_BACKENDS_OPENSSL_CAPABILITIES_H
#define UNITLS_BACKENDS_OPENSSL_CAPABILITIES_H

#include "core/backend.h"

/* Fills the tables; once per process. UNITLS_ERROR when the library is unusable. */
int openssl_capabilities_init(struct unitls_error *error);
const struct unitls_capabilities *openssl_capabilities(void);

#endif

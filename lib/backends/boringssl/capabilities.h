/*
 * What this BoringSSL can do; its suites are asked of the library when the module is initialised. Constant afterwards.
 */
#ifndef UNITLS_BACKENDS_BORINGSSL_CAPABILITIES_H
#define UNITLS_BACKENDS_BORINGSSL_CAPABILITIES_H

#include "core/backend.h"

/* Fills the table; once per process. UNITLS_ERROR when the library is unusable. */
int boringssl_capabilities_init(struct unitls_error *error);
const struct unitls_capabilities *boringssl_capabilities(void);

/* The groups offered and taken, as SSL_CTX_set1_curves_list wants them: the best that the library knows, and P-521, which certificates may have. */
const char *boringssl_groups(void);

#endif

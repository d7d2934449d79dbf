/*
 * What this BoringSSL can do; its suites are asked of the library when the module is initialised. Constant afterwards.
 */
#ifndef UNITLS_BACKENDS_BORINGSSL_CAPABILITIES_H
#define UNITLS_BACKENDS_BORINGSSL_CAPABILITIES_H

#include "core/backend.h"

/* Fills the table; once per process. UNITLS_ERROR when the library is unusable. */
int boringssl_capabilities_init(struct unitls_error *error);
const struct unitls_capabilities *boringssl_capabilities(void);

#endif

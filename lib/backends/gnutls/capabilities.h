/*
 * What this GnuTLS can do within its system configuration, told when the module is loaded. Constant afterwards.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_CAPABILITIES_H
#define UNITLS_BACKENDS_GNUTLS_CAPABILITIES_H

#include "core/backend.h"

/* Out of suites and policy, which come first. */
void gtls_capabilities_init(void);
const struct unitls_capabilities *gtls_capabilities(void);

#endif

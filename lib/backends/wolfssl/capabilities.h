/*
 * What this build of the library can do.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CAPABILITIES_H
#define UNITLS_BACKEND_WOLFSSL_CAPABILITIES_H

#include "core/backend.h"

/* Computes the capabilities; once, after wolf_suites_init. */
void wolf_capabilities_init(void);
const struct unitls_capabilities *wolf_capabilities(void);

#endif

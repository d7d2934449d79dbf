/*
 * Which cipher suites this library can do, and which it uses when none were asked for.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_CIPHERS_H
#define UNITLS_BACKEND_MBEDTLS_CIPHERS_H

#include "core/backend.h"

/* Finds out once, at init, what the library as linked has. */
void mbed_ciphers_init(void);
/* What it found; constant after init. */
const uint16_t *mbed_ciphers_supported(size_t *ret_n);
/* The zero-terminated list for a context: as asked for, the defaults for a version of which nothing was asked. NULL without memory. */
int *mbed_ciphers_list(const struct unitls_context_params *params);

#endif

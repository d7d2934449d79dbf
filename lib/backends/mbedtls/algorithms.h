/*
 * Groups and signature schemes by number: which this library can do, and which a context uses.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_ALGORITHMS_H
#define UNITLS_BACKEND_MBEDTLS_ALGORITHMS_H

#include "backends/mbedtls/context.h"

/* Finds out once, at init, which groups the library as linked has. */
void mbed_algorithms_init(void);
/* What it can do; constant after init. */
const uint16_t *mbed_algorithms_groups(size_t *ret_n);
const uint16_t *mbed_algorithms_schemes(size_t *ret_n);
/* Gives the configuration what was asked for, or the defaults. */
int mbed_algorithms_load(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error);

#endif

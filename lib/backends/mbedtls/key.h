/*
 * Reading private keys, also encrypted ones.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_KEY_H
#define UNITLS_BACKEND_MBEDTLS_KEY_H

#include "core/backend.h"

#include <mbedtls/pk.h>

/* Reads params->key into pk. 0 or the library's error code. */
int mbed_key_parse(mbedtls_pk_context *pk, const struct unitls_context_params *params);

#endif

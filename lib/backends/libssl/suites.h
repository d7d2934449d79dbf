/*
 * The cipher suites that the library has of the core's table, and its own names for them. Filled when the module is initialised, constant afterwards.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_SUITES_H
#define UNITLS_BACKENDS_LIBSSL_SUITES_H

#include <openssl/ssl.h>

#include "core/backend.h"

/* Keeps a suite that the core's table has under the same name; passes over any other. */
void libssl_suites_add(const SSL_CIPHER *cipher);

/* Those kept, as the capabilities list them. */
const uint16_t *libssl_suites(size_t *ret_n);

/* The library's name of one of them; NULL for any other number. */
const char *libssl_suite_name(uint16_t suite);

#endif

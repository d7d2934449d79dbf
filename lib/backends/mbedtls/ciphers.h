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
/*
 * For a server that may speak TLS 1.3: a copy of list that of its TLS 1.3 suites keeps only the first one that the ClientHello (one record, from its header)
 * offers. mbedTLS 3.6 takes the client's first, whatever the order of its own list (RFC 8446, 4.1.1 leaves it to the server). NULL without memory.
 */
int *mbed_ciphers_for_hello(const int *list, struct unitls_bytes hello);
/* Whether a ClientHello says that an attempt with a higher version failed (RFC 7507). */
bool mbed_ciphers_have_fallback(struct unitls_bytes hello);

#endif

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
 * For a server of 3.6: what of list is right for this ClientHello (one record, from its header), a copy; NULL without memory. Of the TLS 1.3 suites it has the
 * first one that the client offers: the library takes the client's first, whatever the order of its own list (RFC 8446, 4.1.1 leaves it to the server). When
 * the client lists no signature algorithms, it has no suite of TLS 1.2 with a signature: the library signs with SHA-1 then, whatever it was configured with.
 */
int *mbed_ciphers_for_hello(const int *list, struct unitls_bytes hello);

#endif

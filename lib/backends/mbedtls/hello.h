/*
 * What a server looks up in a ClientHello (one record, from its header) that the library does not say. Pure; the core has checked the hello.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_HELLO_H
#define UNITLS_BACKEND_MBEDTLS_HELLO_H

#include "core/backend.h"

/* The cipher suites, as on the wire. */
struct unitls_bytes mbed_hello_suites(struct unitls_bytes hello);
/* Whether a list of suites as on the wire has this one. */
bool mbed_hello_offers(struct unitls_bytes suites, int suite);
/* Whether an attempt with a higher version failed (RFC 7507). */
bool mbed_hello_is_fallback(struct unitls_bytes hello);
/* Whether there is a list of signature algorithms; without one TLS 1.2 means SHA-1 (RFC 5246, 7.4.1.4.1). */
bool mbed_hello_has_signature_schemes(struct unitls_bytes hello);

#endif

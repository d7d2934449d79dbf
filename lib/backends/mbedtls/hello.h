/*
 * What is looked up in a hello that the library does not say. Pure. A ClientHello is one record, from its header, which the core has checked.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_HELLO_H
#define UNITLS_BACKEND_MBEDTLS_HELLO_H

#include "core/backend.h"

#define MBED_EXTENSION_SIGNATURE_ALGORITHMS   13
#define MBED_EXTENSION_EXTENDED_MASTER_SECRET 23
#define MBED_EXTENSION_KEY_SHARE              51

/* The cipher suites of a ClientHello, as on the wire. */
struct unitls_bytes mbed_hello_suites(struct unitls_bytes hello);
/* The session that a ClientHello names; without a byte when it names none. */
struct unitls_bytes mbed_hello_session_id(struct unitls_bytes hello);
/* Whether a list of suites as on the wire has this one. */
bool mbed_hello_offers(struct unitls_bytes suites, int suite);
/* Whether an attempt with a higher version failed (RFC 7507). */
bool mbed_hello_is_fallback(struct unitls_bytes hello);
/* Whether a ClientHello has an extension. */
bool mbed_hello_has_extension(struct unitls_bytes hello, unsigned type);
/* Whether there is an extension among these, as on the wire; if so, *ret_value is what is in it. */
bool mbed_hello_find_extension(struct unitls_bytes extensions, unsigned type, struct unitls_bytes *ret_value);
/* Cuts what has a length of prefix bytes (1 or 2) before it off the front of *rest. */
struct unitls_bytes mbed_hello_cut_vector(struct unitls_bytes *rest, size_t prefix);

#endif

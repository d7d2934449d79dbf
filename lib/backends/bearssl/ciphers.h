/*
 * Which cipher suites this library can do, which it uses when none were asked for, and what they need.
 */
#ifndef UNITLS_BACKEND_BEARSSL_CIPHERS_H
#define UNITLS_BACKEND_BEARSSL_CIPHERS_H

#include "core/backend.h"

/* Fills the list below, once, at init. */
void bear_ciphers_init(void);
/* All suites; constant after init. */
const uint16_t *bear_ciphers_supported(size_t *ret_n);
/* Those with forward secrecy and authenticated encryption, in order of preference; constant. */
const uint16_t *bear_ciphers_default(size_t *ret_n);
bool bear_ciphers_has(uint16_t suite);
/* Whether records of this suite are authenticated by HMAC-SHA-1. */
bool bear_ciphers_needs_sha1(uint16_t suite);

#endif

/*
 * How strong a certificate must be. The library has no security level: it takes any RSA key and any digest that it can compute, so the module
 * looks at them itself, by the measure that other backends have.
 */
#ifndef UNITLS_BACKENDS_BORINGSSL_STRENGTH_H
#define UNITLS_BACKENDS_BORINGSSL_STRENGTH_H

#include <stdbool.h>

#include <openssl/x509.h>

#define BORINGSSL_RSA_MIN_BITS 2048u

/* 112 bits of security: RSA keys of 2048 bits. Pure. */
bool boringssl_key_is_strong(X509 *certificate);
/* Signed over a digest of 224 bits or more: no MD5, no SHA-1. Pure. */
bool boringssl_signature_is_strong(const X509 *certificate);

#endif

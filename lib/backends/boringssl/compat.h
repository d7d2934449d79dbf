/*
 * What differs between snapshots of BoringSSL, and between BoringSSL and AWS-LC, behind one name each (COMPAT_*). No other file asks which it is.
 */
#ifndef UNITLS_BACKENDS_BORINGSSL_COMPAT_H
#define UNITLS_BACKENDS_BORINGSSL_COMPAT_H

#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#if !defined(OPENSSL_IS_BORINGSSL) && !defined(OPENSSL_IS_AWSLC)
#error "these are the headers of neither BoringSSL nor AWS-LC"
#endif

/* AWS-LC has releases, and a version that it can be asked for; a snapshot of BoringSSL has the number of its API alone. */
#if defined(OPENSSL_IS_AWSLC)
#define COMPAT_TITLE "AWS-LC"
#define COMPAT_NAME  OpenSSL_version(OPENSSL_VERSION)
#else
#define COMPAT_TITLE     "BoringSSL"
#define COMPAT_TEXT_1(x) #x
#define COMPAT_TEXT(x)   COMPAT_TEXT_1(x)
#define COMPAT_NAME      "BoringSSL, API " COMPAT_TEXT(BORINGSSL_API_VERSION)
#endif

/* BoringSSL offers and takes the three TLS 1.3 suites that it has, in its own order; AWS-LC lets them be chosen. */
#if defined(OPENSSL_IS_AWSLC)
#define COMPAT_CAP_CIPHERS_1_3                 UNITLS_CAP_CIPHERS_1_3
#define COMPAT_SET_CIPHERSUITES(ctx, names)    (SSL_CTX_set_ciphersuites(ctx, names) == 1)
#define COMPAT_SET_CIPHERSUITES_OF(ssl, names) (SSL_set_ciphersuites(ssl, names) == 1)
#else
#define COMPAT_CAP_CIPHERS_1_3                 0
#define COMPAT_SET_CIPHERSUITES(ctx, names)    ((void)(ctx), (void)(names), false)
#define COMPAT_SET_CIPHERSUITES_OF(ssl, names) ((void)(ssl), (void)(names), false)
#endif

#if defined(OPENSSL_RSA_MAX_MODULUS_BITS)
#define COMPAT_RSA_MAX_BITS OPENSSL_RSA_MAX_MODULUS_BITS
#else
#define COMPAT_RSA_MAX_BITS 16384
#endif

#endif

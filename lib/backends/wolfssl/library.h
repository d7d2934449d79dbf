/*
 * The library's headers, and what its build must have. wolfSSL is laid out and cut down by macros (wolfssl/options.h); what the module can do without is
 * asked for in capabilities.c and nowhere else, what it cannot do without stops the compilation here.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_LIBRARY_H
#define UNITLS_BACKEND_WOLFSSL_LIBRARY_H

/* The macros of the library's build come first. Debian's list names the compiler's own _FORTIFY_SOURCE, which stays ours. */
#pragma push_macro("_FORTIFY_SOURCE")
#undef _FORTIFY_SOURCE
#include <wolfssl/options.h>
#pragma pop_macro("_FORTIFY_SOURCE")

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfio.h>

#define WOLF_MIN_LIBRARY 0x05005004 /* 5.5.4: the oldest that was tested */

#if LIBWOLFSSL_VERSION_HEX < WOLF_MIN_LIBRARY
#error "wolfSSL 5.5.4 or later is needed"
#endif
/* A server of such a build lets clients renegotiate. */
#if defined(HAVE_SECURE_RENEGOTIATION)
#error "wolfSSL was built with HAVE_SECURE_RENEGOTIATION"
#endif
#if defined(SINGLE_THREADED)
#error "wolfSSL was built without threads"
#endif
#if defined(NO_WOLFSSL_CLIENT) || defined(NO_WOLFSSL_SERVER) || defined(NO_CERTS)
#error "wolfSSL was built without clients, servers or certificates"
#endif
/* The verification callback gets the peer's certificates and decides. */
#if !defined(OPENSSL_EXTRA) || !defined(WOLFSSL_ALWAYS_VERIFY_CB)
#error "wolfSSL was built without OPENSSL_EXTRA and WOLFSSL_ALWAYS_VERIFY_CB (--enable-opensslextra)"
#endif
/* random.c is the source of all random bytes. */
#if !defined(WOLF_CRYPTO_CB)
#error "wolfSSL was built without WOLF_CRYPTO_CB (--enable-cryptocb)"
#endif
/* alert.c needs the keys. */
#if !defined(ATOMIC_USER) || !defined(HAVE_AESGCM)
#error "wolfSSL was built without ATOMIC_USER (--enable-atomicuser)"
#endif
#if !defined(HAVE_TLS_EXTENSIONS) || !defined(HAVE_SNI) || !defined(HAVE_SUPPORTED_CURVES) || \
	!defined(HAVE_EXTENDED_MASTER)
#error "wolfSSL was built without TLS extensions (SNI, groups, extended master secret)"
#endif

#endif

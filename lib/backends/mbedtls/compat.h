/*
 * What differs between mbedTLS 2.28 and 3.6, behind functions of one name each (compat_*). No other file asks for the version.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_H

#include <mbedtls/version.h>

#include "core/backend.h"

#define COMPAT_RANDOM_SIZE 32

/* Called with one line of a key log, in parts. */
typedef void (*compat_secret_log)(void *argument, const char *label, const uint8_t random[COMPAT_RANDOM_SIZE],
	const uint8_t *secret, size_t size);

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include "backends/mbedtls/compat_3.h"
#else
#include "backends/mbedtls/compat_2.h"
#endif

#if !defined(MBEDTLS_THREADING_C)
#error "contexts are shared by threads: mbedTLS must have been built with MBEDTLS_THREADING_C"
#endif
#if !defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE) || !defined(MBEDTLS_SSL_ALPN) || !defined(MBEDTLS_ERROR_C)
#error "mbedTLS must have been built with MBEDTLS_SSL_KEEP_PEER_CERTIFICATE, MBEDTLS_SSL_ALPN and MBEDTLS_ERROR_C"
#endif
#if !defined(MBEDTLS_SSL_SESSION_TICKETS) || !defined(MBEDTLS_GCM_C) || !defined(MBEDTLS_X509_CRL_PARSE_C)
#error "mbedTLS must have been built with MBEDTLS_SSL_SESSION_TICKETS, MBEDTLS_GCM_C and MBEDTLS_X509_CRL_PARSE_C"
#endif
#if MBEDTLS_VERSION_NUMBER < 0x03000000 && !defined(MBEDTLS_SSL_EXPORT_KEYS)
#error "mbedTLS 2.28 must have been built with MBEDTLS_SSL_EXPORT_KEYS"
#endif

#endif

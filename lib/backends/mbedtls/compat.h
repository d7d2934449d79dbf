/*
 * What differs between mbedTLS 2.28 and 3.6, behind functions of one name each (compat_*). No other file asks for the version.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_H

#include <mbedtls/version.h>

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

#endif

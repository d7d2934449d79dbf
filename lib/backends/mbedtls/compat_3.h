/*
 * mbedTLS 3.6 (TLS 1.2 and 1.3). Included by compat.h only.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_3_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_3_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>

#include "backends/mbedtls/random.h"
#include <unitls/common.h>

/* PSA has a generator of its own, for the keys of TLS 1.3; before 3.6.6 it repeats itself in two children of a fork (CVE-2026-25835). */
#define COMPAT_MIN_LIBRARY 0x03060600
#define COMPAT_NOTE        "a KeyUpdate of the peer is refused"
#if MBEDTLS_VERSION_NUMBER < COMPAT_MIN_LIBRARY
#error "of mbedTLS 3, version 3.6.6 or later is needed (CVE-2026-25835)"
#endif

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define COMPAT_MAX_VERSION 0x0304
#define COMPAT_TLS_1_3     true
#else
#define COMPAT_MAX_VERSION 0x0303
#define COMPAT_TLS_1_3     false
#endif

/* X(native code, class, alert that belongs to it); codes that 2.28 does not have. */
#define COMPAT_ERRORS(X)                                                              \
	X(MBEDTLS_ERR_SSL_DECODE_ERROR, PROTOCOL, DECODE_ERROR)                       \
	X(MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, PROTOCOL, ILLEGAL_PARAMETER)             \
	X(MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, PROTOCOL, HANDSHAKE_FAILURE)             \
	X(MBEDTLS_ERR_SSL_BAD_CERTIFICATE, PROTOCOL, BAD_CERTIFICATE)                 \
	X(MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, PROTOCOL, UNSUPPORTED_EXTENSION)     \
	X(MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, PROTOCOL, NO_APPLICATION_PROTOCOL) \
	X(MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, PROTOCOL, PROTOCOL_VERSION)           \
	X(MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME, PROTOCOL, UNRECOGNIZED_NAME)

static inline int compat_init(void)
{
	return psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static inline void compat_conf_versions(mbedtls_ssl_config *config, uint16_t min, uint16_t max)
{
	mbedtls_ssl_conf_min_tls_version(config,
		min >= MBEDTLS_SSL_VERSION_TLS1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config,
		max >= MBEDTLS_SSL_VERSION_TLS1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
}

/* Groups for the key exchange and curves of certificates, and signature algorithms; no SHA-1. */
static inline void compat_conf_algorithms(mbedtls_ssl_config *config)
{
	static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
	static const uint16_t signatures[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
		MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384, MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
		MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
		MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
		MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512, MBEDTLS_TLS1_3_SIG_NONE};

	mbedtls_ssl_conf_groups(config, groups);
	mbedtls_ssl_conf_sig_algs(config, signatures);
}

static inline void compat_conf_endpoint(mbedtls_ssl_config *config, bool server)
{
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
	/* A session is resumed with a fresh key exchange only. */
	mbedtls_ssl_conf_tls13_key_exchange_modes(config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
	if (server) {
		mbedtls_ssl_conf_preference_order(config, MBEDTLS_SSL_SRV_CIPHERSUITE_ORDER_SERVER);
		return;
	}
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	/* Else a client does not look into a ticket, and takes a malformed one. */
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
}

static inline int compat_pk_parse(
	mbedtls_pk_context *pk, const uint8_t *key, size_t size, const uint8_t *password, size_t n_password)
{
	return mbedtls_pk_parse_key(pk, key, size, password, n_password, mbed_random, NULL);
}

static inline int compat_pbkdf2(mbedtls_md_type_t hash, const char *password, const mbedtls_asn1_buf *salt,
	unsigned iterations, uint8_t *output, size_t size)
{
	return mbedtls_pkcs5_pbkdf2_hmac_ext(hash, (const uint8_t *)password, strlen(password), salt->p, salt->len,
		iterations, (uint32_t)size, output);
}

static inline int compat_pk_check_pair(const mbedtls_pk_context *public_half, const mbedtls_pk_context *pk)
{
	return mbedtls_pk_check_pair(public_half, pk, mbed_random, NULL);
}

/* Makes the library take a certificate of ours for one without an extended key usage. */
static inline void compat_forget_purpose(mbedtls_x509_crt *crt)
{
	crt->MBEDTLS_PRIVATE(ext_types) &= ~MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE;
}

/* The handshake message that the library has read last. */
static inline struct unitls_bytes compat_message(const mbedtls_ssl_context *ssl)
{
	return (struct unitls_bytes){ssl->MBEDTLS_PRIVATE(in_msg), ssl->MBEDTLS_PRIVATE(in_hslen)};
}

static inline int compat_state(const mbedtls_ssl_context *ssl)
{
	return ssl->MBEDTLS_PRIVATE(state);
}

static inline uint16_t compat_version(const mbedtls_ssl_context *ssl)
{
	return (uint16_t)mbedtls_ssl_get_version_number(ssl);
}

static inline uint16_t compat_cipher_suite(const mbedtls_ssl_context *ssl)
{
	return (uint16_t)mbedtls_ssl_get_ciphersuite_id_from_ssl(ssl);
}

static inline int compat_key_exchange(const mbedtls_ssl_ciphersuite_t *suite)
{
	return (int)suite->MBEDTLS_PRIVATE(key_exchange);
}

/* The description of the fatal alert that a call has just failed with. */
static inline int compat_peer_alert(const mbedtls_ssl_context *ssl)
{
	return ssl->MBEDTLS_PRIVATE(in_msg)[1];
}

/* The alert that the library itself sent for this failure, when it remembers it; -1 when not. */
static inline int compat_own_alert(const mbedtls_ssl_context *ssl, int native)
{
	if (ssl->MBEDTLS_PRIVATE(alert_reason) != native || ssl->MBEDTLS_PRIVATE(send_alert) != 0)
		return -1;
	return ssl->MBEDTLS_PRIVATE(alert_type);
}

static inline bool compat_is_ticket(int native)
{
	return native == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}

#endif

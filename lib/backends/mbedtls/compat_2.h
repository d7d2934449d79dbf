/*
 * mbedTLS 2.28 (TLS 1.2). Included by compat.h only.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_2_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_2_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/ssl.h>

#include "backends/mbedtls/random.h"
#include <unitls/common.h>

#define COMPAT_MIN_LIBRARY 0x021C0000
#define COMPAT_MAX_VERSION 0x0303
#define COMPAT_TLS_1_3     false
#define COMPAT_NOTE        "a handshake message of the peer must come in one record"

/* X(native code, class, alert that belongs to it); codes that 3.6 does not have. */
#define COMPAT_ERRORS(X)                                                         \
	X(MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO, PROTOCOL, DECODE_ERROR)           \
	X(MBEDTLS_ERR_SSL_BAD_HS_SERVER_HELLO, PROTOCOL, ILLEGAL_PARAMETER)      \
	X(MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE, PROTOCOL, BAD_CERTIFICATE)         \
	X(MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_REQUEST, PROTOCOL, DECODE_ERROR)    \
	X(MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE, PROTOCOL, DECODE_ERROR)    \
	X(MBEDTLS_ERR_SSL_BAD_HS_SERVER_HELLO_DONE, PROTOCOL, DECODE_ERROR)      \
	X(MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE, PROTOCOL, DECODE_ERROR)    \
	X(MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_RP, PROTOCOL, DECODE_ERROR) \
	X(MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_CS, PROTOCOL, DECODE_ERROR) \
	X(MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_VERIFY, PROTOCOL, DECRYPT_ERROR)    \
	X(MBEDTLS_ERR_SSL_BAD_HS_CHANGE_CIPHER_SPEC, PROTOCOL, DECODE_ERROR)     \
	X(MBEDTLS_ERR_SSL_BAD_HS_FINISHED, PROTOCOL, DECRYPT_ERROR)              \
	X(MBEDTLS_ERR_SSL_BAD_HS_NEW_SESSION_TICKET, PROTOCOL, DECODE_ERROR)     \
	X(MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION, PROTOCOL, PROTOCOL_VERSION)   \
	X(MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN, PROTOCOL, HANDSHAKE_FAILURE)         \
	X(MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE, PROTOCOL, HANDSHAKE_FAILURE)    \
	X(MBEDTLS_ERR_SSL_INVALID_VERIFY_HASH, PROTOCOL, DECRYPT_ERROR)

static inline int compat_init(void)
{
	return 0;
}

static inline void compat_conf_versions(mbedtls_ssl_config *config, uint16_t min, uint16_t max)
{
	(void)min, (void)max; /* TLS 1.2 is all there is */
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

/* Groups for the key exchange and curves of certificates, and hashes for signatures; no SHA-1. */
static inline void compat_conf_algorithms(mbedtls_ssl_config *config)
{
	static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
		MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};
	static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

	mbedtls_ssl_conf_curves(config, groups);
	mbedtls_ssl_conf_sig_hashes(config, hashes);
}

static inline void compat_conf_endpoint(mbedtls_ssl_config *config, bool server)
{
	(void)server;
	mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
}

static inline int compat_pk_parse(
	mbedtls_pk_context *pk, const uint8_t *key, size_t size, const uint8_t *password, size_t n_password)
{
	return mbedtls_pk_parse_key(pk, key, size, password, n_password);
}

static inline int compat_pbkdf2(mbedtls_md_type_t hash, const char *password, const mbedtls_asn1_buf *salt,
	unsigned iterations, uint8_t *output, size_t size)
{
	mbedtls_md_context_t md;
	int ret;

	mbedtls_md_init(&md);
	ret = mbedtls_md_setup(&md, mbedtls_md_info_from_type(hash), 1);
	if (ret == 0)
		ret = mbedtls_pkcs5_pbkdf2_hmac(&md, (const uint8_t *)password, strlen(password), salt->p,
			salt->len, iterations, (uint32_t)size, output);
	mbedtls_md_free(&md);
	return ret;
}

static inline int compat_pk_check_pair(const mbedtls_pk_context *public_half, const mbedtls_pk_context *pk)
{
	return mbedtls_pk_check_pair(public_half, pk);
}

/* Makes the library take a certificate of ours for one without an extended key usage. */
static inline void compat_forget_purpose(mbedtls_x509_crt *crt)
{
	crt->ext_types &= ~MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE;
}

/* The handshake message that the library has read last. */
static inline struct unitls_bytes compat_message(const mbedtls_ssl_context *ssl)
{
	return (struct unitls_bytes){ssl->in_msg, ssl->in_hslen};
}

static inline int compat_state(const mbedtls_ssl_context *ssl)
{
	return ssl->state;
}

static inline uint16_t compat_version(const mbedtls_ssl_context *ssl)
{
	(void)ssl;
	return COMPAT_MAX_VERSION;
}

static inline uint16_t compat_cipher_suite(const mbedtls_ssl_context *ssl)
{
	return (uint16_t)mbedtls_ssl_get_ciphersuite_id(mbedtls_ssl_get_ciphersuite(ssl));
}

static inline int compat_key_exchange(const mbedtls_ssl_ciphersuite_t *suite)
{
	return (int)suite->key_exchange;
}

/* The description of the fatal alert that a call has just failed with. */
static inline int compat_peer_alert(const mbedtls_ssl_context *ssl)
{
	return ssl->in_msg[1];
}

/* The alert that the library itself sent for this failure, when it remembers it; -1 when not. */
static inline int compat_own_alert(const mbedtls_ssl_context *ssl, int native)
{
	(void)ssl, (void)native;
	return -1;
}

static inline bool compat_is_ticket(int native)
{
	(void)native;
	return false; /* tickets are part of the TLS 1.2 handshake */
}

#endif

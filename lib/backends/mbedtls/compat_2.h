/*
 * mbedTLS 2.28 (TLS 1.2). Included by compat.h only.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_2_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_2_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/ssl.h>

#include "backends/mbedtls/random.h"
#include <unitls/common.h>

#define COMPAT_MIN_LIBRARY 0x021C0000
#define COMPAT_MAX_VERSION 0x0303
#define COMPAT_TLS_1_3     false
#define COMPAT_EXPORTER    true
#define COMPAT_SCHEMES     false /* hashes can be chosen, not what signs with them */
#define COMPAT_NOTE        "a handshake message of the peer must come in one record"

/* A member of one of the library's structures that it has not promised to keep. */
#define COMPAT_FIELD(name) name

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

/* A group as the library counts them. */
typedef mbedtls_ecp_group_id compat_group;

#define COMPAT_NO_GROUP MBEDTLS_ECP_DP_NONE

/* COMPAT_NO_GROUP for one that the library does not have. */
static inline compat_group compat_group_of(uint16_t number)
{
	const mbedtls_ecp_curve_info *info = mbedtls_ecp_curve_info_from_tls_id(number);

	return info == NULL ? COMPAT_NO_GROUP : info->grp_id;
}

/* Groups for the key exchange, which are the curves of certificates too, and hashes for signatures; no SHA-1. Both lists stay in use. */
static inline void compat_conf_algorithms(
	mbedtls_ssl_config *config, const compat_group *groups, const uint16_t *schemes)
{
	static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

	(void)schemes;
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

/*
 * Sessions ------------------------------------------------------------------------------------------------------------------
 */

/* The session of a complete handshake. */
static inline const mbedtls_ssl_session *compat_session(const mbedtls_ssl_context *ssl)
{
	return mbedtls_ssl_get_session_pointer(ssl);
}

/* As mbedtls_ssl_session_save, for a client's session. */
static inline int compat_session_save(mbedtls_ssl_context *ssl, uint8_t *buffer, size_t size, size_t *ret_size)
{
	return mbedtls_ssl_session_save(mbedtls_ssl_get_session_pointer(ssl), buffer, size, ret_size);
}

/* Whether a session that came from outside is one that a client can offer. */
static inline bool compat_session_is_sound(const mbedtls_ssl_session *session)
{
	return session->id_len <= sizeof(session->id);
}

static inline int compat_session_bind(mbedtls_ssl_session *session, const char *server_name)
{
	(void)session, (void)server_name;
	return 0;
}

/* One session that the library will find in its cache, whatever the client's identifier. */
struct compat_cache {
	bool filled;
	mbedtls_ssl_session session;
};

static inline int compat_on_cache_get(void *argument, mbedtls_ssl_session *session)
{
	struct compat_cache *cache = argument;

	if (!cache->filled)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	cache->session.id_len = session->id_len;
	memcpy(cache->session.id, session->id, sizeof(session->id));
	*session = cache->session;
	cache->filled = false;
	return 0;
}

static inline void compat_conf_cache(mbedtls_ssl_config *config, struct compat_cache *cache)
{
	mbedtls_ssl_conf_session_cache(config, cache, compat_on_cache_get, NULL);
}

/*
 * Secrets -------------------------------------------------------------------------------------------------------------------
 */

#define COMPAT_MASTER_SIZE 48

/* What the library hands out as it derives keys; to be wiped. */
struct compat_secrets {
	compat_secret_log log; /* NULL: none */
	void *argument;
	mbedtls_tls_prf_types prf;
	uint8_t master[COMPAT_MASTER_SIZE];
	uint8_t randoms[2 * COMPAT_RANDOM_SIZE];
};

static inline int compat_on_keys(void *argument, const unsigned char *master, const unsigned char *block,
	size_t mac_size, size_t key_size, size_t iv_size, const unsigned char client_random[COMPAT_RANDOM_SIZE],
	const unsigned char server_random[COMPAT_RANDOM_SIZE], mbedtls_tls_prf_types prf)
{
	struct compat_secrets *secrets = argument;

	(void)block, (void)mac_size, (void)key_size, (void)iv_size;
	secrets->prf = prf;
	memcpy(secrets->master, master, COMPAT_MASTER_SIZE);
	memcpy(secrets->randoms, client_random, COMPAT_RANDOM_SIZE);
	memcpy(secrets->randoms + COMPAT_RANDOM_SIZE, server_random, COMPAT_RANDOM_SIZE);
	if (secrets->log != NULL)
		secrets->log(secrets->argument, "CLIENT_RANDOM", client_random, master, COMPAT_MASTER_SIZE);
	return 0;
}

static inline void compat_watch_secrets(
	mbedtls_ssl_context *ssl, mbedtls_ssl_config *config, struct compat_secrets *secrets)
{
	(void)ssl;
	mbedtls_ssl_conf_export_keys_ext_cb(config, compat_on_keys, secrets);
}

/* RFC 5705, 4: the pseudo-random function over both randoms and, if there is one, the context with its length. */
static inline int compat_export_keys(mbedtls_ssl_context *ssl, const struct compat_secrets *secrets,
	const struct unitls_exporter_params *params, uint8_t *ret_bytes, size_t size)
{
	size_t seed_size = sizeof(secrets->randoms) + (params->has_context ? 2 + params->context.size : 0);
	uint8_t *seed = malloc(seed_size);
	uint8_t *p = seed;
	int ret;

	(void)ssl;
	if (seed == NULL)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	memcpy(p, secrets->randoms, sizeof(secrets->randoms));
	p += sizeof(secrets->randoms);
	if (params->has_context) {
		*p++ = (uint8_t)(params->context.size >> 8);
		*p++ = (uint8_t)params->context.size;
		if (params->context.size > 0)
			memcpy(p, params->context.data, params->context.size);
	}
	ret = mbedtls_ssl_tls_prf(secrets->prf, secrets->master, sizeof(secrets->master), params->label, seed,
		seed_size, ret_bytes, size);
	free(seed);
	return ret;
}

#endif

/*
 * mbedTLS 3.6 (TLS 1.2 and 1.3). Included by compat.h only.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_COMPAT_3_H
#define UNITLS_BACKEND_MBEDTLS_COMPAT_3_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform.h>
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

#if defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
#define COMPAT_EXPORTER true
#else
#define COMPAT_EXPORTER false
#endif
#define COMPAT_SCHEMES true

/* A member of one of the library's structures that it has not promised to keep. */
#define COMPAT_FIELD(name) MBEDTLS_PRIVATE(name)

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

/* A group as the library counts them. */
typedef uint16_t compat_group;

#define COMPAT_NO_GROUP MBEDTLS_SSL_IANA_TLS_GROUP_NONE

/* COMPAT_NO_GROUP for one that the library does not have. */
static inline compat_group compat_group_of(uint16_t number)
{
	return mbedtls_ecp_curve_info_from_tls_id(number) == NULL ? COMPAT_NO_GROUP : number;
}

/* Groups for the key exchange, in TLS 1.2 the curves of certificates too, and signature schemes. Both lists stay in use. */
static inline void compat_conf_algorithms(
	mbedtls_ssl_config *config, const compat_group *groups, const uint16_t *schemes)
{
	mbedtls_ssl_conf_groups(config, groups);
	mbedtls_ssl_conf_sig_algs(config, schemes);
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

/*
 * Sessions ------------------------------------------------------------------------------------------------------------------
 */

/* The session of a complete handshake. */
static inline mbedtls_ssl_session *compat_session(const mbedtls_ssl_context *ssl)
{
	return ssl->MBEDTLS_PRIVATE(session);
}

#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
/* The name that a session is bound to; the library reads it as a string, although what it loads need not be one. */
static inline char **compat_session_name(mbedtls_ssl_session *session)
{
	return &session->MBEDTLS_PRIVATE(hostname);
}

/* As mbedtls_ssl_session_save, for a client's session, but without the name. */
static inline int compat_session_save(mbedtls_ssl_context *ssl, uint8_t *buffer, size_t size, size_t *ret_size)
{
	mbedtls_ssl_session *session = compat_session(ssl);
	char *name = *compat_session_name(session);
	int ret;

	*compat_session_name(session) = NULL;
	ret = mbedtls_ssl_session_save(session, buffer, size, ret_size);
	*compat_session_name(session) = name;
	return ret;
}

static inline bool compat_session_has_name(mbedtls_ssl_session *session)
{
	return *compat_session_name(session) != NULL;
}

/* Gives a session of TLS 1.3 the name that it is offered to. */
static inline int compat_session_bind(mbedtls_ssl_session *session, const char *server_name)
{
	size_t size;
	char *name;

	if (server_name == NULL || session->MBEDTLS_PRIVATE(tls_version) != MBEDTLS_SSL_VERSION_TLS1_3)
		return 0;
	size = strlen(server_name) + 1;
	name = mbedtls_calloc(1, size);
	if (name == NULL)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	memcpy(name, server_name, size);
	*compat_session_name(session) = name;
	return 0;
}
#else
static inline int compat_session_save(mbedtls_ssl_context *ssl, uint8_t *buffer, size_t size, size_t *ret_size)
{
	return mbedtls_ssl_session_save(compat_session(ssl), buffer, size, ret_size);
}

static inline bool compat_session_has_name(const mbedtls_ssl_session *session)
{
	(void)session;
	return false;
}

static inline int compat_session_bind(mbedtls_ssl_session *session, const char *server_name)
{
	(void)session, (void)server_name;
	return 0;
}
#endif

/* Whether a session that came from outside is one that a client can offer. */
static inline bool compat_session_is_sound(mbedtls_ssl_session *session)
{
	return session->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_CLIENT && !compat_session_has_name(session) &&
		session->MBEDTLS_PRIVATE(id_len) <= sizeof(session->MBEDTLS_PRIVATE(id));
}

/* One session that the library will find in its cache, whatever the client's identifier. */
struct compat_cache {
	bool filled;
	mbedtls_ssl_session session;
};

static inline int compat_on_cache_get(
	void *argument, unsigned char const *id, size_t id_size, mbedtls_ssl_session *session)
{
	struct compat_cache *cache = argument;

	if (!cache->filled || id_size > sizeof(session->MBEDTLS_PRIVATE(id)))
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	*session = cache->session;
	session->MBEDTLS_PRIVATE(id_len) = id_size;
	memcpy(session->MBEDTLS_PRIVATE(id), id, id_size);
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

/* What the library hands out as it derives keys. */
struct compat_secrets {
	compat_secret_log log; /* NULL: none */
	void *argument;
};

/* NULL for what has no place in a key log. */
static inline const char *compat_secret_label(mbedtls_ssl_key_export_type type)
{
	switch (type) {
	case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
		return "CLIENT_RANDOM";
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_EARLY_SECRET:
		return "CLIENT_EARLY_TRAFFIC_SECRET";
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_EARLY_EXPORTER_SECRET:
		return "EARLY_EXPORTER_SECRET";
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
		return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
		return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
		return "CLIENT_TRAFFIC_SECRET_0";
	case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
		return "SERVER_TRAFFIC_SECRET_0";
#endif
	default:
		return NULL;
	}
}

static inline void compat_on_keys(void *argument, mbedtls_ssl_key_export_type type, const unsigned char *secret,
	size_t size, const unsigned char client_random[COMPAT_RANDOM_SIZE],
	const unsigned char server_random[COMPAT_RANDOM_SIZE], mbedtls_tls_prf_types prf)
{
	const struct compat_secrets *secrets = argument;
	const char *label = compat_secret_label(type);

	(void)server_random, (void)prf;
	if (label != NULL)
		secrets->log(secrets->argument, label, client_random, secret, size);
}

static inline void compat_watch_secrets(
	mbedtls_ssl_context *ssl, mbedtls_ssl_config *config, struct compat_secrets *secrets)
{
	(void)config;
	if (secrets->log != NULL)
		mbedtls_ssl_set_export_keys_cb(ssl, compat_on_keys, secrets);
}

static inline int compat_export_keys(mbedtls_ssl_context *ssl, const struct compat_secrets *secrets,
	const struct unitls_exporter_params *params, uint8_t *ret_bytes, size_t size)
{
	(void)secrets;
#if defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
	return mbedtls_ssl_export_keying_material(ssl, ret_bytes, size, params->label, params->label_size,
		params->context.data, params->context.size, params->has_context);
#else
	(void)ssl, (void)params, (void)ret_bytes, (void)size;
	return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
}

#endif

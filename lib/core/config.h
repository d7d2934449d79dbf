/*
 * The inside of configurations: one plain struct of settings, which both roles' configurations and the builder hold.
 * Settings are immutable once they are inside a configuration.
 */
#ifndef UNITLS_CORE_CONFIG_H
#define UNITLS_CORE_CONFIG_H

#include <stdatomic.h>

#include <unitls/config.h>

struct unitls_settings {
	uint16_t min_version; /* as set: may be UNITLS_TLS_MINIMUM_SUPPORTED or _MAXIMUM_SUPPORTED */
	uint16_t max_version;
	uint16_t *cipher_suites;
	size_t n_cipher_suites;
	struct unitls_bytes *alpn; /* each name's bytes are owned */
	size_t n_alpn;
	enum unitls_alpn_policy alpn_policy;
	struct unitls_trust_store *trust_store; /* NULL: none was set */
	struct unitls_signing_chain **chains;
	size_t n_chains;
	enum unitls_client_auth client_auth;
	enum unitls_sni_policy sni_policy;
	unitls_hello_callback hello_callback;
	void *hello_argument;
	size_t identity_cache;
	bool session_tickets;
	struct unitls_ticket_keys *ticket_keys; /* NULL: the context makes its own */
	uint16_t *groups;
	size_t n_groups;
	uint16_t *signature_schemes;
	size_t n_signature_schemes;
	struct unitls_crl_list *crls; /* NULL: none */
	enum unitls_ocsp ocsp;
	unitls_key_log_callback key_log; /* insecure.h */
	void *key_log_argument;
	unitls_clock clock;
	void *clock_argument;
	bool skip_verification; /* insecure.h */
};

struct unitls_client_config {
	atomic_size_t references;
	struct unitls_settings settings;
	uint8_t digest[UNITLS_DIGEST_SIZE];
};

struct unitls_server_config {
	atomic_size_t references;
	struct unitls_settings settings;
	uint8_t digest[UNITLS_DIGEST_SIZE];
};

#endif

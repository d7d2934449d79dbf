/*
 * What is wanted of TLS, apart from how: immutable, reference-counted client and server configurations, made by a builder.
 *
 * A builder holds every setting at its default; the PEP's update() is a builder started from a configuration. Setters copy or take
 * references of their own. A setter fails (UNITLS_ERROR) only without memory or for a value that can never be legal; the failure is also
 * remembered and comes again from the build function, so that a chain of setters may be checked once, there.
 *
 * Field names, as used in errors and diagnostics: "min_version", "max_version", "ciphers", "alpn", "alpn_policy", "trust_store",
 * "certificate", "key", "client_auth", "verify", "sni_policy", "hello_callback", "identity_cache", "session_tickets", "ticket_keys", "groups",
 * "signature_schemes", "crls", "ocsp", "ocsp_response", "key_log", "clock".
 */
#ifndef UNITLS_CONFIG_H
#define UNITLS_CONFIG_H

#include <unitls/client_hello.h>
#include <unitls/crl.h>
#include <unitls/error.h>
#include <unitls/group.h>
#include <unitls/signature_scheme.h>
#include <unitls/signing_chain.h>
#include <unitls/ticket_keys.h>
#include <unitls/trust_store.h>

#define UNITLS_DIGEST_SIZE            32
#define UNITLS_IDENTITY_CACHE_DEFAULT 1024
#define UNITLS_CIPHER_LIST_MAX        128
#define UNITLS_GROUP_LIST_MAX         32
#define UNITLS_SCHEME_LIST_MAX        32
#define UNITLS_ALPN_COUNT_MAX         256

/* What a server asks of the client's certificate. */
enum unitls_client_auth {
	UNITLS_CLIENT_AUTH_NONE,
	UNITLS_CLIENT_AUTH_OPTIONAL, /* asked for; absent is fine, a bad one is refused */
	UNITLS_CLIENT_AUTH_REQUIRED,
};

/* When no ALPN protocol is common to both. */
enum unitls_alpn_policy {
	UNITLS_ALPN_REFUSE, /* server: no_application_protocol (RFC 7301, 3.2). The default */
	UNITLS_ALPN_GO_ON,  /* go on without a protocol */
};

/* When the client's server name fits no signing chain. */
enum unitls_sni_policy {
	UNITLS_SNI_DEFAULT, /* the first chain answers. The default */
	UNITLS_SNI_STRICT,  /* unrecognized_name (RFC 6066, 3), also for a client that sent no name */
};

/* What a client wants to know of its server's revocation by a stapled OCSP response (RFC 6066, 8). */
enum unitls_ocsp {
	UNITLS_OCSP_NONE, /* nothing is asked for. The default */
	/* Asked for; what comes is handed out unread, and refused when the backend can read it (UNITLS_CAP_OCSP_VERIFY) and it says revoked. */
	UNITLS_OCSP_REQUEST,
	UNITLS_OCSP_REQUIRE, /* and without a current staple that says good the server is refused. Needs UNITLS_CAP_OCSP_VERIFY */
};

struct unitls_config_builder;
struct unitls_client_config;
struct unitls_server_config;

/* Seconds since 1970-01-01 UTC; called from any thread that uses the context. */
typedef int64_t (*unitls_clock)(void *argument);
/* One line of a key log, without its newline; secret. Called from any thread that uses the context. */
typedef void (*unitls_key_log_callback)(void *argument, const char *line);

UNITLS_BEGIN_DECLS

/* An empty builder, or one started from a configuration. NULL when there is no memory. */
UNITLS_API UNITLS_MUST_CHECK struct unitls_config_builder *unitls_config_builder_new(void);
UNITLS_API UNITLS_MUST_CHECK struct unitls_config_builder *unitls_config_builder_from_client(
	const struct unitls_client_config *config);
UNITLS_API UNITLS_MUST_CHECK struct unitls_config_builder *unitls_config_builder_from_server(
	const struct unitls_server_config *config);
UNITLS_API void unitls_config_builder_free(struct unitls_config_builder *builder);

/* Versions: wire numbers, or UNITLS_TLS_MINIMUM_SUPPORTED / _MAXIMUM_SUPPORTED. Default: TLS 1.2 to the maximum. */
UNITLS_API int unitls_config_builder_set_min_version(struct unitls_config_builder *builder, uint16_t version);
UNITLS_API int unitls_config_builder_set_max_version(struct unitls_config_builder *builder, uint16_t version);
/*
 * Cipher suites in order of preference, TLS 1.2 and 1.3 in one list; a server prefers its own order. A list with suites of one version
 * only leaves the other version's at the backend's default. n = 0: the backend's defaults for both (the default), which a backend
 * restricts to suites with forward secrecy and authenticated encryption. Up to UNITLS_CIPHER_LIST_MAX; an unknown number is an error.
 */
UNITLS_API int unitls_config_builder_set_cipher_suites(
	struct unitls_config_builder *builder, const uint16_t *suites, size_t n);
/* ALPN protocols in order of preference; the server's order wins (RFC 7301, 3.2). n = 0: no ALPN (the default). */
UNITLS_API int unitls_config_builder_set_alpn(
	struct unitls_config_builder *builder, const struct unitls_bytes *names, size_t n);
UNITLS_API int unitls_config_builder_set_alpn_policy(
	struct unitls_config_builder *builder, enum unitls_alpn_policy policy);
/* Whom to trust. A client without a store trusts nobody; a server needs one when it asks for client certificates. */
UNITLS_API int unitls_config_builder_set_trust_store(
	struct unitls_config_builder *builder, struct unitls_trust_store *store);
/* Adds an identity. A server needs one at least, the first is its default; a client takes at most one. */
UNITLS_API int unitls_config_builder_add_signing_chain(
	struct unitls_config_builder *builder, struct unitls_signing_chain *chain);
UNITLS_API int unitls_config_builder_clear_signing_chains(struct unitls_config_builder *builder);
/* Server only. */
UNITLS_API int unitls_config_builder_set_client_auth(
	struct unitls_config_builder *builder, enum unitls_client_auth auth);
UNITLS_API int unitls_config_builder_set_sni_policy(
	struct unitls_config_builder *builder, enum unitls_sni_policy policy);
UNITLS_API int unitls_config_builder_set_hello_callback(
	struct unitls_config_builder *builder, unitls_hello_callback callback, void *argument);
/* Server only: native contexts kept at most, least recently used out (1 and up; default UNITLS_IDENTITY_CACHE_DEFAULT). */
UNITLS_API int unitls_config_builder_set_identity_cache(struct unitls_config_builder *builder, size_t limit);
/* Server only: whether session tickets are issued and accepted; never where client certificates are asked for. Default: true. */
UNITLS_API int unitls_config_builder_set_session_tickets(struct unitls_config_builder *builder, bool enabled);
/*
 * Server only: what tickets are sealed with, shared with whoever else has it. NULL (the default): keys that the context makes itself, which never leave
 * it. Configurations are equal only if they share the object.
 */
UNITLS_API int unitls_config_builder_set_ticket_keys(
	struct unitls_config_builder *builder, struct unitls_ticket_keys *keys);
/*
 * Groups of the key exchange, and signature schemes (what is signed with and what is accepted of the peer), in order of preference. n = 0: whatever the
 * library has by default, now and in its next version (the default; do not freeze what you need not). Up to UNITLS_GROUP_LIST_MAX and
 * UNITLS_SCHEME_LIST_MAX; an unknown number is an error.
 */
UNITLS_API int unitls_config_builder_set_groups(
	struct unitls_config_builder *builder, const uint16_t *groups, size_t n);
UNITLS_API int unitls_config_builder_set_signature_schemes(
	struct unitls_config_builder *builder, const uint16_t *schemes, size_t n);
/* Revocation lists for the peer's certificates (<unitls/crl.h> has the rule). NULL: none is looked at (the default). */
UNITLS_API int unitls_config_builder_set_crls(struct unitls_config_builder *builder, struct unitls_crl_list *crls);
/* Client only. */
UNITLS_API int unitls_config_builder_set_ocsp(struct unitls_config_builder *builder, enum unitls_ocsp ocsp);
/* The time that certificates are judged by. NULL: the system's clock (the default). */
UNITLS_API int unitls_config_builder_set_clock(
	struct unitls_config_builder *builder, unitls_clock clock, void *argument);

/*
 * Makes the immutable configuration; the builder stays usable. UNITLS_ERROR, class CONFIG, with the field: minimum above maximum, a
 * setting of the other role, a server without a signing chain, client_auth without a trust store, two chains for a client.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_config_builder_build_client(const struct unitls_config_builder *builder,
	struct unitls_client_config **ret_config, struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_config_builder_build_server(const struct unitls_config_builder *builder,
	struct unitls_server_config **ret_config, struct unitls_error *error);

UNITLS_API struct unitls_client_config *unitls_client_config_ref(struct unitls_client_config *config);
UNITLS_API void unitls_client_config_unref(struct unitls_client_config *config);
UNITLS_API struct unitls_server_config *unitls_server_config_ref(struct unitls_server_config *config);
UNITLS_API void unitls_server_config_unref(struct unitls_server_config *config);

/* SHA-256 over the normalised contents: equal digest = equal meaning. UNITLS_DIGEST_SIZE octets, lent. */
UNITLS_API const uint8_t *unitls_client_config_digest(const struct unitls_client_config *config);
UNITLS_API const uint8_t *unitls_server_config_digest(const struct unitls_server_config *config);
UNITLS_API bool unitls_client_config_equal(
	const struct unitls_client_config *a, const struct unitls_client_config *b);
UNITLS_API bool unitls_server_config_equal(
	const struct unitls_server_config *a, const struct unitls_server_config *b);

/* The signing chains of a server configuration, in order; lent, NULL past the end. */
UNITLS_API struct unitls_signing_chain *unitls_server_config_signing_chain_at(
	const struct unitls_server_config *config, size_t i);

UNITLS_END_DECLS

#endif

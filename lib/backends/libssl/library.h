/*
 * What OpenSSL and BoringSSL do each in its own way. This folder is what they do alike: its files are compiled into both modules, each time against
 * that library's headers, and without a question which of the two it is. What is declared here is defined in the module's own folder.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_LIBRARY_H
#define UNITLS_BACKENDS_LIBSSL_LIBRARY_H

#include <openssl/ssl.h>

#include "core/backend.h"

/* One of libssl's reasons (SSL_R_) in the terms of the contract. */
struct libssl_reason_rule {
	int reason;
	enum unitls_error_class error_class;
	int alert; /* counts only where the library sends none */
	enum unitls_verify_reason verify_reason;
};

#define LIBSSL_REASON(id, class_id, alert_id, verify_id)                                                      \
	{                                                                                                     \
		SSL_R_##id, UNITLS_ERROR_CLASS_##class_id, UNITLS_ALERT_##alert_id, UNITLS_VERIFY_##verify_id \
	}

/* One of its verification errors (X509_V_ERR_). */
struct libssl_native_reason {
	int native_code;
	enum unitls_verify_reason reason;
};

#define LIBSSL_NATIVE(id, reason)                       \
	{                                               \
		X509_V_ERR_##id, UNITLS_VERIFY_##reason \
	}

struct libssl_library {
	const char *name;   /* the backend's, in error records */
	const char *title;  /* the library's, in texts */
	const char *policy; /* who decides on the default suites, in texts */
	/*
	 * A reason that is not in the table is PROTOCOL when an alert was sent and INTERNAL when none was (or internal_error), so it holds only what
	 * that rule would get wrong.
	 */
	const struct libssl_reason_rule *reason_rules;
	size_t n_reason_rules;
	/* A code that is not in the table is OTHER. */
	const struct libssl_native_reason *native_reasons;
	size_t n_native_reasons;
};

extern const struct libssl_library libssl_library;

/* Contexts ------------------------------------------------------------------------------------------------------------------ */

/* Whether a TLS 1.2 suite is used without a list of the configuration's: forward secrecy and authenticated encryption. */
bool libssl_is_default_suite(const SSL_CIPHER *cipher, enum unitls_role role);
/* Sets the TLS 1.3 suites, by names with colons between; false: refused. */
bool libssl_set_suites_1_3(SSL_CTX *ctx, const char *names);
/* Whatever else of ctx must not be as the library makes it. UNITLS_ERROR with the reason. */
int libssl_setup(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error);

/* Makes a server context seal its tickets with the source of its libssl_context. False: tickets are forbidden here. */
bool libssl_setup_tickets(SSL_CTX *ctx);
/* IANA numbers, in order of preference; false: refused. */
bool libssl_set_groups(SSL_CTX *ctx, const uint16_t *groups, size_t n);
bool libssl_set_signature_schemes(SSL_CTX *ctx, const uint16_t *schemes, size_t n);
/* Staples: a server's own is in its libssl_context, a client asks. False: refused. */
bool libssl_setup_ocsp(SSL_CTX *ctx, const struct unitls_context_params *params);
/*
 * The traditional encrypted PEM: Proc-Type and DEK-Info headers over PKCS#1 or SEC1. password: NULL when there is none, wiped by the caller. Class CONFIG,
 * field "key", or MEMORY.
 */
int libssl_key_from_pem(BIO *bio, char *password, EVP_PKEY **ret_key, struct unitls_error *error);

/* Makes a context sign with an external key. UNITLS_ERROR with the field "key". */
int libssl_setup_external_key(SSL_CTX *ctx, const struct unitls_external_key *key, struct unitls_error *error);

/* Verification -------------------------------------------------------------------------------------------------------------- */

/* What the library's verification has no eye for: judges a chain that it has just accepted. NONE, or why not and at which depth. */
enum unitls_verify_reason libssl_judge_chain(X509_STORE_CTX *store, int *ret_depth);

/* Connections ---------------------------------------------------------------------------------------------------------------- */

struct libssl_connection;

/* SSL_do_handshake, in which an external key may be asked. */
int libssl_handshake(struct libssl_connection *connection);
/* Whether that is why it did not end. */
bool libssl_is_waiting(SSL *ssl, int result);
/* Ends what waits for a signature, before the connection is freed. */
void libssl_abandon(struct libssl_connection *connection);
/* SSL_new, with what the library is to give back early. NULL: no memory. */
SSL *libssl_new(SSL_CTX *ctx);
bool libssl_set_server_name(SSL *ssl, const char *name);
/* Whether a code says that a record could not be decrypted, which can be an alert in the clear: true only where the library cannot read such. */
bool libssl_is_undecryptable(uint32_t code);
/* Whether nothing was sent yet under a key, so that an alert of ours can go out in the clear. */
bool libssl_is_in_the_clear(const SSL *ssl);
/*
 * Judges a handshake that the library takes for complete: UNITLS_ALERT_NONE, or the alert that was sent, with *ret_why (a constant).
 */
int libssl_judge_handshake(SSL *ssl, const char **ret_why);
/* As SSL_read_ex and SSL_write_ex: 1, or a result for SSL_get_error. */
int libssl_read(SSL *ssl, uint8_t *buffer, size_t size, size_t *ret_n);
int libssl_write(SSL *ssl, const uint8_t *data, size_t size, size_t *ret_n);
/*
 * Finishes a message of the library's own (the answer to a KeyUpdate) that waits for room or for the next write. 1, also when it can not be finished
 * because it waits for the rest of a message of the peer's: the call that follows says so. Else a result for SSL_get_error.
 */
int libssl_finish_own_message(SSL *ssl);
/* Calls add for each certificate of the peer, leaf first. */
int libssl_peer_chain(const SSL *ssl, int (*add)(void *argument, struct unitls_bytes der), void *argument);
/* Fills group, signature_scheme and extended_master_secret; version and resumed are there. */
void libssl_negotiated(SSL *ssl, struct unitls_connection_info *ret_info);
/* The staple that came; {NULL, 0} when none did. */
struct unitls_bytes libssl_ocsp_response(SSL *ssl);
/* A session from the bytes that i2d_SSL_SESSION made; NULL when they are none. */
SSL_SESSION *libssl_session_read(SSL *ssl, struct unitls_bytes bytes);
/* Sends a KeyUpdate, now or with the next write. 1, or a result for SSL_get_error. */
int libssl_update_keys(SSL *ssl, bool request);

#endif

/*
 * A native connection: one SSL over the core's transport.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_CONNECTION_H
#define UNITLS_BACKENDS_LIBSSL_CONNECTION_H

#include <openssl/ssl.h>

#include "backends/libssl/bio.h"
#include "backends/libssl/signature.h"
#include "backends/libssl/verify.h"
#include "core/backend.h"

struct libssl_context;

struct libssl_connection {
	SSL *ssl;
	const struct libssl_context *context; /* outlives it */
	SSL_SESSION *session;                 /* client: the newest that can be resumed; NULL = none */
	struct libssl_signature signature;    /* of an external key */
	bool abandoned;                       /* being freed: nobody waits for a signature */
	struct libssl_pipe pipe;
	const struct unitls_peer_name *peer_name; /* NULL on a server */
	struct unitls_bytes alpn_selected;
	int alert_sent; /* the fatal alert that went out; UNITLS_ALERT_NONE */
	struct libssl_verdict verdict;
};

/* To be called when the module is initialised, once. */
int libssl_connection_init(struct unitls_error *error);

/* Callbacks that a context installs. */
void libssl_connection_on_key_log(const SSL *ssl, const char *line);
void libssl_connection_on_info(const SSL *ssl, int where, int value);
int libssl_connection_on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
	const unsigned char *offered, unsigned offered_size, void *argument);

/* Slots of the table: core/backend.h. */
int libssl_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void libssl_connection_free(void *connection);
int libssl_connection_handshake(void *connection, struct unitls_error *error);
int libssl_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int libssl_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int libssl_connection_shutdown(void *connection, struct unitls_error *error);
size_t libssl_connection_pending(const void *connection);
void libssl_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int libssl_connection_export_keys(void *connection, const struct unitls_exporter_params *params,
	uint8_t *ret_bytes, size_t size, struct unitls_error *error);
int libssl_connection_update_keys(void *connection, bool request, struct unitls_error *error);
struct unitls_bytes libssl_connection_ocsp_response(const void *connection);
int libssl_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

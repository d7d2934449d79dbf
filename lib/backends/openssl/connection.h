/*
 * A native connection: one SSL over the core's transport.
 */
#ifndef UNITLS_BACKENDS_OPENSSL_CONNECTION_H
#define UNITLS_BACKENDS_OPENSSL_CONNECTION_H

#include <openssl/ssl.h>

#include "backends/openssl/verify.h"
#include "core/backend.h"

struct openssl_connection {
	SSL *ssl;
	struct unitls_transport *transport;
	const struct unitls_peer_name *peer_name; /* NULL on a server */
	struct unitls_bytes alpn_selected;
	int alert_sent; /* the fatal alert that went out; UNITLS_ALERT_NONE */
	struct openssl_verdict verdict;
};

/* To be called when the module is initialised, once. */
int openssl_connection_init(struct unitls_error *error);

/* Callbacks that a context installs. */
void openssl_connection_on_info(const SSL *ssl, int where, int value);
int openssl_connection_on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
	const unsigned char *offered, unsigned offered_size, void *argument);

/* Slots of the table: core/backend.h. */
int openssl_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void openssl_connection_free(void *connection);
int openssl_connection_handshake(void *connection, struct unitls_error *error);
int openssl_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int openssl_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int openssl_connection_shutdown(void *connection, struct unitls_error *error);
size_t openssl_connection_pending(const void *connection);
void openssl_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int openssl_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

/*
 * One connection: an engine between the transport's buffers and the core.
 */
#ifndef UNITLS_BACKEND_BEARSSL_CONNECTION_H
#define UNITLS_BACKEND_BEARSSL_CONNECTION_H

#include "backends/bearssl/engine.h"

#include <unitls/alpn.h>

struct bear_connection {
	const struct bear_context *context;
	struct unitls_transport *transport;
	const char *server_name;
	struct bear_engine engine;
	struct bear_verifier verifier;
	char alpn[UNITLS_ALPN_NAME_MAX + 1]; /* server: the one answer */
	const char *alpn_answer[1];
	bool closing; /* close_notify was asked of the engine */
};

int bear_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void bear_connection_free(void *connection);
int bear_connection_handshake(void *connection, struct unitls_error *error);
int bear_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int bear_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int bear_connection_shutdown(void *connection, struct unitls_error *error);
size_t bear_connection_pending(const void *connection);
void bear_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int bear_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

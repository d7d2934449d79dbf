/*
 * A native connection over the core's transport.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CONNECTION_H
#define UNITLS_BACKEND_WOLFSSL_CONNECTION_H

#include "backends/wolfssl/chain.h"
#include "backends/wolfssl/context.h"
#include "backends/wolfssl/io.h"
#include "core/backend.h"

#include <unitls/alpn.h>

/* Copies of what the peer sent, its own certificate first. */
struct wolf_peer_chain {
	struct unitls_bytes certificates[WOLF_CHAIN_MAX];
	size_t n;
};

struct wolf_connection {
	WOLFSSL *ssl;
	const struct wolf_context *context;
	const struct unitls_peer_name *peer_name;
	struct wolf_io io;
	struct wolf_verdict verdict;
	struct wolf_peer_chain peer_chain;
	bool judged; /* the peer's own certificate was verified */
	int refused; /* the alert with which the module ended the connection from within a callback; UNITLS_ALERT_NONE */
	bool unsigned_by_key; /* the external key did not sign */
	bool hello_read;      /* server: what the hello asks for beside the library was looked at */
	bool established;
	bool closing;                       /* close_notify was handed to the library */
	int ended;                          /* UNITLS_EOF, sticky; 0 before */
	struct unitls_connection_info info; /* kept: the library forgets it when both sides have closed */
	uint8_t alpn[UNITLS_ALPN_NAME_MAX];
};

int wolf_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void wolf_connection_free(void *connection);
/* The library's callbacks before a client answers a CertificateRequest. */
int wolf_connection_on_request(WOLFSSL *ssl, void *unused);
int wolf_connection_on_request_without(WOLFSSL *ssl, WOLFSSL_X509 **unused, WOLFSSL_EVP_PKEY **unused_key);
int wolf_connection_handshake(void *connection, struct unitls_error *error);
int wolf_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int wolf_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int wolf_connection_shutdown(void *connection, struct unitls_error *error);
size_t wolf_connection_pending(const void *connection);
void wolf_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int wolf_connection_export_keys(void *connection, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error);
int wolf_connection_update_keys(void *connection, bool request, struct unitls_error *error);
int wolf_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

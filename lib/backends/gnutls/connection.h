/*
 * A native connection: one session over the core's transport.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_CONNECTION_H
#define UNITLS_BACKENDS_GNUTLS_CONNECTION_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "backends/gnutls/context.h"
#include "backends/gnutls/transport.h"
#include "backends/gnutls/verify.h"
#include "core/backend.h"

struct gtls_connection {
	gnutls_session_t session;
	const struct gtls_context *context;
	struct gtls_transport transport;
	const struct unitls_peer_name *peer_name;
	struct gtls_verdict verdict;
	bool started;     /* a server: the hello was read and the suite chosen */
	bool established; /* the handshake is complete */
	bool closing;     /* close_notify was made */
	bool refused_hello; /* a server: the library still holds the ClientHello of a renegotiation that was refused */
	size_t last_use; /* how many records there were when one brought something */
	int ended;       /* the end that reading has met; 0 = none */
};

/* Callbacks that the credentials install. */
int gtls_connection_on_verify(gnutls_session_t session);
int gtls_connection_on_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_n_ocsp,
	gnutls_privkey_t *ret_key, unsigned *ret_flags);

/* Slots of the table: core/backend.h. */
int gtls_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void gtls_connection_free(void *connection);
int gtls_connection_handshake(void *connection, struct unitls_error *error);
int gtls_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int gtls_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int gtls_connection_shutdown(void *connection, struct unitls_error *error);
size_t gtls_connection_pending(const void *connection);
void gtls_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int gtls_connection_export_keys(void *connection, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error);
int gtls_connection_update_keys(void *connection, bool request, struct unitls_error *error);
struct unitls_bytes gtls_connection_ocsp_response(const void *connection);
int gtls_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

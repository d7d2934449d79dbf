/*
 * A native connection over the core's transport.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_CONNECTION_H
#define UNITLS_BACKEND_MBEDTLS_CONNECTION_H

#include "backends/mbedtls/context.h"
#include "backends/mbedtls/negotiated.h"
#include "backends/mbedtls/records.h"
#include "backends/mbedtls/tickets.h"
#include <unitls/alpn.h>

/* What verification found; the first and most serious thing wins. */
struct mbed_verdict {
	enum unitls_verify_reason reason;
	int depth;
	int n_seen;               /* certificates that have been through the callback */
	mbedtls_x509_crt *issuer; /* of the next; only while the library verifies */
	bool leaf_judged;         /* the peer's own certificate has been through the callback */
};

struct mbed_connection {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config
		config; /* copy of the context's: the ALPN answer and the callback's argument differ for each connection */
	const struct mbed_context *context;
	struct unitls_transport *transport;
	const struct unitls_peer_name *peer_name;
	const char *server_name;             /* client: NULL = none is sent */
	char alpn[UNITLS_ALPN_NAME_MAX + 1]; /* server: the answer */
	const char *alpn_list[2];
	int *suites; /* server: what of the context's list this client is to be given; NULL: all */
	bool fallback; /* server: the client said that a higher version had failed (noted where TLS 1.3 is possible) */
	bool hello_read; /* server */
	bool encrypts;   /* server, TLS 1.2: its ChangeCipherSpec is out */
	struct mbed_ticket ticket;
	bool offered;          /* client: a session is */
	bool offered_extended; /* with the extended master secret */
	bool has_ticket;       /* client, TLS 1.3: one has come on this connection */
	struct mbed_negotiated negotiated;
	struct compat_secrets secrets;
	struct mbed_verdict verdict;
	struct mbed_records sent;     /* framing of what the library writes */
	struct mbed_records received; /* framing of what it reads */
	size_t unsent;  /* bytes of a record that the library still holds because the transport was full */
	int alert_sent; /* by the library within this call: a number, or MBED_ALERT_NONE, or _HIDDEN */
	int step;       /* state of the library before the step of the handshake that is being made */
	bool starved;   /* within this call the library asked for bytes and there were none */
	bool full;      /* the handshake had certificates: nothing was resumed */
	bool established;
	bool closing; /* close_notify was handed to the library */
	int ended;    /* UNITLS_EOF or UNITLS_RAGGED_EOF, sticky; 0 before */
};

int mbed_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error);
void mbed_connection_free(void *connection);
int mbed_connection_handshake(void *connection, struct unitls_error *error);
int mbed_connection_read(
	void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
int mbed_connection_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
int mbed_connection_shutdown(void *connection, struct unitls_error *error);
size_t mbed_connection_pending(const void *connection);
void mbed_connection_info(const void *connection, struct unitls_connection_info *ret_info);
int mbed_connection_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

#endif

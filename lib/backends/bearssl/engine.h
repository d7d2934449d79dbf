/*
 * The engine of one connection: how it is set up, and what the library's interface to it lacks.
 */
#ifndef UNITLS_BACKEND_BEARSSL_ENGINE_H
#define UNITLS_BACKEND_BEARSSL_ENGINE_H

#include "backends/bearssl/context.h"
#include "backends/bearssl/verify.h"

#define BEAR_ALERT_RECORD_MAX 128

#define BEAR_CONTENT_CHANGE_CIPHER_SPEC 20
#define BEAR_CONTENT_ALERT              21
#define BEAR_CONTENT_APPLICATION_DATA   23

struct bear_engine {
	union {
		br_ssl_engine_context common; /* the first member of the other two */
		br_ssl_client_context client;
		br_ssl_server_context server;
	} ssl;
	struct bear_signer signer;
	uint8_t *buffers; /* NULL until it is started */
};

/* What an engine needs of its connection, lent for its life. */
struct bear_engine_params {
	const struct bear_context *context;
	struct bear_verifier *verifier;
	const char *server_name; /* client: SNI; NULL: none */
	const char **alpn;       /* terminated names */
	size_t n_alpn;
};

/* Makes it ready; a client then has its hello to send. 0; UNITLS_ERROR, without memory or randomness. */
int bear_engine_start(
	struct bear_engine *engine, const struct bear_engine_params *params, struct unitls_error *error);
/* Wipes it. */
void bear_engine_fini(struct bear_engine *engine);

/*
 * Makes the record of a fatal alert, encrypted where records are. The library has no call for it, and none of its own alerts for most failures. Returns its place
 * in buffer and its size.
 */
struct unitls_bytes bear_engine_alert(
	struct bear_engine *engine, int alert, uint8_t buffer[static BEAR_ALERT_RECORD_MAX]);
/* The content type of the last record whose header came. */
int bear_engine_record_type(const struct bear_engine *engine);
/* Whether the peer said in the handshake that it knows RFC 5746, without which others could splice in a renegotiation. */
bool bear_engine_is_renegotiation_safe(const struct bear_engine *engine);

static inline br_ssl_engine_context *bear_engine_native(struct bear_engine *engine)
{
	return &engine->ssl.common;
}

#endif

/*
 * Judging the peer's certificates, and keeping them.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_VERIFY_H
#define UNITLS_BACKEND_WOLFSSL_VERIFY_H

#include "backends/wolfssl/connection.h"

/* The library's verification callback; the argument of the connection is its struct wolf_connection. */
int wolf_verify_on_certificate(int verified, WOLFSSL_X509_STORE_CTX *store);
/*
 * To be called when the ServerHello may have been read: refuses a server that does not know RFC 5746, because somebody in between could renegotiate with it;
 * OpenSSL does, too. The library shows a client nothing of the ServerHello itself.
 */
void wolf_verify_server_hello(struct wolf_connection *connection);
/* Whether a completed handshake authenticated the peer as the context asks for. */
bool wolf_verify_is_complete(const struct wolf_connection *connection);

void wolf_peer_chain_fini(struct wolf_peer_chain *chain);

#endif

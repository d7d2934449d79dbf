/*
 * Judging the peer's certificates, and keeping them.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_VERIFY_H
#define UNITLS_BACKEND_WOLFSSL_VERIFY_H

#include "backends/wolfssl/connection.h"

/* The library's verification callback; the argument of the connection is its struct wolf_connection. */
int wolf_verify_on_certificate(int verified, WOLFSSL_X509_STORE_CTX *store);
/* Whether a completed handshake authenticated the peer as the context asks for. */
bool wolf_verify_is_complete(const struct wolf_connection *connection);

void wolf_peer_chain_fini(struct wolf_peer_chain *chain);

#endif

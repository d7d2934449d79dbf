/*
 * External private keys, by the library's PK callbacks: the signer has to answer at once.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_EXTERNAL_H
#define UNITLS_BACKEND_WOLFSSL_EXTERNAL_H

#include "backends/wolfssl/library.h"

struct unitls_external_key;
struct wolf_connection;

/* Makes a context ask its external key for every signature. 0, or the library's error. */
int wolf_external_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key);
/* The same for what only connections have. */
void wolf_external_attach(struct wolf_connection *connection);

#endif

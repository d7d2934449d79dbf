/*
 * Stands in for a private key that is elsewhere: wolfSSL 5.7 signs nothing in TLS 1.3, through callbacks neither, unless a key is there. It signs nothing itself,
 * and nothing that it would have signed verified.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_STAND_IN_H
#define UNITLS_BACKEND_WOLFSSL_STAND_IN_H

#include "backends/wolfssl/library.h"

struct unitls_external_key;

/* Gives the context a key of the external one's kind and size. 0, or the library's error. */
int wolf_stand_in_load(WOLFSSL_CTX *ctx, const struct unitls_external_key *key);

#endif

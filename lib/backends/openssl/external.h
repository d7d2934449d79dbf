/*
 * The provider for external keys, and the handshakes that wait for their signatures. A signer that answers later leaves the handshake in a job of the
 * library's (a stack of its own), which goes on when the handshake is called again.
 */
#ifndef UNITLS_BACKENDS_OPENSSL_EXTERNAL_H
#define UNITLS_BACKENDS_OPENSSL_EXTERNAL_H

#include "core/backend.h"

struct libssl_connection;

/* Adds the provider to the library's default context, where no algorithm of it is found but by its property; once per process. */
int openssl_external_init(struct unitls_error *error);
/* Whether handshakes can be left and resumed on this platform. */
bool openssl_external_can_wait(void);
/* The connection whose handshake this thread is in; NULL: none. */
struct libssl_connection *openssl_external_current(void);

#endif

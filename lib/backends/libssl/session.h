/*
 * Sessions of a client: the newest that the server gave, kept with the connection until it is asked for.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_SESSION_H
#define UNITLS_BACKENDS_LIBSSL_SESSION_H

#include <openssl/ssl.h>

#include "core/backend.h"

/* Makes a client context hand sessions to its connections. */
void libssl_session_setup(SSL_CTX *ctx);

/* Slots of the table: core/backend.h. */
int libssl_session_export(void *connection, int (*add)(void *argument, struct unitls_bytes session),
	void *argument, struct unitls_error *error);
int libssl_session_resume(void *connection, struct unitls_bytes session, struct unitls_error *error);

#endif

/*
 * A client's sessions as bytes.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_SESSION_H
#define UNITLS_BACKEND_MBEDTLS_SESSION_H

#include "backends/mbedtls/connection.h"

/* As unitls_backend_ops.session_export and .session_resume. */
int mbed_session_export(void *connection, int (*add)(void *argument, struct unitls_bytes session), void *argument,
	struct unitls_error *error);
int mbed_session_resume(void *connection, struct unitls_bytes session, struct unitls_error *error);
/*
 * Client, after the ServerHello: whether a session of TLS 1.2 was resumed although one of the two handshakes had the extended master secret and the other had
 * not (RFC 7627, 5.3: to be refused). The library does not look.
 */
bool mbed_session_is_mixed(const struct mbed_connection *connection);

#endif

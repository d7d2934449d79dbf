/*
 * Judging the peer's certificates.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_VERIFY_H
#define UNITLS_BACKEND_MBEDTLS_VERIFY_H

#include "backends/mbedtls/connection.h"

/* The library's verification callback; argument is the connection. Collects what is wrong and clears the library's flags. */
int mbed_verify_certificate(void *connection, mbedtls_x509_crt *crt, int depth, uint32_t *flags);
/* Whether these bytes, one or more certificates, hold a name constraints extension. */
bool mbed_verify_finds_name_constraints(struct unitls_bytes bytes);
/* A time of the library's in seconds since 1970. */
int64_t mbed_verify_seconds(const mbedtls_x509_time *moment);
/* To be asked after each step of the handshake: UNITLS_VERIFY_NONE to go on, else why the peer is refused. */
enum unitls_verify_reason mbed_verify_step(const struct mbed_connection *connection);
/* To be asked when the handshake is over: whether everything that had to be verified was. */
bool mbed_verify_complete(const struct mbed_connection *connection);

#endif

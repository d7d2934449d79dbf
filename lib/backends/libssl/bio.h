/*
 * A BIO over the core's transport: the library reads from and writes to the connection's ciphertext buffers, without a copy of its own.
 * Invariant: it never reports an end of file. At the end of the transport a read asks for more, and the caller looks at
 * unitls_transport_at_eof: it would otherwise answer a truncation with an alert and refuse further writes.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_BIO_H
#define UNITLS_BACKENDS_LIBSSL_BIO_H

#include <openssl/bio.h>

#include "core/backend.h"

#define LIBSSL_ALERT_RECORD_SIZE 7

/* What a BIO stands on: lives as long as it. */
struct libssl_pipe {
	struct unitls_transport *transport;
	uint8_t last[LIBSSL_ALERT_RECORD_SIZE]; /* the last bytes that the library read */
};

/* The alert, when the last record that the library read was a fatal one in the clear; else UNITLS_ALERT_NONE. Pure. */
int libssl_pipe_last_alert(const struct libssl_pipe *pipe);

/* Makes the method; NULL without memory. Kept for the life of the process. */
BIO_METHOD *libssl_bio_method_new(void);

/* A BIO of that method on pipe, which must outlive it. NULL without memory. */
BIO *libssl_bio_new(const BIO_METHOD *method, struct libssl_pipe *pipe);

#endif

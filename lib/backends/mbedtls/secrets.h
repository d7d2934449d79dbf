/*
 * Secrets that leave the library: lines of a key log, and exported keys.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_SECRETS_H
#define UNITLS_BACKEND_MBEDTLS_SECRETS_H

#include "backends/mbedtls/connection.h"

/* Before the handshake: the library will tell the keys that it derives. */
void mbed_secrets_watch(struct mbed_connection *connection);
/* As unitls_backend_ops.export_keys. */
int mbed_secrets_export(void *connection, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
	size_t size, struct unitls_error *error);

#endif

/* TLS contexts made from what the command line names. A failure is said on standard error. */

#ifndef UNITLS_BENCH_CREDENTIALS_H
#define UNITLS_BENCH_CREDENTIALS_H

#include <stdint.h>
#include <unitls/context.h>

/* By name; NULL: boringssl when it is there, else openssl. NULL after a message. */
struct unitls_backend *credentials_backend(const char *name);
/* Verifies the server by the authorities in the file. tls_version: this one only; 0: whatever the backend has. NULL after a message. */
struct unitls_client_context *credentials_client(
	struct unitls_backend *backend, const char *ca, uint16_t tls_version);
struct unitls_server_context *credentials_server(
	struct unitls_backend *backend, const char *certificate, const char *key);

#endif

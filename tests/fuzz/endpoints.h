/*
 * A server and clients of each backend, and what passes bytes between them, for the fuzz targets of connections. UNITLS_FUZZ_BACKEND=NAME gives all inputs
 * to one backend.
 */
#ifndef UNITLS_TESTS_FUZZ_ENDPOINTS_H
#define UNITLS_TESTS_FUZZ_ENDPOINTS_H

#include <unitls/unitls.h>

#define ENDPOINTS_MAX 6

/* Of one backend; all NULL where its library is not there. */
struct endpoints {
	struct unitls_server_context *server;   /* asks for client certificates */
	struct unitls_client_context *client;   /* verifies nothing */
	struct unitls_client_context *verifier; /* verifies all; TLS 1.2, where certificates come in the clear */
};

/* Ends the target: what was found is worth it. */
void require(bool condition);
/* Once: makes them. */
void endpoints_make(void);
/* Bits 0, 6 and 7 of an input's first byte say which; one that is not there is stood in for by the next. */
const struct endpoints *endpoints_choose(uint8_t byte);
/* Hands over what one side has to send. damage (NULL: none) is three bytes: where, big-endian, and what to flip. */
void endpoints_deliver(struct unitls_connection *from, struct unitls_connection *to, const uint8_t *damage);
/* Lets a connection do what it can. A status above 0, or the failure, which has a reason. */
int endpoints_run(struct unitls_connection *connection);
/* What a peer sends, in pieces of this size, until the connection fails, for good then. */
void endpoints_send(struct unitls_connection *to, const uint8_t *data, size_t size, size_t piece);

#endif

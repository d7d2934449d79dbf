/*
 * The priorities of a context: reference-counted, and one object for all contexts that ask for the same, because a server has a native
 * context for each signing chain and a priority takes 10 kB.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_PRIORITIES_H
#define UNITLS_BACKENDS_GNUTLS_PRIORITIES_H

#include <gnutls/gnutls.h>

#include "backends/gnutls/hello.h"
#include "core/backend.h"

struct gtls_priorities;

/* The one for these params, made or found. UNITLS_ERROR: class UNSUPPORTED, field "ciphers", or MEMORY. */
int gtls_priorities_get(const struct unitls_context_params *params, struct gtls_priorities **ret_priorities,
	struct unitls_error *error);
void gtls_priorities_unref(struct gtls_priorities *priorities);

/* What a client offers. */
gnutls_priority_t gtls_priorities_client(const struct gtls_priorities *priorities);
/*
 * What a server that signs with a key of this algorithm answers to a hello: the first suite of its list that the client can use and no other, so
 * that the list holds, which a priority cannot say. When there is none it is one that fails.
 */
gnutls_priority_t gtls_priorities_server(
	const struct gtls_priorities *priorities, const struct gtls_hello *hello, gnutls_pk_algorithm_t key);
/* Whether TLS 1.2 could be spoken with a key that may only decipher: a suite with RSA key transport is listed. */
bool gtls_priorities_have_key_transport(const struct gtls_priorities *priorities);

#endif

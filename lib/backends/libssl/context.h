/*
 * A native context: one SSL_CTX for one role and one identity, constant once built, shared by threads.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_CONTEXT_H
#define UNITLS_BACKENDS_LIBSSL_CONTEXT_H

#include <openssl/ssl.h>

#include "backends/libssl/verify.h"
#include "core/backend.h"

struct libssl_context {
	SSL_CTX *ctx;
	enum unitls_role role;
	struct libssl_verifier verifier;
	struct unitls_ticket_source *tickets;           /* server; NULL = none */
	enum unitls_ocsp ocsp;                          /* client */
	struct unitls_bytes ocsp_response;              /* server; owned */
	const struct unitls_external_key *external_key; /* NULL: the key is the library's */
	unitls_key_log_callback key_log;
	void *key_log_argument;
};

/* Slots of the table: core/backend.h. */
int libssl_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void libssl_context_free(void *context);

#endif

/*
 * A native context: what all connections of one role and one identity share. Constant once built, used by several threads at once.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_CONTEXT_H
#define UNITLS_BACKENDS_GNUTLS_CONTEXT_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "backends/gnutls/crl.h"
#include "backends/gnutls/identity.h"
#include "backends/gnutls/priorities.h"
#include "backends/gnutls/trust.h"
#include "core/backend.h"

struct gtls_context {
	enum unitls_role role;
	enum unitls_verify_mode verify;
	unitls_clock clock;
	void *clock_argument;
	struct gtls_priorities *priorities;
	struct gtls_trust *trust;
	struct gtls_identity identity;
	gnutls_datum_t *alpn; /* a client's offer; one block with the bytes */
	unsigned n_alpn;
	gnutls_datum_t ticket_key; /* size 0: no tickets */
	struct gtls_crls crls;
	enum unitls_ocsp ocsp;      /* client */
	gnutls_ocsp_data_st staple; /* server; response.size 0: none */
	unitls_key_log_callback key_log;
	void *key_log_argument;
};

/* Slots of the table: core/backend.h. */
int gtls_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void gtls_context_free(void *context);

#endif

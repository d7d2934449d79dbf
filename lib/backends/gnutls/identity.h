/*
 * What one side proves itself with: its certificates and the private key, read. Never asks anybody for a password, leaves no copy of the
 * bytes behind.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_IDENTITY_H
#define UNITLS_BACKENDS_GNUTLS_IDENTITY_H

#include <gnutls/abstract.h>

#include "core/backend.h"

struct gtls_identity {
	gnutls_pcert_st *chain; /* leaf first; NULL: none */
	unsigned n_chain;
	gnutls_privkey_t key;
	char *pin;                       /* of the token that the key is in; wiped by fini */
	gnutls_pk_algorithm_t algorithm; /* of the leaf's key */
};

/*
 * Reads chain and key of the params (nothing when there are none). UNITLS_ERROR: class CONFIG, field "certificate" or "key" (it does not belong to
 * the leaf, too), or MEMORY. Also after a failure it is to be finished by fini.
 */
int gtls_identity_init(
	struct gtls_identity *identity, const struct unitls_context_params *params, struct unitls_error *error);
void gtls_identity_fini(struct gtls_identity *identity);

/* Whether the leaf may sign. One without a key usage may do anything. */
bool gtls_identity_may_sign(const struct gtls_identity *identity);

#endif

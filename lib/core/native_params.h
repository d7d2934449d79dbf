/*
 * What native contexts of one context are built from: the settings in the form that backends take.
 */
#ifndef UNITLS_CORE_NATIVE_PARAMS_H
#define UNITLS_CORE_NATIVE_PARAMS_H

#include "core/backend.h"
#include "core/config.h"
#include "core/context.h"

struct unitls_native_params {
	enum unitls_role role;
	const struct unitls_backend_ops *ops;
	const struct unitls_settings *settings; /* lent; versions resolved */
	uint16_t *suites_1_2;
	size_t n_suites_1_2;
	uint16_t *suites_1_3;
	size_t n_suites_1_3;
	struct unitls_bytes *anchors;
	size_t n_anchors;
	struct unitls_bytes *crls;
	size_t n_crls;
	struct unitls_ticket_keys
		*ticket_keys; /* server: the configuration's, or made for this context; NULL = no tickets */
};

/* UNITLS_ERROR without memory (or, for ticket keys, randomness); then there is nothing to release. */
int unitls_native_params_init(struct unitls_native_params *params, enum unitls_role role,
	const struct unitls_backend_ops *ops, const struct unitls_settings *settings, struct unitls_error *error);
void unitls_native_params_fini(struct unitls_native_params *params);

/* Builds the native context of a signing chain (NULL: without one), with one reference. The error is the library's, with the backend's name. */
int unitls_identity_new(const struct unitls_native_params *params, struct unitls_signing_chain *chain,
	struct unitls_identity **ret_identity, struct unitls_error *error);

#endif

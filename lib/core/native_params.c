/*
 * Translates settings into what a backend builds a native context from. Copies no key: what is lent to the backend belongs to the settings.
 */
#include "core/native_params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/private_key.h"
#include "core/settings.h"
#include "core/ticket_keys.h"
#include <unitls/cipher_suite.h>

/* The suites of one version, in order; none when the version is not in use. */
static int copy_suites(
	const struct unitls_settings *settings, uint16_t version, uint16_t **ret_suites, size_t *ret_n)
{
	size_t n = 0;
	uint16_t *suites = calloc(settings->n_cipher_suites + 1, sizeof(*suites));

	if (!suites)
		return UNITLS_ERROR;
	for (size_t i = 0; i < settings->n_cipher_suites; i++)
		if (unitls_cipher_suite_version(settings->cipher_suites[i]) == version &&
			version >= settings->min_version && version <= settings->max_version)
			suites[n++] = settings->cipher_suites[i];
	*ret_suites = suites;
	*ret_n = n;
	return 0;
}

static enum unitls_verify_mode verify_mode(const struct unitls_settings *settings, enum unitls_role role)
{
	if (role == UNITLS_ROLE_CLIENT)
		return settings->skip_verification ? UNITLS_VERIFY_MODE_NONE : UNITLS_VERIFY_MODE_REQUIRED;
	switch (settings->client_auth) {
	case UNITLS_CLIENT_AUTH_NONE:
		return UNITLS_VERIFY_MODE_NONE;
	case UNITLS_CLIENT_AUTH_OPTIONAL:
		return UNITLS_VERIFY_MODE_OPTIONAL;
	case UNITLS_CLIENT_AUTH_REQUIRED:
		break;
	}
	return UNITLS_VERIFY_MODE_REQUIRED;
}

static int list_anchors(struct unitls_native_params *params)
{
	const struct unitls_trust_store *store = params->settings->trust_store;
	size_t n = store ? unitls_trust_store_count(store) : 0;

	if (n == 0 || verify_mode(params->settings, params->role) == UNITLS_VERIFY_MODE_NONE)
		return 0;
	params->anchors = calloc(n, sizeof(*params->anchors));
	if (!params->anchors)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n; i++)
		params->anchors[i] = unitls_certificate_der(unitls_trust_store_at(store, i));
	params->n_anchors = n;
	return 0;
}

static int list_crls(struct unitls_native_params *params)
{
	const struct unitls_crl_list *crls = params->settings->crls;
	size_t n = crls ? unitls_crl_list_count(crls) : 0;

	if (n == 0 || verify_mode(params->settings, params->role) == UNITLS_VERIFY_MODE_NONE)
		return 0;
	params->crls = calloc(n, sizeof(*params->crls));
	if (!params->crls)
		return UNITLS_ERROR;
	for (size_t i = 0; i < n; i++)
		params->crls[i] = unitls_crl_list_at(crls, i);
	params->n_crls = n;
	return 0;
}

/*
 * None where client certificates are asked for: a resumed session would not be verified again, and what the libraries keep of the client's chain in a ticket
 * differs.
 */
static int find_ticket_keys(struct unitls_native_params *params, struct unitls_error *error)
{
	const struct unitls_settings *settings = params->settings;

	if (params->role == UNITLS_ROLE_CLIENT || !settings->session_tickets ||
		settings->client_auth != UNITLS_CLIENT_AUTH_NONE)
		return 0;
	if (!settings->ticket_keys)
		return unitls_ticket_keys_new(&params->ticket_keys, error);
	params->ticket_keys = unitls_ticket_keys_ref(settings->ticket_keys);
	return 0;
}

int unitls_native_params_init(struct unitls_native_params *params, enum unitls_role role,
	const struct unitls_backend_ops *ops, const struct unitls_settings *settings, struct unitls_error *error)
{
	*params = (struct unitls_native_params){.role = role, .ops = ops, .settings = settings};
	if (copy_suites(settings, UNITLS_TLS_1_2, &params->suites_1_2, &params->n_suites_1_2) < 0 ||
		copy_suites(settings, UNITLS_TLS_1_3, &params->suites_1_3, &params->n_suites_1_3) < 0 ||
		list_anchors(params) < 0 || list_crls(params) < 0) {
		unitls_native_params_fini(params);
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	if (find_ticket_keys(params, error) < 0) {
		unitls_native_params_fini(params);
		return UNITLS_ERROR;
	}
	return 0;
}

void unitls_native_params_fini(struct unitls_native_params *params)
{
	free(params->suites_1_2);
	free(params->suites_1_3);
	free(params->anchors);
	free(params->crls);
	unitls_ticket_keys_unref(params->ticket_keys);
	*params = (struct unitls_native_params){.role = params->role};
}

/* Which certificates are sent and what signs for them. */
static void add_chain(struct unitls_context_params *native, const struct unitls_signing_chain *chain,
	struct unitls_bytes certificates[UNITLS_CHAIN_LENGTH_MAX])
{
	const struct unitls_private_key *key = unitls_signing_chain_key(chain);

	for (size_t i = 0; i < unitls_signing_chain_count(chain) && i < UNITLS_CHAIN_LENGTH_MAX; i++)
		certificates[native->n_chain++] = unitls_certificate_der(unitls_signing_chain_at(chain, i));
	native->chain = certificates;
	unitls_private_key_material(key, &native->key_format, &native->key, &native->password);
	native->external_key = unitls_private_key_external_part(key);
	if (native->role == UNITLS_ROLE_SERVER)
		native->ocsp_response = unitls_signing_chain_ocsp_response(chain);
}

static int build_native(
	const struct unitls_native_params *params, struct unitls_identity *identity, struct unitls_error *error)
{
	const struct unitls_settings *settings = params->settings;
	struct unitls_bytes certificates[UNITLS_CHAIN_LENGTH_MAX];
	struct unitls_context_params native = {
		.role = params->role,
		.min_version = settings->min_version,
		.max_version = settings->max_version,
		.suites_1_2 = params->suites_1_2,
		.n_suites_1_2 = params->n_suites_1_2,
		.suites_1_3 = params->suites_1_3,
		.n_suites_1_3 = params->n_suites_1_3,
		.alpn = settings->alpn,
		.n_alpn = settings->n_alpn,
		.verify = verify_mode(settings, params->role),
		.anchors = params->anchors,
		.n_anchors = params->n_anchors,
		.tickets = identity->tickets,
		.groups = settings->groups,
		.n_groups = settings->n_groups,
		.signature_schemes = settings->signature_schemes,
		.n_signature_schemes = settings->n_signature_schemes,
		.crls = params->crls,
		.n_crls = params->n_crls,
		.ocsp = settings->ocsp,
		.key_log = settings->key_log,
		.key_log_argument = settings->key_log_argument,
		.clock = settings->clock,
		.clock_argument = settings->clock_argument,
	};

	if (identity->chain)
		add_chain(&native, identity->chain, certificates);
	memcpy(native.scope, identity->scope, sizeof(native.scope));
	if (params->ops->context_new(&native, &identity->native, error) == 0)
		return 0;
	if (error->backend[0] == '\0')
		(void)snprintf(error->backend, sizeof(error->backend), "%s", params->ops->name);
	return UNITLS_ERROR;
}

/* All of an identity but its reference count. */
static int fill_identity(
	const struct unitls_native_params *params, struct unitls_identity *identity, struct unitls_error *error)
{
	if (unitls_settings_scope(
		    params->settings, params->role, params->ops->name, identity->chain, identity->scope) < 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (params->ticket_keys) {
		identity->tickets = unitls_ticket_source_new(params->ticket_keys, identity->scope);
		if (!identity->tickets)
			return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	}
	return build_native(params, identity, error);
}

static void free_identity(struct unitls_identity *identity)
{
	if (identity->native)
		identity->ops->context_free(identity->native);
	unitls_ticket_source_free(identity->tickets);
	unitls_signing_chain_unref(identity->chain);
	free(identity);
}

int unitls_identity_new(const struct unitls_native_params *params, struct unitls_signing_chain *chain,
	struct unitls_identity **ret_identity, struct unitls_error *error)
{
	struct unitls_error local = UNITLS_ERROR_INIT;
	struct unitls_identity *identity = calloc(1, sizeof(*identity));

	if (!identity)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	atomic_init(&identity->references, 1);
	identity->ops = params->ops;
	identity->chain = chain ? unitls_signing_chain_ref(chain) : NULL;
	if (fill_identity(params, identity, &local) < 0) {
		free_identity(identity);
		if (error && error->error_class == UNITLS_ERROR_CLASS_NONE)
			*error = local;
		return UNITLS_ERROR;
	}
	*ret_identity = identity;
	return 0;
}

void unitls_identity_unref(struct unitls_identity *identity)
{
	if (!identity || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
		return;
	free_identity(identity);
}

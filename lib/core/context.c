/*
 * Client and server contexts: a configuration, what is left of it for a backend, and the native contexts made of that. Whether a backend can do it is
 * validate.c's question, which identity answers a client identity.c's.
 */
#include "core/context.h"

#include <stdlib.h>

#include "core/identity.h"
#include "core/identity_cache.h"
#include "core/module.h"
#include "core/native_params.h"
#include "core/settings.h"
#include "core/validate.h"

/* What both roles have. */
struct basis {
	struct unitls_backend *backend;
	struct unitls_settings settings; /* those in use, versions resolved */
	struct unitls_native_params native;
};

struct unitls_client_context {
	atomic_size_t references;
	struct unitls_client_config *config;
	struct basis basis;
	struct unitls_identity *identity;
	struct unitls_counters counters;
};

struct unitls_server_context {
	atomic_size_t references;
	struct unitls_server_config *config;
	struct basis basis;
	struct unitls_identity_index *index;
	struct unitls_identity_cache *identities;
	struct unitls_counters counters;
};

static int basis_init(struct basis *basis, struct unitls_backend *backend, enum unitls_role role,
	const struct unitls_settings *settings, enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_error *error)
{
	basis->backend = backend;
	if (unitls_validate(settings, role, backend->ops, effort, diagnostics, &basis->settings, error) < 0)
		return UNITLS_ERROR;
	return unitls_native_params_init(&basis->native, role, backend->ops, &basis->settings, error);
}

static void basis_fini(struct basis *basis)
{
	unitls_native_params_fini(&basis->native);
	unitls_settings_fini(&basis->settings);
}

/*
 * Clients ------------------------------------------------------------------------------------------------------------------
 */

static int client_fill(struct unitls_client_context *context, struct unitls_backend *backend,
	enum unitls_effort effort, struct unitls_diagnostics *diagnostics, struct unitls_error *error)
{
	struct unitls_signing_chain *chain;

	if (basis_init(&context->basis, backend, UNITLS_ROLE_CLIENT, &context->config->settings, effort,
		    diagnostics, error) < 0)
		return UNITLS_ERROR;
	chain = context->basis.settings.n_chains > 0 ? context->basis.settings.chains[0] : NULL;
	return unitls_identity_new(&context->basis.native, chain, &context->identity, error);
}

int unitls_client_context_new(struct unitls_backend *backend, struct unitls_client_config *config,
	enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_client_context **ret_context, struct unitls_error *error)
{
	struct unitls_client_context *context = calloc(1, sizeof(*context));

	if (!context)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	atomic_init(&context->references, 1);
	context->config = unitls_client_config_ref(config);
	if (client_fill(context, backend, effort, diagnostics, error) < 0) {
		unitls_client_context_unref(context);
		return UNITLS_ERROR;
	}
	*ret_context = context;
	return 0;
}

struct unitls_client_context *unitls_client_context_ref(struct unitls_client_context *context)
{
	atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

void unitls_client_context_unref(struct unitls_client_context *context)
{
	if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
		return;
	unitls_identity_unref(context->identity);
	basis_fini(&context->basis);
	unitls_client_config_unref(context->config);
	free(context);
}

struct unitls_client_config *unitls_client_context_config(const struct unitls_client_context *context)
{
	return context->config;
}

struct unitls_backend *unitls_client_context_backend(const struct unitls_client_context *context)
{
	return context->basis.backend;
}

const struct unitls_settings *unitls_client_context_settings(const struct unitls_client_context *context)
{
	return &context->basis.settings;
}

struct unitls_identity *unitls_client_context_identity(struct unitls_client_context *context)
{
	atomic_fetch_add_explicit(&context->identity->references, 1, memory_order_relaxed);
	return context->identity;
}

struct unitls_counters *unitls_client_context_counters(struct unitls_client_context *context)
{
	return &context->counters;
}

static struct unitls_statistics read_counters(const struct unitls_counters *counters)
{
	return (struct unitls_statistics){
		.full = atomic_load_explicit(&counters->full, memory_order_relaxed),
		.resumed = atomic_load_explicit(&counters->resumed, memory_order_relaxed),
		.failed = atomic_load_explicit(&counters->failed, memory_order_relaxed),
		.offered = atomic_load_explicit(&counters->offered, memory_order_relaxed),
	};
}

void unitls_client_context_statistics(
	const struct unitls_client_context *context, struct unitls_statistics *ret_statistics)
{
	*ret_statistics = read_counters(&context->counters);
}

/*
 * Servers ------------------------------------------------------------------------------------------------------------------
 */

static int build_identity(
	void *argument, size_t chain, struct unitls_identity **ret_identity, struct unitls_error *error)
{
	const struct unitls_server_context *context = argument;

	return unitls_identity_new(
		&context->basis.native, context->basis.settings.chains[chain], ret_identity, error);
}

static int server_fill(struct unitls_server_context *context, struct unitls_backend *backend,
	enum unitls_effort effort, struct unitls_diagnostics *diagnostics, struct unitls_error *error)
{
	const struct unitls_settings *settings = &context->basis.settings;
	struct unitls_identity *first;

	if (basis_init(&context->basis, backend, UNITLS_ROLE_SERVER, &context->config->settings, effort,
		    diagnostics, error) < 0 ||
		unitls_identity_index_new(settings, backend->ops->capabilities(), &context->index, error) < 0 ||
		unitls_identity_cache_new(settings->n_chains, settings->identity_cache, build_identity, context,
			&context->identities, error) < 0 ||
		unitls_identity_cache_get(context->identities, 0, &first, error) < 0)
		return UNITLS_ERROR;
	unitls_identity_unref(first);
	return 0;
}

int unitls_server_context_new(struct unitls_backend *backend, struct unitls_server_config *config,
	enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_server_context **ret_context, struct unitls_error *error)
{
	struct unitls_server_context *context = calloc(1, sizeof(*context));

	if (!context)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	atomic_init(&context->references, 1);
	context->config = unitls_server_config_ref(config);
	if (server_fill(context, backend, effort, diagnostics, error) < 0) {
		unitls_server_context_unref(context);
		return UNITLS_ERROR;
	}
	*ret_context = context;
	return 0;
}

struct unitls_server_context *unitls_server_context_ref(struct unitls_server_context *context)
{
	atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

void unitls_server_context_unref(struct unitls_server_context *context)
{
	if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
		return;
	unitls_identity_cache_free(context->identities);
	unitls_identity_index_free(context->index);
	basis_fini(&context->basis);
	unitls_server_config_unref(context->config);
	free(context);
}

struct unitls_server_config *unitls_server_context_config(const struct unitls_server_context *context)
{
	return context->config;
}

struct unitls_backend *unitls_server_context_backend(const struct unitls_server_context *context)
{
	return context->basis.backend;
}

const struct unitls_settings *unitls_server_context_settings(const struct unitls_server_context *context)
{
	return &context->basis.settings;
}

struct unitls_counters *unitls_server_context_counters(struct unitls_server_context *context)
{
	return &context->counters;
}

void unitls_server_context_statistics(
	const struct unitls_server_context *context, struct unitls_statistics *ret_statistics)
{
	*ret_statistics = read_counters(&context->counters);
}

int unitls_server_context_prove(struct unitls_server_context *context, size_t i, struct unitls_error *error)
{
	const struct unitls_settings *settings = &context->basis.settings;
	struct unitls_identity *identity;

	if (i >= settings->n_chains)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "there is no signing chain %zu", i);
	if (unitls_identity_new(&context->basis.native, settings->chains[i], &identity, error) < 0)
		return UNITLS_ERROR;
	unitls_identity_unref(identity);
	return 0;
}

int unitls_server_context_select(const struct unitls_server_context *context,
	const struct unitls_client_hello *hello, struct unitls_selection *ret_selection,
	struct unitls_error *error)
{
	struct unitls_selection selection;

	if (unitls_identity_select(context->index, hello, &selection.chain, error) < 0 ||
		unitls_alpn_select(&context->basis.settings, hello, &selection.alpn_selected, error) < 0)
		return UNITLS_ERROR;
	*ret_selection = selection;
	return 0;
}

/* A failure here is not the peer's fault, nor the caller's at this moment: whatever the library says, it is reported as internal. */
int unitls_server_context_identity(struct unitls_server_context *context, size_t chain,
	struct unitls_identity **ret_identity, struct unitls_error *error)
{
	struct unitls_error local = UNITLS_ERROR_INIT;
	char label[UNITLS_CHAIN_LABEL_SIZE];

	if (unitls_identity_cache_get(context->identities, chain, ret_identity, &local) == 0)
		return 0;
	if (!error || error->error_class != UNITLS_ERROR_CLASS_NONE)
		return UNITLS_ERROR;
	unitls_chain_label(context->basis.settings.chains[chain], label);
	*error = local;
	error->error_class = UNITLS_ERROR_CLASS_NONE;
	return unitls_error_set_alert(error,
		local.error_class == UNITLS_ERROR_CLASS_MEMORY ? UNITLS_ERROR_CLASS_MEMORY
							       : UNITLS_ERROR_CLASS_INTERNAL,
		UNITLS_ALERT_INTERNAL_ERROR, "signing chain %zu (%s): %s", chain + 1, label, local.text);
}

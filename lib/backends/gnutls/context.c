/*
 * Building a native context: everything that can be refused is refused here, by field name.
 */
#include "backends/gnutls/context.h"

#include <stdlib.h>

#include "backends/gnutls/error.h"

static int check_usage(const struct gtls_context *context, struct unitls_error *error)
{
	const struct gtls_identity *identity = &context->identity;

	if (identity->n_chain == 0 || gtls_identity_may_sign(identity))
		return 0;
	if (context->role == UNITLS_ROLE_SERVER && identity->algorithm == GNUTLS_PK_RSA &&
		gtls_priorities_have_key_transport(context->priorities))
		return 0;
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "certificate",
		"GnuTLS does not sign with a key whose certificate does not allow signatures (key usage)");
}

/* The client's offer. */
static int copy_alpn(
	struct gtls_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = params->n_alpn * sizeof(*context->alpn);
	uint8_t *bytes;

	if (params->role == UNITLS_ROLE_SERVER || params->n_alpn == 0)
		return 0;
	for (size_t i = 0; i < params->n_alpn; i++)
		size += params->alpn[i].size;
	context->alpn = malloc(size);
	if (!context->alpn)
		return gtls_error_memory(error);
	bytes = (uint8_t *)(context->alpn + params->n_alpn);
	for (size_t i = 0; i < params->n_alpn; i++) {
		memcpy(bytes, params->alpn[i].data, params->alpn[i].size);
		context->alpn[i] = (gnutls_datum_t){bytes, (unsigned)params->alpn[i].size};
		bytes += params->alpn[i].size;
	}
	context->n_alpn = (unsigned)params->n_alpn;
	return 0;
}

/* The library derives the keys in use from this one and changes them with time, alike in all contexts that have it. */
static int make_ticket_key(
	struct gtls_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	if (!params->tickets)
		return 0;
	context->ticket_key.data = gnutls_malloc(UNITLS_TICKET_MASTER_SIZE);
	if (!context->ticket_key.data)
		return gtls_error_memory(error);
	context->ticket_key.size = UNITLS_TICKET_MASTER_SIZE;
	unitls_ticket_source_master(params->tickets, context->ticket_key.data);
	return 0;
}

static int copy_staple(
	struct gtls_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	struct unitls_bytes staple = params->ocsp_response;

	if (staple.size == 0)
		return 0;
	context->staple.response.data = malloc(staple.size);
	if (!context->staple.response.data)
		return gtls_error_memory(error);
	memcpy(context->staple.response.data, staple.data, staple.size);
	context->staple.response.size = (unsigned)staple.size;
	return 0;
}

static int fill(
	struct gtls_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	context->role = params->role;
	context->verify = params->verify;
	context->clock = params->clock;
	context->clock_argument = params->clock_argument;
	context->ocsp = params->ocsp;
	context->key_log = params->key_log;
	context->key_log_argument = params->key_log_argument;
	if (gtls_priorities_get(params, &context->priorities, error) < 0 ||
		gtls_trust_get(params, &context->trust, error) < 0 ||
		gtls_identity_init(&context->identity, params, error) < 0 || check_usage(context, error) < 0 ||
		copy_alpn(context, params, error) < 0 || make_ticket_key(context, params, error) < 0 ||
		copy_staple(context, params, error) < 0 || gtls_crls_init(&context->crls, params, error) < 0)
		return UNITLS_ERROR;
	return 0;
}

int gtls_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	struct gtls_context *context = calloc(1, sizeof(*context));

	if (!context)
		return gtls_error_memory(error);
	if (fill(context, params, error) < 0) {
		gtls_context_free(context);
		return UNITLS_ERROR;
	}
	*ret_context = context;
	return 0;
}

void gtls_context_free(void *argument)
{
	struct gtls_context *context = argument;

	if (!context)
		return;
	if (context->ticket_key.data) {
		gnutls_memset(context->ticket_key.data, 0, context->ticket_key.size);
		gnutls_free(context->ticket_key.data);
	}
	free(context->alpn);
	free(context->staple.response.data);
	gtls_crls_fini(&context->crls);
	gtls_identity_fini(&context->identity);
	gtls_trust_unref(context->trust);
	gtls_priorities_unref(context->priorities);
	free(context);
}

/*
 * Building a native context: everything that can be refused is refused here, by field name. Nothing is written afterwards, so threads share it without a lock.
 */
#include "backends/bearssl/context.h"

#include <stdlib.h>

#include "backends/bearssl/ciphers.h"
#include "backends/bearssl/error.h"

#define NAMES_BYTES_MAX 0xffff /* of authorities in a CertificateRequest (RFC 5246, 7.4.4) */

static int load_suites(
	struct bear_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	const uint16_t *suites = params->suites_1_2;
	size_t n = params->n_suites_1_2;

	if (n == 0)
		suites = bear_ciphers_default(&n);
	for (size_t i = 0; i < n && context->n_suites < BR_MAX_CIPHER_SUITES; i++) {
		if (!bear_ciphers_has(suites[i]))
			continue;
		context->suites[context->n_suites++] = suites[i];
		context->needs_sha1 = context->needs_sha1 || bear_ciphers_needs_sha1(suites[i]);
	}
	if (context->n_suites == 0)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "ciphers", "BearSSL has none of the cipher suites");
	return 0;
}

static int load_chain(
	struct bear_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = 0;
	uint8_t *at;

	for (size_t i = 0; i < params->n_chain; i++)
		size += params->chain[i].size;
	identity->chain = calloc(params->n_chain, sizeof(*identity->chain));
	identity->bytes = malloc(size);
	if (identity->chain == NULL || identity->bytes == NULL)
		return bear_error_memory(error);
	at = identity->bytes;
	for (size_t i = 0; i < params->n_chain; i++) {
		memcpy(at, params->chain[i].data, params->chain[i].size);
		identity->chain[i] = (br_x509_certificate){at, params->chain[i].size};
		at += params->chain[i].size;
	}
	identity->n_chain = params->n_chain;
	return 0;
}

static int load_identity(
	struct bear_identity *identity, const struct unitls_context_params *params, struct unitls_error *error)
{
	struct bear_subject leaf;
	int native;
	int r;

	if (params->n_chain == 0)
		return 0;
	r = load_chain(identity, params, error);
	if (r < 0)
		return r;
	native = bear_subject_read(params->chain[0], &leaf);
	if (native != 0)
		return bear_error_set_field(error, native, "certificate", "the certificate");
	r = bear_key_read(&identity->key, params, error);
	if (r < 0)
		return r;
	if (!bear_key_matches(&identity->key, &leaf.key))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "key",
			"the private key does not belong to the certificate");
	return 0;
}

/*
 * The engine asks for certificates only when it has names of authorities to say, so a server that asks and trusts nobody cannot be had: it would let everybody in
 * unasked.
 */
static int check_names(const struct bear_anchors *anchors, struct unitls_error *error)
{
	size_t size = 0;

	for (size_t i = 0; i < anchors->n; i++)
		size += 2 + anchors->names[i].len;
	if (size == 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "trust_store",
			"BearSSL asks for client certificates by the names in the trust store, which is empty");
	if (size > NAMES_BYTES_MAX)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "trust_store",
			"the names in the trust store are %zu bytes, more than a CertificateRequest holds", size);
	return 0;
}

static int load_anchors(
	struct bear_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int r;

	if (params->verify == UNITLS_VERIFY_MODE_NONE)
		return 0;
	r = bear_anchors_read(&context->anchors, params, error);
	if (r < 0 || params->role == UNITLS_ROLE_CLIENT)
		return r;
	return check_names(&context->anchors, error);
}

/* The client's offer. The engine keeps pointers to terminated strings. */
static int load_alpn(
	struct bear_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = 0;
	char *text;

	if (params->n_alpn == 0 || params->role == UNITLS_ROLE_SERVER)
		return 0;
	for (size_t i = 0; i < params->n_alpn; i++)
		size += params->alpn[i].size + 1;
	context->alpn_text = calloc(1, size);
	context->alpn = calloc(params->n_alpn, sizeof(*context->alpn));
	if (context->alpn_text == NULL || context->alpn == NULL)
		return bear_error_memory(error);
	text = context->alpn_text;
	for (size_t i = 0; i < params->n_alpn; i++) {
		memcpy(text, params->alpn[i].data, params->alpn[i].size);
		context->alpn[i] = text;
		text += params->alpn[i].size + 1;
	}
	context->n_alpn = params->n_alpn;
	return 0;
}

int bear_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	struct bear_context *context = calloc(1, sizeof(*context));
	int r;

	if (context == NULL)
		return bear_error_memory(error);
	context->role = params->role;
	context->verify = params->verify;
	context->clock = params->clock;
	context->clock_argument = params->clock_argument;
	context->key_log = params->key_log;
	context->key_log_argument = params->key_log_argument;
	r = load_suites(context, params, error);
	if (r == 0)
		r = load_identity(&context->identity, params, error);
	if (r == 0)
		r = load_anchors(context, params, error);
	if (r == 0)
		r = load_alpn(context, params, error);
	if (r < 0) {
		bear_context_free(context);
		return r;
	}
	*ret_context = context;
	return 0;
}

void bear_context_free(void *native)
{
	struct bear_context *context = native;

	if (context == NULL)
		return;
	bear_key_fini(&context->identity.key);
	free(context->identity.chain);
	free(context->identity.bytes);
	bear_anchors_fini(&context->anchors);
	free(context->alpn);
	free(context->alpn_text);
	free(context);
}

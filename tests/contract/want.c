/*
 * Contexts from a short description. What is made lives until the run's end.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unitls/insecure.h>

/* More than one scenario makes: a context for every cipher suite of the longest list, several times over. */
#define KEPT_MAX 1024

static struct unitls_client_context *client_contexts[KEPT_MAX];
static size_t n_client_contexts;
static struct unitls_server_context *server_contexts[KEPT_MAX];
static size_t n_server_contexts;

void contract_release(void)
{
	while (n_client_contexts > 0)
		unitls_client_context_unref(client_contexts[--n_client_contexts]);
	while (n_server_contexts > 0)
		unitls_server_context_unref(server_contexts[--n_server_contexts]);
}

static size_t reserve(size_t *n)
{
	if (*n == KEPT_MAX) {
		(void)fprintf(stderr, "contract: a scenario made more than %d contexts\n", KEPT_MAX);
		abort();
	}
	return (*n)++;
}

static int set_trust(struct unitls_config_builder *builder, const char *trust, struct unitls_error *error)
{
	struct unitls_trust_store *store = NULL;
	int status;

	if (!trust)
		return UNITLS_OK;
	status = trust[0] == '\0' ? unitls_trust_store_empty(&store, error)
				  : unitls_trust_store_from_file(pki_path(trust), &store, error);
	if (status == UNITLS_OK)
		status = unitls_config_builder_set_trust_store(builder, store);
	unitls_trust_store_unref(store);
	return status;
}

/* The chain of a file, with a signer in the place of the key. */
static int read_external(const char *path, const struct want *want, struct unitls_signing_chain **ret_chain,
	struct unitls_error *error)
{
	struct unitls_certificate *leaf = NULL;
	struct unitls_private_key *key = NULL;
	int status = unitls_certificate_from_file(path, &leaf, error);

	if (status == UNITLS_OK)
		status = unitls_private_key_external(
			want->signer, want->signer_argument, unitls_certificate_spki(leaf), &key, error);
	if (status == UNITLS_OK)
		status = unitls_signing_chain_new(leaf, key, NULL, 0, ret_chain, error);
	unitls_private_key_unref(key);
	unitls_certificate_unref(leaf);
	return status;
}

static int staple(struct unitls_signing_chain **chain, const char *file, struct unitls_error *error)
{
	struct unitls_signing_chain *bare = *chain;
	uint8_t response[UNITLS_OCSP_RESPONSE_MAX];
	FILE *f = fopen(pki_path(file), "rb");
	size_t n = f ? fread(response, 1, sizeof(response), f) : 0;
	int status;

	if (f)
		(void)fclose(f);
	status = unitls_signing_chain_with_ocsp_response(bare, response, n, chain, error);
	if (status == UNITLS_OK)
		unitls_signing_chain_unref(bare);
	return status;
}

static int add_chain(struct unitls_config_builder *builder, const char *name, const struct want *want,
	struct unitls_error *error)
{
	struct unitls_signing_chain *chain = NULL;
	char certificate[64];
	char key[64];
	int status;

	(void)snprintf(certificate, sizeof(certificate), "%s.pem", name);
	(void)snprintf(key, sizeof(key), "%s.key", name);
	status = want->signer ? read_external(pki_path(certificate), want, &chain, error)
			      : unitls_signing_chain_from_file(
					pki_path(certificate), pki_path(key), want->password, &chain, error);
	if (status == UNITLS_OK && want->staple)
		status = staple(&chain, want->staple, error);
	if (status == UNITLS_OK)
		status = unitls_config_builder_add_signing_chain(builder, chain);
	unitls_signing_chain_unref(chain);
	return status;
}

static int set_crls(struct unitls_config_builder *builder, const char *file, struct unitls_error *error)
{
	struct unitls_crl_list *crls = NULL;
	int status = unitls_crl_list_from_file(pki_path(file), &crls, error);

	if (status == UNITLS_OK)
		status = unitls_config_builder_set_crls(builder, crls);
	unitls_crl_list_unref(crls);
	return status;
}

/* What both roles have. A setter's failure comes again from the build. */
static int fill(struct unitls_config_builder *builder, const struct pair *pair, const struct want *want,
	struct unitls_error *error)
{
	(void)unitls_config_builder_set_min_version(
		builder, want->min_version ? want->min_version : pair->version);
	(void)unitls_config_builder_set_max_version(
		builder, want->max_version ? want->max_version : pair->version);
	if (want->n_suites > 0)
		(void)unitls_config_builder_set_cipher_suites(builder, want->suites, want->n_suites);
	if (want->n_alpn > 0)
		(void)unitls_config_builder_set_alpn(builder, want->alpn, want->n_alpn);
	if (want->clock)
		(void)unitls_config_builder_set_clock(builder, want->clock, NULL);
	for (size_t i = 0; i < WANT_CHAINS_MAX && want->chains[i]; i++)
		if (add_chain(builder, want->chains[i], want, error) < 0)
			return UNITLS_ERROR;
	if (want->n_groups > 0)
		(void)unitls_config_builder_set_groups(builder, want->groups, want->n_groups);
	if (want->n_schemes > 0)
		(void)unitls_config_builder_set_signature_schemes(builder, want->schemes, want->n_schemes);
	if (want->key_log)
		(void)unitls_insecure_config_builder_set_key_log(builder, want->key_log, want->key_log_argument);
	return want->crls ? set_crls(builder, want->crls, error) : UNITLS_OK;
}

struct unitls_client_context *contract_client(
	const struct pair *pair, const struct want *want, struct unitls_error *error)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;

	if (want->skip_verification)
		(void)unitls_insecure_config_builder_skip_verification(builder);
	(void)unitls_config_builder_set_ocsp(builder, want->ocsp);
	if (fill(builder, pair, want, error) == UNITLS_OK &&
		set_trust(builder, want->trust ? want->trust : "root.pem", error) == UNITLS_OK &&
		unitls_config_builder_build_client(builder, &config, error) == UNITLS_OK &&
		unitls_client_context_new(
			pair->client->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, error) == UNITLS_OK)
		client_contexts[reserve(&n_client_contexts)] = context;
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
	return context;
}

struct unitls_server_context *contract_server(
	const struct pair *pair, const struct want *want, struct unitls_error *error)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;

	(void)unitls_config_builder_set_client_auth(builder, want->client_auth);
	(void)unitls_config_builder_set_sni_policy(builder, want->sni_policy);
	(void)unitls_config_builder_set_alpn_policy(builder, want->alpn_policy);
	if (want->hello_callback)
		(void)unitls_config_builder_set_hello_callback(
			builder, want->hello_callback, want->hello_argument);
	if (want->no_tickets)
		(void)unitls_config_builder_set_session_tickets(builder, false);
	if (want->ticket_keys)
		(void)unitls_config_builder_set_ticket_keys(builder, want->ticket_keys);
	if (fill(builder, pair, want, error) == UNITLS_OK &&
		(want->chains[0] || add_chain(builder, "server", want, error) == UNITLS_OK) &&
		set_trust(builder, want->trust, error) == UNITLS_OK &&
		unitls_config_builder_build_server(builder, &config, error) == UNITLS_OK &&
		unitls_server_context_new(
			pair->server->backend, config, UNITLS_EFFORT_STRICT, NULL, &context, error) == UNITLS_OK)
		server_contexts[reserve(&n_server_contexts)] = context;
	unitls_server_config_unref(config);
	unitls_config_builder_free(builder);
	return context;
}

/* From files to contexts. */

#include "tests/bench/credentials.h"

#include <stdio.h>

static void say(const char *what, const struct unitls_error *error)
{
	(void)fprintf(stderr, "%s: %s\n", what, error->text);
}

struct unitls_backend *credentials_backend(const char *name)
{
	static const char *const preferred[] = {"boringssl", "openssl"};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	for (size_t i = 0; !name && i < sizeof(preferred) / sizeof(preferred[0]); i++)
		if (unitls_backend_load(preferred[i], &backend, NULL) == UNITLS_OK)
			return backend;
	if (unitls_backend_load(name ? name : preferred[1], &backend, &error) == UNITLS_OK)
		return backend;
	say("backend", &error);
	return NULL;
}

static void set_trust(struct unitls_config_builder *builder, const char *ca, struct unitls_error *error)
{
	struct unitls_trust_store *store;

	if (unitls_trust_store_from_file(ca, &store, error) < 0)
		return;
	(void)unitls_config_builder_set_trust_store(builder, store); /* comes again when it is built */
	unitls_trust_store_unref(store);
}

struct unitls_client_context *credentials_client(
	struct unitls_backend *backend, const char *ca, uint16_t tls_version)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;

	if (!builder)
		return NULL;
	set_trust(builder, ca, &error);
	if (tls_version != 0) {
		(void)unitls_config_builder_set_min_version(builder, tls_version);
		(void)unitls_config_builder_set_max_version(builder, tls_version);
	}
	if (error.error_class == UNITLS_ERROR_CLASS_NONE &&
		unitls_config_builder_build_client(builder, &config, &error) == UNITLS_OK &&
		unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) < 0)
		context = NULL;
	if (!context)
		say("TLS client", &error);
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
	return context;
}

struct unitls_server_context *credentials_server(
	struct unitls_backend *backend, const char *certificate, const char *key)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain = NULL;
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;

	if (!builder)
		return NULL;
	if (unitls_signing_chain_from_file(certificate, key, NULL, &chain, &error) == UNITLS_OK) {
		(void)unitls_config_builder_add_signing_chain(builder, chain); /* comes again when it is built */
		if (unitls_config_builder_build_server(builder, &config, &error) == UNITLS_OK &&
			unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, &error) <
				0)
			context = NULL;
	}
	if (!context)
		say("TLS server", &error);
	unitls_server_config_unref(config);
	unitls_signing_chain_unref(chain);
	unitls_config_builder_free(builder);
	return context;
}

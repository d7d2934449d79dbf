/* From options to contexts. */

#include "tool/tls_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/alpn.h>
#include <unitls/cipher_suite.h>
#include <unitls/insecure.h>
#include <unitls/tls_version.h>

#include "common/suggest.h"
#include "tool/message.h"
#include "tool/options.h"

#define LIST_SIZE 4096 /* bytes of a list of suites on the command line */
#define NAMES_MAX 64   /* ALPN names on the command line */

void tls_options_init(struct tls_options *options)
{
	*options = (struct tls_options){
		.backend = TLS_OPTIONS_BACKEND,
		.min_version = UNITLS_TLS_1_2,
		.max_version = UNITLS_TLS_MAXIMUM_SUPPORTED,
		.timeout_ms = TLS_OPTIONS_TIMEOUT_MS,
	};
}

static int take_version(const char *option, const char *argument, uint16_t *ret_version)
{
	if (unitls_tls_version_from_name(argument, ret_version) == 0)
		return 0;
	message("--%s %s: write 1.2 or 1.3", option, argument);
	return -1;
}

int tls_options_take(struct tls_options *options, int option, const char *argument)
{
	switch ((enum tls_option)option) {
	case TLS_OPTION_BACKEND:
		options->backend = argument;
		return 0;
	case TLS_OPTION_ALPN:
		options->alpn = argument;
		return 0;
	case TLS_OPTION_CA:
		options->ca = argument;
		return 0;
	case TLS_OPTION_CERTIFICATE:
		options->certificate = argument;
		return 0;
	case TLS_OPTION_KEY:
		options->key = argument;
		return 0;
	case TLS_OPTION_MIN_VERSION:
		return take_version("min-version", argument, &options->min_version);
	case TLS_OPTION_MAX_VERSION:
		return take_version("max-version", argument, &options->max_version);
	case TLS_OPTION_CIPHERS:
		options->ciphers = argument;
		return 0;
	case TLS_OPTION_TIMEOUT:
		return options_duration("timeout", argument, &options->timeout_ms);
	}
	return -1;
}

/* ---- backend ---- */

static bool on_backend(void *argument, const char *name)
{
	FILE *list = argument;

	(void)fprintf(list, "%s%s", ftell(list) > 0 ? ", " : "", name);
	return true;
}

struct unitls_backend *tls_options_backend(const struct tls_options *options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend = NULL;
	char names[256] = "";
	FILE *list;

	if (unitls_backend_load(options->backend, &backend, &error) == 0)
		return backend;
	message("%s", error.text);
	list = fmemopen(names, sizeof(names), "w");
	if (!list)
		return NULL;
	if (unitls_backend_list(NULL, on_backend, list) > 0 && fflush(list) == 0)
		(void)fprintf(stderr, "    what to do: take one of these: %s\n", names);
	(void)fclose(list);
	return NULL;
}

/* ---- lists ---- */

/* "h2,http/1.1"; 0, or -1 after a message. */
static int set_alpn(struct unitls_config_builder *builder, const char *text)
{
	struct unitls_bytes names[NAMES_MAX];
	size_t n = 0;

	for (const char *at = text;; at++) {
		size_t size = strcspn(at, ",");

		if (size == 0 || size > UNITLS_ALPN_NAME_MAX || n == NAMES_MAX) {
			message("--alpn %s: write up to %d names of 1 to %d bytes with commas between them", text,
				NAMES_MAX, UNITLS_ALPN_NAME_MAX);
			return -1;
		}
		names[n++] = (struct unitls_bytes){(const uint8_t *)at, size};
		at += size;
		if (*at == '\0')
			break;
	}
	return unitls_config_builder_set_alpn(builder, names, n); /* what fails comes again when it is built */
}

static void refuse_suite(const char *name)
{
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];
	uint16_t suite;

	suggestion_init(&suggestion, name);
	for (size_t i = 0; unitls_cipher_suite_at(i, &suite); i++)
		suggestion_offer(&suggestion, unitls_cipher_suite_name(suite));
	suggestion_offer(&suggestion, "modern");
	suggestion_offer(&suggestion, "intermediate");
	message("--ciphers: there is no suite or policy \"%s\"%s", name,
		suggestion_text(&suggestion, hint, sizeof(hint)));
}

static int set_ciphers(struct unitls_config_builder *builder, const char *text)
{
	uint16_t suites[UNITLS_CIPHER_LIST_MAX];
	const uint16_t *policy;
	char list[LIST_SIZE];
	size_t n = 0;
	char *rest = list;
	char *name;

	if (unitls_cipher_policy(text, &policy, &n) == 0)
		return unitls_config_builder_set_cipher_suites(builder, policy, n);
	if (snprintf(list, sizeof(list), "%s", text) >= LIST_SIZE) {
		message("--ciphers: more than %d bytes", LIST_SIZE - 1);
		return -1;
	}
	while ((name = strsep(&rest, ",:")) != NULL) {
		if (n == UNITLS_CIPHER_LIST_MAX) {
			message("--ciphers: more than %d suites", UNITLS_CIPHER_LIST_MAX);
			return -1;
		}
		if (unitls_cipher_suite_from_name(name, &suites[n]) < 0) {
			refuse_suite(name);
			return -1;
		}
		n++;
	}
	return unitls_config_builder_set_cipher_suites(builder, suites, n);
}

/* ---- contexts ---- */

static int refuse(const char *option, const struct unitls_error *error, const char *hint)
{
	if (option)
		message("--%s: %s", option, error->text);
	else
		message("%s", error->text);
	message_hint(hint);
	return -1;
}

static int set_identity(struct unitls_config_builder *builder, const struct tls_options *options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_signing_chain *chain;
	int status;

	if (unitls_signing_chain_from_file(options->certificate, options->key, NULL, &chain, &error) < 0)
		return refuse("cert", &error,
			strcmp(error.field, "key") == 0 && !options->key ? "name the file with its key: --key FILE"
									 : NULL);
	status = unitls_config_builder_add_signing_chain(builder, chain);
	unitls_signing_chain_unref(chain);
	return status;
}

static int set_trust(struct unitls_config_builder *builder, const struct tls_options *options)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_trust_store *store;
	int status = options->ca ? unitls_trust_store_from_file(options->ca, &store, &error)
				 : unitls_trust_store_system(&store, &error);

	if (status < 0)
		return refuse(
			options->ca ? "ca" : NULL, &error, options->ca ? NULL : "name whom to trust: --ca FILE");
	status = unitls_config_builder_set_trust_store(builder, store);
	unitls_trust_store_unref(store);
	return status;
}

/* What both roles set. The builder remembers its own failures; -1 is what was said already. */
static int set_common(struct unitls_config_builder *builder, const struct tls_options *options)
{
	if (!builder) {
		message("out of memory");
		return -1;
	}
	(void)unitls_config_builder_set_min_version(builder, options->min_version);
	(void)unitls_config_builder_set_max_version(builder, options->max_version);
	if (options->alpn && set_alpn(builder, options->alpn) < 0)
		return -1;
	if (options->ciphers && set_ciphers(builder, options->ciphers) < 0)
		return -1;
	if (options->certificate && set_identity(builder, options) < 0)
		return -1;
	return 0;
}

/* A context could not be built: each setting that the backend cannot meet, or else the error. */
static void refuse_context(
	const struct unitls_error *error, const struct unitls_diagnostics *unmet, const char *backend)
{
	size_t n = unitls_diagnostics_count(unmet);

	for (size_t i = 0; i < n; i++)
		message("backend %s: %s: %s", backend, unitls_diagnostics_field(unmet, i),
			unitls_diagnostics_reason(unmet, i));
	if (n == 0)
		(void)refuse(NULL, error, NULL);
	else
		message_hint("another --backend may have it; unitls backends says what each can do");
}

struct unitls_client_context *tls_options_client(const struct tls_options *options, struct unitls_backend *backend)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_diagnostics *unmet = unitls_diagnostics_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_config *config = NULL;
	struct unitls_client_context *context = NULL;

	if (set_common(builder, options) < 0)
		goto out;
	if (options->insecure)
		(void)unitls_insecure_config_builder_skip_verification(builder);
	else if (set_trust(builder, options) < 0)
		goto out;
	if (unitls_config_builder_build_client(builder, &config, &error) < 0)
		(void)refuse(NULL, &error, NULL);
	else if (unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, unmet, &context, &error) < 0)
		refuse_context(&error, unmet, options->backend);
out:
	unitls_client_config_unref(config);
	unitls_diagnostics_free(unmet);
	unitls_config_builder_free(builder);
	return context;
}

struct unitls_server_context *tls_options_server(const struct tls_options *options, struct unitls_backend *backend)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_diagnostics *unmet = unitls_diagnostics_new();
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_server_config *config = NULL;
	struct unitls_server_context *context = NULL;

	if (set_common(builder, options) < 0)
		goto out;
	if (options->client_auth != UNITLS_CLIENT_AUTH_NONE && set_trust(builder, options) < 0)
		goto out;
	(void)unitls_config_builder_set_client_auth(builder, options->client_auth);
	if (unitls_config_builder_build_server(builder, &config, &error) < 0)
		(void)refuse(NULL, &error, NULL);
	else if (unitls_server_context_new(backend, config, UNITLS_EFFORT_STRICT, unmet, &context, &error) < 0)
		refuse_context(&error, unmet, options->backend);
out:
	unitls_server_config_unref(config);
	unitls_diagnostics_free(unmet);
	unitls_config_builder_free(builder);
	return context;
}

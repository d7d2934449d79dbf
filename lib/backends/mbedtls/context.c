/*
 * Building a native context: everything that can be refused is refused here, by field name.
 *
 * Threads. A built context is only read, with one exception that mbedTLS locks itself (MBEDTLS_THREADING_C, which compat.h insists on): the
 * blinding values in an RSA key. What EC operations change (the table of multiples in a group), they change in a copy that the pk layer
 * makes for each. Threads that sign with one RSA key do so one after the other.
 */
#include "backends/mbedtls/context.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/mbedtls/algorithms.h"
#include "backends/mbedtls/ciphers.h"
#include "backends/mbedtls/crl.h"
#include "backends/mbedtls/error.h"
#include "backends/mbedtls/key.h"
#include "backends/mbedtls/random.h"

/* mbedTLS sends a handshake message in one record: 4 octets of header, 3 of list length, 3 for each certificate (2.28: CERTIFICATE_TOO_LARGE). */
#define CHAIN_BYTES_MAX (UNITLS_RECORD_PLAINTEXT_MAX - 4 - 3)

/* Our own certificates are the peer's to judge, so what the library does not know in them does not matter. */
static int on_unknown_extension(void *unused, mbedtls_x509_crt const *crt, mbedtls_x509_buf const *oid,
	int critical, const unsigned char *p, const unsigned char *end)
{
	(void)unused, (void)crt, (void)oid, (void)critical, (void)p, (void)end;
	return 0;
}

static int load_chain(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t total = 0;
	int ret;

	for (size_t i = 0; i < params->n_chain; i++) {
		total += params->chain[i].size + 3;
		ret = mbedtls_x509_crt_parse_der_with_ext_cb(&context->chain, params->chain[i].data,
			params->chain[i].size, 1, on_unknown_extension, NULL);
		if (ret != 0)
			return mbed_error_set_field(error, ret, "certificate", "the certificate");
	}
	/* The library's server does not use a certificate with another purpose, and says so only as "no usable cipher suite". The client is to judge. */
	compat_forget_purpose(&context->chain);
	if (total > CHAIN_BYTES_MAX)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "certificate",
			"mbedTLS sends a certificate chain in one record: %zu bytes are too many", total);
	return 0;
}

static int load_key(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret;

	ret = mbed_key_parse(&context->key, params);
	if (ret != 0)
		return mbed_error_set_field(error, ret, "key", "the private key");
	ret = compat_pk_check_pair(&context->chain.pk, &context->key);
	if (ret != 0)
		return mbed_error_set_field(error, ret, "key", "the private key for this certificate");
	return 0;
}

static int load_identity(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret;

	if (params->n_chain == 0)
		return 0;
	ret = load_chain(context, params, error);
	if (ret == 0)
		ret = load_key(context, params, error);
	if (ret != 0)
		return ret;
	ret = mbedtls_ssl_conf_own_cert(&context->config, &context->chain, &context->key);
	if (ret != 0)
		return mbed_error_set_field(error, ret, "certificate", "the certificate");
	return 0;
}

/*
 * An anchor that the library cannot read (another kind of key, an unknown critical extension) can verify nothing: it is left out, which trusts
 * less, never more. A store of which nothing is left is refused.
 */
static int load_anchors(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int refused = 0;
	int ret;

	for (size_t i = 0; i < params->n_anchors; i++) {
		ret = mbedtls_x509_crt_parse_der(
			&context->anchors, params->anchors[i].data, params->anchors[i].size);
		if (mbed_error_is_memory(ret))
			return mbed_error_set_field(error, ret, "trust_store", "the trust store");
		if (ret != 0)
			refused = ret;
		else
			context->has_anchors = true;
	}
	if (!context->has_anchors && refused != 0)
		return mbed_error_set_field(error, refused, "trust_store", "every certificate of the trust store");
	if (context->has_anchors)
		mbedtls_ssl_conf_ca_chain(&context->config, &context->anchors, NULL);
	return 0;
}

/* The client's offer. The library keeps pointers to terminated strings. */
static int load_alpn(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = 0;
	char *text;
	int ret;

	if (params->n_alpn == 0 || params->role == UNITLS_ROLE_SERVER)
		return 0;
	for (size_t i = 0; i < params->n_alpn; i++)
		size += params->alpn[i].size + 1;
	context->alpn_size = size;
	context->alpn_text = calloc(1, size);
	context->alpn = calloc(params->n_alpn + 1, sizeof(*context->alpn));
	if (context->alpn_text == NULL || context->alpn == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the ALPN list");
	text = context->alpn_text;
	for (size_t i = 0; i < params->n_alpn; i++) {
		memcpy(text, params->alpn[i].data, params->alpn[i].size);
		context->alpn[i] = text;
		text += params->alpn[i].size + 1;
	}
	ret = mbedtls_ssl_conf_alpn_protocols(&context->config, context->alpn);
	if (ret != 0)
		return mbed_error_set_field(error, ret, "alpn", "the ALPN list");
	return 0;
}

static int load_protocol(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	bool server = params->role == UNITLS_ROLE_SERVER;
	mbedtls_ssl_config *config = &context->config;
	int ret;

	ret = mbedtls_ssl_config_defaults(config, server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (ret != 0)
		return mbed_error_set_field(error, ret, "backend", "a configuration");
	context->suites = mbed_ciphers_list(params);
	if (context->suites == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the cipher suites");
	if (context->suites[0] == 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "ciphers",
			"mbedTLS has none of the cipher suites for these versions");
	mbedtls_ssl_conf_ciphersuites(config, context->suites);
	compat_conf_versions(config, params->min_version, params->max_version);
	compat_conf_endpoint(config, server);
	mbedtls_ssl_conf_rng(config, mbed_random, NULL);
	/* A server that does not know RFC 5746 could be renegotiated with by somebody in between; OpenSSL refuses it too. */
	if (!server)
		mbedtls_ssl_conf_legacy_renegotiation(config, MBEDTLS_SSL_LEGACY_BREAK_HANDSHAKE);
	mbedtls_ssl_conf_cert_profile(config, &mbedtls_x509_crt_profile_next);
	/*
	 * The library is to verify but not to judge: verify.c does, after each step of the handshake, so that the alert is the right one.
	 */
	mbedtls_ssl_conf_authmode(config,
		params->verify == UNITLS_VERIFY_MODE_NONE ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_OPTIONAL);
	return mbed_algorithms_load(context, params, error);
}

int mbed_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	struct mbed_context *context;
	int ret;

	context = calloc(1, sizeof(*context));
	if (context == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a context");
	context->role = params->role;
	context->verify = params->verify;
	context->max_version = params->max_version;
	context->clock = params->clock;
	context->clock_argument = params->clock_argument;
	context->tickets = params->tickets;
	context->key_log = params->key_log;
	context->key_log_argument = params->key_log_argument;
	mbedtls_ssl_config_init(&context->config);
	mbedtls_x509_crt_init(&context->chain);
	mbedtls_x509_crt_init(&context->anchors);
	mbedtls_pk_init(&context->key);
	mbedtls_x509_crl_init(&context->crls);

	ret = load_protocol(context, params, error);
	if (ret == 0)
		ret = load_identity(context, params, error);
	if (ret == 0)
		ret = load_anchors(context, params, error);
	if (ret == 0)
		ret = load_alpn(context, params, error);
	if (ret == 0)
		ret = mbed_crl_load(context, params, error);
	if (ret != 0) {
		mbed_context_free(context);
		return ret;
	}
	*ret_context = context;
	return 0;
}

void mbed_context_free(void *native)
{
	struct mbed_context *context = native;

	if (context == NULL)
		return;
	mbedtls_pk_free(&context->key);
	mbedtls_x509_crl_free(&context->crls);
	mbedtls_x509_crt_free(&context->anchors);
	mbedtls_x509_crt_free(&context->chain);
	mbedtls_ssl_config_free(&context->config);
	free(context->alpn);
	free(context->alpn_text);
	free(context->suites);
	free(context->groups);
	free(context->schemes);
	free(context);
}

int64_t mbed_context_now(const struct mbed_context *context)
{
	return context->clock == NULL ? (int64_t)time(NULL) : context->clock(context->clock_argument);
}

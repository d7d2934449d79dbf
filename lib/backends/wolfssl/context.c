/*
 * Building a native context: everything that can be refused is refused here, by field name.
 */
#include "backends/wolfssl/context.h"

#include <stdlib.h>
#include <string.h>

#include "backends/wolfssl/connection.h"
#include "backends/wolfssl/error.h"
#include "backends/wolfssl/external.h"
#include "backends/wolfssl/groups.h"
#include "backends/wolfssl/io.h"
#include "backends/wolfssl/key.h"
#include "backends/wolfssl/random.h"
#include "backends/wolfssl/thread.h"
#include "backends/wolfssl/tickets.h"
#include "backends/wolfssl/verify.h"

#define RSA_BITS_MIN   2048
#define DH_BITS_MIN    2048
#define CURVE_BITS_MIN 224

static WOLFSSL_METHOD *method(const struct unitls_context_params *params)
{
	bool server = params->role == UNITLS_ROLE_SERVER;

#ifdef WOLFSSL_TLS13
	if (params->min_version >= UNITLS_TLS_1_3)
		return server ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method();
#endif
#ifndef WOLFSSL_NO_TLS12
	if (params->max_version <= UNITLS_TLS_1_2)
		return server ? wolfTLSv1_2_server_method() : wolfTLSv1_2_client_method();
#endif
	return server ? wolfTLS_server_method() : wolfTLS_client_method();
}

static int load_suites(
	struct wolf_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret;

	if (wolf_suites_new(params, &context->suites) < 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the cipher suites");
	if (context->suites.size == 0)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "ciphers",
			"wolfSSL has none of the cipher suites for these versions");
	if (wolfSSL_CTX_set_cipher_list_bytes(context->ctx, context->suites.list, (int)context->suites.size) !=
		WOLFSSL_SUCCESS)
		return wolf_error_set_field(error, MEMORY_E, "ciphers", "the cipher suites");
	if (wolfSSL_CTX_set1_sigalgs_list(context->ctx, WOLF_SIGNATURE_ALGORITHMS) != WOLFSSL_SUCCESS)
		return wolf_error_set_field(error, MEMORY_E, "ciphers", "the signature algorithms");
	if (params->n_groups > 0 && params->role == UNITLS_ROLE_SERVER && params->min_version <= UNITLS_TLS_1_2)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "groups",
			"a server of wolfSSL takes any group of the client's in TLS 1.2");
	ret = wolf_groups_load(&context->groups, context->ctx, params);
	return ret == 0 ? 0 : wolf_error_set_field(error, ret, "backend", "the groups");
}

static int load_protocol(
	struct wolf_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	WOLFSSL_CTX *ctx = context->ctx;

	if (params->min_version < params->max_version &&
		wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "min_version", "wolfSSL refuses the version");
	(void)wolfSSL_CTX_SetMinRsaKey_Sz(ctx, RSA_BITS_MIN);
	(void)wolfSSL_CTX_SetMinEccKey_Sz(ctx, CURVE_BITS_MIN);
#ifndef NO_DH
	(void)wolfSSL_CTX_SetMinDhKey_Sz(ctx, DH_BITS_MIN);
#endif
	wolfSSL_CTX_SetIOSend(ctx, wolf_io_on_send);
	wolfSSL_CTX_SetIORecv(ctx, wolf_io_on_receive);
	return load_suites(context, params, error);
}

/* The certificates one after the other: the library takes them apart again. */
static uint8_t *join_chain(const struct unitls_context_params *params, size_t *ret_size)
{
	size_t size = 0;
	uint8_t *joined;

	for (size_t i = 0; i < params->n_chain; i++)
		size += params->chain[i].size;
	joined = malloc(size);
	if (joined == NULL)
		return NULL;
	*ret_size = size;
	size = 0;
	for (size_t i = 0; i < params->n_chain; i++) {
		memcpy(joined + size, params->chain[i].data, params->chain[i].size);
		size += params->chain[i].size;
	}
	return joined;
}

static int load_identity(WOLFSSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = 0;
	uint8_t *joined;
	int ret;

	if (params->n_chain == 0)
		return 0;
	joined = join_chain(params, &size);
	if (joined == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the certificates");
	ret = wolfSSL_CTX_use_certificate_chain_buffer_format(ctx, joined, (long)size, WOLFSSL_FILETYPE_ASN1);
	free(joined);
	if (ret != WOLFSSL_SUCCESS)
		return wolf_error_set_field(error, ret, "certificate", "the certificate");
	if (params->key_format == UNITLS_KEY_FORMAT_EXTERNAL) {
		/* The core has seen that key and certificate belong together. */
		ret = wolf_external_load(ctx, params->external_key);
		return ret == 0 ? 0 : wolf_error_set_field(error, ret, "key", "the external key");
	}
	return wolf_key_load(ctx, params, error);
}

static int verify_flags(const struct unitls_context_params *params)
{
	switch (params->verify) {
	case UNITLS_VERIFY_MODE_NONE:
		return WOLFSSL_VERIFY_NONE;
	case UNITLS_VERIFY_MODE_OPTIONAL:
		return WOLFSSL_VERIFY_PEER;
	case UNITLS_VERIFY_MODE_REQUIRED:
		break;
	}
	return WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

/*
 * No tickets where client certificates are asked for: a resumed session would not be verified again. Sessions are never kept in the library's cache,
 * which all contexts share.
 */
static int load_sessions(WOLFSSL_CTX *ctx, const struct unitls_context_params *params)
{
	(void)wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
	if (params->tickets != NULL && params->verify == UNITLS_VERIFY_MODE_NONE)
		return wolf_tickets_load(ctx, params->tickets);
#ifdef HAVE_SESSION_TICKET
	(void)wolfSSL_CTX_NoTicketTLSv12(ctx);
#ifdef WOLFSSL_TLS13
	(void)wolfSSL_CTX_no_ticket_TLSv13(ctx);
#endif
#endif
	return 0;
}

/* The client's offer: the library has lists for connections only. */
static int load_alpn(
	struct wolf_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	if (params->role == UNITLS_ROLE_SERVER || params->n_alpn == 0)
		return 0;
	context->alpn = calloc(params->n_alpn, sizeof(*context->alpn));
	if (context->alpn == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the ALPN list");
	for (size_t i = 0; i < params->n_alpn; i++) {
		uint8_t *copy = malloc(params->alpn[i].size);

		if (copy == NULL)
			return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for the ALPN list");
		memcpy(copy, params->alpn[i].data, params->alpn[i].size);
		context->alpn[context->n_alpn++] = (struct unitls_bytes){copy, params->alpn[i].size};
	}
	return 0;
}

/* The two ways in which the library says that it is about to answer a CertificateRequest: without and with a certificate. */
static void watch_requests(WOLFSSL_CTX *ctx, const struct unitls_context_params *params)
{
	if (params->n_chain == 0)
		wolfSSL_CTX_set_client_cert_cb(ctx, wolf_connection_on_request_without);
	else
		wolfSSL_CTX_set_cert_cb(ctx, wolf_connection_on_request, NULL);
}

static int load(
	struct wolf_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret;

	context->ctx = wolfSSL_CTX_new(method(params));
	if (context->ctx == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a context");
	ret = load_protocol(context, params, error);
	if (ret == 0)
		ret = load_identity(context->ctx, params, error);
	if (ret == 0)
		ret = wolf_anchors_init(&context->anchors, params, error);
	if (ret == 0)
		ret = load_alpn(context, params, error);
	if (ret != 0)
		return ret;
	wolfSSL_CTX_set_verify(context->ctx, verify_flags(params), wolf_verify_on_certificate);
	if (params->role == UNITLS_ROLE_CLIENT)
		watch_requests(context->ctx, params);
	ret = load_sessions(context->ctx, params);
	if (ret != 0)
		return wolf_error_set_field(error, ret, "session_tickets", "the settings of tickets");
	/* Last: with a device the library takes a public key for a private one. */
	(void)wolfSSL_CTX_SetDevId(context->ctx, WOLF_DEVICE);
	return 0;
}

int wolf_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	struct wolf_context *context = calloc(1, sizeof(*context));
	int ret;

	if (context == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a context");
	context->role = params->role;
	context->verify = params->verify;
	context->min_version = params->min_version;
	context->max_version = params->max_version;
	context->clock = params->clock;
	context->clock_argument = params->clock_argument;
	context->external_key = params->external_key;
	wolf_thread_enter();
	ret = load(context, params, error);
	wolf_error_forget();
	if (ret != 0) {
		wolf_context_free(context);
		return ret;
	}
	*ret_context = context;
	return 0;
}

void wolf_context_free(void *native)
{
	struct wolf_context *context = native;

	if (context == NULL)
		return;
	wolfSSL_CTX_free(context->ctx);
	wolf_suites_fini(&context->suites);
	wolf_anchors_fini(&context->anchors);
	for (size_t i = 0; i < context->n_alpn; i++)
		free((void *)(uintptr_t)context->alpn[i].data);
	free(context->alpn);
	free(context);
}

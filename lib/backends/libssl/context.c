#include "backends/libssl/context.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <unitls/alpn.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/error.h"
#include "backends/libssl/key.h"
#include "backends/libssl/session.h"
#include "backends/libssl/library.h"
#include "backends/libssl/suites.h"

#define SUITE_NAME_MAX 48 /* bytes of the longest suite name and a separator, with room */

/* A list of names, as the library wants it. */
struct suite_list {
	char *text;
	size_t size;
	size_t capacity;
};

static int suite_list_init(struct suite_list *list, size_t n)
{
	list->capacity = n * SUITE_NAME_MAX + 1;
	list->size = 0;
	list->text = calloc(1, list->capacity);
	return list->text ? 0 : UNITLS_ERROR;
}

static void suite_list_add(struct suite_list *list, const char *name)
{
	size_t length = strlen(name);

	if (list->size + length + 2 > list->capacity)
		return;
	if (list->size > 0)
		list->text[list->size++] = ':';
	memcpy(list->text + list->size, name, length);
	list->size += length;
}

static int no_default_suites(struct unitls_error *error)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "%s leaves no suite with forward secrecy for TLS 1.2",
		libssl_library.policy); /* a short constant: never cut */
	return libssl_error_config(error, "ciphers", text);
}

static int set_default_suites(SSL_CTX *ctx, enum unitls_role role, struct unitls_error *error)
{
	/* A copy that is used up: the two libraries count with different types. */
	STACK_OF(SSL_CIPHER) *all = sk_SSL_CIPHER_dup(SSL_CTX_get_ciphers(ctx));
	const SSL_CIPHER *cipher;
	struct suite_list list;
	int r = 0;

	if (!all || suite_list_init(&list, (size_t)sk_SSL_CIPHER_num(all)) < 0) {
		sk_SSL_CIPHER_free(all);
		return libssl_error_memory(error);
	}
	while ((cipher = sk_SSL_CIPHER_shift(all)) != NULL) {
		if (SSL_CIPHER_get_kx_nid(cipher) != NID_kx_any && libssl_is_default_suite(cipher, role))
			suite_list_add(&list, SSL_CIPHER_get_name(cipher));
	}
	sk_SSL_CIPHER_free(all);
	if (list.size == 0 || !SSL_CTX_set_cipher_list(ctx, list.text))
		r = no_default_suites(error);
	free(list.text);
	return r;
}

static bool set_suites_1_2(SSL_CTX *ctx, const char *names)
{
	return SSL_CTX_set_cipher_list(ctx, names) == 1;
}

static int set_suites(SSL_CTX *ctx, const uint16_t *suites, size_t n, bool (*set)(SSL_CTX *, const char *),
	struct unitls_error *error)
{
	struct suite_list list;
	int r = 0;
	size_t i;

	if (suite_list_init(&list, n) < 0)
		return libssl_error_memory(error);
	for (i = 0; i < n && r == 0; i++) {
		const char *name = libssl_suite_name(suites[i]);

		if (name)
			suite_list_add(&list, name);
		else
			r = unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "ciphers",
				"%s has no cipher suite 0x%04x here", libssl_library.title, (unsigned)suites[i]);
	}
	if (r == 0 && !set(ctx, list.text))
		r = libssl_error_refused(error, "ciphers", "refuses the cipher suites");
	free(list.text);
	return r;
}

static int setup_protocol(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	int r;

	if (!SSL_CTX_set_min_proto_version(ctx, params->min_version))
		return libssl_error_refused(error, "min_version", "refuses the version");
	if (!SSL_CTX_set_max_proto_version(ctx, params->max_version))
		return libssl_error_refused(error, "max_version", "refuses the version");
	if (params->n_suites_1_2 > 0)
		r = set_suites(ctx, params->suites_1_2, params->n_suites_1_2, set_suites_1_2, error);
	else if (params->min_version <= UNITLS_TLS_1_2)
		r = set_default_suites(ctx, params->role, error);
	else
		r = 0;
	if (r == 0 && params->n_suites_1_3 > 0)
		r = set_suites(ctx, params->suites_1_3, params->n_suites_1_3, libssl_set_suites_1_3, error);
	return r;
}

/* What no configuration of the library's own may decide. */
static int setup_behaviour(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	bool tickets = params->tickets && libssl_setup_tickets(ctx);

	SSL_CTX_set_options(
		ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* A client without the option asks for tickets. */
	if (!tickets && params->role == UNITLS_ROLE_SERVER)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	/* NO_AUTO_CHAIN: what is sent is the chain given, never one that the library completes out of the trust store. */
	SSL_CTX_set_mode(ctx,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
			SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
	/* A server's tickets do not need the cache, and nothing else may resume. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_info_callback(ctx, libssl_connection_on_info);
	if (params->key_log)
		SSL_CTX_set_keylog_callback(ctx, libssl_connection_on_key_log);
	if (params->role == UNITLS_ROLE_CLIENT) {
		libssl_session_setup(ctx);
		return libssl_setup(ctx, params, error);
	}
	SSL_CTX_set_alpn_select_cb(ctx, libssl_connection_on_alpn, NULL);
	/* Without tickets none at all: with SSL_OP_NO_TICKET alone OpenSSL's TLS 1.3 falls back to sessions kept in memory. */
	if (!SSL_CTX_set_num_tickets(ctx, tickets ? 1 : 0) ||
		!SSL_CTX_set_session_id_context(ctx, params->scope, sizeof(params->scope)))
		return libssl_error_refused(error, "session_tickets", "refuses the settings of tickets");
	return libssl_setup(ctx, params, error);
}

static int set_certificates(
	SSL_CTX *ctx, const struct unitls_context_params *params, EVP_PKEY *key, struct unitls_error *error)
{
	size_t i;

	for (i = 0; i < params->n_chain; i++) {
		X509 *certificate = libssl_certificate_read(params->chain[i]);
		int r = 0;

		if (!certificate)
			return libssl_error_refused(error, "certificate", "cannot read the certificate");
		if (i == 0 && key && !X509_check_private_key(certificate, key))
			r = libssl_error_config(
				error, "key", "the private key does not belong to the certificate");
		else if (i == 0 && !SSL_CTX_use_certificate(ctx, certificate))
			r = libssl_error_refused(error, "certificate", "refuses the certificate");
		else if (i > 0 && !SSL_CTX_add1_chain_cert(ctx, certificate))
			r = libssl_error_refused(error, "certificate", "refuses an intermediate certificate");
		X509_free(certificate);
		if (r < 0)
			return r;
	}
	return 0;
}

static int setup_identity(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	EVP_PKEY *key = NULL;
	int r;

	if (params->n_chain == 0)
		return 0;
	if (params->key_format == UNITLS_KEY_FORMAT_EXTERNAL) {
		r = set_certificates(ctx, params, NULL, error); /* the core has seen that they belong together */
		return r < 0 ? r : libssl_setup_external_key(ctx, params->external_key, error);
	}
	r = libssl_key_read(params->key_format, params->key, params->password, &key, error);
	if (r < 0)
		return r;
	r = set_certificates(ctx, params, key, error);
	if (r == 0 && !SSL_CTX_use_PrivateKey(ctx, key))
		r = libssl_error_refused(error, "key", "refuses the private key");
	EVP_PKEY_free(key);
	return r;
}

static int setup_negotiation(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	if (params->n_groups > 0 && !libssl_set_groups(ctx, params->groups, params->n_groups))
		return libssl_error_refused(error, "groups", "refuses the groups");
	if (params->n_signature_schemes > 0 &&
		!libssl_set_signature_schemes(ctx, params->signature_schemes, params->n_signature_schemes))
		return libssl_error_refused(error, "signature_schemes", "refuses the signature schemes");
	if (!libssl_setup_ocsp(ctx, params))
		return libssl_error_refused(error, "ocsp", "refuses OCSP");
	return 0;
}

/* The offer, encoded as on the wire. */
static int setup_alpn(SSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	size_t size = 0;
	size_t at = 0;
	uint8_t *list;
	int r = 0;
	size_t i;

	if (params->role == UNITLS_ROLE_SERVER || params->n_alpn == 0)
		return 0;
	for (i = 0; i < params->n_alpn; i++) {
		if (params->alpn[i].size == 0 || params->alpn[i].size > UNITLS_ALPN_NAME_MAX)
			return libssl_error_config(error, "alpn", "a protocol name is empty or too long");
		size += params->alpn[i].size + 1;
	}
	if (size > UNITLS_ALPN_LIST_MAX)
		return libssl_error_config(error, "alpn", "the list of protocols is too long");
	list = malloc(size);
	if (!list)
		return libssl_error_memory(error);
	for (i = 0; i < params->n_alpn; i++) {
		list[at++] = (uint8_t)params->alpn[i].size;
		memcpy(list + at, params->alpn[i].data, params->alpn[i].size);
		at += params->alpn[i].size;
	}
	/* Unlike its neighbours this call returns 0 for success. */
	if (SSL_CTX_set_alpn_protos(ctx, list, (unsigned)size) != 0)
		r = libssl_error_refused(error, "alpn", "refuses the list of protocols");
	free(list);
	return r;
}

static int copy_staple(struct libssl_context *context, struct unitls_bytes staple)
{
	uint8_t *copy;

	if (staple.size == 0)
		return 0;
	copy = malloc(staple.size);
	if (!copy)
		return UNITLS_ERROR;
	memcpy(copy, staple.data, staple.size);
	context->ocsp_response = (struct unitls_bytes){copy, staple.size};
	return 0;
}

int libssl_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	bool is_server = params->role == UNITLS_ROLE_SERVER;
	struct libssl_context *context;
	int r;

	ERR_clear_error();
	context = calloc(1, sizeof(*context));
	if (!context)
		return libssl_error_memory(error);
	context->role = params->role;
	context->verifier.mode = params->verify;
	context->verifier.clock = params->clock;
	context->verifier.clock_argument = params->clock_argument;
	context->verifier.has_crls = params->n_crls > 0;
	context->tickets = params->tickets;
	context->ocsp = params->ocsp;
	context->external_key = params->external_key;
	context->key_log = params->key_log;
	context->key_log_argument = params->key_log_argument;
	if (copy_staple(context, params->ocsp_response) < 0) {
		r = libssl_error_memory(error);
		goto fail;
	}
	context->ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!context->ctx) {
		r = libssl_error_internal(error, "cannot make a context");
		goto fail;
	}
	r = setup_protocol(context->ctx, params, error);
	if (r == 0)
		r = setup_behaviour(context->ctx, params, error);
	if (r == 0)
		r = libssl_verify_setup(context->ctx, params, &context->verifier, error);
	if (r == 0)
		r = setup_identity(context->ctx, params, error);
	if (r == 0)
		r = setup_negotiation(context->ctx, params, error);
	if (r == 0)
		r = setup_alpn(context->ctx, params, error);
	if (r < 0)
		goto fail;
	ERR_clear_error();
	*ret_context = context;
	return 0;
fail:
	libssl_context_free(context);
	return r;
}

void libssl_context_free(void *argument)
{
	struct libssl_context *context = argument;

	if (!context)
		return;
	SSL_CTX_free(context->ctx);
	free((void *)(uintptr_t)context->ocsp_response.data);
	free(context);
	ERR_clear_error();
}

/*
 * Setting up an engine. What reaches into its private members is all in this file (and, for how far the validator came, in path.c): there has been
 * one version with this layout, 0.6, and module.c checks it.
 */
#include "backends/bearssl/engine.h"

#include <stdlib.h>

#include "backends/bearssl/error.h"
#include "backends/bearssl/random.h"

#define SEED_SIZE            48
#define ALERT_FATAL          2
#define RECORD_HEADER_SIZE   5
#define RENEGOTIATION_SECURE 2 /* of the engine's member reneg */

/* A signature over a hash that no longer counts is none. SHA-1 is there for HMAC in the oldest suites, and the engine would take it here too. */
static uint32_t verify_rsa(const unsigned char *signature, size_t size, const unsigned char *oid, size_t hash_size,
	const br_rsa_public_key *key, unsigned char *ret_hash)
{
	if (hash_size < br_sha256_SIZE)
		return 0;
	return br_rsa_pkcs1_vrfy_get_default()(signature, size, oid, hash_size, key, ret_hash);
}

static uint32_t verify_ecdsa(const br_ec_impl *ec, const void *hash, size_t hash_size, const br_ec_public_key *key,
	const void *signature, size_t size)
{
	if (hash_size < br_sha256_SIZE)
		return 0;
	return br_ecdsa_vrfy_asn1_get_default()(ec, hash, hash_size, key, signature, size);
}

static void set_algorithms(br_ssl_engine_context *native, const struct bear_context *context)
{
	br_ssl_engine_set_versions(native, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(native, context->suites, context->n_suites);
	br_ssl_engine_set_hash(native, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(native, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_hash(native, br_sha512_ID, &br_sha512_vtable);
	if (context->needs_sha1)
		br_ssl_engine_set_hash(native, br_sha1_ID, &br_sha1_vtable);
	br_ssl_engine_set_prf_sha256(native, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(native, &br_tls12_sha384_prf);
	br_ssl_engine_set_default_aes_cbc(native);
	br_ssl_engine_set_default_aes_ccm(native);
	br_ssl_engine_set_default_aes_gcm(native);
	br_ssl_engine_set_default_chapol(native);
	br_ssl_engine_set_ec(native, br_ec_get_default());
	br_ssl_engine_set_rsavrfy(native, verify_rsa);
	br_ssl_engine_set_ecdsa(native, verify_ecdsa);
}

/* From the kernel, for each connection by itself: nothing repeats after a fork. The library's own source may open a file, so it counts as asked already. */
static bool seed(br_ssl_engine_context *native)
{
	uint8_t bytes[SEED_SIZE];

	if (!bear_random(bytes, sizeof(bytes)))
		return false;
	br_ssl_engine_inject_entropy(native, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	native->rng_os_rand_done = 1;
	return true;
}

static void set_up_client(struct bear_engine *engine, const struct bear_context *context)
{
	br_ssl_client_context *client = &engine->ssl.client;

	br_ssl_client_zero(client);
	set_algorithms(&client->eng, context);
	br_ssl_client_set_default_rsapub(client);
	br_ssl_engine_add_flags(&client->eng, BR_OPT_NO_RENEGOTIATION | BR_OPT_FAIL_ON_ALPN_MISMATCH);
	if (context->identity.n_chain > 0)
		br_ssl_client_set_client_certificate(client, &engine->signer.client);
}

static void set_up_server(struct bear_engine *engine, const struct bear_context *context)
{
	br_ssl_server_context *server = &engine->ssl.server;

	br_ssl_server_zero(server);
	set_algorithms(&server->eng, context);
	br_ssl_engine_add_flags(&server->eng, BR_OPT_NO_RENEGOTIATION | BR_OPT_ENFORCE_SERVER_PREFERENCES);
	br_ssl_server_set_policy(server, &engine->signer.server);
	if (context->verify == UNITLS_VERIFY_MODE_NONE)
		return;
	br_ssl_server_set_trust_anchor_names(server, context->anchors.names, context->anchors.n);
	/* This tolerates bad certificates too; the verdict does not. */
	if (context->verify == UNITLS_VERIFY_MODE_OPTIONAL)
		br_ssl_engine_add_flags(&server->eng, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

int bear_engine_start(
	struct bear_engine *engine, const struct bear_engine_params *params, struct unitls_error *error)
{
	br_ssl_engine_context *native = bear_engine_native(engine);
	bool server = params->context->role == UNITLS_ROLE_SERVER;
	int ok;

	engine->buffers = malloc(BR_SSL_BUFSIZE_BIDI);
	if (engine->buffers == NULL)
		return bear_error_memory(error);
	bear_signer_init(&engine->signer, &params->context->identity);
	if (server)
		set_up_server(engine, params->context);
	else
		set_up_client(engine, params->context);
	br_ssl_engine_set_x509(native, &params->verifier->class);
	if (params->n_alpn > 0)
		br_ssl_engine_set_protocol_names(native, params->alpn, params->n_alpn);
	br_ssl_engine_set_buffers_bidi(native, engine->buffers, BR_SSL_BUFSIZE_INPUT,
		engine->buffers + BR_SSL_BUFSIZE_INPUT, BR_SSL_BUFSIZE_OUTPUT);
	ok = seed(native);
	if (ok)
		ok = server ? br_ssl_server_reset(&engine->ssl.server)
			    : br_ssl_client_reset(&engine->ssl.client, params->server_name, 0);
	return ok ? 0 : bear_error_set(error, BR_ERR_NO_RANDOM, UNITLS_ALERT_NONE);
}

void bear_engine_fini(struct bear_engine *engine)
{
	if (engine->buffers != NULL)
		explicit_bzero(engine->buffers, BR_SSL_BUFSIZE_BIDI);
	free(engine->buffers);
	explicit_bzero(engine, sizeof(*engine));
}

struct unitls_bytes bear_engine_alert(
	struct bear_engine *engine, int alert, uint8_t buffer[static BEAR_ALERT_RECORD_MAX])
{
	br_ssl_engine_context *native = bear_engine_native(engine);
	const br_sslrec_out_class **records = &native->out.vtable;
	unsigned version = native->version_out == 0 ? BR_TLS12 : native->version_out;
	size_t begin = RECORD_HEADER_SIZE;
	size_t end = BEAR_ALERT_RECORD_MAX - RECORD_HEADER_SIZE;
	size_t size = 2;
	const uint8_t *record;

	(*records)->max_plaintext(records, &begin, &end);
	buffer[begin] = ALERT_FATAL;
	buffer[begin + 1] = (uint8_t)alert;
	record = (*records)->encrypt(records, BEAR_CONTENT_ALERT, version, buffer + begin, &size);
	return (struct unitls_bytes){record, size};
}

int bear_engine_record_type(const struct bear_engine *engine)
{
	return engine->ssl.common.record_type_in;
}

bool bear_engine_is_renegotiation_safe(const struct bear_engine *engine)
{
	return engine->ssl.common.reneg == RENEGOTIATION_SECURE;
}

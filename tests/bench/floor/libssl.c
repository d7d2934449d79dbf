/* The floor of OpenSSL, and of BoringSSL and AWS-LC: compiled against the headers of each. */
#include "tests/bench/floor/library.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct floor_context {
	SSL_CTX *ctx;
	SSL_SESSION *session; /* of a client; NULL: none yet */
	bool resume;
	bool server;
};

struct floor_end {
	struct floor_context *context;
	struct floor_pipe *in;
	struct floor_pipe *out;
	SSL *ssl;
};

static BIO_METHOD *bio_method;

const char *floor_library_name(void)
{
#if defined(OPENSSL_IS_BORINGSSL) || defined(OPENSSL_IS_AWSLC)
	return "boringssl";
#else
	return "openssl";
#endif
}

const char *floor_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

static int on_read(BIO *bio, char *data, int size)
{
	const struct floor_end *end = BIO_get_data(bio);
	size_t n = floor_pipe_take(end->in, data, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (n > 0)
		return (int)n;
	BIO_set_retry_read(bio);
	return -1;
}

static int on_write(BIO *bio, const char *data, int size)
{
	const struct floor_end *end = BIO_get_data(bio);

	return (int)floor_pipe_put(end->out, data, (size_t)size);
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO *new_bio(struct floor_end *end)
{
	BIO *bio;

	if (!bio_method) {
		bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pipe");
		if (!bio_method || !BIO_meth_set_read(bio_method, on_read) ||
			!BIO_meth_set_write(bio_method, on_write) || !BIO_meth_set_ctrl(bio_method, on_control))
			floor_die("no BIO method");
	}
	bio = BIO_new(bio_method);
	if (!bio)
		floor_die("no BIO");
	BIO_set_data(bio, end);
	BIO_set_init(bio, 1);
	return bio;
}

/* The newest is kept: a client resumes with it. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct floor_end *end = SSL_get_app_data(ssl);

	SSL_SESSION_free(end->context->session);
	end->context->session = session;
	return 1;
}

/* What the proxies negotiate (peers.py); left alone, OpenSSL takes AES-256. BoringSSL has no way to say it for TLS 1.3, where
 * it puts AES-128 first on a processor that has AES. Without P-256 a client of TLS 1.2 would refuse the certificate. */
static void set_algorithms(SSL_CTX *ctx)
{
	static char groups[] = "X25519:P-256"; /* no constant, as OpenSSL's macro casts it to char * */

	if (SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") != 1 ||
		SSL_CTX_set1_curves_list(ctx, groups) != 1)
		floor_die("the algorithms cannot be set");
#if !defined(OPENSSL_IS_BORINGSSL) && !defined(OPENSSL_IS_AWSLC)
	if (SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1)
		floor_die("the cipher suite of TLS 1.3 cannot be set");
#endif
}

static void set_up_server(SSL_CTX *ctx, const struct floor_params *params)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, params->certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(ctx, params->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"floor", 5) != 1)
		floor_die("the certificate cannot be used");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (!SSL_CTX_set_num_tickets(ctx, params->tickets))
		floor_die("the number of tickets cannot be set");
}

struct floor_context *floor_context_new(const struct floor_params *params, bool server)
{
	struct floor_context *context = calloc(1, sizeof(*context));
	uint16_t version = params->tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;

	if (!context)
		floor_die("no memory");
	context->resume = params->resume;
	context->server = server;
	context->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (!context->ctx || !SSL_CTX_set_min_proto_version(context->ctx, version) ||
		!SSL_CTX_set_max_proto_version(context->ctx, version))
		floor_die("no context");
	SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS);
	set_algorithms(context->ctx);
	if (server) {
		set_up_server(context->ctx, params);
		return context;
	}
	SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ctx, on_session);
	return context;
}

void floor_context_free(struct floor_context *context)
{
	SSL_SESSION_free(context->session);
	SSL_CTX_free(context->ctx);
	free(context);
}

struct floor_end *floor_end_new(struct floor_context *context, struct floor_pipe *in, struct floor_pipe *out)
{
	struct floor_end *end = calloc(1, sizeof(*end));
	BIO *bio;

	if (!end)
		floor_die("no memory");
	*end = (struct floor_end){.context = context, .in = in, .out = out, .ssl = SSL_new(context->ctx)};
	if (!end->ssl || !SSL_set_app_data(end->ssl, end))
		floor_die("no connection");
	bio = new_bio(end);
	SSL_set_bio(end->ssl, bio, bio);
	if (context->server)
		SSL_set_accept_state(end->ssl);
	else
		SSL_set_connect_state(end->ssl);
	if (context->resume && context->session && SSL_set_session(end->ssl, context->session) != 1)
		floor_die("the session cannot be offered");
	return end;
}

void floor_end_free(struct floor_end *end)
{
	/* Without it the session would not be resumed. */
	SSL_set_shutdown(end->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(end->ssl);
	free(end);
}

bool floor_end_handshake(struct floor_end *end)
{
	int result = SSL_do_handshake(end->ssl);

	if (result == 1)
		return true;
	if (SSL_get_error(end->ssl, result) != SSL_ERROR_WANT_READ)
		floor_die("the handshake failed");
	return false;
}

bool floor_end_resumed(struct floor_end *end)
{
	return SSL_session_reused(end->ssl) == 1;
}

void floor_end_write(struct floor_end *end, const void *data, size_t size)
{
	if (SSL_write(end->ssl, data, (int)size) != (int)size)
		floor_die("a write failed");
}

size_t floor_end_read(struct floor_end *end, void *data, size_t size)
{
	int result = SSL_read(end->ssl, data, (int)size);

	if (result > 0)
		return (size_t)result;
	if (SSL_get_error(end->ssl, result) != SSL_ERROR_WANT_READ)
		floor_die("a read failed");
	return 0;
}

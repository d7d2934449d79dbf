/*
 * The peer by OpenSSL.
 */
#include "tests/contract/peer/peer.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in;
	BIO *out;
	const char *alpn;
	int alert;
	bool alert_fatal;
	unsigned key_updates;
	bool has_secret;
	uint8_t secret[32]; /* ours for application data */
	uint8_t forged;     /* records that send_record made */
};

static void on_message(int sent, int version, int type, const void *data, size_t size, SSL *ssl, void *argument)
{
	struct peer *peer = argument;
	const uint8_t *bytes = data;

	(void)version;
	(void)ssl;
	if (sent)
		return;
	if (type == SSL3_RT_ALERT && size == 2) {
		peer->alert = bytes[1];
		peer->alert_fatal = bytes[0] == SSL3_AL_FATAL;
	}
	if (type == SSL3_RT_HANDSHAKE && size > 0 && bytes[0] == SSL3_MT_KEY_UPDATE)
		peer->key_updates++;
}

/* A line "LABEL CLIENT_RANDOM SECRET" in hexadecimal. */
static void on_key_log(const SSL *ssl, const char *line)
{
	struct peer *peer = SSL_get_app_data(ssl);
	const char *label = SSL_is_server(ssl) ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_TRAFFIC_SECRET_0 ";
	const char *secret = strrchr(line, ' ');
	long size = 0;
	uint8_t *bytes;

	if (strncmp(line, label, strlen(label)) != 0 || !secret)
		return;
	bytes = OPENSSL_hexstr2buf(secret + 1, &size);
	if (bytes && size == (long)sizeof(peer->secret)) {
		memcpy(peer->secret, bytes, sizeof(peer->secret));
		peer->has_secret = true;
	}
	OPENSSL_free(bytes);
}

static int on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size, const unsigned char *offered,
	unsigned offered_size, void *argument)
{
	const struct peer *peer = argument;

	(void)ssl;
	(void)offered;
	(void)offered_size;
	*ret_name = (const unsigned char *)peer->alpn;
	*ret_size = (unsigned char)strlen(peer->alpn);
	return SSL_TLSEXT_ERR_OK;
}

static void peer_free(struct peer *peer)
{
	if (!peer)
		return;
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->ctx);
	OPENSSL_free(peer);
	ERR_clear_error();
}

static bool set_up(struct peer *peer, const struct peer_params *params)
{
	SSL_CTX *ctx = peer->ctx;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, params->version) ||
		!SSL_CTX_set_max_proto_version(ctx, params->version))
		return false;
	if (params->certificate &&
		(SSL_CTX_use_certificate_chain_file(ctx, params->certificate) != 1 ||
			SSL_CTX_use_PrivateKey_file(ctx, params->key, SSL_FILETYPE_PEM) != 1))
		return false;
	if (params->server &&
		(!SSL_CTX_set_num_tickets(ctx, params->tickets) ||
			!SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"peer", 4)))
		return false;
	if (!SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256")) /* the one that send_record knows */
		return false;
	SSL_CTX_set_keylog_callback(ctx, on_key_log);
	peer->alpn = params->alpn;
	if (params->server && params->alpn)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, peer);
	peer->ssl = SSL_new(ctx);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	if (!peer->ssl || !peer->in || !peer->out)
		return false; /* a test: what leaks then does not matter */
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_app_data(peer->ssl, peer);
	SSL_set_msg_callback(peer->ssl, on_message);
	SSL_set_msg_callback_arg(peer->ssl, peer);
	if (params->server)
		SSL_set_accept_state(peer->ssl);
	else
		SSL_set_connect_state(peer->ssl);
	return params->server || !params->name ||
		SSL_set_tlsext_host_name(peer->ssl, (uintptr_t)params->name) == 1;
}

static struct peer *peer_make(const struct peer_params *params)
{
	struct peer *peer = OPENSSL_zalloc(sizeof(*peer));

	if (!peer)
		return NULL;
	peer->alert = -1;
	peer->ctx = SSL_CTX_new(params->server ? TLS_server_method() : TLS_client_method());
	if (set_up(peer, params))
		return peer;
	peer_free(peer);
	return NULL;
}

static void peer_give(struct peer *peer, const void *data, size_t size)
{
	(void)BIO_write(peer->in, data, (int)size);
}

static size_t peer_take(struct peer *peer, void *buffer, size_t size)
{
	int n = BIO_read(peer->out, buffer, (int)size);

	return n > 0 ? (size_t)n : 0;
}

static int result(struct peer *peer, int n)
{
	int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(peer->ssl, n);

	ERR_clear_error();
	if (n > 0)
		return n;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int peer_handshake(struct peer *peer)
{
	ERR_clear_error();
	return result(peer, SSL_do_handshake(peer->ssl));
}

static int peer_read(struct peer *peer, void *buffer, size_t size)
{
	ERR_clear_error();
	return result(peer, SSL_read(peer->ssl, buffer, (int)size));
}

static int peer_write(struct peer *peer, const void *data, size_t size)
{
	ERR_clear_error();
	return result(peer, SSL_write(peer->ssl, data, (int)size));
}

static bool peer_key_update(struct peer *peer, bool request)
{
	ERR_clear_error();
	return SSL_key_update(peer->ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
		SSL_do_handshake(peer->ssl) == 1;
}

static bool peer_renegotiate(struct peer *peer)
{
	ERR_clear_error();
	if (SSL_renegotiate(peer->ssl) != 1)
		return false;
	(void)SSL_do_handshake(peer->ssl);
	ERR_clear_error();
	return true;
}

/* HKDF-Expand-Label (RFC 8446, 7.1) for what fits one block of SHA-256. */
static bool expand(const uint8_t *secret, const char *label, uint8_t *to, size_t size)
{
	uint8_t info[64] = {0, (uint8_t)size};
	uint8_t block[32];
	size_t length = strlen(label);
	unsigned n = sizeof(block);

	info[2] = (uint8_t)(6 + length);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, length);
	info[9 + length] = 0;
	info[10 + length] = 1;
	if (!HMAC(EVP_sha256(), secret, 32, info, 11 + length, block, &n))
		return false;
	memcpy(to, block, size);
	return true;
}

static bool make_nonce(const uint8_t *secret, uint8_t sequence, uint8_t iv[12])
{
	if (!expand(secret, "iv", iv, 12))
		return false;
	iv[11] ^= sequence;
	return true;
}

/* record: header, then size bytes of inner plaintext; encrypted in place, with the tag behind. */
static bool encrypt(const uint8_t *secret, uint8_t sequence, uint8_t *record, size_t size)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[16];
	uint8_t iv[12];
	int n;
	bool good = ctx && expand(secret, "key", key, sizeof(key)) && make_nonce(secret, sequence, iv) &&
		EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &n, record, 5) == 1 &&
		EVP_EncryptUpdate(ctx, record + 5, &n, record + 5, (int)size) == 1 &&
		EVP_EncryptFinal_ex(ctx, record + 5 + size, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, record + 5 + size) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static bool peer_send_record(struct peer *peer, uint8_t type, const uint8_t *data, size_t size)
{
	uint8_t record[512] = {SSL3_RT_APPLICATION_DATA, 3, 3};
	size_t whole = size + 1 + 16;

	if (!peer->has_secret || 5 + whole > sizeof(record))
		return false;
	record[3] = (uint8_t)(whole >> 8);
	record[4] = (uint8_t)whole;
	if (size > 0)
		memcpy(record + 5, data, size);
	record[5 + size] = type;
	return encrypt(peer->secret, peer->forged++, record, size + 1) &&
		BIO_write(peer->out, record, (int)(5 + whole)) == (int)(5 + whole);
}

static int peer_alert(const struct peer *peer, bool *ret_fatal)
{
	*ret_fatal = peer->alert_fatal;
	return peer->alert;
}

static unsigned peer_key_updates(const struct peer *peer)
{
	return peer->key_updates;
}

static void peer_leave_error(void)
{
	ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
	ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
	ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
}

/* The hash and padding of a scheme (RFC 8446, 4.2.3); NULL: the message is signed whole. */
static const EVP_MD *scheme_hash(uint16_t scheme)
{
	switch (scheme) {
	case 0x0401:
	case 0x0403:
	case 0x0804:
	case 0x0809:
		return EVP_sha256();
	case 0x0501:
	case 0x0503:
	case 0x0805:
	case 0x080a:
		return EVP_sha384();
	case 0x0601:
	case 0x0603:
	case 0x0806:
	case 0x080b:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static bool sign_digest(
	EVP_PKEY *key, uint16_t scheme, const uint8_t *input, size_t input_size, uint8_t *signature, size_t *size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool done = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, scheme_hash(scheme)) == 1;

	if (done && scheme >> 8 == 0x08)
		done = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	done = done && EVP_PKEY_sign(ctx, signature, size, input, input_size) == 1;
	EVP_PKEY_CTX_free(ctx);
	return done;
}

static bool sign_message(EVP_PKEY *key, const uint8_t *input, size_t input_size, uint8_t *signature, size_t *size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(ctx, signature, size, input, input_size) == 1;

	EVP_MD_CTX_free(ctx);
	return done;
}

static size_t peer_sign(const char *path, uint16_t scheme, const uint8_t *input, size_t input_size,
	uint8_t *signature, size_t capacity)
{
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	size_t size = capacity;
	bool done = false;

	if (key)
		done = scheme_hash(scheme) ? sign_digest(key, scheme, input, input_size, signature, &size)
					   : sign_message(key, input, input_size, signature, &size);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return done ? size : 0;
}

__attribute__((visibility("default"))) extern const struct peer_ops contract_peer_ops;
const struct peer_ops contract_peer_ops = {
	.make = peer_make,
	.free = peer_free,
	.give = peer_give,
	.take = peer_take,
	.handshake = peer_handshake,
	.read = peer_read,
	.write = peer_write,
	.key_update = peer_key_update,
	.renegotiate = peer_renegotiate,
	.send_record = peer_send_record,
	.alert = peer_alert,
	.key_updates = peer_key_updates,
	.sign = peer_sign,
	.leave_error = peer_leave_error,
};

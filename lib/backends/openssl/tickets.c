/*
 * Session tickets, sealed with the core's keys: AES-256-CBC and HMAC-SHA-256, as OpenSSL lays them out.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"
#include "backends/libssl/library.h"

/* What the library's callback answers. */
enum verdict {
	VERDICT_ERROR = -1,
	VERDICT_UNKNOWN = 0, /* no such key: a full handshake */
	VERDICT_OK = 1,
	VERDICT_RENEW = 2, /* and a new ticket is due */
};

static bool set_mac_key(EVP_MAC_CTX *mac, struct unitls_ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[3];

	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key));
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(struct unitls_ticket_key *key, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
		!EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher_key, iv) ||
		!set_mac_key(mac, key))
		return VERDICT_ERROR;
	memcpy(name, key->name, sizeof(key->name));
	return VERDICT_OK;
}

static int open(struct unitls_ticket_key *keys, size_t n, const unsigned char name[16], const unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
			continue;
		if (!EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys[i].cipher_key, iv) ||
			!set_mac_key(mac, &keys[i]))
			return VERDICT_ERROR;
		return i == 0 ? VERDICT_OK : VERDICT_RENEW;
	}
	return VERDICT_UNKNOWN;
}

static int on_ticket(
	SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	const struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	size_t n = unitls_ticket_source_keys(connection->context->tickets, keys);
	int verdict = sealing ? seal(&keys[0], name, iv, cipher, mac) : open(keys, n, name, iv, cipher, mac);

	OPENSSL_cleanse(keys, sizeof(keys));
	/* In TLS 1.3 clients use a ticket once (RFC 8446, C.4), so each connection gets another; where keys come from a callback, OpenSSL leaves that to it. */
	if (!sealing && verdict == VERDICT_OK && SSL_version(ssl) == TLS1_3_VERSION)
		return VERDICT_RENEW;
	return verdict;
}

bool libssl_setup_tickets(SSL_CTX *ctx)
{
	/* openssl.cnf may forbid them (Options = -SessionTicket). */
	if ((SSL_CTX_get_options(ctx) & SSL_OP_NO_TICKET) != 0)
		return false;
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	return true;
}

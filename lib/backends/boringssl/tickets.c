/*
 * Session tickets, sealed with the core's keys: AES-256-CBC and HMAC-SHA-256, as the library lays them out.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"
#include "backends/libssl/library.h"

/* What the library's callback answers. */
enum verdict {
	VERDICT_ERROR = -1,
	VERDICT_UNKNOWN = 0, /* no such key: a full handshake */
	VERDICT_OK = 1,
	VERDICT_RENEW = 2, /* opened with an old key: a new ticket is due */
};

static int seal(
	const struct unitls_ticket_key *key, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, HMAC_CTX *mac)
{
	if (!RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_256_cbc())) ||
		!EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher_key, iv) ||
		!HMAC_Init_ex(mac, key->mac_key, sizeof(key->mac_key), EVP_sha256(), NULL))
		return VERDICT_ERROR;
	memcpy(name, key->name, sizeof(key->name));
	return VERDICT_OK;
}

static int open(const struct unitls_ticket_key *keys, size_t n, const uint8_t *name, const uint8_t *iv,
	EVP_CIPHER_CTX *cipher, HMAC_CTX *mac)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
			continue;
		if (!EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys[i].cipher_key, iv) ||
			!HMAC_Init_ex(mac, keys[i].mac_key, sizeof(keys[i].mac_key), EVP_sha256(), NULL))
			return VERDICT_ERROR;
		return i == 0 ? VERDICT_OK : VERDICT_RENEW;
	}
	return VERDICT_UNKNOWN;
}

static int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, HMAC_CTX *mac, int sealing)
{
	const struct libssl_connection *connection = SSL_get_app_data(ssl);
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	size_t n = unitls_ticket_source_keys(connection->context->tickets, keys);
	int verdict = sealing ? seal(&keys[0], name, iv, cipher, mac) : open(keys, n, name, iv, cipher, mac);

	OPENSSL_cleanse(keys, sizeof(keys));
	return verdict;
}

bool libssl_setup_tickets(SSL_CTX *ctx)
{
	return SSL_CTX_set_tlsext_ticket_key_cb(ctx, on_ticket) == 1;
}

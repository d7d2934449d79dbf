#include "backends/wolfssl/tickets.h"

#include <string.h>
#include <sys/random.h>

#include <wolfssl/wolfcrypt/aes.h>

#ifdef HAVE_SESSION_TICKET

#define LIFETIME_S 86400
#define NONCE_SIZE 12 /* of the 16 octets that a ticket has room for; the rest stays zero */
#define TAG_SIZE   16 /* of the 32 */

_Static_assert(
	sizeof(((struct unitls_ticket_key *)NULL)->name) == WOLFSSL_TICKET_NAME_SZ, "a ticket's name of its key");

/* The library's code. */
static int crypt_in_place(const struct unitls_ticket_key *key, int sealing, const uint8_t *iv, uint8_t *mac,
	uint8_t *ticket, int size)
{
	Aes aes;
	int ret = wc_AesInit(&aes, NULL, INVALID_DEVID);

	if (ret != 0)
		return ret;
	ret = wc_AesGcmSetKey(&aes, key->cipher_key, sizeof(key->cipher_key));
	if (ret == 0 && sealing)
		ret = wc_AesGcmEncrypt(&aes, ticket, ticket, (word32)size, iv, NONCE_SIZE, mac, TAG_SIZE,
			key->name, sizeof(key->name));
	else if (ret == 0)
		ret = wc_AesGcmDecrypt(&aes, ticket, ticket, (word32)size, iv, NONCE_SIZE, mac, TAG_SIZE,
			key->name, sizeof(key->name));
	wc_AesFree(&aes);
	return ret;
}

static int seal(
	const struct unitls_ticket_key *key, uint8_t *name, uint8_t *iv, uint8_t *mac, uint8_t *ticket, int size)
{
	memcpy(name, key->name, sizeof(key->name));
	memset(iv, 0, WOLFSSL_TICKET_IV_SZ);
	memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
	if (getrandom(iv, NONCE_SIZE, 0) != NONCE_SIZE)
		return WOLFSSL_TICKET_RET_FATAL;
	return crypt_in_place(key, 1, iv, mac, ticket, size) == 0 ? WOLFSSL_TICKET_RET_OK
								  : WOLFSSL_TICKET_RET_FATAL;
}

/* What does not open is no fault of anybody's: the handshake is a full one. */
static int unseal(const struct unitls_ticket_key *keys, size_t n, const uint8_t *name, const uint8_t *iv,
	uint8_t *mac, uint8_t *ticket, int size)
{
	for (size_t i = 0; i < n; i++) {
		if (memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
			continue;
		if (crypt_in_place(&keys[i], 0, iv, mac, ticket, size) != 0)
			return WOLFSSL_TICKET_RET_REJECT;
		return i == 0 ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_CREATE;
	}
	return WOLFSSL_TICKET_RET_REJECT;
}

static int on_ticket(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
	unsigned char iv[WOLFSSL_TICKET_IV_SZ], unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int sealing,
	unsigned char *ticket, int size, int *ret_size, void *argument)
{
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	size_t n = unitls_ticket_source_keys(argument, keys);
	int ret;

	(void)ssl;
	*ret_size = size;
	ret = sealing ? seal(&keys[0], name, iv, mac, ticket, size) : unseal(keys, n, name, iv, mac, ticket, size);
	explicit_bzero(keys, sizeof(keys));
	return ret;
}

int wolf_tickets_load(WOLFSSL_CTX *ctx, struct unitls_ticket_source *source)
{
	if (wolfSSL_CTX_set_TicketEncCb(ctx, on_ticket) != WOLFSSL_SUCCESS ||
		wolfSSL_CTX_set_TicketEncCtx(ctx, source) != WOLFSSL_SUCCESS ||
		wolfSSL_CTX_set_TicketHint(ctx, LIFETIME_S) != WOLFSSL_SUCCESS)
		return MEMORY_E;
	return 0;
}

#endif

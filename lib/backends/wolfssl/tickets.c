#include "backends/wolfssl/tickets.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/aes.h>

#include "backends/wolfssl/random.h"

#ifdef HAVE_SESSION_TICKET

#define LIFETIME_S 86400 /* the core's keys decide, too */
#define NONCE_SIZE 12
#define TAG_SIZE   16

_Static_assert(
	WOLFSSL_TICKET_NAME_SZ == sizeof(((struct unitls_ticket_key *)0)->name), "the library's size of a name");
_Static_assert(WOLFSSL_TICKET_IV_SZ >= NONCE_SIZE && WOLFSSL_TICKET_MAC_SZ >= TAG_SIZE, "AES-GCM fits");

static Aes *aes_new(const struct unitls_ticket_key *key)
{
	Aes *aes = malloc(sizeof(*aes));

	if (aes == NULL)
		return NULL;
	if (wc_AesInit(aes, NULL, INVALID_DEVID) == 0 &&
		wc_AesGcmSetKey(aes, key->cipher_key, sizeof(key->cipher_key)) == 0)
		return aes;
	free(aes);
	return NULL;
}

static void aes_free(Aes *aes)
{
	wc_AesFree(aes);
	explicit_bzero(aes, sizeof(*aes));
	free(aes);
}

/* In place. The name of the key is authenticated with the ticket. */
static bool seal(
	const struct unitls_ticket_key *key, const uint8_t *nonce, uint8_t *tag, uint8_t *ticket, word32 size)
{
	Aes *aes = aes_new(key);
	int ret;

	if (aes == NULL)
		return false;
	ret = wc_AesGcmEncrypt(
		aes, ticket, ticket, size, nonce, NONCE_SIZE, tag, TAG_SIZE, key->name, sizeof(key->name));
	aes_free(aes);
	return ret == 0;
}

static bool open_sealed(const struct unitls_ticket_key *key, const uint8_t *nonce, const uint8_t *tag,
	uint8_t *ticket, word32 size)
{
	Aes *aes = aes_new(key);
	int ret;

	if (aes == NULL)
		return false;
	ret = wc_AesGcmDecrypt(
		aes, ticket, ticket, size, nonce, NONCE_SIZE, tag, TAG_SIZE, key->name, sizeof(key->name));
	aes_free(aes);
	return ret == 0;
}

/*
 * Opens with the key that has the name. OK with key 0; with another CREATE, so that the client gets a new ticket. In TLS 1.3 it gets one anyway, and wolfSSL 5.7
 * takes CREATE there for a refusal.
 */
static int open_ticket(WOLFSSL *ssl, const struct unitls_ticket_key *keys, size_t n, const unsigned char *name,
	const unsigned char *iv, const unsigned char *mac, uint8_t *ticket, word32 size)
{
	for (size_t i = 0; i < n; i++) {
		if (memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
			continue;
		if (!open_sealed(&keys[i], iv, mac, ticket, size))
			return WOLFSSL_TICKET_RET_REJECT;
		return i == 0 || wolfSSL_version(ssl) == TLS1_3_VERSION ? WOLFSSL_TICKET_RET_OK
									: WOLFSSL_TICKET_RET_CREATE;
	}
	return WOLFSSL_TICKET_RET_REJECT;
}

/* REJECT means a handshake without the ticket, or one without a new ticket; never a failure of the connection. */
static int on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac, int sealing,
	unsigned char *ticket, int size, int *ret_size, void *source)
{
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	size_t n = unitls_ticket_source_keys(source, keys);
	int ret = WOLFSSL_TICKET_RET_REJECT;

	*ret_size = size;
	if (!sealing) {
		ret = open_ticket(ssl, keys, n, name, iv, mac, ticket, (word32)size);
	} else if (wolf_random(iv, WOLFSSL_TICKET_IV_SZ)) {
		memcpy(name, keys[0].name, sizeof(keys[0].name));
		memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
		if (seal(&keys[0], iv, mac, ticket, (word32)size))
			ret = WOLFSSL_TICKET_RET_OK;
	}
	explicit_bzero(keys, sizeof(keys));
	return ret;
}

int wolf_tickets_load(WOLFSSL_CTX *ctx, struct unitls_ticket_source *source)
{
	int ret = wolfSSL_CTX_set_TicketEncCb(ctx, on_ticket);

	if (ret == WOLFSSL_SUCCESS)
		ret = wolfSSL_CTX_set_TicketEncCtx(ctx, source);
	if (ret == WOLFSSL_SUCCESS)
		ret = wolfSSL_CTX_set_TicketHint(ctx, LIFETIME_S);
	/* How old a session may be, which the library asks beside the hint. */
	if (ret == WOLFSSL_SUCCESS)
		(void)wolfSSL_CTX_set_timeout(ctx, LIFETIME_S);
#ifdef WOLFSSL_TLS13
	if (ret == WOLFSSL_SUCCESS)
		(void)wolfSSL_CTX_set_num_tickets(ctx, 1);
#endif
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

#else

int wolf_tickets_load(WOLFSSL_CTX *ctx, struct unitls_ticket_source *source)
{
	(void)ctx, (void)source;
	return 0;
}

#endif

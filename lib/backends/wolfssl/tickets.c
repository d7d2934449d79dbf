#include "backends/wolfssl/tickets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/wolfcrypt/aes.h>

#include "backends/wolfssl/random.h"

#ifdef HAVE_SESSION_TICKET

#define KEY_LIFETIME_S 43200 /* a ticket can be sealed so long, and opened twice as long */
#define NONCE_SIZE     12
#define TAG_SIZE       16

_Static_assert(WOLFSSL_TICKET_NAME_SZ == WOLF_TICKET_NAME_SIZE, "a key's name has the size of the library's");
_Static_assert(WOLFSSL_TICKET_IV_SZ >= NONCE_SIZE && WOLFSSL_TICKET_MAC_SZ >= TAG_SIZE, "AES-GCM fits");

static int64_t now(void)
{
	struct timespec moment = {0, 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &moment); /* cannot fail for this clock */
	return (int64_t)moment.tv_sec;
}

static bool is_younger(const struct wolf_ticket_key *key, int64_t lifetime)
{
	return key->usable && now() - key->made_at < lifetime;
}

/* Called with the lock held. False: no random bytes. */
static bool renew(struct wolf_tickets *tickets)
{
	struct wolf_ticket_key fresh = {.made_at = now(), .usable = true};

	if (is_younger(&tickets->current, KEY_LIFETIME_S))
		return true;
	if (!wolf_random(fresh.name, sizeof(fresh.name)) || !wolf_random(fresh.key, sizeof(fresh.key)))
		return false;
	tickets->previous = tickets->current;
	tickets->current = fresh;
	explicit_bzero(&fresh, sizeof(fresh));
	return true;
}

static bool is_named(const struct wolf_ticket_key *key, const uint8_t *name)
{
	return is_younger(key, 2 * KEY_LIFETIME_S) && memcmp(key->name, name, WOLF_TICKET_NAME_SIZE) == 0;
}

/* A copy of the key to seal with; wipe it. */
static bool key_to_seal(struct wolf_tickets *tickets, struct wolf_ticket_key *ret_key)
{
	bool found;

	(void)pthread_mutex_lock(&tickets->lock);
	found = renew(tickets);
	if (found)
		*ret_key = tickets->current;
	(void)pthread_mutex_unlock(&tickets->lock);
	return found;
}

/* The same for opening. *ret_old: a new ticket should replace the one opened. */
static bool key_to_open(
	struct wolf_tickets *tickets, const uint8_t *name, struct wolf_ticket_key *ret_key, bool *ret_old)
{
	const struct wolf_ticket_key *key = NULL;

	(void)pthread_mutex_lock(&tickets->lock);
	if (is_named(&tickets->current, name))
		key = &tickets->current;
	else if (is_named(&tickets->previous, name))
		key = &tickets->previous;
	if (key != NULL) {
		*ret_key = *key;
		*ret_old = !is_younger(key, KEY_LIFETIME_S);
	}
	(void)pthread_mutex_unlock(&tickets->lock);
	return key != NULL;
}

static Aes *aes_new(const struct wolf_ticket_key *key)
{
	Aes *aes = malloc(sizeof(*aes));

	if (aes == NULL)
		return NULL;
	if (wc_AesInit(aes, NULL, INVALID_DEVID) == 0 && wc_AesGcmSetKey(aes, key->key, sizeof(key->key)) == 0)
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
	const struct wolf_ticket_key *key, const uint8_t *nonce, uint8_t *tag, uint8_t *ticket, word32 size)
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

static bool open_sealed(
	const struct wolf_ticket_key *key, const uint8_t *nonce, const uint8_t *tag, uint8_t *ticket, word32 size)
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

/* Anything but OK means a handshake without the ticket, or one without a new ticket; never a failure of the connection. */
static int on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac, int sealing,
	unsigned char *ticket, int size, int *ret_size, void *argument)
{
	struct wolf_tickets *tickets = argument;
	struct wolf_ticket_key key;
	bool old = false;
	bool good;

	(void)ssl;
	*ret_size = size;
	if (!sealing) {
		if (!key_to_open(tickets, name, &key, &old))
			return WOLFSSL_TICKET_RET_REJECT;
		good = open_sealed(&key, iv, mac, ticket, (word32)size);
	} else {
		if (!key_to_seal(tickets, &key))
			return WOLFSSL_TICKET_RET_REJECT;
		memcpy(name, key.name, sizeof(key.name));
		memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
		good = wolf_random(iv, WOLFSSL_TICKET_IV_SZ) && seal(&key, iv, mac, ticket, (word32)size);
	}
	explicit_bzero(&key, sizeof(key));
	if (!good)
		return WOLFSSL_TICKET_RET_REJECT;
	return old ? WOLFSSL_TICKET_RET_CREATE : WOLFSSL_TICKET_RET_OK;
}

int wolf_tickets_init(struct wolf_tickets *tickets, WOLFSSL_CTX *ctx)
{
	int ret;

	if (pthread_mutex_init(&tickets->lock, NULL) != 0)
		return MEMORY_E;
	tickets->ready = true;
	ret = wolfSSL_CTX_set_TicketEncCb(ctx, on_ticket);
	if (ret == WOLFSSL_SUCCESS)
		ret = wolfSSL_CTX_set_TicketEncCtx(ctx, tickets);
	if (ret == WOLFSSL_SUCCESS)
		ret = wolfSSL_CTX_set_TicketHint(ctx, KEY_LIFETIME_S);
	/* How old a session may be, which the library asks beside the hint. */
	if (ret == WOLFSSL_SUCCESS)
		(void)wolfSSL_CTX_set_timeout(ctx, KEY_LIFETIME_S);
#ifdef WOLFSSL_TLS13
	if (ret == WOLFSSL_SUCCESS)
		(void)wolfSSL_CTX_set_num_tickets(ctx, 1);
#endif
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

void wolf_tickets_fini(struct wolf_tickets *tickets)
{
	if (!tickets->ready)
		return;
	(void)pthread_mutex_destroy(&tickets->lock);
	explicit_bzero(tickets, sizeof(*tickets));
}

#else

int wolf_tickets_init(struct wolf_tickets *tickets, WOLFSSL_CTX *ctx)
{
	(void)tickets, (void)ctx;
	return 0;
}

void wolf_tickets_fini(struct wolf_tickets *tickets)
{
	(void)tickets;
}

#endif

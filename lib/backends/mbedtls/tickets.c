/*
 * Session tickets: name of the key (16), nonce (12), then sealed with AES-256-GCM: time of the session (8), version (2), whether the extended master secret was
 * agreed on (1), what the library writes of the session; tag (16). The name and the nonce cannot be exchanged: the name says the key, the key fits one nonce.
 *
 * What the library leaves to us when it resumes TLS 1.2: it chooses the cipher suite as for a new session, it does not look at the extended master secret, and
 * it sends no new ticket. All three are seen to here.
 */
#include "backends/mbedtls/tickets.h"

#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/ssl_ciphersuites.h>

#include "backends/mbedtls/connection.h"
#include "backends/mbedtls/hello.h"
#include "backends/mbedtls/random.h"

#define LIFETIME_S    86400
#define NAME_SIZE     16
#define NONCE_SIZE    12
#define TAG_SIZE      16
#define TIME_SIZE     8
#define HEAD_SIZE     (TIME_SIZE + 2 + 1)
#define KEY_BITS      256
#define CLEAR_AT      (NAME_SIZE + NONCE_SIZE)
#define OVERHEAD      (CLEAR_AT + HEAD_SIZE + TAG_SIZE)
#define NOT_AUTHENTIC MBEDTLS_ERR_SSL_INVALID_MAC
#define NOT_USABLE    MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED

/* What is sealed beside the session. */
struct head {
	int64_t made;
	uint16_t version;
	bool extended;
};

static void write_head(uint8_t *at, const struct head *head)
{
	for (int i = 0; i < TIME_SIZE; i++)
		at[i] = (uint8_t)((uint64_t)head->made >> (56 - 8 * i));
	at[8] = (uint8_t)(head->version >> 8);
	at[9] = (uint8_t)head->version;
	at[10] = head->extended;
}

static struct head read_head(const uint8_t *at)
{
	struct head head = {.version = (uint16_t)(at[8] << 8 | at[9]), .extended = at[10] == 1};
	uint64_t made = 0;

	for (int i = 0; i < TIME_SIZE; i++)
		made = made << 8 | at[i];
	head.made = (int64_t)made;
	return head;
}

/* Sealing ------------------------------------------------------------------------------------------------------------------- */

static int seal_with(const struct unitls_ticket_key *key, uint8_t *ticket, size_t clear_size)
{
	uint8_t *clear = ticket + CLEAR_AT;
	mbedtls_gcm_context gcm;
	int ret;

	memcpy(ticket, key->name, NAME_SIZE);
	ret = mbed_random(NULL, ticket + NAME_SIZE, NONCE_SIZE);
	if (ret != 0)
		return ret;
	mbedtls_gcm_init(&gcm);
	ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->cipher_key, KEY_BITS);
	if (ret == 0)
		ret = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, clear_size, ticket + NAME_SIZE,
			NONCE_SIZE, ticket, NAME_SIZE, clear, clear, TAG_SIZE, clear + clear_size);
	mbedtls_gcm_free(&gcm);
	return ret;
}

static int open_with(const struct unitls_ticket_key *key, uint8_t *ticket, size_t clear_size)
{
	uint8_t *clear = ticket + CLEAR_AT;
	mbedtls_gcm_context gcm;
	int ret;

	mbedtls_gcm_init(&gcm);
	ret = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->cipher_key, KEY_BITS);
	if (ret == 0)
		ret = mbedtls_gcm_auth_decrypt(&gcm, clear_size, ticket + NAME_SIZE, NONCE_SIZE, ticket, NAME_SIZE,
			clear + clear_size, TAG_SIZE, clear, clear);
	mbedtls_gcm_free(&gcm);
	return ret == 0 ? 0 : NOT_AUTHENTIC;
}

static int seal(const struct mbed_connection *connection, uint8_t *ticket, size_t clear_size)
{
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	int ret;

	(void)unitls_ticket_source_keys(connection->context->tickets, keys); /* at least one */
	ret = seal_with(&keys[0], ticket, clear_size);
	explicit_bzero(keys, sizeof(keys));
	return ret;
}

/* *ret_is_old: with another key than new tickets are sealed with. */
static int open(const struct mbed_connection *connection, uint8_t *ticket, size_t clear_size, bool *ret_is_old)
{
	struct unitls_ticket_key keys[UNITLS_TICKET_KEYS_MAX];
	size_t n = unitls_ticket_source_keys(connection->context->tickets, keys);
	int ret = NOT_AUTHENTIC;

	for (size_t i = 0; i < n && ret != 0; i++) {
		if (memcmp(keys[i].name, ticket, NAME_SIZE) != 0)
			continue;
		ret = open_with(&keys[i], ticket, clear_size);
		*ret_is_old = i > 0;
	}
	explicit_bzero(keys, sizeof(keys));
	return ret;
}

/* Issuing ------------------------------------------------------------------------------------------------------------------- */

/* What is left of a session's life. The clock may have been set since its ticket was taken. */
static uint32_t lifetime(int64_t age)
{
	if (age < 0)
		return LIFETIME_S;
	return age < LIFETIME_S ? (uint32_t)(LIFETIME_S - age) : 0;
}

/* A session keeps its age however often it is resumed: one full handshake a day. */
static int on_write(void *argument, const mbedtls_ssl_session *session, unsigned char *start,
	const unsigned char *end, size_t *ret_size, uint32_t *ret_lifetime)
{
	const struct mbed_connection *connection = argument;
	int64_t now = mbed_context_now(connection->context);
	struct head head = {
		.made = connection->full ? now : connection->ticket.made,
		.version = compat_version(&connection->ssl),
		.extended = connection->negotiated.extended_master_secret,
	};
	size_t room = (size_t)(end - start);
	size_t size = 0;
	int ret;

	*ret_size = 0;
	if (room < OVERHEAD)
		return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
	ret = mbedtls_ssl_session_save(session, start + CLEAR_AT + HEAD_SIZE, room - OVERHEAD, &size);
	if (ret != 0)
		return ret;
	write_head(start + CLEAR_AT, &head);
	ret = seal(connection, start, HEAD_SIZE + size);
	if (ret != 0) {
		explicit_bzero(start, room);
		return ret;
	}
	*ret_size = OVERHEAD + size;
	*ret_lifetime = lifetime(now - head.made);
	return 0;
}

/* Taking -------------------------------------------------------------------------------------------------------------------- */

static bool is_usable(const struct mbed_connection *connection, const struct head *head)
{
	int64_t age = mbed_context_now(connection->context) - head->made;

	if (age < 0 || age >= LIFETIME_S || head->version != compat_version(&connection->ssl))
		return false;
	/* RFC 7627, 5.3: with and without do not mix. */
	return head->version >= UNITLS_TLS_1_3 || head->extended == connection->ticket.hello_extended;
}

/* Whether our key can serve a suite. */
static bool fits_key(const struct mbed_context *context, int suite)
{
	const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);

	switch (info == NULL ? MBEDTLS_KEY_EXCHANGE_NONE : compat_key_exchange(info)) {
	case MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA:
		return mbedtls_pk_can_do(&context->key, MBEDTLS_PK_ECDSA) == 1;
	case MBEDTLS_KEY_EXCHANGE_RSA:
	case MBEDTLS_KEY_EXCHANGE_DHE_RSA:
	case MBEDTLS_KEY_EXCHANGE_ECDHE_RSA:
		return mbedtls_pk_can_do(&context->key, MBEDTLS_PK_RSA) == 1;
	default:
		return false;
	}
}

/*
 * Has the library choose the suite of the session again (RFC 5246, 7.4.1.3): it would choose anew, and the client give up. A suite that is no longer ours
 * makes the ticket useless.
 */
static bool choose_suite(struct mbed_connection *connection, const mbedtls_ssl_session *session)
{
	int suite = session->COMPAT_FIELD(ciphersuite);
	const int *own = connection->context->suites;

	while (*own != 0 && *own != suite)
		own++;
	if (*own == 0 || !fits_key(connection->context, suite))
		return false;
	connection->ticket.suites[0] = suite;
	mbedtls_ssl_conf_ciphersuites(&connection->config, connection->ticket.suites);
	return true;
}

/*
 * With a ticket that it has taken the library sends no other. So it is told that there was none, and finds the session as if its cache had it by the
 * client's identifier: then it resumes and sends one.
 */
static int renew(struct mbed_connection *connection, mbedtls_ssl_session *session)
{
	mbed_tickets_free(connection);
	connection->ticket.renewed = (struct compat_cache){true, *session};
	mbedtls_ssl_session_init(session);
	return NOT_USABLE;
}

static int on_parse(void *argument, mbedtls_ssl_session *session, unsigned char *ticket, size_t size)
{
	struct mbed_connection *connection = argument;
	size_t clear_size = size < OVERHEAD ? 0 : size - CLEAR_AT - TAG_SIZE;
	bool is_old = false;
	struct head head;
	int ret;

	if (clear_size == 0)
		return NOT_AUTHENTIC;
	ret = open(connection, ticket, clear_size, &is_old);
	if (ret != 0)
		return ret;
	head = read_head(ticket + CLEAR_AT);
	ret = NOT_USABLE;
	if (is_usable(connection, &head))
		ret = mbedtls_ssl_session_load(session, ticket + CLEAR_AT + HEAD_SIZE, clear_size - HEAD_SIZE);
	explicit_bzero(ticket, size);
	if (ret != 0)
		return ret;
	connection->ticket.made = head.made;
	if (head.version >= UNITLS_TLS_1_3)
		return 0;
	if (!choose_suite(connection, session))
		return NOT_USABLE;
	return is_old && connection->ticket.hello_has_id ? renew(connection, session) : 0;
}

void mbed_tickets_setup(struct mbed_connection *connection)
{
	mbedtls_ssl_conf_session_tickets_cb(&connection->config, on_write, on_parse, connection);
	compat_conf_cache(&connection->config, &connection->ticket.renewed);
}

void mbed_tickets_note_hello(struct mbed_connection *connection, struct unitls_bytes hello)
{
	connection->ticket.hello_extended = mbed_hello_has_extension(hello, MBED_EXTENSION_EXTENDED_MASTER_SECRET);
	connection->ticket.hello_has_id = mbed_hello_session_id(hello).size > 0;
}

void mbed_tickets_free(struct mbed_connection *connection)
{
	if (connection->ticket.renewed.filled)
		mbedtls_ssl_session_free(&connection->ticket.renewed.session);
	connection->ticket.renewed.filled = false;
}

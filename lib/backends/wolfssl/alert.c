#include "backends/wolfssl/alert.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#define ALERT_FATAL  2
#define BODY_SIZE    3 /* level, description, content type (RFC 8446, 5.2) */
#define TAG_SIZE_MAX 16
#define NONCE_SIZE   12

/* What protects the records that we send in TLS 1.3. */
struct sender {
	const uint8_t *key;
	word32 key_size;
	uint8_t nonce[NONCE_SIZE];
	word32 tag_size;
	int cipher;
};

/* False while nothing is protected. */
static bool read_sender(WOLFSSL *ssl, bool is_server, struct sender *sender)
{
	const uint8_t *iv = is_server ? wolfSSL_GetServerWriteIV(ssl) : wolfSSL_GetClientWriteIV(ssl);
	int key_size = wolfSSL_GetKeySize(ssl);
	int tag_size = wolfSSL_GetAeadMacSize(ssl);
	word64 sequence = 0;

	sender->key = is_server ? wolfSSL_GetServerWriteKey(ssl) : wolfSSL_GetClientWriteKey(ssl);
	sender->cipher = wolfSSL_GetBulkCipher(ssl);
	if (sender->key == NULL || iv == NULL || key_size <= 0 || tag_size <= 0 || tag_size > TAG_SIZE_MAX)
		return false;
	sender->key_size = (word32)key_size;
	sender->tag_size = (word32)tag_size;
	(void)wolfSSL_GetSequenceNumber(ssl, &sequence); /* what it returns says whether the number is 0 */
	memcpy(sender->nonce, iv, NONCE_SIZE);
	for (size_t i = 0; i < sizeof(sequence); i++)
		sender->nonce[NONCE_SIZE - 1 - i] ^= (uint8_t)(sequence >> 8 * i);
	return true;
}

/* out: BODY_SIZE bytes of ciphertext and the tag. */
static int seal_aes(const struct sender *sender, const uint8_t *body, const uint8_t *header, uint8_t *out)
{
	uint8_t *tag = out + BODY_SIZE;
	Aes *aes = malloc(sizeof(*aes));
	int ret;

	if (aes == NULL)
		return MEMORY_E;
	ret = wc_AesInit(aes, NULL, INVALID_DEVID);
	if (ret != 0)
		goto out;
	if (sender->cipher == wolfssl_aes_gcm) {
		ret = wc_AesGcmSetKey(aes, sender->key, sender->key_size);
		if (ret == 0)
			ret = wc_AesGcmEncrypt(aes, out, body, BODY_SIZE, sender->nonce, NONCE_SIZE, tag,
				sender->tag_size, header, WOLF_RECORD_HEADER_SIZE);
	} else {
#ifdef HAVE_AESCCM
		ret = wc_AesCcmSetKey(aes, sender->key, sender->key_size);
		if (ret == 0)
			ret = wc_AesCcmEncrypt(aes, out, body, BODY_SIZE, sender->nonce, NONCE_SIZE, tag,
				sender->tag_size, header, WOLF_RECORD_HEADER_SIZE);
#else
		ret = NOT_COMPILED_IN;
#endif
	}
	wc_AesFree(aes);
out:
	explicit_bzero(aes, sizeof(*aes));
	free(aes);
	return ret;
}

static int seal(const struct sender *sender, const uint8_t *body, const uint8_t *header, uint8_t *out)
{
	switch (sender->cipher) {
	case wolfssl_aes_gcm:
	case wolfssl_aes_ccm:
		return seal_aes(sender, body, header, out);
#if defined(HAVE_CHACHA) && defined(HAVE_POLY1305)
	case wolfssl_chacha:
		return wc_ChaCha20Poly1305_Encrypt(sender->key, sender->nonce, header, WOLF_RECORD_HEADER_SIZE,
			body, BODY_SIZE, out, out + BODY_SIZE);
#endif
	default:
		return NOT_COMPILED_IN;
	}
}

static bool send_protected(struct wolf_connection *connection, int alert)
{
	uint8_t record[WOLF_RECORD_HEADER_SIZE + BODY_SIZE + TAG_SIZE_MAX] = {
		WOLF_CONTENT_APPLICATION_DATA, 3, 3, 0, 0};
	const uint8_t body[BODY_SIZE] = {ALERT_FATAL, (uint8_t)alert, WOLF_CONTENT_ALERT};
	struct sender sender;
	int ret;

	if (!read_sender(connection->ssl, connection->context->role == UNITLS_ROLE_SERVER, &sender))
		return false;
	record[4] = (uint8_t)(BODY_SIZE + sender.tag_size);
	ret = seal(&sender, body, record, record + WOLF_RECORD_HEADER_SIZE);
	explicit_bzero(&sender, sizeof(sender));
	return ret == 0 && wolf_io_write(&connection->io, record, WOLF_RECORD_HEADER_SIZE + record[4]);
}

static bool send_plain(struct wolf_connection *connection, int alert)
{
	const uint8_t record[] = {WOLF_CONTENT_ALERT, 3, 3, 0, 2, ALERT_FATAL, (uint8_t)alert};

	return wolf_io_write(&connection->io, record, sizeof(record));
}

bool wolf_alert_send(struct wolf_connection *connection, int alert)
{
	struct wolf_io *io = &connection->io;
	bool sent;

	if (io->muted)
		return false;
	if (wolfSSL_GetVersion(connection->ssl) == WOLFSSL_TLSV1_3 && (io->sent.data || io->received.data))
		sent = send_protected(connection, alert);
	else if (io->sent.changed) /* TLS 1.2: what fails then is answered by the library, or not at all */
		sent = false;
	else
		sent = send_plain(connection, alert);
	io->muted = true;
	return sent;
}

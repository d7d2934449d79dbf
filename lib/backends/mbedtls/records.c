/*
 * Follows the record framing of a byte stream. Pure.
 */
#include "backends/mbedtls/records.h"

#include <string.h>

#include <unitls/connection.h>
#include <unitls/error.h>

#define CONTENT_ALERT            21
#define CONTENT_APPLICATION_DATA 23
#define ALERT_FATAL              2
#define ALERT_BODY_SIZE          2
#define MAJOR_VERSION            3

/*
 * TLS 1.3 hides alerts among application data (RFC 8446, 5.2): 2 octets, padded to 16 by mbedTLS, and a tag. A few handshake messages are as short, but
 * no step of the handshake that fails sends one.
 */
#define ALERT_CIPHERTEXT_MAX (16 + 16)

static size_t body_size(const struct mbed_records *records)
{
	return (size_t)records->head[3] << 8 | records->head[4];
}

int mbed_records_last_alert(const struct mbed_records *records)
{
	if (records->n_head < MBED_RECORD_HEADER_SIZE || records->left > 0)
		return MBED_ALERT_NONE;
	if (records->head[0] == CONTENT_APPLICATION_DATA)
		return body_size(records) <= ALERT_CIPHERTEXT_MAX ? MBED_ALERT_HIDDEN : MBED_ALERT_NONE;
	if (records->head[0] != CONTENT_ALERT)
		return MBED_ALERT_NONE;
	if (body_size(records) != ALERT_BODY_SIZE)
		return MBED_ALERT_HIDDEN;
	if (records->head[MBED_RECORD_HEADER_SIZE] != ALERT_FATAL)
		return MBED_ALERT_NONE;
	return records->head[MBED_RECORD_HEADER_SIZE + 1];
}

/* Takes some bytes of the body. */
static size_t follow_body(struct mbed_records *records, const uint8_t *data, size_t size)
{
	size_t n = size < records->left ? size : records->left;
	size_t room = sizeof(records->head) - records->n_head;
	size_t kept = n < room ? n : room;

	memcpy(records->head + records->n_head, data, kept);
	records->n_head += kept;
	records->left -= n;
	return n;
}

int mbed_records_follow(struct mbed_records *records, const uint8_t *data, size_t size)
{
	int alert = MBED_ALERT_NONE;
	size_t n;

	while (size > 0) {
		if (records->n_head >= MBED_RECORD_HEADER_SIZE && records->left == 0)
			records->n_head = 0;
		if (records->n_head < MBED_RECORD_HEADER_SIZE) {
			records->head[records->n_head++] = *data;
			n = 1;
			if (records->n_head == MBED_RECORD_HEADER_SIZE)
				records->left = body_size(records);
		} else {
			n = follow_body(records, data, size);
			if (records->left == 0 && mbed_records_last_alert(records) != MBED_ALERT_NONE)
				alert = mbed_records_last_alert(records);
		}
		data += n;
		size -= n;
	}
	return alert;
}

int mbed_records_type(const struct mbed_records *records)
{
	return records->n_head < MBED_RECORD_HEADER_SIZE ? 0 : records->head[0];
}

int mbed_records_alert(const struct mbed_records *records)
{
	if (records->n_head < MBED_RECORD_HEADER_SIZE)
		return UNITLS_ALERT_DECODE_ERROR;
	if (records->head[0] < MBED_CONTENT_CHANGE_CIPHER_SPEC || records->head[0] > CONTENT_APPLICATION_DATA)
		return UNITLS_ALERT_UNEXPECTED_MESSAGE;
	if (records->head[1] != MAJOR_VERSION)
		return UNITLS_ALERT_PROTOCOL_VERSION;
	if (body_size(records) > UNITLS_RECORD_CIPHERTEXT_MAX - MBED_RECORD_HEADER_SIZE)
		return UNITLS_ALERT_RECORD_OVERFLOW;
	/* With TLS 1.3 inside: empty, or of a type that nobody knows (RFC 8446, 5.1 and 5.4). */
	if (records->head[0] == CONTENT_APPLICATION_DATA)
		return UNITLS_ALERT_UNEXPECTED_MESSAGE;
	return UNITLS_ALERT_DECODE_ERROR;
}

/*
 * Follows the record framing of a byte stream. Pure.
 */
#include "backends/wolfssl/records.h"

#include <unitls/connection.h>
#include <unitls/error.h>

#define MAJOR_VERSION 3

size_t wolf_records_body_size(const struct wolf_records *records)
{
	return (size_t)records->head[3] << 8 | records->head[4];
}

static void begin_record(struct wolf_records *records)
{
	records->left = wolf_records_body_size(records);
	if (records->head[0] == WOLF_CONTENT_CHANGE_CIPHER_SPEC)
		records->changed = true;
	if (records->head[0] == WOLF_CONTENT_APPLICATION_DATA)
		records->data = true;
}

void wolf_records_follow(struct wolf_records *records, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = 1;

		if (wolf_records_at_start(records))
			records->n_head = 0;
		if (records->n_head < WOLF_RECORD_HEADER_SIZE) {
			records->head[records->n_head++] = *data;
			if (records->n_head == WOLF_RECORD_HEADER_SIZE)
				begin_record(records);
		} else {
			n = size < records->left ? size : records->left;
			records->left -= n;
		}
		data += n;
		size -= n;
	}
}

bool wolf_records_at_start(const struct wolf_records *records)
{
	return records->left == 0 && records->n_head % WOLF_RECORD_HEADER_SIZE == 0;
}

int wolf_records_type(const struct wolf_records *records)
{
	return records->n_head < WOLF_RECORD_HEADER_SIZE ? 0 : records->head[0];
}

int wolf_records_alert(const struct wolf_records *records)
{
	int type = wolf_records_type(records);

	if (type == 0)
		return UNITLS_ALERT_DECODE_ERROR;
	if (type < WOLF_CONTENT_CHANGE_CIPHER_SPEC || type > WOLF_CONTENT_APPLICATION_DATA)
		return UNITLS_ALERT_UNEXPECTED_MESSAGE;
	if (records->head[1] != MAJOR_VERSION)
		return UNITLS_ALERT_PROTOCOL_VERSION;
	if (wolf_records_body_size(records) > UNITLS_RECORD_CIPHERTEXT_MAX - WOLF_RECORD_HEADER_SIZE)
		return UNITLS_ALERT_RECORD_OVERFLOW;
	return UNITLS_ALERT_DECODE_ERROR;
}

#include "backends/gnutls/records.h"

#include <string.h>

#define CONTENT_ALERT   21
#define ALERT_FATAL     2
#define ALERT_BODY_SIZE 2

static size_t body_size(const struct gtls_records *records)
{
	return (size_t)records->head[3] << 8 | records->head[4];
}

/* One octet of a header. */
static void follow_header(struct gtls_records *records, uint8_t octet)
{
	records->head[records->n_head++] = octet;
	if (records->n_head < GTLS_RECORD_HEADER_SIZE)
		return;
	records->left = body_size(records);
	records->complete += records->left == 0;
}

/* Some octets of a body; how many. */
static size_t follow_body(struct gtls_records *records, const uint8_t *data, size_t size)
{
	size_t n = size < records->left ? size : records->left;
	size_t room = sizeof(records->head) - records->n_head;
	size_t kept = n < room ? n : room;

	memcpy(records->head + records->n_head, data, kept);
	records->n_head += kept;
	records->left -= n;
	records->complete += records->left == 0;
	return n;
}

void gtls_records_follow(struct gtls_records *records, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = 1;

		if (records->n_head >= GTLS_RECORD_HEADER_SIZE && records->left == 0)
			records->n_head = 0;
		if (records->n_head < GTLS_RECORD_HEADER_SIZE)
			follow_header(records, *data);
		else
			n = follow_body(records, data, size);
		data += n;
		size -= n;
	}
}

int gtls_records_plain_alert(const struct gtls_records *records)
{
	if (records->n_head < sizeof(records->head) || records->left > 0)
		return -1;
	if (records->head[0] != CONTENT_ALERT || body_size(records) != ALERT_BODY_SIZE)
		return -1;
	if (records->head[GTLS_RECORD_HEADER_SIZE] != ALERT_FATAL)
		return -1;
	return records->head[GTLS_RECORD_HEADER_SIZE + 1];
}

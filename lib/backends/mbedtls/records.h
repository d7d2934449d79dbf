/*
 * Follows the record framing of a byte stream, to know which alerts went by and what the last header was. mbedTLS tells neither.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_RECORDS_H
#define UNITLS_BACKEND_MBEDTLS_RECORDS_H

#include <unitls/common.h>

#define MBED_RECORD_HEADER_SIZE         5
#define MBED_CONTENT_CHANGE_CIPHER_SPEC 20
#define MBED_CONTENT_HANDSHAKE          22
#define MBED_ALERT_NONE                 (-1) /* no fatal alert went by */
#define MBED_ALERT_HIDDEN               (-2) /* an encrypted one did, or in TLS 1.3 what may be one */

struct mbed_records {
	uint8_t head[MBED_RECORD_HEADER_SIZE + 2]; /* header and the first two octets of the body */
	size_t n_head;
	size_t left; /* octets of the body still to come */
};

/* Takes the next bytes of the stream. Returns the last fatal alert that was completed by them, or MBED_ALERT_NONE or _HIDDEN. */
int mbed_records_follow(struct mbed_records *records, const uint8_t *data, size_t size);
/* The fatal alert that the record just seen is, when it is one in the clear; else MBED_ALERT_NONE or _HIDDEN. */
int mbed_records_last_alert(const struct mbed_records *records);
/* The content type of the last record; 0 when its header is not there yet. */
int mbed_records_type(const struct mbed_records *records);
/* The alert that a malformed record is answered with, judged by the last header (RFC 8446, 5.1 and 6.2). */
int mbed_records_alert(const struct mbed_records *records);

#endif

/*
 * Follows the framing of a byte stream, so that the module knows what the library does not tell: whether records are protected yet, and
 * what a malformed one was like.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_RECORDS_H
#define UNITLS_BACKEND_WOLFSSL_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WOLF_RECORD_HEADER_SIZE 5

enum wolf_content {
	WOLF_CONTENT_CHANGE_CIPHER_SPEC = 20,
	WOLF_CONTENT_ALERT = 21,
	WOLF_CONTENT_HANDSHAKE = 22,
	WOLF_CONTENT_APPLICATION_DATA = 23
};

/* Initialise with zeros. */
struct wolf_records {
	uint8_t head[WOLF_RECORD_HEADER_SIZE];
	size_t n_head;
	size_t left;  /* bytes of the record's body to come */
	bool changed; /* a ChangeCipherSpec went by */
	bool data;    /* a record of application data did: in TLS 1.3 all protected ones are */
};

void wolf_records_follow(struct wolf_records *records, const uint8_t *data, size_t size);
/* Whether the next byte is the first of a record. */
bool wolf_records_at_start(const struct wolf_records *records);
/* The content type of the last record; 0 when its header is not there yet. */
int wolf_records_type(const struct wolf_records *records);
/* The size that its header gives for its body. */
size_t wolf_records_body_size(const struct wolf_records *records);
/* The alert that a malformed record is answered with, judged by the last header (RFC 8446, 5.1 and 6.2). */
int wolf_records_alert(const struct wolf_records *records);

#endif

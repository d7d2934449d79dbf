/*
 * Follows the record framing of what the library reads, to know what the last record was and how many there were. GnuTLS tells neither.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_RECORDS_H
#define UNITLS_BACKENDS_GNUTLS_RECORDS_H

#include <unitls/common.h>

#define GTLS_RECORD_HEADER_SIZE 5

struct gtls_records {
	uint8_t head[GTLS_RECORD_HEADER_SIZE + 2]; /* header and the first two octets of the body */
	size_t n_head;
	size_t left;     /* octets of the body still to come */
	size_t complete; /* records that have gone by */
};

/* Takes the next bytes of the stream. Pure. */
void gtls_records_follow(struct gtls_records *records, const uint8_t *data, size_t size);
/* The fatal alert in the clear that the last record is, when it is complete and one; else -1. Pure. */
int gtls_records_plain_alert(const struct gtls_records *records);

#endif

/*
 * Gets one whole ClientHello out of the incoming records and leaves it there as one record, which is what every backend can read
 * (mbedTLS 2.28 fails on a hello in two records, 3.6 at a record version above 3.3). Works in place in the incoming buffer; copies nothing when the hello came in one record.
 */
#ifndef UNITLS_CORE_HELLO_READER_H
#define UNITLS_CORE_HELLO_READER_H

#include "core/backend.h"

#define UNITLS_RECORD_HEADER_SIZE 5

enum unitls_hello_which {
	UNITLS_HELLO_FIRST,
	UNITLS_HELLO_SECOND, /* after a HelloRetryRequest: records that are no handshake (a compatibility change_cipher_spec) pass through */
};

struct unitls_hello_reader {
	enum unitls_hello_which which;
	size_t joined; /* octets of the hello joined behind the record header at the front of incoming */
	size_t parsed; /* octets of incoming, from its front, that the joined ones came from; 0 = nothing yet */
};

/*
 * Goes on with what incoming holds. 0: the hello stands at the front as one record: *ret_message views it without the record header (until incoming
 * changes). WANT_READ: more bytes are needed. UNITLS_EOF: the record at the front is none of a handshake (which = SECOND only): it was made visible to
 * the backend. UNITLS_ERROR, class PROTOCOL with the alert to send, or PEER_ALERT when the peer sent an alert instead.
 */
int unitls_hello_reader_step(struct unitls_hello_reader *reader, struct unitls_transport *transport,
	struct unitls_bytes *ret_message, struct unitls_error *error);

#endif

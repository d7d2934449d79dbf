#include "core/hello_reader.h"

enum content_type {
	CONTENT_CHANGE_CIPHER_SPEC = 20,
	CONTENT_ALERT = 21,
	CONTENT_HANDSHAKE = 22,
};

#define HANDSHAKE_CLIENT_HELLO 1
#define HANDSHAKE_HEADER_SIZE  4

/* Says what the peer seems to speak. Decided by the first octet alone, so that the answer is the same however the bytes are cut. */
static int refuse_first_octet(uint8_t octet, struct unitls_error *error)
{
	if (octet >= 'A' && octet <= 'Z')
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
			"plain text where TLS was expected (an HTTP request?)");
	if (octet & 0x80)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION,
			"not TLS (an SSLv2 hello?)");
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
		"not TLS: the first byte is 0x%02x", octet);
}

static bool is_record_type(uint8_t octet)
{
	return octet >= CONTENT_CHANGE_CIPHER_SPEC && octet <= 23;
}

static int refuse_record(
	const struct unitls_hello_reader *reader, struct unitls_bytes record, struct unitls_error *error)
{
	if (record.data[0] == CONTENT_ALERT && record.size == UNITLS_RECORD_HEADER_SIZE + 2)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PEER_ALERT, record.data[6],
			"the client sent alert %s instead of a ClientHello", unitls_alert_name(record.data[6]));
	return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
		"record of type %u %s a ClientHello", record.data[0],
		reader->joined > 0 ? "within" : "instead of");
}

/* Finds the next whole record behind what was parsed, checking its header as soon as each octet is there. */
static int next_record(const struct unitls_hello_reader *reader, const struct unitls_buffer *incoming,
	struct unitls_bytes *ret_record, struct unitls_error *error)
{
	size_t size = incoming->tail - incoming->head - reader->parsed;
	const uint8_t *at;
	size_t length;

	/* Before anything came there may be no buffer to point into. */
	if (size < 1)
		return UNITLS_WANT_READ;
	at = incoming->data + incoming->head + reader->parsed;
	if (!is_record_type(at[0]))
		return refuse_first_octet(at[0], error);
	if (size < 2)
		return UNITLS_WANT_READ;
	if (at[1] != 3)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_PROTOCOL_VERSION,
			"record of protocol version 0x%02x__", at[1]);
	if (size < UNITLS_RECORD_HEADER_SIZE)
		return UNITLS_WANT_READ;
	length = (size_t)at[3] << 8 | at[4];
	if (length > UNITLS_RECORD_PLAINTEXT_MAX)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_RECORD_OVERFLOW,
			"record of %zu bytes before a ClientHello", length);
	if (length == 0)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
			"empty record before a ClientHello");
	if (size < UNITLS_RECORD_HEADER_SIZE + length)
		return UNITLS_WANT_READ;
	*ret_record = (struct unitls_bytes){at, UNITLS_RECORD_HEADER_SIZE + length};
	return UNITLS_OK;
}

/* Joins a record's fragment to those before it, behind the first record's header. */
static void join(struct unitls_hello_reader *reader, struct unitls_buffer *incoming, struct unitls_bytes record)
{
	size_t length = record.size - UNITLS_RECORD_HEADER_SIZE;
	uint8_t *to = incoming->data + incoming->head + UNITLS_RECORD_HEADER_SIZE + reader->joined;

	memmove(to, record.data + UNITLS_RECORD_HEADER_SIZE, length);
	reader->joined += length;
	reader->parsed += record.size;
}

/* 0 when the joined octets are exactly one hello. */
static int check_message(
	const struct unitls_hello_reader *reader, const uint8_t *message, struct unitls_error *error)
{
	size_t size;

	if (message[0] != HANDSHAKE_CLIENT_HELLO)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
			"handshake message of type %u instead of a ClientHello", message[0]);
	if (reader->joined < HANDSHAKE_HEADER_SIZE)
		return UNITLS_WANT_READ;
	size = HANDSHAKE_HEADER_SIZE + ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
	if (size > UNITLS_CLIENT_HELLO_LIMIT_BYTES)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_ILLEGAL_PARAMETER,
			"ClientHello of %zu bytes, above the limit of %d", size, UNITLS_CLIENT_HELLO_LIMIT_BYTES);
	if (reader->joined < size)
		return UNITLS_WANT_READ;
	if (reader->joined > size)
		return unitls_error_set_alert(error, UNITLS_ERROR_CLASS_PROTOCOL, UNITLS_ALERT_UNEXPECTED_MESSAGE,
			"data behind the ClientHello in its record");
	return UNITLS_OK;
}

/* Closes the gap that the removed record headers left, and writes the one header. */
static void close_gap(struct unitls_hello_reader *reader, struct unitls_transport *transport)
{
	struct unitls_buffer *incoming = &transport->incoming;
	uint8_t *front = incoming->data + incoming->head;
	size_t record_size = UNITLS_RECORD_HEADER_SIZE + reader->joined;
	size_t rest = incoming->tail - incoming->head - reader->parsed;

	front[2] = 3; /* any is as good (RFC 5246, E.1; RFC 8446, 5.1), but mbedTLS 3.6 refuses 3.4 and up */
	front[3] = (uint8_t)(reader->joined >> 8);
	front[4] = (uint8_t)reader->joined;
	if (reader->parsed > record_size)
		memmove(front + record_size, front + reader->parsed, rest);
	incoming->tail = incoming->head + record_size + rest;
	reader->parsed = record_size;
}

int unitls_hello_reader_step(struct unitls_hello_reader *reader, struct unitls_transport *transport,
	struct unitls_bytes *ret_message, struct unitls_error *error)
{
	struct unitls_buffer *incoming = &transport->incoming;
	struct unitls_bytes record;
	int status;

	for (;;) {
		status = next_record(reader, incoming, &record, error);
		/* So that a hello in many tiny records fits the buffer, what was parsed so far is closed up before more is read. */
		if (status == UNITLS_WANT_READ && reader->parsed > 0)
			close_gap(reader, transport);
		if (status != UNITLS_OK)
			return status;
		if (record.data[0] != CONTENT_HANDSHAKE) {
			if (reader->which == UNITLS_HELLO_FIRST || reader->joined > 0 ||
				record.data[0] == CONTENT_ALERT)
				return refuse_record(reader, record, error);
			transport->incoming_visible = record.size;
			return UNITLS_EOF;
		}
		join(reader, incoming, record);
		status = check_message(reader, incoming->data + incoming->head + UNITLS_RECORD_HEADER_SIZE, error);
		if (status < 0)
			return status;
		if (status == UNITLS_OK)
			break;
	}
	close_gap(reader, transport);
	*ret_message =
		(struct unitls_bytes){incoming->data + incoming->head + UNITLS_RECORD_HEADER_SIZE, reader->joined};
	return UNITLS_OK;
}

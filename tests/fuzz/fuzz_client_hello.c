/*
 * ClientHello from raw bytes: records are joined and parsed as a server connection does it, in pieces of the size the first byte says. Whatever is
 * accepted keeps the promises of <unitls/client_hello.h>.
 */
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/client_hello.h"
#include "core/hello_reader.h"
#include <unitls/alpn.h>
#include <unitls/peer_name.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_hello(const struct unitls_client_hello *hello)
{
	const char *name = unitls_client_hello_server_name(hello);
	struct unitls_peer_name peer;
	struct unitls_bytes protocol;
	uint16_t value;

	if (name)
		require(unitls_peer_name_dns(name, &peer, NULL) == UNITLS_OK && strcmp(peer.text, name) == 0);
	for (size_t i = 0; unitls_client_hello_alpn_at(hello, i, &protocol); i++)
		require(protocol.size >= 1 && protocol.size <= UNITLS_ALPN_NAME_MAX);
	for (size_t i = 0; unitls_client_hello_cipher_suite_at(hello, i, &value); i++)
		require(i < 32768);
	for (size_t i = 0; unitls_client_hello_group_at(hello, i, &value); i++)
		require(i < 32768);
	for (size_t i = 0; unitls_client_hello_signature_scheme_at(hello, i, &value); i++)
		require(i < 32768);
	(void)unitls_client_hello_offers_version(hello, UNITLS_TLS_1_3);
}

static void check_message(const struct unitls_transport *transport, const struct unitls_hello_reader *reader,
	struct unitls_bytes message)
{
	struct unitls_client_hello *hello = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;

	require(message.size <= UNITLS_CLIENT_HELLO_LIMIT_BYTES);
	require(reader->parsed == UNITLS_RECORD_HEADER_SIZE + message.size);
	require(unitls_buffer_size(&transport->incoming) >= reader->parsed);
	if (unitls_client_hello_parse(message.data, message.size, &hello, &error) == UNITLS_OK)
		check_hello(hello);
	else
		require(error.alert >= 0);
	unitls_client_hello_free(hello);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_transport transport = {0};
	struct unitls_hello_reader reader = {0};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_bytes message;
	size_t piece;
	int status = UNITLS_WANT_READ;

	if (size < 1)
		return 0;
	piece = data[0] & 0x7f ? data[0] & 0x7f : size;
	reader.which = data[0] & 0x80 ? UNITLS_HELLO_SECOND : UNITLS_HELLO_FIRST;
	data++;
	size--;
	while (size > 0 && status == UNITLS_WANT_READ) {
		size_t n = piece < size ? piece : size;

		if (unitls_buffer_reserve(&transport.incoming, n, UNITLS_INCOMING_LIMIT_BYTES) < 0)
			break;
		memcpy(transport.incoming.data + transport.incoming.tail, data, n);
		transport.incoming.tail += n;
		data += n;
		size -= n;
		status = unitls_hello_reader_step(&reader, &transport, &message, &error);
		if (status == UNITLS_EOF) { /* a record for the backend */
			unitls_transport_consume(&transport, transport.incoming_visible);
			status = UNITLS_WANT_READ;
		}
	}
	if (status == UNITLS_OK)
		check_message(&transport, &reader, message);
	if (status < 0)
		require(error.error_class != UNITLS_ERROR_CLASS_NONE && error.text[0] != '\0');
	unitls_buffer_clear(&transport.incoming);
	return 0;
}

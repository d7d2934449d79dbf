/*
 * The client side of each backend, as fuzz_server does the server's: raw bytes as what a server sends, or a real server's conversation with one byte changed,
 * in the clear up to the Finished, so also in the certificate, which is verified.
 */
#include <unitls/unitls.h>

#include "endpoints.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	endpoints_make();
	return 0;
}

static void converse(
	const struct endpoints *ends, struct unitls_connection *client, const uint8_t *data, size_t size)
{
	struct unitls_connection *server = NULL;

	if (unitls_server_connection_new(ends->server, &server, NULL) < 0)
		return;
	for (unsigned turn = 0; turn < 6; turn++) {
		bool damaged = size >= 4 && data[3] % 6 == turn;

		if (endpoints_run(client) < 0)
			break;
		endpoints_deliver(client, server, NULL);
		(void)endpoints_run(server);
		endpoints_deliver(server, client, damaged ? data : NULL);
	}
	unitls_connection_free(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct endpoints *ends;
	struct unitls_connection *client = NULL;
	struct unitls_peer_name name;
	size_t piece;

	if (size < 2)
		return 0;
	ends = endpoints_choose(data[0]);
	piece = data[0] >> 2 & 15u;
	require(unitls_peer_name_parse("fuzz.example", &name, NULL) == 0);
	if (unitls_client_connection_new(ends->verifier, &name, &client, NULL) < 0)
		return 0;
	if (data[0] & 2) {
		converse(ends, client, data + 1, size - 1);
	} else if (endpoints_run(client) > 0) {
		unitls_connection_consume_outgoing(client, unitls_connection_peek_outgoing(client).size);
		endpoints_send(client, data + 1, size - 1, piece ? piece : size);
	}
	unitls_connection_receive_eof(client);
	require(endpoints_run(client) != UNITLS_OK);
	unitls_connection_free(client);
	return 0;
}

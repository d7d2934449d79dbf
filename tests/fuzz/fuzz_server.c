/*
 * The server side of each backend fed raw bytes: the first byte chooses backend and the size of the pieces, the rest is what a client sends. To get
 * past the first flight, a client connection of the same backend can start the conversation and the bytes are then mixed into what it says.
 * Whatever comes, the connection ends in a want or in a sticky failure with a reason, and its memory stays bounded.
 */
#include <unitls/insecure.h>
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

/* A real client's conversation, with one byte changed in one of its flights. */
static void converse(
	const struct endpoints *ends, struct unitls_connection *server, const uint8_t *data, size_t size)
{
	struct unitls_connection *client = NULL;
	struct unitls_peer_name name;

	require(unitls_insecure_peer_name_unchecked("fuzz.example", &name, NULL) == 0);
	if (unitls_client_connection_new(ends->client, &name, &client, NULL) < 0)
		return;
	for (unsigned turn = 0; turn < 6; turn++) {
		int status;
		bool damaged = size >= 4 && data[3] % 6 == turn;

		status = unitls_connection_handshake(client, NULL);
		if (status == UNITLS_OK) {
			size_t n;

			(void)!unitls_connection_write(client, data, size, &n, NULL);
		}
		endpoints_deliver(client, server, damaged ? data : NULL);
		if (endpoints_run(server) < 0)
			break;
		endpoints_deliver(server, client, NULL);
	}
	unitls_connection_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unitls_connection *server = NULL;
	const struct endpoints *ends;
	size_t piece;

	if (size < 2)
		return 0;
	ends = endpoints_choose(data[0]);
	piece = data[0] >> 2 & 15u;
	if (unitls_server_connection_new(ends->server, &server, NULL) < 0)
		return 0;
	if (data[0] & 2)
		converse(ends, server, data + 1, size - 1);
	else
		endpoints_send(server, data + 1, size - 1, piece ? piece : size);
	unitls_connection_receive_eof(server);
	require(endpoints_run(server) != UNITLS_OK);
	unitls_connection_free(server);
	return 0;
}

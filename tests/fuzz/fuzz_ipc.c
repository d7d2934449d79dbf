/* What a child may send to the master: whatever is let through keeps the promises of daemon/ipc.h.
 *
 * Input: a byte of flags, then the message; a short one is also tried filled up with zeroes. */

#include <stdlib.h>
#include <string.h>

#include "daemon/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const struct ipc_message *message, bool descriptor)
{
	uint32_t i;

	require(message->type > IPC_NONE && message->type < IPC_TYPE_COUNT);
	require(strcmp(ipc_type_name(message->type), "?") != 0);
	/* No child sends a descriptor, nor secrets of tickets. */
	require(!descriptor);
	require(message->type != IPC_TICKETS);
	if (message->type == IPC_FAILED) {
		require(strlen(message->body.failed.file) < IPC_FILE_MAX);
		require(strlen(message->body.failed.text) < IPC_TEXT_MAX);
	}
	if (message->type != IPC_ADDRESSES)
		return;
	require(message->body.addresses.host[0] != '\0');
	require(strlen(message->body.addresses.host) < ADDRESS_HOST_MAX);
	require(strlen(message->body.addresses.reason) < sizeof(message->body.addresses.reason));
	require(message->body.addresses.count <= IPC_ADDRESSES_MAX);
	for (i = 0; i < message->body.addresses.count; i++)
		require(message->body.addresses.items[i].family == 4 ||
			message->body.addresses.items[i].family == 6);
}

static void try(const void *data, size_t size, uint8_t flags)
{
	enum ipc_source source = (flags & 1) != 0 ? IPC_FROM_HELPER : IPC_FROM_WORKER;
	struct ipc_expected expected = {
		.preparing = (flags & 4) != 0,
		.committing = (flags & 8) != 0,
		.draining = (flags & 16) != 0,
		.generation = 3,
		.sequence = 5,
		.next_socket = 7,
	};
	struct ipc_message message;

	if (ipc_parse(data, size, source, (flags & 2) != 0, &message) != 0)
		return;
	check(&message, (flags & 2) != 0);
	if (ipc_expect(&message, &expected) != 0)
		return;
	if (message.type == IPC_PREPARED || message.type == IPC_FAILED)
		require(expected.preparing && message.generation == 3);
	if (message.type == IPC_COMMITTED)
		require(expected.committing && message.generation == 3);
	if (message.type == IPC_HEARTBEAT)
		require(message.body.sequence <= 5);
	if (message.type == IPC_RELEASED)
		require(message.socket < 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_message padded;

	if (size == 0)
		return 0;
	try(data + 1, size - 1, data[0]);
	memset(&padded, 0, sizeof(padded));
	memcpy(&padded, data + 1, size - 1 < sizeof(padded) ? size - 1 : sizeof(padded));
	try(&padded, sizeof(padded), data[0]);
	return 0;
}

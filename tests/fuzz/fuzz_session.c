/*
 * Feeds bytes to the reader of sessions: as they are, where the digest refuses nearly all, and with the digest made to fit. What is accepted comes out as
 * it went in.
 */
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void read_session(const uint8_t *data, size_t size)
{
	struct unitls_session *session = NULL;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_bytes bytes;

	if (unitls_session_from_bytes(data, size, &session, &error) < 0) {
		check(error.error_class == UNITLS_ERROR_CLASS_CONFIG && strcmp(error.field, "session") == 0);
		return;
	}
	bytes = unitls_session_bytes(session);
	check(bytes.size == size && memcmp(bytes.data, data, size) == 0);
	for (size_t i = 0; unitls_session_peer_certificate(session, i); i++)
		check(i < size);
	unitls_session_unref(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed = malloc(size + UNITLS_SHA256_SIZE);

	check(sealed != NULL);
	read_session(data, size);
	if (size > 0)
		memcpy(sealed, data, size);
	unitls_sha256(sealed, size, sealed + size);
	read_session(sealed, size + UNITLS_SHA256_SIZE);
	free(sealed);
	return 0;
}

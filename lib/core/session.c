/*
 * Client sessions. What a library exports is kept with what it may be used for: the resumption scope with the peer's name, an end, and the peer's chain, which
 * no library keeps whole. One string of bytes holds all of it (big-endian numbers; vectors with a length before them):
 *
 *   "unitls session" version(1) scope(32) expires(8) n(1) certificates(n times, vector of 3+) native(vector of 3+) SHA-256(32) of the rest
 *
 * The digest keeps damaged bytes from the libraries, of which GnuTLS 3.7 ends the process over some (gid_to_ext_entry asserts).
 *
 * Invariant: the views point into bytes, and what bytes say was checked when the session was made.
 */
#include "core/session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/connection.h"
#include "core/digest.h"
#include "core/reader.h"

#define MAGIC        "unitls session"
#define FORMAT       1
#define CHAIN_MAX    32
#define VECTOR_BYTES 3 /* octets of a vector's length */
#define VECTOR_MAX   0xffffffu

struct unitls_session {
	atomic_size_t references;
	uint8_t *bytes;
	size_t size;
	struct unitls_bytes scope;
	int64_t expires;
	struct unitls_bytes native;
	struct unitls_certificate *chain[CHAIN_MAX];
	size_t n_chain;
};

static int no_memory(struct unitls_error *error)
{
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a session");
}

static int refuse(struct unitls_error *error, const char *reason)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "session", "%s", reason);
}

struct unitls_session *unitls_session_ref(struct unitls_session *session)
{
	atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
	return session;
}

void unitls_session_unref(struct unitls_session *session)
{
	if (!session || atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < session->n_chain; i++)
		unitls_certificate_unref(session->chain[i]);
	if (session->bytes)
		explicit_bzero(session->bytes, session->size);
	free(session->bytes);
	free(session);
}

struct unitls_bytes unitls_session_bytes(const struct unitls_session *session)
{
	return (struct unitls_bytes){session->bytes, session->size};
}

int64_t unitls_session_expires(const struct unitls_session *session)
{
	return session->expires;
}

struct unitls_certificate *unitls_session_peer_certificate(const struct unitls_session *session, size_t i)
{
	return i < session->n_chain ? session->chain[i] : NULL;
}

/*
 * Reading ------------------------------------------------------------------------------------------------------------------
 */

static struct unitls_bytes read_vector(struct unitls_reader *reader)
{
	return unitls_reader_bytes(reader, unitls_reader_u24(reader));
}

static int64_t read_time(struct unitls_reader *reader)
{
	struct unitls_bytes octets = unitls_reader_bytes(reader, 8);
	uint64_t time = 0;

	for (size_t i = 0; i < octets.size; i++)
		time = time << 8 | octets.data[i];
	return (int64_t)time;
}

/* Fills the views. The first fault is the one that counts. */
static int parse(struct unitls_session *session, struct unitls_error *error)
{
	size_t size = session->size < UNITLS_SHA256_SIZE ? 0 : session->size - UNITLS_SHA256_SIZE;
	struct unitls_reader reader = unitls_reader_init((struct unitls_bytes){session->bytes, size});
	struct unitls_bytes magic = unitls_reader_bytes(&reader, sizeof(MAGIC) - 1);
	uint8_t digest[UNITLS_SHA256_SIZE];
	size_t n;

	if (reader.failed || memcmp(magic.data, MAGIC, magic.size) != 0)
		return refuse(error, "these bytes are no session");
	if (unitls_reader_u8(&reader) != FORMAT)
		return refuse(error, "the session is of another version of unitls");
	unitls_sha256(session->bytes, size, digest);
	if (memcmp(digest, session->bytes + size, sizeof(digest)) != 0)
		return refuse(error, "the session is damaged");
	session->scope = unitls_reader_bytes(&reader, UNITLS_DIGEST_SIZE);
	session->expires = read_time(&reader);
	n = unitls_reader_u8(&reader);
	if (n > CHAIN_MAX)
		return refuse(error, "the session is malformed");
	for (size_t i = 0; i < n; i++) {
		struct unitls_error fault = UNITLS_ERROR_INIT;
		struct unitls_bytes der = read_vector(&reader);

		if (reader.failed)
			return refuse(error, "the session is malformed");
		if (unitls_certificate_from_mem(der.data, der.size, &session->chain[i], &fault) < 0)
			return fault.error_class == UNITLS_ERROR_CLASS_MEMORY
				? no_memory(error)
				: refuse(error, "the session is malformed");
		session->n_chain++;
	}
	session->native = read_vector(&reader);
	if (!unitls_reader_done(&reader) || session->native.size == 0)
		return refuse(error, "the session is malformed");
	return UNITLS_OK;
}

/* Takes bytes (from malloc), also when it fails. */
static int from_bytes(uint8_t *bytes, size_t size, struct unitls_session **ret_session, struct unitls_error *error)
{
	struct unitls_session *session = calloc(1, sizeof(*session));

	if (!session) {
		explicit_bzero(bytes, size);
		free(bytes);
		return no_memory(error);
	}
	atomic_init(&session->references, 1);
	session->bytes = bytes;
	session->size = size;
	if (parse(session, error) < 0) {
		unitls_session_unref(session);
		return UNITLS_ERROR;
	}
	*ret_session = session;
	return UNITLS_OK;
}

int unitls_session_from_bytes(
	const void *data, size_t size, struct unitls_session **ret_session, struct unitls_error *error)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		return no_memory(error);
	if (size > 0)
		memcpy(copy, data, size);
	return from_bytes(copy, size, ret_session, error);
}

/*
 * Writing ------------------------------------------------------------------------------------------------------------------
 */

struct writer {
	uint8_t *at;
};

static void put(struct writer *writer, const void *data, size_t size)
{
	memcpy(writer->at, data, size);
	writer->at += size;
}

static void put_number(struct writer *writer, uint64_t number, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*writer->at++ = (uint8_t)(number >> (8 * (octets - 1 - i)));
}

static void put_vector(struct writer *writer, struct unitls_bytes bytes)
{
	put_number(writer, bytes.size, VECTOR_BYTES);
	put(writer, bytes.data, bytes.size);
}

/*
 * Export and offer ---------------------------------------------------------------------------------------------------------
 */

/* What a session is bound to: the identity's scope, and whom the connection was meant for. */
static void bind_scope(const struct unitls_connection *connection, uint8_t ret_scope[UNITLS_DIGEST_SIZE])
{
	const struct unitls_peer_name *peer = connection->peer_name;
	struct unitls_digest digest;

	unitls_digest_init(&digest);
	unitls_digest_update(&digest, connection->identity->scope, UNITLS_DIGEST_SIZE);
	unitls_digest_update_u32(&digest, peer->type);
	unitls_digest_update_bytes(
		&digest, (struct unitls_bytes){(const uint8_t *)peer->text, strlen(peer->text)});
	unitls_digest_update(&digest, peer->address, sizeof(peer->address));
	unitls_digest_final(&digest, ret_scope);
}

static int64_t now(const struct unitls_connection *connection)
{
	const struct unitls_settings *settings = unitls_client_context_settings(connection->client_context);

	return settings->clock ? settings->clock(settings->clock_argument) : (int64_t)time(NULL);
}

/* A copy of what the backend exports. */
struct native_copy {
	uint8_t *data;
	size_t size;
};

static int on_native(void *argument, struct unitls_bytes session)
{
	struct native_copy *copy = argument;

	copy->data = malloc(session.size > 0 ? session.size : 1);
	if (!copy->data)
		return UNITLS_ERROR;
	memcpy(copy->data, session.data, session.size);
	copy->size = session.size;
	return 0;
}

static int check_usable(
	const struct unitls_connection *connection, bool offered_too_late, struct unitls_error *error)
{
	if (!connection->client_context)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "only clients keep sessions");
	if (offered_too_late)
		return unitls_error_set(
			error, UNITLS_ERROR_CLASS_USAGE, "a session is offered before the handshake begins");
	if (!connection->ops->session_export || !connection->ops->session_resume)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "session",
			"%s does not hand out sessions", connection->ops->name);
	return UNITLS_OK;
}

static size_t encoded_size(struct unitls_connection *connection, size_t *ret_n, size_t native_size)
{
	size_t size = sizeof(MAGIC) - 1 + 1 + UNITLS_DIGEST_SIZE + 8 + 1 + VECTOR_BYTES + native_size + UNITLS_SHA256_SIZE;
	struct unitls_certificate *certificate;
	size_t n = 0;

	while (n < CHAIN_MAX && (certificate = unitls_connection_peer_certificate(connection, n)) != NULL) {
		size += VECTOR_BYTES + unitls_certificate_der(certificate).size;
		n++;
	}
	*ret_n = n;
	return size;
}

static int64_t expiry(struct unitls_connection *connection)
{
	const struct unitls_certificate *leaf = unitls_connection_peer_certificate(connection, 0);
	int64_t expires = now(connection) + UNITLS_SESSION_LIFETIME_MAX_S;

	if (connection->offered && expires > connection->offered->expires)
		expires = connection->offered->expires;
	if (leaf && expires > unitls_certificate_not_after(leaf))
		expires = unitls_certificate_not_after(leaf);
	return expires;
}

static int encode(struct unitls_connection *connection, const struct native_copy *native,
	struct unitls_session **ret_session, struct unitls_error *error)
{
	uint8_t scope[UNITLS_DIGEST_SIZE];
	size_t n;
	size_t size = encoded_size(connection, &n, native->size);
	uint8_t *bytes = malloc(size);
	struct writer writer = {bytes};

	if (!bytes)
		return no_memory(error);
	bind_scope(connection, scope);
	put(&writer, MAGIC, sizeof(MAGIC) - 1);
	put_number(&writer, FORMAT, 1);
	put(&writer, scope, sizeof(scope));
	put_number(&writer, (uint64_t)expiry(connection), 8);
	put_number(&writer, n, 1);
	for (size_t i = 0; i < n; i++)
		put_vector(&writer, unitls_certificate_der(unitls_connection_peer_certificate(connection, i)));
	put_vector(&writer, (struct unitls_bytes){native->data, native->size});
	unitls_sha256(bytes, size - UNITLS_SHA256_SIZE, bytes + size - UNITLS_SHA256_SIZE);
	return from_bytes(bytes, size, ret_session, error);
}

int unitls_connection_session(
	struct unitls_connection *connection, struct unitls_session **ret_session, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct native_copy native = {NULL, 0};
	int status = check_usable(connection, false, error);

	if (status < 0)
		return status;
	if (connection->version == 0)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_USAGE, "the handshake is not complete");
	status = connection->ops->session_export(connection->native, on_native, &native, &details);
	if (status < 0 || (status == 0 && native.size > VECTOR_MAX))
		status = unitls_error_set(error,
			details.error_class == UNITLS_ERROR_CLASS_NONE ? UNITLS_ERROR_CLASS_MEMORY
								       : details.error_class,
			"the session cannot be exported: %s", details.text);
	if (status == 0)
		status = encode(connection, &native, ret_session, error);
	if (native.data)
		explicit_bzero(native.data, native.size);
	free(native.data);
	return status;
}

int unitls_connection_offer_session(
	struct unitls_connection *connection, struct unitls_session *session, struct unitls_error *error)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	uint8_t scope[UNITLS_DIGEST_SIZE];
	int status = check_usable(connection, connection->asked, error);

	if (status < 0)
		return status;
	bind_scope(connection, scope);
	if (memcmp(scope, session->scope.data, sizeof(scope)) != 0)
		return refuse(error, "the session was made for another peer or with other settings");
	if (now(connection) >= session->expires)
		return refuse(error, "the session is too old");
	if (connection->ops->session_resume(connection->native, session->native, &details) < 0)
		return unitls_error_set_field(error,
			details.error_class == UNITLS_ERROR_CLASS_MEMORY ? details.error_class
									 : UNITLS_ERROR_CLASS_CONFIG,
			"session", "%s", details.text);
	unitls_session_unref(connection->offered);
	connection->offered = unitls_session_ref(session);
	atomic_fetch_add_explicit(&unitls_connection_counters(connection)->offered, 1, memory_order_relaxed);
	return UNITLS_OK;
}

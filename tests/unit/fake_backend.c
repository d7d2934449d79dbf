/*
 * The one fake backend. Its connections do nothing: they answer that they want to read, but for a handshake that the test has chosen.
 */
#include "tests/unit/fake_backend.h"

#include <stdlib.h>
#include <string.h>

#include <unitls/cipher_suite.h>

#define SUITES_MAX 256

static struct fake_backend fake;
static uint16_t suites[SUITES_MAX];

static int fake_init(struct unitls_error *error)
{
	(void)error;
	return 0;
}

static const char *fake_library_version(void)
{
	return "none 1.0";
}

static const struct unitls_capabilities *fake_capabilities(void)
{
	return &fake.capabilities;
}

static int fake_context_new(
	const struct unitls_context_params *params, void **ret_context, struct unitls_error *error)
{
	void *context;

	if (atomic_load(&fake.fail))
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "key", "the library does not like this key");
	context = malloc(1);
	if (!context)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a context");
	if (fake.seen)
		fake.seen(params);
	atomic_fetch_add(&fake.built, 1);
	atomic_fetch_add(&fake.alive, 1);
	*ret_context = context;
	return 0;
}

static void fake_context_free(void *context)
{
	atomic_fetch_sub(&fake.alive, 1);
	free(context);
}

static int fake_connection_new(void *context, const struct unitls_connection_params *params, void **ret_connection,
	struct unitls_error *error)
{
	(void)params;
	(void)error;
	*ret_connection = context;
	return 0;
}

static void fake_connection_free(void *connection)
{
	(void)connection;
}

static int fake_handshake(void *connection, struct unitls_error *error)
{
	(void)connection;
	(void)error;
	return fake.handshake_status;
}

static int fake_read(void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error)
{
	(void)connection;
	(void)buffer;
	(void)size;
	(void)error;
	*ret_n = 0;
	return UNITLS_WANT_READ;
}

static int fake_write(
	void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error)
{
	(void)connection;
	(void)data;
	(void)size;
	(void)error;
	*ret_n = 0;
	return UNITLS_WANT_WRITE;
}

static int fake_shutdown(void *connection, struct unitls_error *error)
{
	(void)connection;
	(void)error;
	return 0;
}

static size_t fake_pending(const void *connection)
{
	(void)connection;
	return 0;
}

static void fake_info(const void *connection, struct unitls_connection_info *ret_info)
{
	(void)connection;
	*ret_info = fake.info;
}

static int fake_peer_chain(
	const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument)
{
	(void)connection;
	(void)add;
	(void)argument;
	return 0;
}

static const struct unitls_backend_ops ops = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "fake",
	.init = fake_init,
	.library_version = fake_library_version,
	.capabilities = fake_capabilities,
	.context_new = fake_context_new,
	.context_free = fake_context_free,
	.connection_new = fake_connection_new,
	.connection_free = fake_connection_free,
	.handshake = fake_handshake,
	.read = fake_read,
	.write = fake_write,
	.shutdown = fake_shutdown,
	.pending = fake_pending,
	.info = fake_info,
	.peer_chain = fake_peer_chain,
};

struct fake_backend *fake_backend_reset(void)
{
	size_t n = 0;

	while (n < SUITES_MAX && unitls_cipher_suite_at(n, &suites[n]))
		n++;
	fake.backend.ops = &ops;
	fake.capabilities = (struct unitls_capabilities){
		.bits = UINT64_MAX,
		.min_version = UNITLS_TLS_1_2,
		.max_version = UNITLS_TLS_1_3,
		.cipher_suites = suites,
		.n_cipher_suites = n,
		.alpn_max_names = 256,
		.alpn_max_name_bytes = 255,
		.alpn_binary = true,
		.key_types = UINT32_MAX & ~(1u << UNITLS_KEY_UNKNOWN),
		.rsa_min_bits = 1024,
		.rsa_max_bits = 16384,
		.notes = "",
	};
	atomic_store(&fake.built, 0);
	atomic_store(&fake.alive, 0);
	atomic_store(&fake.fail, false);
	fake.seen = NULL;
	fake.handshake_status = UNITLS_WANT_READ;
	fake.info = (struct unitls_connection_info){0};
	return &fake;
}

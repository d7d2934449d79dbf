/*
 * The module: the table of functions, the library's start and its version. Everything else is hidden.
 */
#include "core/backend.h"

#include <stdio.h>

#include "backends/wolfssl/capabilities.h"
#include "backends/wolfssl/connection.h"
#include "backends/wolfssl/context.h"
#include "backends/wolfssl/error.h"
#include "backends/wolfssl/library.h"
#include "backends/wolfssl/random.h"
#include "backends/wolfssl/suites.h"
#include "backends/wolfssl/thread.h"

#define VERSION_TEXT_SIZE 32

static char version_text[VERSION_TEXT_SIZE];

static int init(struct unitls_error *error)
{
	/* Structures are laid out by the headers' macros: another library is a crash. */
	if (wolfSSL_lib_version_hex() != LIBWOLFSSL_VERSION_HEX)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"built for wolfSSL %s, and wolfSSL %s was found", LIBWOLFSSL_VERSION_STRING,
			wolfSSL_lib_version());
	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "wolfSSL cannot be initialised");
	if (!wolf_random_init())
		return unitls_error_set(
			error, UNITLS_ERROR_CLASS_INTERNAL, "wolfSSL has no place for a source of random bytes");
	if (!wolf_thread_init())
		return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "no key for what threads keep");
	wolf_suites_init();
	wolf_capabilities_init();
	wolf_error_forget();
	(void)snprintf(version_text, sizeof(version_text), "wolfSSL %s", wolfSSL_lib_version());
	return 0;
}

static const char *library_version(void)
{
	return version_text;
}

UNITLS_API extern const struct unitls_backend_ops unitls_backend_module;

const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "wolfssl",
	.init = init,
	.library_version = library_version,
	.capabilities = wolf_capabilities,
	.context_new = wolf_context_new,
	.context_free = wolf_context_free,
	.connection_new = wolf_connection_new,
	.connection_free = wolf_connection_free,
	.handshake = wolf_connection_handshake,
	.read = wolf_connection_read,
	.write = wolf_connection_write,
	.shutdown = wolf_connection_shutdown,
	.pending = wolf_connection_pending,
	.info = wolf_connection_info,
	.peer_chain = wolf_connection_peer_chain,
#ifdef HAVE_KEYING_MATERIAL
	.export_keys = wolf_connection_export_keys,
#endif
	.update_keys = wolf_connection_update_keys,
};

/*
 * The module's one symbol, and its start: openssl.cnf is read here, and nothing is read from the file system afterwards.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "backends/openssl/capabilities.h"
#include "backends/openssl/external.h"
#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"
#include "backends/libssl/error.h"
#include "backends/libssl/session.h"
#include "core/backend.h"

static const char *library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

/*
 * The library's default context is used, not one of our own: openssl.cnf then means what it means to every program, also when the program has
 * initialised OpenSSL already.
 */
static int init(struct unitls_error *error)
{
	int r;

	ERR_clear_error();
	/* No work at exit: the module's threads may still be running then. */
	if (!OPENSSL_init_ssl(
		    OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL))
		return libssl_error_config(error, "backend", "OpenSSL cannot be initialised (see openssl.cnf)");
	r = libssl_connection_init(error);
	if (r == 0)
		r = openssl_external_init(error);
	if (r == 0)
		r = openssl_capabilities_init(error);
	return r;
}

UNITLS_API extern const struct unitls_backend_ops unitls_backend_module;

const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "openssl",
	.init = init,
	.library_version = library_version,
	.capabilities = openssl_capabilities,
	.context_new = libssl_context_new,
	.context_free = libssl_context_free,
	.connection_new = libssl_connection_new,
	.connection_free = libssl_connection_free,
	.handshake = libssl_connection_handshake,
	.read = libssl_connection_read,
	.write = libssl_connection_write,
	.shutdown = libssl_connection_shutdown,
	.pending = libssl_connection_pending,
	.info = libssl_connection_info,
	.peer_chain = libssl_connection_peer_chain,
	.session_export = libssl_session_export,
	.session_resume = libssl_session_resume,
	.export_keys = libssl_connection_export_keys,
	.update_keys = libssl_connection_update_keys,
	.ocsp_response = libssl_connection_ocsp_response,
};

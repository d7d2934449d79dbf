/*
 * The module's one symbol, and its start. The library reads no configuration file; AWS-LC is BoringSSL here.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "backends/boringssl/capabilities.h"
#include "backends/boringssl/compat.h"
#include "backends/libssl/connection.h"
#include "backends/libssl/context.h"
#include "backends/libssl/session.h"
#include "core/backend.h"

static const char *library_version(void)
{
	return COMPAT_NAME;
}

static int init(struct unitls_error *error)
{
	int r;

	ERR_clear_error();
	/* Opens now what the generator would open at its first use (AWS-LC: /dev/sysgenid): a sandbox may forbid it by then. */
	CRYPTO_pre_sandbox_init();
	r = libssl_connection_init(error);
	if (r == 0)
		r = boringssl_capabilities_init(error);
	return r;
}

UNITLS_API extern const struct unitls_backend_ops unitls_backend_module;

const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "boringssl",
	.init = init,
	.library_version = library_version,
	.capabilities = boringssl_capabilities,
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

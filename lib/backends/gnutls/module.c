/*
 * The module's one symbol, and its start: GnuTLS's system configuration is read here, and nothing is read from the file system afterwards.
 */
#include <stdio.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "backends/gnutls/capabilities.h"
#include "backends/gnutls/connection.h"
#include "backends/gnutls/context.h"
#include "backends/gnutls/error.h"
#include "backends/gnutls/policy.h"
#include "backends/gnutls/session.h"
#include "backends/gnutls/suites.h"
#include "core/backend.h"

static const char *library_version(void)
{
	static char text[32];

	/* The same text whoever writes it. */
	if (text[0] == '\0')
		(void)snprintf(text, sizeof(text), "GnuTLS %s", gnutls_check_version(NULL));
	return text;
}

/* glibc reads /etc/localtime at the first conversion of a time, UTC or not. */
static void convert_a_time(void)
{
	time_t now = 0;
	struct tm fields;

	(void)gmtime_r(&now, &fields);
}

static int init(struct unitls_error *error)
{
	int ret;

	if (!gnutls_check_version(GNUTLS_VERSION))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"GnuTLS is %s, older than %s, with which the module was compiled",
			gnutls_check_version(NULL), GNUTLS_VERSION);
	/* Counted by the library: it is initialised already when it was loaded, and will now do no work at exit, when threads may still run. */
	ret = gnutls_global_init();
	if (ret < 0)
		return gtls_error_set_field(error, ret, "backend", "to be initialised");
	convert_a_time();
	(void)library_version();
	gtls_suites_init();
	if (gtls_policy_init(error) < 0)
		return UNITLS_ERROR;
	gtls_capabilities_init();
	return 0;
}

UNITLS_API extern const struct unitls_backend_ops unitls_backend_module;

const struct unitls_backend_ops unitls_backend_module = {
	.abi = UNITLS_BACKEND_ABI,
	.size = sizeof(struct unitls_backend_ops),
	.name = "gnutls",
	.init = init,
	.library_version = library_version,
	.capabilities = gtls_capabilities,
	.context_new = gtls_context_new,
	.context_free = gtls_context_free,
	.connection_new = gtls_connection_new,
	.connection_free = gtls_connection_free,
	.handshake = gtls_connection_handshake,
	.read = gtls_connection_read,
	.write = gtls_connection_write,
	.shutdown = gtls_connection_shutdown,
	.pending = gtls_connection_pending,
	.info = gtls_connection_info,
	.peer_chain = gtls_connection_peer_chain,
	.session_export = gtls_session_export,
	.session_resume = gtls_session_resume,
	.export_keys = gtls_connection_export_keys,
	.update_keys = gtls_connection_update_keys,
	.ocsp_response = gtls_connection_ocsp_response,
};

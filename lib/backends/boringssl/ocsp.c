/*
 * OCSP staples (RFC 6066, 8): the library carries them, and reads none.
 */
#include "backends/libssl/library.h"

bool libssl_setup_ocsp(SSL_CTX *ctx, const struct unitls_context_params *params)
{
	if (params->role == UNITLS_ROLE_SERVER)
		return params->ocsp_response.size == 0 ||
			SSL_CTX_set_ocsp_response(ctx, params->ocsp_response.data, params->ocsp_response.size) ==
			1;
	if (params->ocsp != UNITLS_OCSP_NONE)
		SSL_CTX_enable_ocsp_stapling(ctx);
	return true;
}

struct unitls_bytes libssl_ocsp_response(SSL *ssl)
{
	const uint8_t *data = NULL;
	size_t size = 0;

	SSL_get0_ocsp_response(ssl, &data, &size);
	return (struct unitls_bytes){size > 0 ? data : NULL, size};
}

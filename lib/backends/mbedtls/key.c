/*
 * Reading private keys, also encrypted ones.
 */
#include "backends/mbedtls/key.h"

#include <string.h>

#include "backends/mbedtls/compat.h"

int mbed_key_parse(mbedtls_pk_context *pk, const struct unitls_context_params *params)
{
	const char *password = params->password;
	size_t n_password = password == NULL ? 0 : strlen(password);

	return compat_pk_parse(pk, params->key.data, params->key.size, (const uint8_t *)password, n_password);
}

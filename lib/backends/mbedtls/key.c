/*
 * Reading private keys, also encrypted ones. Every copy made here is wiped.
 */
#include "backends/mbedtls/key.h"

#include <stdlib.h>
#include <string.h>

#include "backends/mbedtls/compat.h"
#include "backends/mbedtls/pbes2.h"

static int parse_pbes2(mbedtls_pk_context *pk, const struct unitls_context_params *params)
{
	uint8_t *key = NULL;
	size_t size = 0;
	int ret;

	ret = mbed_pbes2_decrypt(params->key, params->password, &key, &size);
	if (ret != 0)
		return ret;
	ret = compat_pk_parse(pk, key, size, NULL, 0);
	explicit_bzero(key, size);
	free(key);
	/* Padding is right by chance for one wrong password in 256. */
	return ret == MBEDTLS_ERR_PK_ALLOC_FAILED || ret == 0 ? ret : MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
}

int mbed_key_parse(mbedtls_pk_context *pk, const struct unitls_context_params *params)
{
	const char *password = params->password;
	int ret;

	if (password != NULL && params->key_format == UNITLS_KEY_FORMAT_DER) {
		ret = parse_pbes2(pk, params);
		if (ret != MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE && ret != MBEDTLS_ERR_PK_KEY_INVALID_FORMAT)
			return ret;
	}
	return compat_pk_parse(pk, params->key.data, params->key.size, (const uint8_t *)password,
		password == NULL ? 0 : strlen(password));
}

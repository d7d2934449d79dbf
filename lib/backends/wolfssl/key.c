#include "backends/wolfssl/key.h"

#include <string.h>

#include "backends/wolfssl/error.h"

#ifdef WOLFSSL_ENCRYPTED_KEYS
/* Hands out the password that came with the key. One that the library's buffer does not hold cannot be used. */
static int on_password(char *buffer, int size, int writing, void *argument)
{
	const char *password = argument;
	size_t length = password == NULL ? 0 : strlen(password);

	(void)writing;
	if (length == 0 || size <= 0 || length > (size_t)size)
		return -1;
	memcpy(buffer, password, length);
	return (int)length;
}
#endif

static int read_key(WOLFSSL_CTX *ctx, const struct unitls_context_params *params)
{
	bool pem = params->key_format == UNITLS_KEY_FORMAT_PEM;
	size_t size = pem ? params->key.size - 1 : params->key.size;
	int ret;

#ifdef WOLFSSL_ENCRYPTED_KEYS
	if (params->password != NULL) {
		wolfSSL_CTX_set_default_passwd_cb(ctx, on_password);
		wolfSSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)(uintptr_t)params->password);
	}
#endif
	ret = wolfSSL_CTX_use_PrivateKey_buffer(
		ctx, params->key.data, (long)size, pem ? WOLFSSL_FILETYPE_PEM : WOLFSSL_FILETYPE_ASN1);
#ifdef WOLFSSL_ENCRYPTED_KEYS
	/* The password is lent for this call only. */
	wolfSSL_CTX_set_default_passwd_cb(ctx, NULL);
	wolfSSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
#endif
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

int wolf_key_load(WOLFSSL_CTX *ctx, const struct unitls_context_params *params, struct unitls_error *error)
{
	int ret = read_key(ctx, params);

	if (ret != 0 && params->password != NULL && !wolf_error_is_memory(ret))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_CONFIG, "key",
			"wolfSSL cannot decrypt the private key: wrong password, or an unsupported method");
	if (ret != 0)
		return wolf_error_set_field(error, ret, "key", "the private key");
	if (wolfSSL_CTX_check_private_key(ctx) != WOLFSSL_SUCCESS)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "key", "the private key is not the certificate's");
	return 0;
}

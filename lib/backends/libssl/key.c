#include "backends/libssl/key.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "backends/libssl/error.h"
#include "backends/libssl/library.h"

int libssl_key_from_plain_der(const uint8_t *data, long size, EVP_PKEY **ret_key, struct unitls_error *error)
{
	const unsigned char *end = data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &end, size);

	if (!key)
		return libssl_error_config(error, "key", "cannot read the private key");
	if (end != data + size) {
		EVP_PKEY_free(key);
		return libssl_error_config(error, "key", "bytes follow the private key");
	}
	*ret_key = key;
	return 0;
}

static int key_from_encrypted_der(
	X509_SIG *encrypted, const char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key;

	if (!password)
		return libssl_error_config(error, "key", "the private key is encrypted and there is no password");
	info = PKCS8_decrypt(encrypted, password, (int)strlen(password));
	if (!info)
		return libssl_error_config(
			error, "key", "cannot decrypt the private key: wrong password, or an unsupported method");
	key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (!key)
		return libssl_error_config(error, "key", "cannot read the decrypted private key");
	*ret_key = key;
	return 0;
}

static int key_from_der(
	const uint8_t *data, long size, const char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	const unsigned char *end = data;
	X509_SIG *encrypted = d2i_X509_SIG(NULL, &end, size);
	int r;

	ERR_clear_error();
	if (!encrypted)
		return libssl_key_from_plain_der(data, size, ret_key, error);
	r = key_from_encrypted_der(encrypted, password, ret_key, error);
	X509_SIG_free(encrypted);
	return r;
}

int libssl_key_on_password(char *buffer, int size, int writing, void *argument)
{
	const char *password = argument;
	size_t length = password ? strlen(password) : 0;

	(void)writing;
	if (length == 0 || size < 0 || length > (size_t)size)
		return -1;
	memcpy(buffer, password, length);
	return (int)length;
}

static int key_from_pem(
	struct unitls_bytes text, const char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	char *secret = password ? OPENSSL_strdup(password) : NULL;
	BIO *bio;
	int r;

	if (password && !secret)
		return libssl_error_memory(error);
	/* A view of the caller's bytes, not a copy. */
	bio = BIO_new_mem_buf(text.data, (int)text.size - 1);
	r = bio ? libssl_key_from_pem(bio, secret, ret_key, error) : libssl_error_memory(error);
	BIO_free(bio);
	if (secret)
		OPENSSL_clear_free(secret, strlen(secret));
	return r;
}

int libssl_key_read(enum unitls_key_format format, struct unitls_bytes key, const char *password,
	EVP_PKEY **ret_key, struct unitls_error *error)
{
	if (key.size == 0 || key.size > INT_MAX)
		return libssl_error_config(error, "key", "no private key");
	if (format == UNITLS_KEY_FORMAT_PEM)
		return key_from_pem(key, password, ret_key, error);
	return key_from_der(key.data, (long)key.size, password, ret_key, error);
}

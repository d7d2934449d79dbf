#include "backends/libssl/key.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "backends/libssl/error.h"

static int key_from_plain_der(const uint8_t *data, long size, EVP_PKEY **ret_key, struct unitls_error *error)
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
		return key_from_plain_der(data, size, ret_key, error);
	r = key_from_encrypted_der(encrypted, password, ret_key, error);
	X509_SIG_free(encrypted);
	return r;
}

/* Hands out the password that came with the key; the library would otherwise ask on the terminal. */
static int on_password(char *buffer, int size, int writing, void *argument)
{
	const char *password = argument;
	size_t length = password ? strlen(password) : 0;

	(void)writing;
	if (length == 0 || size < 0 || length > (size_t)size)
		return -1;
	memcpy(buffer, password, length);
	return (int)length;
}

/* A copy that a callback may hold as void *, wiped by free_password. */
static char *copy_password(const char *password)
{
	return password ? OPENSSL_strdup(password) : NULL;
}

static void free_password(char *password)
{
	if (password)
		OPENSSL_clear_free(password, strlen(password));
}

/* The traditional encrypted PEM: Proc-Type and DEK-Info headers over PKCS#1 or SEC1. */
static int key_from_pem(
	struct unitls_bytes text, const char *password, EVP_PKEY **ret_key, struct unitls_error *error)
{
	EVP_CIPHER_INFO cipher;
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	char *secret = NULL;
	long size = 0;
	long allocated = 0;
	BIO *bio;
	int r;

	/* A view of the caller's bytes, not a copy. */
	bio = BIO_new_mem_buf(text.data, (int)text.size - 1);
	if (!bio)
		return libssl_error_memory(error);
	if (!PEM_read_bio(bio, &name, &header, &data, &size)) {
		r = libssl_error_config(error, "key", "cannot read the private key");
		goto out;
	}
	allocated = size;
	secret = copy_password(password);
	if (password && !secret) {
		r = libssl_error_memory(error);
		goto out;
	}
	if (!PEM_get_EVP_CIPHER_INFO(header, &cipher)) {
		r = libssl_error_config(error, "key", "cannot decrypt the private key: unsupported method");
		goto out;
	}
	if (!PEM_do_header(&cipher, data, &size, on_password, secret)) {
		r = libssl_error_config(error, "key", "cannot decrypt the private key: wrong password");
		goto out;
	}
	r = key_from_plain_der(data, size, ret_key, error);
out:
	free_password(secret);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, (size_t)allocated);
	BIO_free(bio);
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

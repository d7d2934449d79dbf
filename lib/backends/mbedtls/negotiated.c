/*
 * Reading the server's messages. The library has found them to be well formed, or will.
 */
#include "backends/mbedtls/negotiated.h"

#include <mbedtls/ssl_ciphersuites.h>

#include "backends/mbedtls/compat.h"
#include "backends/mbedtls/hello.h"

#define MESSAGE_HEADER_SIZE 4
#define HELLO_FIXED_SIZE    (2 + 32) /* version, random */
#define CURVE_TYPE_NAMED    3

static uint16_t number_16(struct unitls_bytes bytes)
{
	if (bytes.size < 2)
		return 0;
	return (uint16_t)(bytes.data[0] << 8 | bytes.data[1]);
}

static struct unitls_bytes skip(struct unitls_bytes bytes, size_t n)
{
	if (bytes.size < n)
		return (struct unitls_bytes){NULL, 0};
	return (struct unitls_bytes){bytes.data + n, bytes.size - n};
}

static void note_hello(struct mbed_negotiated *negotiated, struct unitls_bytes body)
{
	const mbedtls_ssl_ciphersuite_t *suite;
	struct unitls_bytes extensions;
	struct unitls_bytes value;

	body = skip(body, HELLO_FIXED_SIZE);
	(void)mbed_hello_cut_vector(&body, 1); /* the session id */
	suite = mbedtls_ssl_ciphersuite_from_id(number_16(body));
	if (suite != NULL)
		negotiated->key_exchange = compat_key_exchange(suite);
	body = skip(body, 2 + 1); /* with the compression */
	extensions = mbed_hello_cut_vector(&body, 2);
	negotiated->extended_master_secret =
		mbed_hello_find_extension(extensions, MBED_EXTENSION_EXTENDED_MASTER_SECRET, &value);
	if (mbed_hello_find_extension(extensions, MBED_EXTENSION_KEY_SHARE, &value))
		negotiated->group = number_16(value);
}

static void note_key_exchange(struct mbed_negotiated *negotiated, struct unitls_bytes body)
{
	switch (negotiated->key_exchange) {
	case MBEDTLS_KEY_EXCHANGE_ECDHE_RSA:
	case MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA:
		if (body.size < 1 || body.data[0] != CURVE_TYPE_NAMED)
			return;
		body = skip(body, 1);
		negotiated->group = number_16(body);
		body = skip(body, 2);
		(void)mbed_hello_cut_vector(&body, 1); /* the public key */
		break;
	case MBEDTLS_KEY_EXCHANGE_DHE_RSA:
		for (int i = 0; i < 3; i++)
			(void)mbed_hello_cut_vector(&body, 2); /* prime, generator, public key */
		break;
	default:
		return;
	}
	negotiated->signature_scheme = number_16(body);
}

void mbed_negotiated_note(struct mbed_negotiated *negotiated, struct unitls_bytes message)
{
	struct unitls_bytes body = skip(message, MESSAGE_HEADER_SIZE);

	if (body.size == 0)
		return;
	if (message.data[0] == MBEDTLS_SSL_HS_SERVER_HELLO)
		note_hello(negotiated, body);
	else if (message.data[0] == MBEDTLS_SSL_HS_SERVER_KEY_EXCHANGE)
		note_key_exchange(negotiated, body);
	else if (message.data[0] == MBEDTLS_SSL_HS_CERTIFICATE_VERIFY)
		negotiated->signature_scheme = number_16(body);
}

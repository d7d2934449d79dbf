/*
 * The key log (lines as in the SSLKEYLOGFILE format) and the exporter. Every copy of a secret is wiped.
 */
#include "backends/mbedtls/secrets.h"

#include <stdio.h>
#include <string.h>

#include "backends/mbedtls/error.h"

#define LABEL_MAX  32 /* bytes of the longest label, with room */
#define SECRET_MAX 64 /* bytes of the longest secret */
#define LINE_SIZE  (LABEL_MAX + 1 + 2 * COMPAT_RANDOM_SIZE + 1 + 2 * SECRET_MAX + 1)

static char *put_hex(char *at, const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	*at++ = ' ';
	for (size_t i = 0; i < size; i++) {
		*at++ = digits[data[i] >> 4];
		*at++ = digits[data[i] & 15];
	}
	return at;
}

static void on_secret(void *argument, const char *label, const uint8_t random[COMPAT_RANDOM_SIZE],
	const uint8_t *secret, size_t size)
{
	const struct mbed_context *context = argument;
	size_t n = strlen(label);
	char line[LINE_SIZE];
	char *at = line;

	if (n > LABEL_MAX || size > SECRET_MAX)
		return;
	memcpy(at, label, n);
	at = put_hex(at + n, random, COMPAT_RANDOM_SIZE);
	at = put_hex(at, secret, size);
	*at = '\0';
	context->key_log(context->key_log_argument, line);
	explicit_bzero(line, sizeof(line));
}

void mbed_secrets_watch(struct mbed_connection *connection)
{
	if (connection->context->key_log != NULL) {
		connection->secrets.log = on_secret;
		connection->secrets.argument = (void *)(uintptr_t)connection->context;
	}
	compat_watch_secrets(&connection->ssl, &connection->config, &connection->secrets);
}

int mbed_secrets_export(void *native, const struct unitls_exporter_params *params, uint8_t *ret_bytes, size_t size,
	struct unitls_error *error)
{
	struct mbed_connection *connection = native;
	int ret = compat_export_keys(&connection->ssl, &connection->secrets, params, ret_bytes, size);

	if (ret == 0)
		return 0;
	error->native_code = ret;
	if (mbed_error_is_memory(ret))
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory to export keys");
	return unitls_error_set(error, UNITLS_ERROR_CLASS_INTERNAL, "mbedTLS exports no keys");
}

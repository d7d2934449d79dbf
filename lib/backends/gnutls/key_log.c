#include "backends/gnutls/key_log.h"

#include <stdio.h>

#include "backends/gnutls/connection.h"

#define LABEL_MAX  64
#define RANDOM_MAX 32
#define SECRET_MAX 64
#define LINE_SIZE  (LABEL_MAX + 1 + 2 * RANDOM_MAX + 1 + 2 * SECRET_MAX + 1)

static char *put_hex(char *at, const gnutls_datum_t *bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < bytes->size; i++) {
		*at++ = digits[bytes->data[i] >> 4];
		*at++ = digits[bytes->data[i] & 0x0f];
	}
	return at;
}

int gtls_key_log_on_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	const struct gtls_connection *connection = gnutls_session_get_ptr(session);
	const struct gtls_context *context = connection->context;
	gnutls_datum_t client_random = {NULL, 0};
	gnutls_datum_t server_random = {NULL, 0};
	char line[LINE_SIZE];
	char *at = line;

	if (!context->key_log || secret->size > SECRET_MAX)
		return 0;
	gnutls_session_get_random(session, &client_random, &server_random);
	if (client_random.size > RANDOM_MAX)
		return 0;
	at += snprintf(line, LABEL_MAX + 2, "%.*s ", LABEL_MAX, label);
	at = put_hex(at, &client_random);
	*at++ = ' ';
	at = put_hex(at, secret);
	*at = '\0';
	context->key_log(context->key_log_argument, line);
	gnutls_memset(line, 0, sizeof(line));
	return 0;
}

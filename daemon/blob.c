/* SHA-256 and base64 from nettle. */

#include "daemon/blob.h"

#include <nettle/base64.h>
#include <nettle/sha2.h>

#define BYTES_PER_LINE 48 /* 64 characters */

void blob_name(const void *data, size_t size, char ret[CONFIG_BLOB_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, size, data);
	sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[CONFIG_BLOB_SIZE - 1] = '\0';
}

void blob_print_certificate(FILE *stream, const uint8_t *der, size_t size)
{
	char line[BASE64_ENCODE_RAW_LENGTH(BYTES_PER_LINE)];

	(void)fputs("-----BEGIN CERTIFICATE-----\n", stream);
	for (size_t at = 0; at < size; at += BYTES_PER_LINE) {
		size_t length = size - at < BYTES_PER_LINE ? size - at : BYTES_PER_LINE;

		base64_encode_raw(line, length, der + at);
		(void)fprintf(stream, "%.*s\n", (int)BASE64_ENCODE_RAW_LENGTH(length), line);
	}
	(void)fputs("-----END CERTIFICATE-----\n", stream);
}

/*
 * Lookups in a ClientHello. Of one that does not look like it should, nothing is found.
 */
#include "backends/mbedtls/hello.h"

#define FALLBACK_SCSV                  0x5600
#define EXTENSION_SIGNATURE_ALGORITHMS 13

/* The headers of record and message, the version and the random. */
#define HELLO_FIXED_SIZE (5 + 4 + 2 + 32)

static const struct unitls_bytes nothing = {NULL, 0};

static size_t number_16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Cuts what has a length of prefix bytes (1 or 2) before it off the front of *rest. */
static struct unitls_bytes cut_vector(struct unitls_bytes *rest, size_t prefix)
{
	struct unitls_bytes vector = nothing;
	size_t size;

	if (rest->size < prefix) {
		*rest = nothing;
		return nothing;
	}
	size = prefix == 1 ? rest->data[0] : number_16(rest->data);
	if (rest->size - prefix < size) {
		*rest = nothing;
		return nothing;
	}
	vector = (struct unitls_bytes){rest->data + prefix, size};
	*rest = (struct unitls_bytes){vector.data + size, rest->size - prefix - size};
	return vector;
}

/* The suites; *ret_rest is what follows them. */
static struct unitls_bytes cut_suites(struct unitls_bytes hello, struct unitls_bytes *ret_rest)
{
	*ret_rest = nothing;
	if (hello.size < HELLO_FIXED_SIZE)
		return nothing;
	*ret_rest = (struct unitls_bytes){hello.data + HELLO_FIXED_SIZE, hello.size - HELLO_FIXED_SIZE};
	(void)cut_vector(ret_rest, 1); /* the session id */
	return cut_vector(ret_rest, 2);
}

struct unitls_bytes mbed_hello_suites(struct unitls_bytes hello)
{
	struct unitls_bytes rest;

	return cut_suites(hello, &rest);
}

bool mbed_hello_offers(struct unitls_bytes suites, int suite)
{
	for (size_t i = 0; i + 1 < suites.size; i += 2) {
		if (number_16(suites.data + i) == (size_t)suite)
			return true;
	}
	return false;
}

bool mbed_hello_is_fallback(struct unitls_bytes hello)
{
	return mbed_hello_offers(mbed_hello_suites(hello), FALLBACK_SCSV);
}

bool mbed_hello_has_signature_schemes(struct unitls_bytes hello)
{
	struct unitls_bytes rest;
	struct unitls_bytes extensions;

	(void)cut_suites(hello, &rest);
	(void)cut_vector(&rest, 1); /* compression */
	extensions = cut_vector(&rest, 2);
	while (extensions.size > 2) {
		size_t type = number_16(extensions.data);

		if (type == EXTENSION_SIGNATURE_ALGORITHMS)
			return true;
		extensions = (struct unitls_bytes){extensions.data + 2, extensions.size - 2};
		(void)cut_vector(&extensions, 2);
	}
	return false;
}

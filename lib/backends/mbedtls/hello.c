/*
 * Lookups in hellos. In one that does not look like it should, nothing is found.
 */
#include "backends/mbedtls/hello.h"

#define FALLBACK_SCSV 0x5600

/* The headers of record and message, the version and the random. */
#define HELLO_FIXED_SIZE (5 + 4 + 2 + 32)

static const struct unitls_bytes nothing = {NULL, 0};

static size_t number_16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

struct unitls_bytes mbed_hello_cut_vector(struct unitls_bytes *rest, size_t prefix)
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

/* What follows the random: session id, suites, compression, extensions. */
static struct unitls_bytes skip_fixed(struct unitls_bytes hello)
{
	if (hello.size < HELLO_FIXED_SIZE)
		return nothing;
	return (struct unitls_bytes){hello.data + HELLO_FIXED_SIZE, hello.size - HELLO_FIXED_SIZE};
}

struct unitls_bytes mbed_hello_session_id(struct unitls_bytes hello)
{
	struct unitls_bytes rest = skip_fixed(hello);

	return mbed_hello_cut_vector(&rest, 1);
}

/* The suites; *ret_rest is what follows them. */
static struct unitls_bytes cut_suites(struct unitls_bytes hello, struct unitls_bytes *ret_rest)
{
	*ret_rest = skip_fixed(hello);
	(void)mbed_hello_cut_vector(ret_rest, 1); /* the session id */
	return mbed_hello_cut_vector(ret_rest, 2);
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

bool mbed_hello_find_extension(struct unitls_bytes extensions, unsigned type, struct unitls_bytes *ret_value)
{
	while (extensions.size > 2) {
		bool found = number_16(extensions.data) == type;

		extensions = (struct unitls_bytes){extensions.data + 2, extensions.size - 2};
		*ret_value = mbed_hello_cut_vector(&extensions, 2);
		if (found)
			return true;
	}
	return false;
}

bool mbed_hello_has_extension(struct unitls_bytes hello, unsigned type)
{
	struct unitls_bytes value;
	struct unitls_bytes rest;

	(void)cut_suites(hello, &rest);
	(void)mbed_hello_cut_vector(&rest, 1); /* compression */
	return mbed_hello_find_extension(mbed_hello_cut_vector(&rest, 2), type, &value);
}

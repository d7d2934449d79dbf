/*
 * Cipher suites by number. mbedTLS takes one list for all versions and keeps the pointer.
 */
#include "backends/mbedtls/ciphers.h"

#include <stdlib.h>

#include <mbedtls/ssl_ciphersuites.h>

#include "backends/mbedtls/compat.h"
#include "backends/mbedtls/hello.h"

/* Certificate-based suites that some build of mbedTLS has; what this one lacks is left out at init. */
static const uint16_t known[] = {0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x002f, 0x0033, 0x0035, 0x0039, 0x003c,
	0x003d, 0x0041, 0x0045, 0x0067, 0x006b, 0x0084, 0x0088, 0x009c, 0x009d, 0x009e, 0x009f, 0x00ba, 0x00be,
	0x00c0, 0x00c4, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc02b, 0xc02c, 0xc02f,
	0xc030, 0xc03c, 0xc03d, 0xc044, 0xc045, 0xc048, 0xc049, 0xc04c, 0xc04d, 0xc050, 0xc051, 0xc052, 0xc053,
	0xc05c, 0xc05d, 0xc060, 0xc061, 0xc072, 0xc073, 0xc076, 0xc077, 0xc07a, 0xc07b, 0xc07c, 0xc07d, 0xc086,
	0xc087, 0xc08a, 0xc08b, 0xc09c, 0xc09d, 0xc09e, 0xc09f, 0xc0a0, 0xc0a1, 0xc0a2, 0xc0a3, 0xc0ac, 0xc0ad,
	0xc0ae, 0xc0af, 0xcca8, 0xcca9, 0xccaa};

/* Forward secrecy and authenticated encryption; AES-128 first, as it is strong enough and the fastest. */
static const uint16_t defaults_1_3[] = {0x1301, 0x1302, 0x1303};
static const uint16_t defaults_1_2[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8};
/* Of clients only: they cost a server far more, and their groups cannot be chosen. */
static const uint16_t defaults_dhe[] = {0x009e, 0x009f, 0xccaa};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint16_t supported[COUNT(known)];
static size_t n_supported;

static bool has(uint16_t suite)
{
	return mbedtls_ssl_ciphersuite_from_id(suite) != NULL && (COMPAT_TLS_1_3 || suite >> 8 != 0x13);
}

void mbed_ciphers_init(void)
{
	n_supported = 0;
	for (size_t i = 0; i < COUNT(known); i++) {
		if (has(known[i]))
			supported[n_supported++] = known[i];
	}
}

const uint16_t *mbed_ciphers_supported(size_t *ret_n)
{
	*ret_n = n_supported;
	return supported;
}

static size_t append(int *list, size_t n, const uint16_t *suites, size_t n_suites)
{
	for (size_t i = 0; i < n_suites; i++) {
		if (has(suites[i]))
			list[n++] = suites[i];
	}
	return n;
}

int *mbed_ciphers_list(const struct unitls_context_params *params)
{
	size_t n = 0;
	int *list;

	list = calloc(params->n_suites_1_3 + params->n_suites_1_2 + COUNT(defaults_1_3) + COUNT(defaults_1_2) +
			COUNT(defaults_dhe) + 1,
		sizeof(*list));
	if (list == NULL)
		return NULL;
	if (params->max_version >= UNITLS_TLS_1_3)
		n = params->n_suites_1_3 > 0 ? append(list, n, params->suites_1_3, params->n_suites_1_3)
					     : append(list, n, defaults_1_3, COUNT(defaults_1_3));
	if (params->min_version <= UNITLS_TLS_1_2)
		n = params->n_suites_1_2 > 0 ? append(list, n, params->suites_1_2, params->n_suites_1_2)
					     : append(list, n, defaults_1_2, COUNT(defaults_1_2));
	if (params->min_version <= UNITLS_TLS_1_2 && params->n_suites_1_2 == 0 &&
		params->role == UNITLS_ROLE_CLIENT)
		n = append(list, n, defaults_dhe, COUNT(defaults_dhe));
	list[n] = 0;
	return list;
}

static bool is_signed(int suite)
{
	return compat_key_exchange(mbedtls_ssl_ciphersuite_from_id(suite)) != MBEDTLS_KEY_EXCHANGE_RSA;
}

int *mbed_ciphers_for_hello(const int *list, struct unitls_bytes hello)
{
	struct unitls_bytes offered = mbed_hello_suites(hello);
	/* Without a list of signature algorithms TLS 1.2 means SHA-1 (RFC 5246, 7.4.1.4.1). */
	bool only_sha1 = !mbed_hello_has_extension(hello, MBED_EXTENSION_SIGNATURE_ALGORITHMS);
	bool chosen = false;
	size_t n = 0;
	int *copy;

	while (list[n] != 0)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (copy == NULL)
		return NULL;
	n = 0;
	for (; *list != 0; list++) {
		bool is_1_3 = *list >> 8 == 0x13;

		if (is_1_3 ? chosen || !mbed_hello_offers(offered, *list) : only_sha1 && is_signed(*list))
			continue;
		chosen = chosen || is_1_3;
		copy[n++] = *list;
	}
	return copy;
}

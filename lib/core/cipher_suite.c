/*
 * Lookups in the table of cipher suites, and the named policies.
 */
#include "core/cipher_suite.h"

#include <string.h>
#include <strings.h>

#include "core/iana.h"
#include <unitls/error.h>

static const struct unitls_cipher_suite_row suites[] = {
#define SUITE_ROW(number, name, openssl_name, version, auth, exchange)                                    \
	{number, UNITLS_TLS_##version, UNITLS_SUITE_AUTH_##auth, UNITLS_SUITE_EXCHANGE_##exchange, #name, \
		openssl_name},
	UNITLS_CIPHER_SUITES(SUITE_ROW)
#undef SUITE_ROW
};

#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

const struct unitls_cipher_suite_row *unitls_cipher_suite_lookup(uint16_t suite)
{
	size_t low = 0;
	size_t high = N_SUITES;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (suites[middle].number == suite)
			return &suites[middle];
		if (suites[middle].number < suite)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *unitls_cipher_suite_name(uint16_t suite)
{
	const struct unitls_cipher_suite_row *row = unitls_cipher_suite_lookup(suite);

	return row != NULL ? row->name : NULL;
}

uint16_t unitls_cipher_suite_version(uint16_t suite)
{
	const struct unitls_cipher_suite_row *row = unitls_cipher_suite_lookup(suite);

	return row != NULL ? row->version : 0;
}

bool unitls_cipher_suite_at(size_t i, uint16_t *ret_suite)
{
	if (i >= N_SUITES)
		return false;
	*ret_suite = suites[i].number;
	return true;
}

int unitls_cipher_suite_from_name(const char *name, uint16_t *ret_suite)
{
	uint16_t number;

	if (unitls_iana_parse(name, &number)) {
		if (unitls_cipher_suite_lookup(number) == NULL)
			return UNITLS_ERROR;
		*ret_suite = number;
		return UNITLS_OK;
	}
	for (size_t i = 0; i < N_SUITES; i++) {
		const char *openssl_name = suites[i].openssl_name;

		if (strcasecmp(suites[i].name, name) == 0 ||
			(openssl_name != NULL && strcasecmp(openssl_name, name) == 0)) {
			*ret_suite = suites[i].number;
			return UNITLS_OK;
		}
	}
	return UNITLS_ERROR;
}

/* https://ssl-config.mozilla.org/guidelines/5.7.json */
static const uint16_t modern[] = {
	0x1301, /* TLS_AES_128_GCM_SHA256 */
	0x1302, /* TLS_AES_256_GCM_SHA384 */
	0x1303, /* TLS_CHACHA20_POLY1305_SHA256 */
};

static const uint16_t intermediate[] = {
	0x1301, /* TLS_AES_128_GCM_SHA256 */
	0x1302, /* TLS_AES_256_GCM_SHA384 */
	0x1303, /* TLS_CHACHA20_POLY1305_SHA256 */
	0xc02b, /* TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 */
	0xc02f, /* TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
	0xc02c, /* TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 */
	0xc030, /* TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 */
	0xcca9, /* TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 */
	0xcca8, /* TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 */
	0x009e, /* TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 */
	0x009f, /* TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 */
	0xccaa, /* TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 */
};

int unitls_cipher_policy(const char *name, const uint16_t **ret_suites, size_t *ret_n)
{
	if (strcmp(name, "modern") == 0) {
		*ret_suites = modern;
		*ret_n = sizeof(modern) / sizeof(modern[0]);
		return UNITLS_OK;
	}
	if (strcmp(name, "intermediate") == 0) {
		*ret_suites = intermediate;
		*ret_n = sizeof(intermediate) / sizeof(intermediate[0]);
		return UNITLS_OK;
	}
	return UNITLS_ERROR;
}

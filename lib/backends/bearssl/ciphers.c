/*
 * Cipher suites by number. What BearSSL has besides these, 3DES and static ECDH, is not offered by anybody here.
 */
#include "backends/bearssl/ciphers.h"

#include <bearssl.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct suite {
	uint16_t number;
	bool sha1;
} suites[] = {
	{BR_TLS_RSA_WITH_AES_128_CBC_SHA, true},
	{BR_TLS_RSA_WITH_AES_256_CBC_SHA, true},
	{BR_TLS_RSA_WITH_AES_128_CBC_SHA256, false},
	{BR_TLS_RSA_WITH_AES_256_CBC_SHA256, false},
	{BR_TLS_RSA_WITH_AES_128_GCM_SHA256, false},
	{BR_TLS_RSA_WITH_AES_256_GCM_SHA384, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, true},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, true},
	{BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, true},
	{BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, true},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, false},
	{BR_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, false},
	{BR_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, false},
	{BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, false},
	{BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, false},
	{BR_TLS_RSA_WITH_AES_128_CCM, false},
	{BR_TLS_RSA_WITH_AES_256_CCM, false},
	{BR_TLS_RSA_WITH_AES_128_CCM_8, false},
	{BR_TLS_RSA_WITH_AES_256_CCM_8, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_CCM, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_CCM, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, false},
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8, false},
	{BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, false},
	{BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, false},
};

_Static_assert(COUNT(suites) <= BR_MAX_CIPHER_SUITES, "an engine holds the whole list");

/* AES-128 first, as it is strong enough and the fastest. */
static const uint16_t defaults[] = {
	BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
};

static uint16_t supported[COUNT(suites)];

void bear_ciphers_init(void)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		supported[i] = suites[i].number;
}

const uint16_t *bear_ciphers_supported(size_t *ret_n)
{
	*ret_n = COUNT(supported);
	return supported;
}

const uint16_t *bear_ciphers_default(size_t *ret_n)
{
	*ret_n = COUNT(defaults);
	return defaults;
}

static const struct suite *find(uint16_t number)
{
	for (size_t i = 0; i < COUNT(suites); i++) {
		if (suites[i].number == number)
			return &suites[i];
	}
	return NULL;
}

bool bear_ciphers_has(uint16_t suite)
{
	return find(suite) != NULL;
}

bool bear_ciphers_needs_sha1(uint16_t suite)
{
	const struct suite *found = find(suite);

	return found != NULL && found->sha1;
}

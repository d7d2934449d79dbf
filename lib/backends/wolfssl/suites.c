#include "backends/wolfssl/suites.h"

#include <stdlib.h>
#include <string.h>

#include <unitls/cipher_suite.h>

#include "backends/wolfssl/library.h"

#define SUITES_MAX 256

static uint16_t supported[SUITES_MAX];
static size_t n_supported;

/* Forward secrecy and authenticated encryption; AES-128 first, as it is strong enough and the fastest. */
static const uint16_t defaults_1_3[] = {0x1301, 0x1302, 0x1303};
static const uint16_t defaults_1_2[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8};
static const uint16_t defaults_1_2_client[] = {0x009e, 0x009f, 0xccaa};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has(uint16_t suite)
{
	for (size_t i = 0; i < n_supported; i++) {
		if (supported[i] == suite)
			return true;
	}
	return false;
}

/*
 * Anonymous, null and pre-shared-key suites are not in the core's table. The library's server takes DHE with Camellia only when its certificate is signed by
 * RSA, too (5.5.4: REQUIRES_RSA_SIG), which no capability can say.
 */
static bool is_usable(uint16_t suite)
{
	const char *name = unitls_cipher_suite_name(suite);

	return name != NULL && strstr(name, "_DHE_RSA_WITH_CAMELLIA_") == NULL;
}

void wolf_suites_init(void)
{
	const char *name;

	for (int i = 0; (name = wolfSSL_get_cipher_list(i)) != NULL; i++) {
		uint8_t high;
		uint8_t low;
		int flags;
		uint16_t suite;

		if (wolfSSL_get_cipher_suite_from_name(name, &high, &low, &flags) != 0)
			continue;
		suite = (uint16_t)(high << 8 | low);
		if (is_usable(suite) && !has(suite) && n_supported < COUNT(supported))
			supported[n_supported++] = suite;
	}
}

const uint16_t *wolf_suites_supported(size_t *ret_n)
{
	*ret_n = n_supported;
	return supported;
}

static size_t append(uint8_t *list, size_t size, const uint16_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!has(numbers[i]))
			continue;
		list[size++] = (uint8_t)(numbers[i] >> 8);
		list[size++] = (uint8_t)numbers[i];
	}
	return size;
}

/* A finite-field exchange costs a server far more than a client: it is offered, and taken only when asked for. */
static size_t append_defaults_1_2(uint8_t *list, size_t size, enum unitls_role role)
{
	size = append(list, size, defaults_1_2, COUNT(defaults_1_2));
	if (role == UNITLS_ROLE_CLIENT)
		size = append(list, size, defaults_1_2_client, COUNT(defaults_1_2_client));
	return size;
}

int wolf_suites_new(const struct unitls_context_params *params, struct wolf_suites *ret_suites)
{
	size_t room = params->n_suites_1_3 + params->n_suites_1_2 + COUNT(defaults_1_3) + COUNT(defaults_1_2) +
		COUNT(defaults_1_2_client);
	uint8_t *list = malloc(2 * room);
	size_t size = 0;

	if (list == NULL)
		return UNITLS_ERROR;
	if (params->max_version >= UNITLS_TLS_1_3)
		size = params->n_suites_1_3 > 0 ? append(list, size, params->suites_1_3, params->n_suites_1_3)
						: append(list, size, defaults_1_3, COUNT(defaults_1_3));
	if (params->min_version <= UNITLS_TLS_1_2)
		size = params->n_suites_1_2 > 0 ? append(list, size, params->suites_1_2, params->n_suites_1_2)
						: append_defaults_1_2(list, size, params->role);
	*ret_suites = (struct wolf_suites){list, size};
	return 0;
}

void wolf_suites_fini(struct wolf_suites *suites)
{
	free(suites->list);
	*suites = (struct wolf_suites){NULL, 0};
}

/* By name: nothing in the number says it. */
static unsigned needs_of(const uint8_t *octets)
{
	const char *name = unitls_cipher_suite_name((uint16_t)(octets[0] << 8 | octets[1]));
	unsigned needs = 0;

	if (name == NULL)
		return 0;
	if (strstr(name, "_ECDHE_") != NULL)
		needs |= WOLF_SUITE_NEEDS_CURVE | WOLF_SUITE_NEEDS_SIGNATURE;
	if (strstr(name, "_ECDH_") != NULL)
		needs |= WOLF_SUITE_NEEDS_CURVE;
	if (strstr(name, "_DHE_") != NULL)
		needs |= WOLF_SUITE_NEEDS_DH | WOLF_SUITE_NEEDS_SIGNATURE;
	return needs;
}

unsigned wolf_suites_needs(const struct wolf_suites *suites)
{
	unsigned needs = 0;

	for (size_t i = 0; i < suites->size; i += 2)
		needs |= needs_of(suites->list + i);
	return needs;
}

int wolf_suites_without(const struct wolf_suites *suites, unsigned missing, struct wolf_suites *ret_suites)
{
	uint8_t *list = malloc(suites->size);
	size_t size = 0;

	if (list == NULL)
		return UNITLS_ERROR;
	for (size_t i = 0; i < suites->size; i += 2) {
		if ((needs_of(suites->list + i) & missing) != 0)
			continue;
		list[size++] = suites->list[i];
		list[size++] = suites->list[i + 1];
	}
	*ret_suites = (struct wolf_suites){list, size};
	return 0;
}

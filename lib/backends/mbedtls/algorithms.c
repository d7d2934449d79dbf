/*
 * Groups and signature schemes. The library keeps pointers to both lists, in its own form, so they belong to the context.
 */
#include "backends/mbedtls/algorithms.h"

#include <stdlib.h>

#include <unitls/group.h>
#include <unitls/signature_scheme.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GROUPS_MAX   64 /* of the core's table */

static const uint16_t default_groups[] = {29, 23, 24, 25}; /* x25519, secp256r1, secp384r1, secp521r1 */

/*
 * Those with SHA-256 and more, the defaults and all that there are. In TLS 1.2 the ones for ECDSA are for any curve. 2.28 has none of RSA-PSS, which
 * come only with TLS 1.3.
 */
static const uint16_t schemes[] = {
	UNITLS_SIGNATURE_ecdsa_secp256r1_sha256,
	UNITLS_SIGNATURE_ecdsa_secp384r1_sha384,
	UNITLS_SIGNATURE_ecdsa_secp521r1_sha512,
	UNITLS_SIGNATURE_rsa_pkcs1_sha256,
	UNITLS_SIGNATURE_rsa_pkcs1_sha384,
	UNITLS_SIGNATURE_rsa_pkcs1_sha512,
	UNITLS_SIGNATURE_rsa_pss_rsae_sha256,
	UNITLS_SIGNATURE_rsa_pss_rsae_sha384,
	UNITLS_SIGNATURE_rsa_pss_rsae_sha512,
};

#define N_SCHEMES (COMPAT_TLS_1_3 ? COUNT(schemes) : COUNT(schemes) - 3)

static uint16_t groups[GROUPS_MAX];
static size_t n_groups;

void mbed_algorithms_init(void)
{
	uint16_t number;

	n_groups = 0;
	for (size_t i = 0; unitls_group_at(i, &number) && n_groups < GROUPS_MAX; i++) {
		if (compat_group_of(number) != COMPAT_NO_GROUP)
			groups[n_groups++] = number;
	}
}

const uint16_t *mbed_algorithms_groups(size_t *ret_n)
{
	*ret_n = n_groups;
	return groups;
}

const uint16_t *mbed_algorithms_schemes(size_t *ret_n)
{
	*ret_n = N_SCHEMES;
	return schemes;
}

static compat_group *list_groups(const uint16_t *numbers, size_t n)
{
	compat_group *list = calloc(n + 1, sizeof(*list));
	size_t n_listed = 0;

	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		compat_group group = compat_group_of(numbers[i]);

		if (group != COMPAT_NO_GROUP)
			list[n_listed++] = group;
	}
	list[n_listed] = COMPAT_NO_GROUP;
	return list;
}

/* Zero-terminated. */
static uint16_t *list_schemes(const uint16_t *numbers, size_t n)
{
	uint16_t *list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < n; i++)
		list[i] = numbers[i];
	return list;
}

int mbed_algorithms_load(
	struct mbed_context *context, const struct unitls_context_params *params, struct unitls_error *error)
{
	context->groups = params->n_groups > 0 ? list_groups(params->groups, params->n_groups)
					       : list_groups(default_groups, COUNT(default_groups));
	context->schemes = params->n_signature_schemes > 0
		? list_schemes(params->signature_schemes, params->n_signature_schemes)
		: list_schemes(schemes, N_SCHEMES);
	if (context->groups == NULL || context->schemes == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for groups and signatures");
	if (context->groups[0] == COMPAT_NO_GROUP)
		return unitls_error_set_field(
			error, UNITLS_ERROR_CLASS_CONFIG, "groups", "mbedTLS has none of the groups");
	compat_conf_algorithms(&context->config, context->groups, context->schemes);
	return 0;
}

#include "backends/wolfssl/groups.h"

/* What is left out of the library's own list: Brainpool and Koblitz curves, and less than 128 bits of strength. */
static const uint16_t groups[] = {
#if defined(HAVE_CURVE25519)
	WOLFSSL_ECC_X25519,
#endif
	WOLFSSL_ECC_SECP256R1,
#if defined(HAVE_ECC384) || defined(HAVE_ALL_CURVES)
	WOLFSSL_ECC_SECP384R1,
#endif
#if defined(HAVE_ECC521) || defined(HAVE_ALL_CURVES)
	WOLFSSL_ECC_SECP521R1,
#endif
#if defined(HAVE_CURVE448)
	WOLFSSL_ECC_X448,
#endif
#if defined(HAVE_FFDHE_2048) && !defined(NO_DH)
	WOLFSSL_FFDHE_2048,
#endif
#if defined(HAVE_FFDHE_3072) && !defined(NO_DH)
	WOLFSSL_FFDHE_3072,
#endif
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int wolf_groups_load(WOLFSSL_CTX *ctx, const struct unitls_context_params *params)
{
	int list[COUNT(groups)];
	int ret = WOLFSSL_SUCCESS;

#ifdef WOLFSSL_TLS13
	if (params->max_version >= UNITLS_TLS_1_3) {
		for (size_t i = 0; i < COUNT(groups); i++)
			list[i] = groups[i];
		ret = wolfSSL_CTX_set_groups(ctx, list, (int)COUNT(groups));
		return ret == WOLFSSL_SUCCESS ? 0 : ret;
	}
#endif
	for (size_t i = 0; i < COUNT(groups) && ret == WOLFSSL_SUCCESS; i++)
		ret = wolfSSL_CTX_UseSupportedCurve(ctx, groups[i]);
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

/* Whether a list holds one of ours that is below a number: those of curves are below those of finite fields. */
static bool overlap(struct unitls_bytes list, unsigned below)
{
	for (size_t at = 0; at + 1 < list.size; at += 2) {
		unsigned group = (unsigned)list.data[at] << 8 | list.data[at + 1];

		for (size_t i = 0; i < COUNT(groups); i++) {
			if (groups[i] == group && group < below)
				return true;
		}
	}
	return false;
}

bool wolf_groups_overlap(struct unitls_bytes list)
{
	return overlap(list, UINT16_MAX);
}

bool wolf_groups_overlap_in_curve(struct unitls_bytes list)
{
	return overlap(list, WOLFSSL_FFDHE_2048);
}

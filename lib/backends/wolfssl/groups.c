#include "backends/wolfssl/groups.h"

#include <strings.h>

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

/* Validation has left no other groups than these, each once. */
_Static_assert(COUNT(groups) <= WOLF_GROUPS_MAX, "more groups than a context keeps");

int wolf_groups_load(struct wolf_groups *g, WOLFSSL_CTX *ctx, const struct unitls_context_params *params)
{
	const uint16_t *wanted = params->n_groups > 0 ? params->groups : groups;
	int ret = WOLFSSL_SUCCESS;

	g->n = params->n_groups > 0 ? params->n_groups : COUNT(groups);
	for (size_t i = 0; i < g->n; i++)
		g->list[i] = wanted[i];
#ifdef WOLFSSL_TLS13
	if (params->max_version >= UNITLS_TLS_1_3) {
		ret = wolfSSL_CTX_set_groups(ctx, g->list, (int)g->n);
		return ret == WOLFSSL_SUCCESS ? 0 : ret;
	}
#endif
	for (size_t i = 0; i < g->n && ret == WOLFSSL_SUCCESS; i++)
		ret = wolfSSL_CTX_UseSupportedCurve(ctx, (word16)g->list[i]);
	return ret == WOLFSSL_SUCCESS ? 0 : ret;
}

/* Whether a list holds one of ours that is below a number: those of curves are below those of finite fields. */
static bool overlap(const struct wolf_groups *g, struct unitls_bytes list, int below)
{
	for (size_t at = 0; at + 1 < list.size; at += 2) {
		int group = list.data[at] << 8 | list.data[at + 1];

		for (size_t i = 0; i < g->n; i++) {
			if (g->list[i] == group && group < below)
				return true;
		}
	}
	return false;
}

bool wolf_groups_overlap(const struct wolf_groups *g, struct unitls_bytes list)
{
	return overlap(g, list, UINT16_MAX);
}

bool wolf_groups_overlap_in_curve(const struct wolf_groups *g, struct unitls_bytes list)
{
	return overlap(g, list, WOLFSSL_FFDHE_2048);
}

uint16_t wolf_groups_negotiated(WOLFSSL *ssl)
{
	static const struct {
		const char *name;
		uint16_t group;
	} names[] = {
		{"SECP256R1", WOLFSSL_ECC_SECP256R1},
		{"SECP384R1", WOLFSSL_ECC_SECP384R1},
		{"SECP521R1", WOLFSSL_ECC_SECP521R1},
		{"X25519", WOLFSSL_ECC_X25519},
		{"X448", WOLFSSL_ECC_X448},
		{"FFDHE_2048", WOLFSSL_FFDHE_2048},
		{"FFDHE_3072", WOLFSSL_FFDHE_3072},
	};
	const char *name = wolfSSL_get_curve_name(ssl);

	for (size_t i = 0; name != NULL && i < COUNT(names); i++) {
		if (strcasecmp(names[i].name, name) == 0)
			return names[i].group;
	}
	return 0;
}

const uint16_t *wolf_groups(size_t *ret_n)
{
	*ret_n = COUNT(groups);
	return groups;
}

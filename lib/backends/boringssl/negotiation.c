/*
 * Groups and signature schemes: choosing them, and telling what was agreed on, in IANA's numbers.
 */
#include "backends/libssl/library.h"

#define NAME_MAX_BYTES 20 /* of the longest name and a separator, with room */

static const struct {
	uint16_t group;
	const char *name;
} groups[] = {
	{23, "P-256"},
	{24, "P-384"},
	{25, "P-521"},
	{29, "X25519"},
	{4588, "X25519MLKEM768"},
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static const char *name_of(uint16_t group)
{
	size_t i;

	for (i = 0; i < N_GROUPS; i++) {
		if (groups[i].group == group)
			return groups[i].name;
	}
	return NULL;
}

bool libssl_set_groups(SSL_CTX *ctx, const uint16_t *numbers, size_t n)
{
	char list[N_GROUPS * NAME_MAX_BYTES];
	size_t size = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = name_of(numbers[i]);
		size_t length = name ? strlen(name) : 0;

		if (length == 0 || size + length + 2 > sizeof(list))
			return false;
		if (size > 0)
			list[size++] = ':';
		memcpy(list + size, name, length);
		size += length;
	}
	list[size] = '\0';
	return SSL_CTX_set1_curves_list(ctx, list) == 1;
}

/* The library signs with what fits its key, in the order of the list. */
bool libssl_set_signature_schemes(SSL_CTX *ctx, const uint16_t *schemes, size_t n)
{
	return SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, n) == 1 &&
		SSL_CTX_set_signing_algorithm_prefs(ctx, schemes, n) == 1;
}

/* A server is not told what it signed with. */
void libssl_negotiated(SSL *ssl, struct unitls_connection_info *ret_info)
{
	ret_info->extended_master_secret = SSL_get_extms_support(ssl) == 1;
	if (ret_info->version != UNITLS_TLS_1_2 || !ret_info->resumed)
		ret_info->group = SSL_get_curve_id(ssl);
	if (!ret_info->resumed)
		ret_info->signature_scheme = SSL_get_peer_signature_algorithm(ssl);
}

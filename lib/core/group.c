/*
 * The table of groups, in order of number.
 */
#include <unitls/group.h>

#include <string.h>
#include <strings.h>

#include "core/iana.h"
#include <unitls/error.h>

static const struct {
	uint16_t number;
	const char *name;
	const char *others[2]; /* names that the libraries and their users have for it */
} groups[] = {
	{23, "secp256r1", {"P-256", "prime256v1"}},
	{24, "secp384r1", {"P-384", NULL}},
	{25, "secp521r1", {"P-521", NULL}},
	{26, "brainpoolP256r1", {NULL, NULL}},
	{27, "brainpoolP384r1", {NULL, NULL}},
	{28, "brainpoolP512r1", {NULL, NULL}},
	{29, "x25519", {NULL, NULL}},
	{30, "x448", {NULL, NULL}},
	{31, "brainpoolP256r1tls13", {NULL, NULL}},
	{32, "brainpoolP384r1tls13", {NULL, NULL}},
	{33, "brainpoolP512r1tls13", {NULL, NULL}},
	{256, "ffdhe2048", {NULL, NULL}},
	{257, "ffdhe3072", {NULL, NULL}},
	{258, "ffdhe4096", {NULL, NULL}},
	{259, "ffdhe6144", {NULL, NULL}},
	{260, "ffdhe8192", {NULL, NULL}},
	{512, "MLKEM512", {NULL, NULL}},
	{513, "MLKEM768", {NULL, NULL}},
	{514, "MLKEM1024", {NULL, NULL}},
	{4587, "SecP256r1MLKEM768", {NULL, NULL}},
	{4588, "X25519MLKEM768", {NULL, NULL}},
	{4589, "SecP384r1MLKEM1024", {NULL, NULL}},
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

const char *unitls_group_name(uint16_t group)
{
	for (size_t i = 0; i < N_GROUPS; i++)
		if (groups[i].number == group)
			return groups[i].name;
	return NULL;
}

static bool is_named(size_t i, const char *name)
{
	if (strcasecmp(groups[i].name, name) == 0)
		return true;
	for (size_t j = 0; j < 2; j++)
		if (groups[i].others[j] && strcasecmp(groups[i].others[j], name) == 0)
			return true;
	return false;
}

int unitls_group_from_name(const char *name, uint16_t *ret_group)
{
	uint16_t number;

	if (unitls_iana_parse(name, &number)) {
		if (!unitls_group_name(number))
			return UNITLS_ERROR;
		*ret_group = number;
		return UNITLS_OK;
	}
	for (size_t i = 0; i < N_GROUPS; i++)
		if (is_named(i, name)) {
			*ret_group = groups[i].number;
			return UNITLS_OK;
		}
	return UNITLS_ERROR;
}

bool unitls_group_at(size_t i, uint16_t *ret_group)
{
	if (i >= N_GROUPS)
		return false;
	*ret_group = groups[i].number;
	return true;
}

#include "backends/libssl/suites.h"

#include <unitls/cipher_suite.h>

#define SUITES_MAX 512 /* of the core's table */

/* Written when the module is initialised alone, before any other thread can see it. */
static uint16_t suites[SUITES_MAX];
static const char *names[SUITES_MAX];
static size_t n_suites;

void libssl_suites_add(const SSL_CIPHER *cipher)
{
	uint16_t suite = (uint16_t)SSL_CIPHER_get_protocol_id(cipher);
	const char *known = unitls_cipher_suite_name(suite);
	const char *standard = SSL_CIPHER_standard_name(cipher);

	if (n_suites == SUITES_MAX || !known || !standard || strcmp(known, standard) != 0)
		return;
	suites[n_suites] = suite;
	names[n_suites] = SSL_CIPHER_get_name(cipher);
	n_suites++;
}

const uint16_t *libssl_suites(size_t *ret_n)
{
	*ret_n = n_suites;
	return suites;
}

const char *libssl_suite_name(uint16_t suite)
{
	size_t i;

	for (i = 0; i < n_suites; i++) {
		if (suites[i] == suite)
			return names[i];
	}
	return NULL;
}

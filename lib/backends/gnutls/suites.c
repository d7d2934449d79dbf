#include "backends/gnutls/suites.h"

#include <unitls/cipher_suite.h>

#define SUITES_MAX 256

/* Written by gtls_suites_init alone, before any other thread can see the module. */
static struct gtls_suite suites[SUITES_MAX];
static size_t n_suites;

/* No pre-shared keys, no passwords, nothing anonymous. */
static bool is_by_certificate(gnutls_kx_algorithm_t kx)
{
	return kx == GNUTLS_KX_ECDHE_ECDSA || kx == GNUTLS_KX_ECDHE_RSA || kx == GNUTLS_KX_DHE_RSA ||
		kx == GNUTLS_KX_RSA;
}

static void add(const uint8_t id[2], gnutls_kx_algorithm_t kx, gnutls_cipher_algorithm_t cipher,
	gnutls_mac_algorithm_t mac, gnutls_protocol_t min_version)
{
	uint16_t number = (uint16_t)(id[0] << 8 | id[1]);
	uint16_t version = unitls_cipher_suite_version(number);
	bool is_1_3 = min_version == GNUTLS_TLS1_3;

	if (version == 0 || (version == UNITLS_TLS_1_3) != is_1_3 || n_suites == SUITES_MAX)
		return;
	if (cipher == GNUTLS_CIPHER_NULL || (!is_1_3 && !is_by_certificate(kx)))
		return;
	suites[n_suites++] = (struct gtls_suite){number, version, kx, cipher, mac};
}

void gtls_suites_init(void)
{
	gnutls_protocol_t min_version = GNUTLS_VERSION_UNKNOWN;
	gnutls_kx_algorithm_t kx = GNUTLS_KX_UNKNOWN;
	gnutls_cipher_algorithm_t cipher = GNUTLS_CIPHER_UNKNOWN;
	gnutls_mac_algorithm_t mac = GNUTLS_MAC_UNKNOWN;
	uint8_t id[2] = {0, 0};

	n_suites = 0;
	for (size_t i = 0; gnutls_cipher_suite_info(i, id, &kx, &cipher, &mac, &min_version) != NULL; i++)
		add(id, kx, cipher, mac, min_version);
}

const struct gtls_suite *gtls_suite_at(size_t i)
{
	return i < n_suites ? &suites[i] : NULL;
}

const struct gtls_suite *gtls_suite_find(uint16_t number)
{
	for (size_t i = 0; i < n_suites; i++) {
		if (suites[i].number == number)
			return &suites[i];
	}
	return NULL;
}

uint16_t gtls_suite_number(
	uint16_t version, gnutls_kx_algorithm_t kx, gnutls_cipher_algorithm_t cipher, gnutls_mac_algorithm_t mac)
{
	for (size_t i = 0; i < n_suites; i++) {
		const struct gtls_suite *suite = &suites[i];

		if (suite->version == version && suite->cipher == cipher && suite->mac == mac &&
			(version == UNITLS_TLS_1_3 || suite->kx == kx))
			return suite->number;
	}
	return 0;
}

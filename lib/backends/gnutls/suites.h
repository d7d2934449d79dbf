/*
 * Cipher suites: IANA numbers on our side; a key exchange, a cipher and a MAC each on GnuTLS's. Filled once, when the module is loaded.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_SUITES_H
#define UNITLS_BACKENDS_GNUTLS_SUITES_H

#include <gnutls/gnutls.h>

#include "core/backend.h"

struct gtls_suite {
	uint16_t number;
	uint16_t version;         /* that it belongs to */
	gnutls_kx_algorithm_t kx; /* UNKNOWN in TLS 1.3 */
	gnutls_cipher_algorithm_t cipher;
	gnutls_mac_algorithm_t mac;
};

/* Those of the library's suites that the core's table has and that authenticate by certificates and encrypt. */
void gtls_suites_init(void);

/* Suite i, NULL past the end. */
const struct gtls_suite *gtls_suite_at(size_t i);
/* The suite of that number, NULL when the library does not have it. */
const struct gtls_suite *gtls_suite_find(uint16_t number);
/* The number of what was negotiated, 0 when there is none; kx counts in TLS 1.2 only. */
uint16_t gtls_suite_number(
	uint16_t version, gnutls_kx_algorithm_t kx, gnutls_cipher_algorithm_t cipher, gnutls_mac_algorithm_t mac);

#endif

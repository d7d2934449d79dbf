/*
 * Cipher suites by number, as the library takes them: two octets each, one list for all versions.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_SUITES_H
#define UNITLS_BACKEND_WOLFSSL_SUITES_H

#include "core/backend.h"

struct wolf_suites {
	uint8_t *list;
	size_t size; /* octets */
};

/* Asks the library what it has; once, after its start. */
void wolf_suites_init(void);
/* The suites of the core's table that the library has. */
const uint16_t *wolf_suites_supported(size_t *ret_n);

/* The suites for a context: the configuration's, or the module's default for a version without a list. UNITLS_ERROR without memory. */
int wolf_suites_new(const struct unitls_context_params *params, struct wolf_suites *ret_suites);
void wolf_suites_fini(struct wolf_suites *suites);

/* What a suite of TLS 1.2 needs besides a key. */
enum wolf_suite_need {
	WOLF_SUITE_NEEDS_CURVE = 1,
	WOLF_SUITE_NEEDS_SIGNATURE = 2, /* of the server, within the handshake */
	WOLF_SUITE_NEEDS_DH = 4
};

/* What a list's suites need, taken together. */
unsigned wolf_suites_needs(const struct wolf_suites *suites);
/* A copy without the suites that need any of what is missing. UNITLS_ERROR without memory. */
int wolf_suites_without(const struct wolf_suites *suites, unsigned missing, struct wolf_suites *ret_suites);

#endif

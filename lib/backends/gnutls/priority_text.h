/*
 * GnuTLS is told what to use by a text. A text lists key exchanges, ciphers and MACs, and the library takes every suite that can be made of
 * them: so a list of suites can be said exactly only when it is such a product.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_PRIORITY_TEXT_H
#define UNITLS_BACKENDS_GNUTLS_PRIORITY_TEXT_H

#include <gnutls/gnutls.h>

#include "core/backend.h"

struct gtls_priority_spec {
	enum unitls_role role;
	uint16_t min_version;
	uint16_t max_version;
	const uint16_t *suites; /* of both versions, in order; all known to suites.h */
	size_t n_suites;
	const uint16_t *groups; /* IANA numbers, all known to the library; n = 0: the policy's */
	size_t n_groups;
	const uint16_t *schemes; /* the same */
	size_t n_schemes;
};

/*
 * A suite that comes along with those of spec although it is none of them; 0 when the list can be said exactly.
 */
uint16_t gtls_priority_surplus(const struct gtls_priority_spec *spec);

/* Has the library read the text for spec, with the policy's groups and signature algorithms where spec has none. The library's code. */
int gtls_priority_make(const struct gtls_priority_spec *spec, gnutls_priority_t *ret_priority);

#endif

/*
 * What a server must know of a ClientHello to choose the suite before the library sees it. The core has parsed and judged it already.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_HELLO_H
#define UNITLS_BACKENDS_GNUTLS_HELLO_H

#include "core/backend.h"

/* Views into the record. */
struct gtls_hello {
	struct unitls_bytes suites;   /* pairs of octets */
	struct unitls_bytes groups;   /* of supported_groups; empty: not sent */
	struct unitls_bytes versions; /* of supported_versions; empty: not sent */
};

/* Reads the hello in one record, from its header on; what cannot be read is left empty. Pure. */
void gtls_hello_read(struct unitls_bytes record, struct gtls_hello *ret_hello);

/* Whether a list of 16-bit numbers has this one. Pure. */
bool gtls_hello_lists(struct unitls_bytes list, uint16_t number);

#endif

/*
 * Groups and signature schemes: IANA numbers on our side, the library's own on GnuTLS's. Pure tables.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_NUMBERS_H
#define UNITLS_BACKENDS_GNUTLS_NUMBERS_H

#include <gnutls/gnutls.h>

#include "core/backend.h"

/* GNUTLS_GROUP_INVALID and GNUTLS_SIGN_UNKNOWN for a number that the library does not have; 0 the other way. */
gnutls_group_t gtls_group_of(uint16_t number);
uint16_t gtls_group_number(gnutls_group_t group);
gnutls_sign_algorithm_t gtls_signature_of(uint16_t scheme);
uint16_t gtls_signature_scheme(gnutls_sign_algorithm_t signature);

#endif

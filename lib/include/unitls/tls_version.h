/*
 * TLS protocol versions: wire numbers (RFC 8446, 4.2.1) and names, both ways.
 */
#ifndef UNITLS_TLS_VERSION_H
#define UNITLS_TLS_VERSION_H

#include <unitls/common.h>

/* The PEP's MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED stand for whatever the backend has; others are wire numbers. */
enum unitls_tls_version {
	UNITLS_TLS_MINIMUM_SUPPORTED = 0,
	UNITLS_TLS_1_2 = 0x0303,
	UNITLS_TLS_1_3 = 0x0304,
	UNITLS_TLS_MAXIMUM_SUPPORTED = 0xffff,
};

UNITLS_BEGIN_DECLS

/* "TLSv1.2", "TLSv1.3"; NULL for a number not in the table. */
UNITLS_API const char *unitls_tls_version_name(uint16_t version);
/* Accepts "1.2", "TLSv1.2", "TLS1.2" in any case. Returns 0 and sets *ret_version, or UNITLS_ERROR when unknown. */
UNITLS_API UNITLS_MUST_CHECK int unitls_tls_version_from_name(const char *name, uint16_t *ret_version);

UNITLS_END_DECLS

#endif

/*
 * Groups of the key exchange by their IANA numbers and names (TLS Supported Groups; RFC 8446, 4.2.7): elliptic curves, finite fields and hybrids.
 */
#ifndef UNITLS_GROUP_H
#define UNITLS_GROUP_H

#include <unitls/common.h>

UNITLS_BEGIN_DECLS

/* IANA name such as "x25519" or "X25519MLKEM768"; NULL for a number not in the table. */
UNITLS_API const char *unitls_group_name(uint16_t group);
/*
 * Number of an IANA name (any case), of a curve's other common names ("P-256", "prime256v1"), or of "0x001d". Returns 0 and sets
 * *ret_group, or UNITLS_ERROR when the table has no such group.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_group_from_name(const char *name, uint16_t *ret_group);
/* Walks the table: the group at position i in order of number; false past the end. */
UNITLS_API bool unitls_group_at(size_t i, uint16_t *ret_group);

UNITLS_END_DECLS

#endif

/*
 * Object identifiers as text, as the types of a name's parts are written that have no name of their own.
 */
#ifndef UNITLS_CORE_DISTINGUISHED_NAME_H
#define UNITLS_CORE_DISTINGUISHED_NAME_H

#include <unitls/common.h>

/*
 * An object identifier (DER, its content alone) as 2.5.4.3. Writes and returns as unitls_distinguished_name_text; 0 and "" for what is none of arcs up to
 * 56 bits. Pure.
 */
size_t unitls_oid_text(struct unitls_bytes oid, char *buffer, size_t size);

#endif

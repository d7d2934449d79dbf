/*
 * Lists of (field, reason), from the side that fills them.
 */
#ifndef UNITLS_CORE_DIAGNOSTICS_H
#define UNITLS_CORE_DIAGNOSTICS_H

#include <unitls/error.h>

/* Appends one entry; both texts are copied. A NULL list is fine: nothing happens. 0, or UNITLS_ERROR without memory. */
int unitls_diagnostics_add(struct unitls_diagnostics *diagnostics, const char *field, const char *format, ...)
	UNITLS_PRINTF(3, 4);

#endif

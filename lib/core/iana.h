/*
 * Numbers written as text, the same for every table of IANA's.
 */
#ifndef UNITLS_CORE_IANA_H
#define UNITLS_CORE_IANA_H

#include <unitls/common.h>

/* "0x" and one to four hexadecimal digits; false for anything else. */
bool unitls_iana_parse(const char *text, uint16_t *ret_number);

#endif

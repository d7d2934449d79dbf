/* Foreign bytes as text that can be shown: everything but printable ASCII becomes \xNN, and a backslash is doubled. */

#ifndef UNITLS_TOOL_PRINTABLE_H
#define UNITLS_TOOL_PRINTABLE_H

#include <unitls/common.h>

/* Always terminated; what does not fit is left out, never half an escape. Returns BUFFER. */
const char *printable(struct unitls_bytes bytes, char *buffer, size_t size);

#endif

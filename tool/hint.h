/* What to do about an error: one sentence, or NULL when there is nothing to say that its text does not say. */

#ifndef UNITLS_TOOL_HINT_H
#define UNITLS_TOOL_HINT_H

#include <stdbool.h>
#include <unitls/error.h>

/* server: the error is one of `unitls serve`. handshake: it came within the handshake. String constants. */
const char *hint_for(const struct unitls_error *error, bool server, bool handshake);

#endif

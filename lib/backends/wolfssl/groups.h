/*
 * Groups for key exchange, by IANA number.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_GROUPS_H
#define UNITLS_BACKEND_WOLFSSL_GROUPS_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

/* Gives a context the module's groups, in its order. What the library says; 0 when all is well. */
int wolf_groups_load(WOLFSSL_CTX *ctx, const struct unitls_context_params *params);
/* Whether a list in network order, as a ClientHello has it, holds one of them; one that is a curve. */
bool wolf_groups_overlap(struct unitls_bytes list);
bool wolf_groups_overlap_in_curve(struct unitls_bytes list);

#endif

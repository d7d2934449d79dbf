/*
 * Groups for key exchange, by IANA number.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_GROUPS_H
#define UNITLS_BACKEND_WOLFSSL_GROUPS_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

#define WOLF_GROUPS_MAX 8

/* What a context was given, in its order. */
struct wolf_groups {
	int list[WOLF_GROUPS_MAX];
	size_t n;
};

/* Gives a context the groups asked for, or the module's. What the library says; 0 when all is well. */
int wolf_groups_load(struct wolf_groups *g, WOLFSSL_CTX *ctx, const struct unitls_context_params *params);
/* Whether a list in network order, as a ClientHello has it, holds one of them; one that is a curve. */
bool wolf_groups_overlap(const struct wolf_groups *g, struct unitls_bytes list);
bool wolf_groups_overlap_in_curve(const struct wolf_groups *g, struct unitls_bytes list);

/* The group of the key exchange, by the library's name for it; 0: none, or one that the list has not. */
uint16_t wolf_groups_negotiated(WOLFSSL *ssl);
/* The module's; constant. */
const uint16_t *wolf_groups(size_t *ret_n);

#endif

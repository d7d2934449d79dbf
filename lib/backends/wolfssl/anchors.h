/*
 * The certificates that a context trusts, ready to be found by the name of who issued what.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_ANCHORS_H
#define UNITLS_BACKEND_WOLFSSL_ANCHORS_H

#include "backends/wolfssl/library.h"
#include "core/backend.h"

#include <wolfssl/wolfcrypt/asn.h>

struct wolf_anchor {
	struct unitls_bytes der;
	uint8_t subject[KEYID_SIZE]; /* the library's hash of the name */
	bool can_issue; /* it is a CA's, and the library can read it; else it is trusted for itself alone */
};

struct wolf_anchors {
	struct wolf_anchor *list;
	size_t n;
};

/* Copies the certificates. UNITLS_ERROR: no memory, or the library can read none of them. */
int wolf_anchors_init(
	struct wolf_anchors *anchors, const struct unitls_context_params *params, struct unitls_error *error);
void wolf_anchors_fini(struct wolf_anchors *anchors);
bool wolf_anchors_contain(const struct wolf_anchors *anchors, struct unitls_bytes der);

#endif

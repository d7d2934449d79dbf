/*
 * The trust store as the validator needs it. Constant once read, shared by connections.
 */
#ifndef UNITLS_BACKEND_BEARSSL_ANCHORS_H
#define UNITLS_BACKEND_BEARSSL_ANCHORS_H

#include "backends/bearssl/certificate.h"

struct bear_anchor {
	struct bear_certificate certificate;
	struct bear_subject subject;
	uint8_t der[];
};

struct bear_anchors {
	struct bear_anchor **list;
	size_t n;
	br_x500_name *names; /* the subjects, for a server's CertificateRequest */
};

/*
 * Reads them. One that BearSSL cannot use (another kind of key, an unknown critical extension) is left out, which trusts less, never more; a store of which
 * nothing is left is refused: UNITLS_ERROR, field "trust_store". Free with bear_anchors_fini in either case.
 */
int bear_anchors_read(
	struct bear_anchors *anchors, const struct unitls_context_params *params, struct unitls_error *error);
void bear_anchors_fini(struct bear_anchors *anchors);

/* The anchor that is this very certificate, or NULL. */
const struct bear_anchor *bear_anchors_find(const struct bear_anchors *anchors, struct unitls_bytes der);
/* Whether it may have issued certificates: a CA, or a root from before there were extensions. */
bool bear_anchor_is_issuer(const struct bear_anchor *anchor);

#endif

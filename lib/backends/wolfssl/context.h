/*
 * A native context: what its connections share. Only read once it is built.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CONTEXT_H
#define UNITLS_BACKEND_WOLFSSL_CONTEXT_H

#include "backends/wolfssl/anchors.h"
#include "backends/wolfssl/groups.h"
#include "backends/wolfssl/library.h"
#include "backends/wolfssl/suites.h"
#include "core/backend.h"

/* Without SHA-1 and SHA-224, which the library would offer. */
#define WOLF_SIGNATURE_ALGORITHMS                                                                                   \
	"ECDSA+SHA256:ED25519:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:ED448:RSA-PSS+SHA384:RSA+SHA384:ECDSA+SHA512:" \
	"RSA-PSS+SHA512:RSA+SHA512"

struct wolf_context {
	WOLFSSL_CTX *ctx;
	enum unitls_role role;
	enum unitls_verify_mode verify;
	unitls_clock clock; /* NULL: the system's */
	void *clock_argument;
	struct wolf_anchors anchors;
	struct wolf_suites suites;
	struct wolf_groups groups;
	uint16_t min_version;
	uint16_t max_version;
	struct unitls_bytes *alpn; /* client: what is offered */
	size_t n_alpn;
	const struct unitls_external_key *external_key; /* NULL: the key is the library's */
};

int wolf_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void wolf_context_free(void *context);

#endif

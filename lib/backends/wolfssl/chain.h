/*
 * Verification of a peer's certificates against a context's anchors.
 *
 * The library would keep every CA certificate that a peer sent in the context, as trusted as an anchor and for good: another connection's chain would
 * then depend on it, and peers could fill the memory. So each chain is judged in a store of its own, made for it and dropped after it; the library
 * verifies there one certificate after the other, from the anchors down.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CHAIN_H
#define UNITLS_BACKEND_WOLFSSL_CHAIN_H

#include "backends/wolfssl/anchors.h"
#include "core/backend.h"

#define WOLF_CHAIN_MAX 9 /* certificates that the library takes from a peer: MAX_CHAIN_DEPTH */

struct wolf_verdict {
	enum unitls_verify_reason reason;
	int depth;
	int native; /* the library's error; 0 = none of its own */
	bool out_of_memory;
};

/* The reason that an error of the library's is. */
enum unitls_verify_reason wolf_chain_reason(int native);
/* certificates: the peer's own first, 1 to WOLF_CHAIN_MAX. now: seconds of the epoch. */
void wolf_chain_judge(const struct wolf_anchors *anchors, const struct unitls_bytes *certificates, size_t n,
	enum unitls_role role, int64_t now, struct wolf_verdict *ret_verdict);

#endif

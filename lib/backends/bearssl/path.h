/*
 * The way from the peer's certificate up to an anchor. BearSSL's validator wants the certificates in order and stops at the first fault, so the ways are
 * looked for here, by names, and each is given to it with the one anchor at its end.
 */
#ifndef UNITLS_BACKEND_BEARSSL_PATH_H
#define UNITLS_BACKEND_BEARSSL_PATH_H

#include "backends/bearssl/context.h"

#define BEAR_PATH_MAX 10 /* certificates of one path, without the anchor */
#define BEAR_STEPS_MAX \
	256 /* certificates that are looked at as issuers for one peer: there are n! ways through n of one name */
#define BEAR_ATTEMPTS_MAX 16 /* paths that are verified: signatures cost time, and the peer chooses the chain */
#define BEAR_CHAIN_MAX    32 /* certificates that a peer may send */

struct bear_verdict {
	enum unitls_verify_reason reason; /* NONE: accepted */
	int depth;                        /* -1: unknown */
	int native_code;                  /* of the validator; 0: the module's own reason */
};

/* Judges a chain, the peer's own certificate first, of 1 to BEAR_CHAIN_MAX: trust, purpose, strength, validity. The name is not looked at. */
struct bear_verdict bear_path_judge(
	const struct bear_context *context, const struct unitls_bytes *chain, size_t n_chain);

#endif

/*
 * The peer's certificates: collected as the engine reads them, judged when all are there.
 */
#ifndef UNITLS_BACKEND_BEARSSL_VERIFY_H
#define UNITLS_BACKEND_BEARSSL_VERIFY_H

#include "backends/bearssl/path.h"

#define BEAR_CHAIN_BYTES_MAX (100u * 1024)

/* One connection's. The engine knows it by the address of its first member. */
struct bear_verifier {
	const br_x509_class *class;
	const struct bear_context *context;
	const struct unitls_peer_name *peer_name;  /* client; NULL on a server */
	struct unitls_bytes chain[BEAR_CHAIN_MAX]; /* owned */
	uint8_t *current;                          /* what chain[n_chain - 1] points to while it is filled */
	size_t n_chain;
	size_t filled;     /* octets of current */
	size_t chain_size; /* octets of all */
	bool started;      /* the peer's certificates have begun */
	bool out_of_memory;
	bool too_large;
	bool judged;                 /* the whole chain was, and the verdict stands */
	struct bear_verdict verdict; /* NONE until then */
	struct bear_subject leaf;
	unsigned usages; /* of the leaf's key */
};

void bear_verifier_init(struct bear_verifier *verifier, const struct bear_context *context,
	const struct unitls_peer_name *peer_name);
void bear_verifier_fini(struct bear_verifier *verifier);

#endif

/*
 * Our own side's identity as the engine asks for it: a server's policy, and a client's answer to a CertificateRequest.
 */
#ifndef UNITLS_BACKEND_BEARSSL_SIGNER_H
#define UNITLS_BACKEND_BEARSSL_SIGNER_H

#include <bearssl.h>

#include "backends/bearssl/key.h"

/* Chain and key; constant once built, shared by connections. */
struct bear_identity {
	br_x509_certificate *chain; /* leaf first; NULL: none */
	size_t n_chain;
	uint8_t *bytes; /* what chain points into */
	struct bear_key key;
};

/* One connection's. The engine knows it by the address of one of the class pointers. */
struct bear_signer {
	const br_ssl_server_policy_class *server;
	const br_ssl_client_certificate_class *client;
	const struct bear_identity *identity;
	bool failed; /* the key refused an operation: no fault of the peer */
};

void bear_signer_init(struct bear_signer *signer, const struct bear_identity *identity);

#endif

/*
 * What was agreed on, read from the handshake's messages: the library keeps it to itself.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_NEGOTIATED_H
#define UNITLS_BACKEND_MBEDTLS_NEGOTIATED_H

#include <unitls/common.h>

struct mbed_negotiated {
	bool extended_master_secret;
	uint16_t group;            /* 0: none yet */
	uint16_t signature_scheme; /* of the server; 0: none yet */
	int key_exchange;          /* of the suite in the ServerHello */
};

/* Takes a message of the server's, from its header on: ServerHello, ServerKeyExchange or CertificateVerify. Others are passed over. */
void mbed_negotiated_note(struct mbed_negotiated *negotiated, struct unitls_bytes message);

#endif

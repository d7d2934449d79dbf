/*
 * What a server needs to know of a ClientHello beside the library. The core has parsed it; here it is a record in the transport.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_HELLO_H
#define UNITLS_BACKEND_WOLFSSL_HELLO_H

#include "core/backend.h"

enum wolf_extension {
	WOLF_EXTENSION_GROUPS = 10,
	WOLF_EXTENSION_SIGNATURES = 13,
	WOLF_EXTENSION_VERSIONS = 43,
	WOLF_EXTENSION_RENEGOTIATION = 0xff01
};

/* Finds an extension's value; false: there is none. */
bool wolf_hello_extension(struct unitls_bytes record, enum wolf_extension type, struct unitls_bytes *ret_value);
/* Whether the client offers TLS 1.3. */
bool wolf_hello_offers_1_3(struct unitls_bytes record);

#endif

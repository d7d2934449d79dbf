/*
 * Signatures of external keys, as a connection waits for one: asked for once, taken when it is there.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_SIGNATURE_H
#define UNITLS_BACKENDS_LIBSSL_SIGNATURE_H

#include <openssl/evp.h>

#include "core/backend.h"

struct libssl_connection;

/* What a connection remembers of it. */
struct libssl_signature {
	struct unitls_sign_request *request; /* NULL: nothing was asked for */
	bool failed;                         /* the signer is to blame for the connection's end */
};

enum libssl_signing {
	LIBSSL_SIGNING_DONE,
	LIBSSL_SIGNING_PENDING,
	LIBSSL_SIGNING_FAILED,
};

/*
 * Asks for the signature of a message, or whether the one that was asked for is there: then *ret_signature is set, lent until libssl_signature_release.
 * hash: of the scheme; NULL for one without.
 */
enum libssl_signing libssl_signature_get(struct libssl_connection *connection, uint16_t scheme, const EVP_MD *hash,
	struct unitls_bytes message, struct unitls_bytes *ret_signature);
void libssl_signature_release(struct libssl_signature *signature);

#endif

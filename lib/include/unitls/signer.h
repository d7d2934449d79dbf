/*
 * External private keys: the key stays with the program (another process, a security module), which is asked for each signature.
 *
 * A signer answers at once, from within the call, or later: then the handshake says UNITLS_WANT_APP until unitls_sign_request_finish (or _fail)
 * was called and the handshake is called again. Later needs UNITLS_CAP_EXTERNAL_KEYS_ASYNC; a context of another backend refuses
 * a deferred signer by the field "key".
 */
#ifndef UNITLS_SIGNER_H
#define UNITLS_SIGNER_H

#include <unitls/private_key.h>
#include <unitls/signature_scheme.h>

#define UNITLS_SIGNATURE_MAX 4096 /* bytes of a signature */

struct unitls_sign_request;

struct unitls_signer {
	/*
	 * Called on the connection's thread, from within its handshake. Answer the request, once, now or later (deferred): it is the signer's until
	 * then, also when the connection is freed meanwhile.
	 */
	void (*sign)(void *argument, struct unitls_sign_request *request);
	/* Called when the last reference to the key is gone; NULL: not wanted. */
	void (*release)(void *argument);
	/* Whether sign may return before it has answered. */
	bool deferred;
};

UNITLS_BEGIN_DECLS

/*
 * A key whose signatures a signer makes. signer is copied, argument kept until release. spki: its public half (SubjectPublicKeyInfo, DER:
 * unitls_certificate_spki of the leaf), copied. UNITLS_ERROR: class CONFIG, field "key", when spki is none; USAGE without a sign function.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_private_key_external(const struct unitls_signer *signer, void *argument,
	struct unitls_bytes spki, struct unitls_private_key **ret_key, struct unitls_error *error);

/* The scheme to sign with (IANA number: <unitls/signature_scheme.h>). */
UNITLS_API uint16_t unitls_sign_request_scheme(const struct unitls_sign_request *request);
/*
 * What to sign, lent until the answer: the digest under the scheme's hash; for Ed25519 and Ed448 the whole message. RSA-PSS takes
 * a salt as long as the hash (RFC 8446, 4.2.3); an ECDSA signature is DER (Ecdsa-Sig-Value).
 */
UNITLS_API struct unitls_bytes unitls_sign_request_input(const struct unitls_sign_request *request);
/*
 * Answers with a signature, which is copied (1 to UNITLS_SIGNATURE_MAX bytes; any other size, or without memory for it, counts as a failure). The
 * request is gone then. On the connection's thread; when the connection was freed already it only releases the request. A wrong
 * signature is noticed by the peer.
 */
UNITLS_API void unitls_sign_request_finish(
	struct unitls_sign_request *request, const void *signature, size_t size);
/* Answers that there will be none: the handshake fails with internal_error. The request is gone then. */
UNITLS_API void unitls_sign_request_fail(struct unitls_sign_request *request);

UNITLS_END_DECLS

#endif

/*
 * What one side proves its identity with: leaf, private key, intermediates. Immutable, reference-counted.
 * Leaf and key must belong together when it is built. What is sent is ordered: leaf first, each issued by the next, without a
 * self-signed root; certificates that do not belong to the leaf's chain, and duplicates, are left out.
 */
#ifndef UNITLS_SIGNING_CHAIN_H
#define UNITLS_SIGNING_CHAIN_H

#include <unitls/certificate.h>
#include <unitls/error.h>
#include <unitls/private_key.h>

#define UNITLS_CHAIN_LENGTH_MAX  16    /* certificates sent at most */
#define UNITLS_OCSP_RESPONSE_MAX 16384 /* bytes of a staple */

struct unitls_signing_chain;

UNITLS_BEGIN_DECLS

/*
 * Builds a chain; takes references of its own. intermediates: n certificates in any order. UNITLS_ERROR, class CONFIG: field "key" when the
 * key does not match the leaf; field "certificate" when the chain is cyclic or longer than UNITLS_CHAIN_LENGTH_MAX.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_signing_chain_new(struct unitls_certificate *leaf,
	struct unitls_private_key *key, struct unitls_certificate *const *intermediates, size_t n,
	struct unitls_signing_chain **ret_chain, struct unitls_error *error);
/*
 * From one PEM text that holds the certificates and, unless key is given, the private key. The leaf is the certificate that the key
 * matches, else the first. password: as in unitls_private_key_from_mem.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_signing_chain_from_mem(const void *data, size_t size,
	struct unitls_private_key *key, const char *password, struct unitls_signing_chain **ret_chain,
	struct unitls_error *error);
/* From a file with the certificates and, when key_path is NULL, the key. */
UNITLS_API UNITLS_MUST_CHECK int unitls_signing_chain_from_file(const char *path, const char *key_path,
	const char *password, struct unitls_signing_chain **ret_chain, struct unitls_error *error);
/*
 * The same chain with an OCSP response for its leaf (RFC 6960, DER, up to UNITLS_OCSP_RESPONSE_MAX bytes, copied), which a server staples for clients that
 * ask. UNITLS_ERROR, class CONFIG, field "ocsp_response": no successful OCSP response by its form.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_signing_chain_with_ocsp_response(const struct unitls_signing_chain *chain,
	const void *data, size_t size, struct unitls_signing_chain **ret_chain, struct unitls_error *error);
UNITLS_API struct unitls_signing_chain *unitls_signing_chain_ref(struct unitls_signing_chain *chain);
UNITLS_API void unitls_signing_chain_unref(struct unitls_signing_chain *chain);

/* Certificates as sent: 0 is the leaf; lent, NULL past the end. */
UNITLS_API size_t unitls_signing_chain_count(const struct unitls_signing_chain *chain);
UNITLS_API struct unitls_certificate *unitls_signing_chain_at(const struct unitls_signing_chain *chain, size_t i);
UNITLS_API struct unitls_private_key *unitls_signing_chain_key(const struct unitls_signing_chain *chain);
/* The staple; {NULL, 0} when there is none. */
UNITLS_API struct unitls_bytes unitls_signing_chain_ocsp_response(const struct unitls_signing_chain *chain);

UNITLS_END_DECLS

#endif

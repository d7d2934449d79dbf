/*
 * The certificates a program trusts. Immutable, reference-counted. An empty trust store trusts nobody.
 */
#ifndef UNITLS_TRUST_STORE_H
#define UNITLS_TRUST_STORE_H

#include <unitls/certificate.h>
#include <unitls/error.h>

struct unitls_trust_store;

UNITLS_BEGIN_DECLS

/* The system's bundle (/etc/ssl/certs/ca-certificates.crt and the usual other places); class IO when none is readable. */
UNITLS_API UNITLS_MUST_CHECK int unitls_trust_store_system(
	struct unitls_trust_store **ret_store, struct unitls_error *error);
/*
 * All CERTIFICATE blocks of a PEM text, or one DER certificate. A text without a certificate is an error (class CONFIG, field "ca"):
 * for an empty store say unitls_trust_store_empty. Any certificate in the store, also an intermediate, is an anchor.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_trust_store_from_mem(
	const void *data, size_t size, struct unitls_trust_store **ret_store, struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_trust_store_from_file(
	const char *path, struct unitls_trust_store **ret_store, struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_trust_store_empty(
	struct unitls_trust_store **ret_store, struct unitls_error *error);
UNITLS_API struct unitls_trust_store *unitls_trust_store_ref(struct unitls_trust_store *store);
UNITLS_API void unitls_trust_store_unref(struct unitls_trust_store *store);

/* How many anchors there are, and anchor i (lent; NULL past the end). */
UNITLS_API size_t unitls_trust_store_count(const struct unitls_trust_store *store);
UNITLS_API struct unitls_certificate *unitls_trust_store_at(const struct unitls_trust_store *store, size_t i);

UNITLS_END_DECLS

#endif

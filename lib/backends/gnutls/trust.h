/*
 * A trust store, read: reference-counted, and one object for all contexts with the same anchors, because reading one costs milliseconds and
 * a server has a native context for each signing chain. With it the library's credentials, which hold nothing but the anchors' names.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_TRUST_H
#define UNITLS_BACKENDS_GNUTLS_TRUST_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "core/backend.h"

struct gtls_anchor {
	gnutls_x509_crt_t certificate;
	gnutls_datum_t subject;
};

struct gtls_trust {
	struct gtls_trust *next;
	size_t references;
	uint8_t digest[32];          /* of the anchors as given */
	struct gtls_anchor *anchors; /* in order of their subjects */
	size_t n_anchors;
	gnutls_certificate_credentials_t credentials;
};

/* The one for these anchors, made or found. UNITLS_ERROR: class CONFIG, field "trust_store", or MEMORY. */
int gtls_trust_get(
	const struct unitls_context_params *params, struct gtls_trust **ret_trust, struct unitls_error *error);
void gtls_trust_unref(struct gtls_trust *trust);

/* The anchors with this subject are *ret_first to the one before the result. */
size_t gtls_trust_find(const struct gtls_trust *trust, const gnutls_datum_t *subject, size_t *ret_first);

/* For the library, which takes what it only reads as writable. */
static inline gnutls_datum_t gtls_datum(struct unitls_bytes bytes)
{
	return (gnutls_datum_t){(uint8_t *)(uintptr_t)bytes.data, (unsigned)bytes.size};
}

#endif

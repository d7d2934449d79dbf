/*
 * Public keys: what a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) or the public part of a private key says. Views of foreign bytes.
 */
#ifndef UNITLS_CORE_PUBLIC_KEY_H
#define UNITLS_CORE_PUBLIC_KEY_H

#include <unitls/certificate.h>
#include <unitls/private_key.h>

#include "core/der.h"

enum unitls_key_family {
	UNITLS_KEY_FAMILY_OTHER,
	UNITLS_KEY_FAMILY_RSA,
	UNITLS_KEY_FAMILY_RSA_PSS,
	UNITLS_KEY_FAMILY_EC,
	UNITLS_KEY_FAMILY_EDWARDS,
};

struct unitls_public_key {
	enum unitls_key_family family;
	enum unitls_key_type type;
	unsigned bits;
	struct unitls_bytes curve;    /* EC: object identifier of the named curve; empty when it has no name */
	struct unitls_bytes modulus;  /* RSA; empty = not known */
	struct unitls_bytes exponent; /* RSA */
	struct unitls_bytes point;    /* EC and Edwards curves; empty = not known */
};

/* Reads an AlgorithmIdentifier of a key: sets family, type, curve, and bits but for RSA. Other algorithms are FAMILY_OTHER. */
bool unitls_public_key_read_algorithm(struct unitls_der *reader, struct unitls_public_key *ret_key);
/* Sets family, type and bits from the object identifier of a named curve. */
void unitls_public_key_set_curve(struct unitls_public_key *key, struct unitls_bytes curve);
/* Sets modulus, exponent and bits. */
void unitls_public_key_set_rsa(
	struct unitls_public_key *key, struct unitls_bytes modulus, struct unitls_bytes exponent);
/* Sets the point; false when it is none of the key's curve. */
bool unitls_public_key_set_point(struct unitls_public_key *key, struct unitls_bytes point);

/* Reads a whole SubjectPublicKeyInfo. */
bool unitls_public_key_parse(struct unitls_bytes spki, struct unitls_public_key *ret_key);
/* Whether two keys are the same, as far as they are known. */
enum unitls_key_match unitls_public_key_compare(
	const struct unitls_public_key *a, const struct unitls_public_key *b);

#endif

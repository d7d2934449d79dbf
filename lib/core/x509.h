/*
 * The parser of X.509 certificates (RFC 5280): pure, bounded, strict DER; allocates nothing. It reads what identities are chosen by;
 * signatures, chains and extensions that it does not know are the backend's to judge.
 */
#ifndef UNITLS_CORE_X509_H
#define UNITLS_CORE_X509_H

#include <unitls/certificate.h>

#include "core/der.h"
#include "core/public_key.h"

#define UNITLS_X509_NAMES_MAX  10000 /* subject alternative names of one certificate */
#define UNITLS_X509_SERIAL_MAX 64    /* octets of a serial number */

/* The hash of a certificate's signature. */
enum unitls_hash {
	UNITLS_HASH_NONE, /* its signature has none of its own (Ed25519), or one that is not known here */
	UNITLS_HASH_MD5,
	UNITLS_HASH_SHA1,
	UNITLS_HASH_SHA256,
	UNITLS_HASH_SHA384,
	UNITLS_HASH_SHA512,
};

/* Views of the DER bytes it was read from. */
struct unitls_x509 {
	struct unitls_bytes issuer;  /* whole DER values */
	struct unitls_bytes subject; /* (likewise) */
	struct unitls_bytes spki;
	enum unitls_hash signature_hash;
	struct unitls_bytes common_name;       /* the last one that is UTF-8 or ASCII; empty = none */
	struct unitls_bytes alternative_names; /* content of GeneralNames; empty = none */
	struct unitls_bytes subject_key_id;    /* empty = none */
	struct unitls_bytes authority_key_id;
	struct unitls_public_key key;
	int64_t not_before;
	int64_t not_after;
	bool is_ca;
};

/* Reads one certificate, which is all of der. Returns NULL, or what is wrong with it (a constant, to follow "the certificate"). */
const char *unitls_x509_parse(struct unitls_bytes der, struct unitls_x509 *ret_certificate);
/*
 * Walks subject alternative names: start the reader with unitls_der_init(reader, certificate->alternative_names). Returns false at the end.
 * Names of other types are passed over, and IP addresses of any other size than 4 or 16 octets.
 */
bool unitls_x509_next_name(
	struct unitls_der *reader, enum unitls_name_type *ret_type, struct unitls_bytes *ret_name);

#endif

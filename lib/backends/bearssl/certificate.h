/*
 * What the module itself reads of a certificate: its names and those extensions that BearSSL's validator does not look at. Pure.
 */
#ifndef UNITLS_BACKEND_BEARSSL_CERTIFICATE_H
#define UNITLS_BACKEND_BEARSSL_CERTIFICATE_H

#include "core/backend.h"

#include <bearssl.h>

/* Views into der, which must outlive it. */
struct bear_certificate {
	struct unitls_bytes der;
	struct unitls_bytes issuer; /* whole names, tag included: BearSSL compares them so */
	struct unitls_bytes subject;
	struct unitls_bytes signature_algorithm; /* the object identifier's octets */
	bool has_extensions;
	bool is_ca;
	bool has_path_length;
	unsigned path_length;
	unsigned usages;  /* BR_KEYTYPE_SIGN, BR_KEYTYPE_KEYX; both without a key usage extension */
	bool can_sign;    /* certificates: no key usage extension, or one that says so */
	bool for_servers; /* no extended key usage, or one that says so */
	bool for_clients;
	bool name_constraints;
	bool unknown_critical; /* a critical extension that neither the module nor the library judges */
};

/* What the library's decoder knows: key and validity. */
struct bear_subject {
	br_x509_pkey key; /* points into key_data: not to be copied by value */
	uint8_t key_data[BR_X509_BUFSIZE_KEY];
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
};

/* 0, or -1 when der is no certificate. */
int bear_certificate_read(struct unitls_bytes der, struct bear_certificate *ret_certificate);
/* 0, or the library's code (BR_ERR_X509_): an unknown kind of key is BR_ERR_X509_UNSUPPORTED. */
int bear_subject_read(struct unitls_bytes der, struct bear_subject *ret_subject);

bool bear_key_equal(const br_x509_pkey *a, const br_x509_pkey *b);
/* Whether the certificate was issued under its own name. */
bool bear_certificate_is_self_issued(const struct bear_certificate *certificate);
/* Whether it is signed by an algorithm that no longer counts (MD5, SHA-1). */
bool bear_certificate_is_weakly_signed(const struct bear_certificate *certificate);

static inline bool bear_bytes_equal(struct unitls_bytes a, struct unitls_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif

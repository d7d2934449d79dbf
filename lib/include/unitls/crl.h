/*
 * Certificate revocation lists (RFC 5280, 5). Immutable, reference-counted; one object serves any number of configurations.
 *
 * Once a configuration has a list, the peer's own certificate must be covered by one that its issuer signed and that is current (otherwise it is
 * refused: UNITLS_VERIFY_REVOCATION_UNKNOWN); an intermediate is checked where a list covers it. Signatures are the backend's to verify.
 *
 * A list is a full one of its issuer: one with a critical extension, of its own or of an entry, is refused when it is read (RFC 5280, 5.2 and 5.3). So delta
 * lists, those with an issuing distribution point (partitioned, or of some certificates or reasons only), and indirect ones are refused.
 */
#ifndef UNITLS_CRL_H
#define UNITLS_CRL_H

#include <unitls/error.h>

struct unitls_crl_list;

UNITLS_BEGIN_DECLS

/*
 * All X509 CRL blocks of a PEM text, or one DER list. UNITLS_ERROR, class CONFIG, field "crls": there is none, or one is malformed or has a critical
 * extension, whose OID the text says. data: up to UNITLS_FILE_LIMIT_BYTES.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_crl_list_from_mem(
	const void *data, size_t size, struct unitls_crl_list **ret_list, struct unitls_error *error);
/* The same from a file, read at once; class IO when it cannot be read. */
UNITLS_API UNITLS_MUST_CHECK int unitls_crl_list_from_file(
	const char *path, struct unitls_crl_list **ret_list, struct unitls_error *error);
UNITLS_API struct unitls_crl_list *unitls_crl_list_ref(struct unitls_crl_list *list);
UNITLS_API void unitls_crl_list_unref(struct unitls_crl_list *list);

/* How many there are, and the DER of number i, lent; {NULL, 0} past the end. */
UNITLS_API size_t unitls_crl_list_count(const struct unitls_crl_list *list);
UNITLS_API struct unitls_bytes unitls_crl_list_at(const struct unitls_crl_list *list, size_t i);

UNITLS_END_DECLS

#endif

/*
 * A growing list of certificates, and reading one from the blocks of a PEM text.
 */
#ifndef UNITLS_CORE_CERTIFICATE_LIST_H
#define UNITLS_CORE_CERTIFICATE_LIST_H

#include <unitls/certificate.h>

/* Start with {NULL, 0, 0}; each item is a reference of the list's. */
struct unitls_certificate_list {
	struct unitls_certificate **items;
	size_t n;
	size_t capacity;
};

/* What to do with a certificate that cannot be read. */
enum unitls_malformed {
	UNITLS_MALFORMED_REFUSE,
	UNITLS_MALFORMED_SKIP,
};

/* Drops all items; the list is empty then. */
void unitls_certificate_list_fini(struct unitls_certificate_list *list);
/* Appends all certificates of a PEM text, or the one that DER bytes are. UNITLS_ERROR: class CONFIG with the field, or MEMORY. */
int unitls_certificate_list_read(struct unitls_certificate_list *list, const void *data, size_t size,
	enum unitls_malformed malformed, const char *field, struct unitls_error *error);

#endif

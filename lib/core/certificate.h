/*
 * Certificates, from the core's side.
 */
#ifndef UNITLS_CORE_CERTIFICATE_H
#define UNITLS_CORE_CERTIFICATE_H

#include <unitls/certificate.h>

#include "core/pem.h"
#include "core/x509.h"

/* What was read of a certificate; lent for its life. */
const struct unitls_x509 *unitls_certificate_x509(const struct unitls_certificate *certificate);
/* Whether two objects are the same certificate, octet by octet. */
bool unitls_certificate_equal(const struct unitls_certificate *a, const struct unitls_certificate *b);

/* Whether a block holds a certificate, by its label. */
bool unitls_pem_block_is_certificate(const struct unitls_pem_block *block);
/* Reads the certificate of such a block. As unitls_certificate_from_mem, with a field of the caller's choice. */
int unitls_certificate_from_block(const struct unitls_pem_block *block, const char *field,
	struct unitls_certificate **ret_certificate, struct unitls_error *error);
/* Reads one DER certificate, which is all of der. Likewise. */
int unitls_certificate_from_der(struct unitls_bytes der, const char *field,
	struct unitls_certificate **ret_certificate, struct unitls_error *error);

#endif

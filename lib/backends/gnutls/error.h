/*
 * GnuTLS's error codes in the terms of the contract. The library itself sends almost no alerts: which one belongs to a code is said here.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_ERROR_H
#define UNITLS_BACKENDS_GNUTLS_ERROR_H

#include <gnutls/gnutls.h>

#include "core/backend.h"

#define GTLS_ERROR_TEXT_SIZE 64

/* The class of a code; INTERNAL for one that the table does not have. Pure. */
enum unitls_error_class gtls_error_class(int native);
/* The alert that a failure of this code is answered with. Pure. */
int gtls_error_alert(int native);
bool gtls_error_is_memory(int native);
/* "unexpected packet": the code's name as words. Never translated, as gnutls_strerror is, which may open a file for that. */
void gtls_error_text(int native, char text[GTLS_ERROR_TEXT_SIZE]);

/* Records a failure with the class of its code and this alert. Always UNITLS_ERROR. */
int gtls_error_set(struct unitls_error *error, int native, int alert);
/* Records that the library refuses something of the configuration: class CONFIG, or MEMORY when it was that. what: "the certificate". */
int gtls_error_set_field(struct unitls_error *error, int native, const char *field, const char *what);
int gtls_error_memory(struct unitls_error *error);

#endif

/*
 * The translation of BearSSL's error codes: one table, code to class, alert and text. The library has numbers only.
 */
#ifndef UNITLS_BACKEND_BEARSSL_ERROR_H
#define UNITLS_BACKEND_BEARSSL_ERROR_H

#include "core/backend.h"

/* The class of a code of the engine (BR_ERR_ below 256), the alert that it is answered with, and its text. */
enum unitls_error_class bear_error_class(int native);
int bear_error_alert(int native);
const char *bear_error_text(int native);

/* Fills error with class, code and text, and the alert that was sent. Always UNITLS_ERROR. */
int bear_error_set(struct unitls_error *error, int native, int alert);
/* The same while a context is built: class CONFIG with the field. what: "the private key", ... */
int bear_error_set_field(struct unitls_error *error, int native, const char *field, const char *what);
int bear_error_memory(struct unitls_error *error);

/* The reason for which a chain is refused with this code of the validator (BR_ERR_X509_). */
enum unitls_verify_reason bear_error_reason(int native);

#endif

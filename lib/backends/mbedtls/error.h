/*
 * The translation of mbedTLS's error codes: one table, code to class and alert.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_ERROR_H
#define UNITLS_BACKEND_MBEDTLS_ERROR_H

#include "core/backend.h"

/* Whether the code says that memory ran out, in whichever of the library's parts. */
bool mbed_error_is_memory(int native);
/* Class and alert that belong to a code; INTERNAL and internal_error for one that is not in the table. */
enum unitls_error_class mbed_error_class(int native);
int mbed_error_alert(int native);
/* Fills error with class, alert and the library's text. Always UNITLS_ERROR. */
int mbed_error_set(struct unitls_error *error, int native, int alert);
/* The same while a context is built: class CONFIG with the field, or MEMORY. what: "the private key", ... */
int mbed_error_set_field(struct unitls_error *error, int native, const char *field, const char *what);

#endif

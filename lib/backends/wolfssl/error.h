/*
 * The translation of wolfSSL's error codes: one table, code to class and alert.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_ERROR_H
#define UNITLS_BACKEND_WOLFSSL_ERROR_H

#include "core/backend.h"

/* Whether the code says that memory ran out, in whichever of the library's parts. */
bool wolf_error_is_memory(int native);
/* Class and alert that belong to a code; INTERNAL and internal_error for one that is not in the table. */
enum unitls_error_class wolf_error_class(int native);
int wolf_error_alert(int native);
/* Fills error with class, alert and the library's text. Always UNITLS_ERROR. */
int wolf_error_set(struct unitls_error *error, int native, int alert);
/* The same while a context is built: class CONFIG with the field, or MEMORY. what: "the private key", ... */
int wolf_error_set_field(struct unitls_error *error, int native, const char *field, const char *what);
/* Empties the thread's error queue, which holds what ssl's own error says already. */
void wolf_error_forget(void);

#endif

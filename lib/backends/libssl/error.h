/*
 * The library's error queue, translated. The queue is thread-wide state: every entry into the module clears it, and so does every
 * exit, so that neither another connection's leftovers nor the program's own can be taken for ours.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_ERROR_H
#define UNITLS_BACKENDS_LIBSSL_ERROR_H

#include "core/backend.h"

/* Empties the queue. To look first whether it is empty, as it nearly always is, costs a quarter of having the library clear its sixteen slots. */
void libssl_error_clear(void);

/* What the queue says, in the terms of the contract. */
struct libssl_failure {
	uint32_t code;                       /* the entry that says most; 0 = the queue is empty */
	enum unitls_error_class error_class; /* NONE: the table has no opinion */
	int alert; /* for PEER_ALERT: the peer's; else what should be sent when the library sent none */
	enum unitls_verify_reason verify_reason;
};

/* Pure but for the queue, which it empties. */
struct libssl_failure libssl_failure_take(void);
/* One native code through the table; for tests and for libssl_failure_take. */
struct libssl_failure libssl_failure_of_code(uint32_t code);

/* The library's words for a code: a string constant, never NULL. */
const char *libssl_failure_text(uint32_t code);

/*
 * Fails with the queue's reason behind what ("cannot read the private key: ..."), or with class MEMORY when that was the reason. Empties the
 * queue; always UNITLS_ERROR.
 */
int libssl_error_config(struct unitls_error *error, const char *field, const char *what);
/* The same with the library's title before it ("OpenSSL" "refuses the version"). */
int libssl_error_refused(struct unitls_error *error, const char *field, const char *what);
/* As that without a field, class INTERNAL. */
int libssl_error_internal(struct unitls_error *error, const char *what);
/* Fails for want of memory. Empties the queue. */
int libssl_error_memory(struct unitls_error *error);
/* Whether the record is free to be written: the first error wins. */
bool libssl_error_is_free(const struct unitls_error *error);
/* Notes the backend's name and the native code in a record that was written just now. */
void libssl_error_sign(struct unitls_error *error, uint32_t code);

#endif

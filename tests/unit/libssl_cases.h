/*
 * What the openssl and the boringssl backend share is tested once for each: cases that run in a child with the backend loaded, on the certificates ca, ec, rsa,
 * ed25519, client, and the key ec-locked, encrypted with LIBSSL_PASSWORD.
 */
#ifndef UNITLS_TESTS_LIBSSL_CASES_H
#define UNITLS_TESTS_LIBSSL_CASES_H

#include "tests/unit/tls_pair.h"

#define LIBSSL_PASSWORD "open-sesame"

/* Handshakes of all kinds, in which opening a file is death. */
void libssl_without_files(struct unitls_backend *backend);
/* With what others have left in the thread's error queue; leave_an_error puts something there, check_no_error_left fails when something is. */
void libssl_stale_queue(
	struct unitls_backend *backend, void (*leave_an_error)(void), void (*check_no_error_left)(void));
/* A refused certificate. */
void libssl_failure(
	struct unitls_backend *backend, void (*leave_an_error)(void), void (*check_no_error_left)(void));

#endif

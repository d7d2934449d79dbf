/*
 * Failing allocations on purpose, for any unit test: including this header and calling a function below links an own malloc, calloc,
 * realloc, reallocarray, strdup and strndup into the test (vasprintf and others of libc come to them too), which pass on to libc's or to the
 * sanitizer's.
 * Only the thread that called alloc_fail_start is affected, and only until alloc_fail_stop.
 *
 * The way to use it, to see every allocation of a function fail in turn:
 *
 *	bool failed = true;
 *
 *	for (size_t n = 0; failed; n++) {
 *		alloc_fail_start(n);
 *		status = function_under_test(...);
 *		failed = alloc_fail_stop();
 *		... when failed, the status says so and nothing leaks (ASan's build sees that); when not, it succeeded ...
 *	}
 */
#ifndef UNITLS_TESTS_ALLOC_FAIL_H
#define UNITLS_TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the allocation number n (from 0) returns NULL, once. */
void alloc_fail_start(size_t n);
/* Ends that; true when that allocation was reached. */
bool alloc_fail_stop(void);

#endif

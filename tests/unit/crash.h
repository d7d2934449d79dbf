/*
 * Ends of a process that happen inside of a library, told by the function they happen in: for tests that run in a child of their own, since what a
 * library does so cannot be bridged.
 */
#ifndef UNITLS_TESTS_CRASH_H
#define UNITLS_TESTS_CRASH_H

#include <stdbool.h>

/* Functions that were running, the innermost first: "libgmp.so.10:__gmp_default_allocate ...". */
struct crash {
	char frames[1024];
};

/* In a child: SIGABRT and SIGSEGV note the functions in crash, which the parent shares, and end the process as the signal would. */
void crash_watch(struct crash *crash);
/* Whether this end is a known one; its function is printed the first time. */
bool crash_is_known(const struct crash *crash);

#endif

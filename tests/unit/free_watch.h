/*
 * Sees whether memory is freed with a secret still in it: calling a function below links an own free into the test, which looks through
 * every block before it passes it on. Not with ThreadSanitizer, where nothing is found.
 */
#ifndef UNITLS_TESTS_FREE_WATCH_H
#define UNITLS_TESTS_FREE_WATCH_H

#include <stddef.h>

#define FREE_WATCH_MAX 64 /* bytes of a secret that is looked for */

/* From now on looks for these bytes (copied) in what this thread frees. */
void free_watch_start(const void *secret, size_t size);
/* Ends that; in how many freed blocks they were. */
size_t free_watch_stop(void);

#endif

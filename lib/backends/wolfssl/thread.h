/*
 * What the library keeps for each thread: its cache of multiples of points (FP_ECC), some 800 kB for a point and 15 points at most. It frees
 * it for nobody; here it goes with the thread.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_THREAD_H
#define UNITLS_BACKEND_WOLFSSL_THREAD_H

#include <stdbool.h>

/* False when there is no way to be told of a thread's end. */
bool wolf_thread_init(void);
/* To be called by a thread before it calculates with curves. */
void wolf_thread_enter(void);

#endif

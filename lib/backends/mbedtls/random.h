/*
 * Random bytes for everything: the kernel's, without a state of our own. So nothing repeats after a fork, no lock is needed, no file is opened.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_RANDOM_H
#define UNITLS_BACKEND_MBEDTLS_RANDOM_H

#include <stddef.h>

/* An mbedTLS f_rng: fills output. 0, or MBEDTLS_ERR_ENTROPY_SOURCE_FAILED when the kernel refuses. */
int mbed_random(void *unused, unsigned char *output, size_t size);

#endif

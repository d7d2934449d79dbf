/*
 * Seeds for the engine's generator: the kernel's. The library's own source may open a file.
 */
#ifndef UNITLS_BACKEND_BEARSSL_RANDOM_H
#define UNITLS_BACKEND_BEARSSL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills output from getrandom(2). False when the kernel refuses. */
bool bear_random(void *output, size_t size);

#endif

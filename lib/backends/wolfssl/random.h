/*
 * Where the library gets its random bytes: from the kernel, for each request anew.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_RANDOM_H
#define UNITLS_BACKEND_WOLFSSL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The crypto device that contexts and connections are bound to. */
#define WOLF_DEVICE 0x756e7469

/* Makes the device known to the library, after its own start. false: it has no place for one. */
bool wolf_random_init(void);
/* Fills data from getrandom(2). false: the kernel has none. */
bool wolf_random(uint8_t *data, size_t size);

#endif

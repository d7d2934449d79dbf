/*
 * Random bytes from getrandom(2).
 */
#include "backends/mbedtls/random.h"

#include <errno.h>
#include <sys/random.h>

#include <mbedtls/entropy.h>

int mbed_random(void *unused, unsigned char *output, size_t size)
{
	ssize_t n;

	(void)unused;
	while (size > 0) {
		n = getrandom(output, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
		output += n;
		size -= (size_t)n;
	}
	return 0;
}

#include "backends/bearssl/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

bool bear_random(void *output, size_t size)
{
	uint8_t *at = output;

	while (size > 0) {
		ssize_t n = getrandom(at, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

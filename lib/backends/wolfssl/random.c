/*
 * Random bytes from getrandom(2), through a crypto device: the library asks one before its own generators. So nothing is opened (it would open
 * /dev/urandom for every connection), and no generator's state can repeat in the children of a fork.
 */
#include "backends/wolfssl/random.h"

#include <errno.h>
#include <sys/random.h>

#include "backends/wolfssl/library.h"
#include <wolfssl/wolfcrypt/cryptocb.h>

bool wolf_random(uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = getrandom(data, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* Everything but random bytes is left to the library's own code. */
static int on_request(int device, wc_CryptoInfo *info, void *unused)
{
	(void)device, (void)unused;
	if (info->algo_type == WC_ALGO_TYPE_RNG)
		return wolf_random(info->rng.out, info->rng.sz) ? 0 : RNG_FAILURE_E;
	if (info->algo_type == WC_ALGO_TYPE_SEED)
		return wolf_random(info->seed.seed, info->seed.sz) ? 0 : RNG_FAILURE_E;
	return CRYPTOCB_UNAVAILABLE;
}

bool wolf_random_init(void)
{
	return wc_CryptoCb_RegisterDevice(WOLF_DEVICE, on_request, NULL) == 0;
}

/* As many descriptors as the process may have. */

#ifndef UNITLS_BENCH_LIMITS_H
#define UNITLS_BENCH_LIMITS_H

#include <sys/resource.h>

static inline void limits_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* what is too few shows when a socket is wanted */
}

#endif

/*
 * An interposed free that looks for a secret in what is freed.
 */
#include "tests/unit/free_watch.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void __libc_free(void *data);
__attribute__((weak)) void __interceptor_free(void *data);

static __thread unsigned char needle[FREE_WATCH_MAX];
static __thread size_t needle_size;
static __thread size_t found;

void free_watch_start(const void *secret, size_t size)
{
	found = 0;
	needle_size = size < sizeof(needle) ? size : sizeof(needle);
	memcpy(needle, secret, needle_size);
}

size_t free_watch_stop(void)
{
	needle_size = 0;
	return found;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NOT_INTERPOSED
#endif
#elif defined(__SANITIZE_THREAD__)
#define NOT_INTERPOSED
#endif

#ifndef NOT_INTERPOSED

void free(void *data)
{
	if (data != NULL && needle_size > 0 && memmem(data, malloc_usable_size(data), needle, needle_size) != NULL)
		found++;
	if (__interceptor_free != NULL)
		__interceptor_free(data);
	else
		__libc_free(data);
}

#endif

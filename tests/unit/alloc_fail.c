/*
 * An interposed allocator that fails one allocation. Keeps no memory of its own; what it hands out is freed by the usual free.
 */
#include "tests/unit/alloc_fail.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own, under names that nothing overrides; and the sanitizers', when there is one. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *data, size_t size);
__attribute__((weak)) void *__interceptor_malloc(size_t size);
__attribute__((weak)) void *__interceptor_calloc(size_t n, size_t size);
__attribute__((weak)) void *__interceptor_realloc(void *data, size_t size);

static __thread bool armed;
static __thread bool reached;
static __thread size_t left;

void alloc_fail_start(size_t n)
{
	left = n;
	reached = false;
	armed = true;
}

bool alloc_fail_stop(void)
{
	armed = false;
	return reached;
}

static bool __attribute__((unused)) fails_now(void)
{
	if (!armed || reached)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	reached = true;
	errno = ENOMEM;
	return true;
}

/*
 * ThreadSanitizer calls the allocator before it can run instrumented code, so with it nothing is interposed: no allocation fails, and the loop in
 * alloc_fail.h ends after its first turn.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NOT_INTERPOSED
#endif
#elif defined(__SANITIZE_THREAD__)
#define NOT_INTERPOSED
#endif

#ifndef NOT_INTERPOSED

void *malloc(size_t size)
{
	if (fails_now())
		return NULL;
	return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (fails_now())
		return NULL;
	return __interceptor_calloc != NULL ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *data, size_t size)
{
	if (fails_now())
		return NULL;
	return __interceptor_realloc != NULL ? __interceptor_realloc(data, size) : __libc_realloc(data, size);
}

/* A sanitizer's own of these do not come to the ones above. */
void *reallocarray(void *data, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(data, n * size);
}

char *strndup(const char *text, size_t limit)
{
	size_t size = strnlen(text, limit);
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

char *strdup(const char *text)
{
	return strndup(text, SIZE_MAX);
}

#endif

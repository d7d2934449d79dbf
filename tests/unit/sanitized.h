/* SANITIZED: 1 where AddressSanitizer or ThreadSanitizer is compiled in, which have an allocator and a loader of their own; else 0. */

#ifndef UNITLS_TESTS_SANITIZED_H
#define UNITLS_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif

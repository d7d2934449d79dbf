/*
 * What every public header needs: visibility, must-check, C++ linkage, and the byte-string view.
 */
#ifndef UNITLS_COMMON_H
#define UNITLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define UNITLS_API               __attribute__((visibility("default")))
#define UNITLS_MUST_CHECK        __attribute__((warn_unused_result))
#define UNITLS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define UNITLS_API
#define UNITLS_MUST_CHECK
#define UNITLS_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
#define UNITLS_BEGIN_DECLS extern "C" {
#define UNITLS_END_DECLS   }
#else
#define UNITLS_BEGIN_DECLS
#define UNITLS_END_DECLS
#endif

/* A view of bytes owned by somebody else; data may be NULL when size is 0. */
struct unitls_bytes {
	const uint8_t *data;
	size_t size;
};

UNITLS_BEGIN_DECLS

/* The version of this library, such as "0.1.0"; a string constant. */
UNITLS_API const char *unitls_version(void);

UNITLS_END_DECLS

#endif

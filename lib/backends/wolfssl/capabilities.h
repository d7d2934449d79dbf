/*
 * What this build of the library can do.
 */
#ifndef UNITLS_BACKEND_WOLFSSL_CAPABILITIES_H
#define UNITLS_BACKEND_WOLFSSL_CAPABILITIES_H

#include "core/backend.h"

/* Computes the capabilities; once, after the library's start. */
void wolf_capabilities_init(void);
const struct unitls_capabilities *wolf_capabilities(void);

/*
 * The suites for a context as the library wants them, two octets each: the configuration's, or the module's default for a version without a list.
 * NULL without memory; free with free(). *ret_size is 0 when nothing is left.
 */
uint8_t *wolf_suite_list(const struct unitls_context_params *params, size_t *ret_size);
/* Whether a list holds a suite that needs parameters of finite-field Diffie-Hellman. */
bool wolf_suite_list_needs_dh(const uint8_t *list, size_t size);

#endif

/*
 * The groups and signature schemes of the core's tables that this library takes, found by trying.
 */
#ifndef UNITLS_BACKENDS_LIBSSL_LISTS_H
#define UNITLS_BACKENDS_LIBSSL_LISTS_H

#include "core/backend.h"

/* Fills the lists of the capabilities; once per process. UNITLS_ERROR without memory. */
int libssl_lists_find(struct unitls_capabilities *capabilities);

#endif

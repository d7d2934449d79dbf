/*
 * The inside of a loaded backend, and the check of a module's table.
 */
#ifndef UNITLS_CORE_MODULE_H
#define UNITLS_CORE_MODULE_H

#include "core/backend.h"

struct unitls_backend {
	struct unitls_backend *next;
	const struct unitls_backend_ops *ops;
};

/* Whether a name may be one: 1 to UNITLS_BACKEND_NAME_MAX of a-z, 0-9, '_' and '-'. */
bool unitls_backend_name_is_legal(const char *name);
/* Whether a module's table is one that this core can call, and of the backend it was loaded as. UNITLS_ERROR, class UNSUPPORTED, field "backend". */
int unitls_backend_check_ops(const struct unitls_backend_ops *ops, const char *name, struct unitls_error *error);

#endif

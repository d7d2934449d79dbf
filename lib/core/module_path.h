/*
 * Who could have put a module where it lies.
 */
#ifndef UNITLS_CORE_MODULE_PATH_H
#define UNITLS_CORE_MODULE_PATH_H

#include <unitls/error.h>

/*
 * The canonical path of the module NAME at path, if nobody else than root and the effective user can have written it: file and folders belong to one
 * of the two, and neither their group nor others may write to them. A folder that others may write to is fine when it is sticky (/tmp): nobody
 * can exchange what is ours in there. Whoever could exchange the core itself is trusted too (not under AT_SECURE): its owner, its group if that may write
 * to it, and whoever may write to the folders that it lies in.
 *
 * It is checked from the root down, so what was found good can no longer be exchanged by others before it is loaded. The path is to be freed.
 * UNITLS_ERROR: class UNSUPPORTED with field "backend", or MEMORY.
 */
int unitls_module_path_resolve(const char *name, const char *path, char **ret_path, struct unitls_error *error);

#endif

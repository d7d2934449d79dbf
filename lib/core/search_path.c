/*
 * Where backends' modules are looked for. Computes paths; opens none of them.
 */
#include "core/search_path.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/backend.h"

/* Tells in which object the core is. */
static const char anchor;

char *unitls_search_path_own_library(void)
{
	struct link_map *map = NULL;
	Dl_info info;

	if (dladdr1(&anchor, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || !map || !map->l_name ||
		map->l_name[0] == '\0')
		return NULL;
	if (map->l_name[0] != '/' && getauxval(AT_SECURE))
		return NULL;
	return realpath(map->l_name, NULL);
}

static int add(struct unitls_search_path *path, const char *base, size_t base_size, const char *rest)
{
	if (path->n == UNITLS_SEARCH_PATH_MAX)
		return 0;
	if (asprintf(&path->directories[path->n], "%.*s%s", (int)base_size, base, rest) < 0)
		return UNITLS_ERROR;
	path->n++;
	return 0;
}

/* Length of the directory part of a file's path. */
static size_t directory_size(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? (size_t)(slash - file) : 0;
}

static int add_own_place(struct unitls_search_path *path)
{
	char *library = unitls_search_path_own_library();
	char program[PATH_MAX];
	ssize_t n;
	int status;

	if (library) {
		status = add(path, library, directory_size(library), "/unitls/backends");
		free(library);
		return status;
	}
	if (getauxval(AT_SECURE))
		return 0;
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n <= 0)
		return 0;
	program[n] = '\0';
	status = add(path, program, directory_size(program), "/unitls/backends");
	if (status == 0)
		status = add(path, program, directory_size(program), "/../lib/unitls/backends");
	return status;
}

static int fill(struct unitls_search_path *path, const char *directory)
{
	const char *environment = secure_getenv("UNITLS_BACKEND_DIR");

	if (directory)
		return add(path, directory, strlen(directory), "");
	if (environment && environment[0] != '\0' && add(path, environment, strlen(environment), "") < 0)
		return UNITLS_ERROR;
	if (add_own_place(path) < 0)
		return UNITLS_ERROR;
	return add(path, UNITLS_BACKEND_DIR, strlen(UNITLS_BACKEND_DIR), "");
}

int unitls_search_path_init(struct unitls_search_path *path, const char *directory, struct unitls_error *error)
{
	path->n = 0;
	if (fill(path, directory) == 0)
		return 0;
	unitls_search_path_fini(path);
	return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
}

void unitls_search_path_fini(struct unitls_search_path *path)
{
	while (path->n > 0)
		free(path->directories[--path->n]);
}

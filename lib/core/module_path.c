/*
 * Who could have put a module where it lies. Reads owners and modes; opens nothing. The rules are those of sshd and sudo for files that they obey.
 *
 * A module is then loaded by its path, not by a descriptor (/proc/self/fd/N): the dynamic linker takes equal paths for one and the same object,
 * although another file may have got the number, and debuggers and $ORIGIN want the true one.
 */
#include "core/module_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/search_path.h"

/* The file that the core is in: libunitls.so or the program. NULL path: it is not known, or does not count. */
struct core_file {
	char *path;
	struct stat status;
};

static void find_core(struct core_file *core)
{
	core->path = NULL;
	if (getauxval(AT_SECURE))
		return;
	core->path = unitls_search_path_own_library();
	if (!core->path)
		core->path = realpath("/proc/self/exe", NULL);
	if (core->path && lstat(core->path, &core->status) < 0) {
		free(core->path);
		core->path = NULL;
	}
}

static int refuse(struct unitls_error *error, const char *name, const char *path, const char *reason)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
		"backend \"%s\" is not loaded: %s %s", name, reason, path);
}

static bool is_trusted_owner(const struct core_file *core, uid_t owner)
{
	return owner == 0 || owner == geteuid() || (core->path && owner == core->status.st_uid);
}

static bool is_trusted_group(const struct core_file *core, gid_t group)
{
	return core->path && (core->status.st_mode & S_IWGRP) && group == core->status.st_gid;
}

static int check_status(
	const char *name, const char *path, const struct core_file *core, struct unitls_error *error)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return refuse(error, name, path, "cannot look at");
	if (!is_trusted_owner(core, status.st_uid))
		return refuse(error, name, path, "neither root nor this user owns");
	if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX))
		return 0;
	if (status.st_mode & S_IWOTH)
		return refuse(error, name, path, "everybody may write to");
	if ((status.st_mode & S_IWGRP) && !is_trusted_group(core, status.st_gid))
		return refuse(error, name, path, "its group may write to");
	return 0;
}

/* Whether the core lies in this folder or below. */
static bool holds_core(const char *folder, const struct core_file *core)
{
	size_t n = strlen(folder);

	return core->path && strncmp(core->path, folder, n) == 0 && core->path[n] == '/';
}

/* path: canonical. Each folder on it from the root down, and at last the file; a '/' is taken out in the meantime. */
static int check_parts(const char *name, char *path, const struct core_file *core, struct unitls_error *error)
{
	int status = 0;

	if (!core->path)
		status = check_status(name, "/", core, error);
	for (char *slash = path; status == 0 && (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (!holds_core(path, core))
			status = check_status(name, path, core, error);
	}
	return status == 0 ? check_status(name, path, core, error) : status;
}

int unitls_module_path_resolve(const char *name, const char *path, char **ret_path, struct unitls_error *error)
{
	char *canonical = realpath(path, NULL);
	struct core_file core;
	int status;

	if (!canonical && errno == ENOMEM)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (!canonical)
		return refuse(error, name, path, "cannot look at");
	find_core(&core);
	status = check_parts(name, canonical, &core, error);
	free(core.path);
	if (status < 0) {
		free(canonical);
		return UNITLS_ERROR;
	}
	*ret_path = canonical;
	return 0;
}

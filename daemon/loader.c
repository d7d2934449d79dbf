/* The loader's course: read the text, read the files, seal the snapshot, read it back, build everything from it. */

#include "daemon/loader.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unitls/backend.h>
#include <unitls/context.h>
#include <unitls/private_key.h>
#include <unitls/signing_chain.h>

#include "daemon/config.h"
#include "daemon/diagnostics.h"
#include "daemon/loader_files.h"
#include "daemon/profile.h"
#include "daemon/snapshot.h"

/* What the second half, the proof, works on. */
struct proof {
	const struct loader_options *options;
	struct diagnostics *list;
	const struct config *written; /* file form: the paths for messages */
	struct config *config;        /* as it came back out of the snapshot */
	struct snapshot *snapshot;
	struct profile_store *store;
};

static int read_text(const struct loader_options *options, struct diagnostics *list, struct config **ret)
{
	if (options->path)
		return config_load_all(options->path, list, ret);
	return config_parse_all(
		options->text_name, options->text, options->text_size, CONFIG_FORM_FILE, list, ret);
}

static void check_account(const struct config *config, struct diagnostics *list)
{
	const struct config_daemon *daemon = &config->daemon;
	const struct config_origin *origin;

	if (daemon->user && !getpwnam(daemon->user)) {
		origin = config_origin_of(&daemon->section, "user");
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"user: there is no user \"%s\"", daemon->user);
	}
	if (daemon->group && !getgrnam(daemon->group)) {
		origin = config_origin_of(&daemon->section, "group");
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"group: there is no group \"%s\"", daemon->group);
	}
}

/* Whether a file could be opened for appending, made if need be, without making it. Returns 0 or a negative errno. */
static int can_append(const char *path)
{
	struct stat status;
	char *folder;
	int r;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return -EISDIR;
	if (access(path, W_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	folder = strdup(path);
	if (!folder)
		return -ENOMEM;
	r = access(dirname(folder), W_OK | X_OK) == 0 ? 0 : -errno;
	free(folder);
	return r;
}

static void check_log(const struct config *config, struct diagnostics *list)
{
	const char *path = config->daemon.log;
	const struct config_origin *origin = config_origin_of(&config->daemon.section, "log");
	int r = path ? can_append(path) : 0;

	if (r < 0)
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"the log \"%s\" cannot be opened: %s", path, strerror(-r));
}

static int seal(const struct config *config, struct snapshot_writer *writer, int *ret_fd)
{
	char *text;
	size_t size;
	int r = config_print(config, CONFIG_PRINT_SNAPSHOT, &text, &size);

	if (r < 0)
		return r;
	r = snapshot_writer_add(writer, SNAPSHOT_CONFIG, text, size);
	free(text);
	return r < 0 ? r : snapshot_writer_finish(writer, ret_fd);
}

/* ---- the proof ---- */

/* The names of the backends that are there, for a message. */
struct backend_names {
	char text[128];
};

static bool on_backend(void *argument, const char *name)
{
	struct backend_names *names = argument;
	size_t length = strlen(names->text);

	(void)snprintf(names->text + length, sizeof(names->text) - length, "%s%s", length ? ", " : "", name);
	return true;
}

/* The library's text names paths; what an operator needs first is what there is. */
static void tell_backend(
	const struct proof *proof, const struct config_tls *tls, const struct profile_error *error)
{
	const struct config_origin *origin = config_origin_of(&tls->section, "backend");
	struct backend_names names = {0};

	(void)unitls_backend_list(proof->options->module_dir, on_backend, &names);
	diagnostics_add(proof->list, DIAGNOSTIC_ERROR, origin->file, origin->line, "%s (there are: %s)",
		error->text, names.text[0] ? names.text : "none");
}

static void tell_failure(const struct proof *proof, size_t index, const struct profile_error *error)
{
	const struct config_certificate_list *certificates = &proof->written->tls[index].certificates;
	const char *path = NULL;

	if (error->certificate < certificates->count)
		path = certificates->items[error->certificate].path;
	diagnostics_add(proof->list, DIAGNOSTIC_ERROR, error->origin.file, error->origin.line, "%s%s%s%s",
		error->text, path ? " (" : "", path ? path : "", path ? ")" : "");
}

/* A pair whose public halves could not be compared is proven by the library itself. */
static void prove_chains(const struct proof *proof, size_t index, struct unitls_server_context *context)
{
	struct unitls_server_config *config = unitls_server_context_config(context);
	struct unitls_signing_chain *chain;

	for (size_t i = 0; (chain = unitls_server_config_signing_chain_at(config, i)) != NULL; i++) {
		struct unitls_error details = UNITLS_ERROR_INIT;
		struct profile_error error = {.certificate = i};

		if (unitls_private_key_matches(unitls_signing_chain_key(chain),
			    unitls_signing_chain_at(chain, 0)) == UNITLS_KEY_MATCH_YES)
			continue;
		if (unitls_server_context_prove(context, i, &details) == 0)
			continue;
		error.origin = proof->config->tls[index].certificates.items[i].origin;
		(void)snprintf(error.text, sizeof(error.text), "certificate: %s", details.text);
		tell_failure(proof, index, &error);
	}
}

static int prove_role(const struct proof *proof, size_t index, enum profile_role role)
{
	const struct config_tls *tls = &proof->config->tls[index];
	struct profile_build *build;
	struct profile_error error;
	int r = profile_build_new(proof->store, role, tls, proof->snapshot, &build);

	if (r < 0)
		return r;
	do
		r = profile_build_step(build, &error);
	while (r == 1);
	for (size_t i = 0; r < 0 && r != -ENOMEM && profile_build_problem(build, i, &error) == 0; i++)
		tell_failure(proof, index, &error);
	if (r == 0 && role == PROFILE_SERVER) {
		struct unitls_server_context *context = profile_build_take_server(build);

		prove_chains(proof, index, context);
		unitls_server_context_unref(context);
	}
	profile_build_free(build);
	return r == -ENOMEM ? r : 0;
}

static bool is_used(const struct config_tls *tls)
{
	return tls->used_by_listener || tls->used_by_upstream;
}

/* A backend that is not there is told with the other mistakes, before there is anything to prove. */
static int check_backends(
	const struct loader_options *options, const struct config *written, struct diagnostics *list)
{
	struct proof proof = {.options = options, .list = list, .written = written};
	int r = profile_store_new(options->module_dir, &proof.store);

	for (size_t i = 0; r == 0 && i < written->tls_count; i++) {
		const struct config_tls *tls = &written->tls[i];
		struct unitls_backend *backend;
		struct profile_error error;

		if (tls->backend && is_used(tls) &&
			profile_store_backend(proof.store, tls->backend, &backend, &error) < 0)
			tell_backend(&proof, tls, &error);
	}
	profile_store_free(proof.store);
	return r;
}

static int prove_section(const struct proof *proof, size_t index)
{
	const struct config_tls *tls = &proof->config->tls[index];
	struct unitls_backend *backend;
	struct profile_error error;
	int r = 0;

	if (!is_used(tls))
		return 0;
	if (profile_store_backend(proof->store, tls->backend, &backend, &error) < 0) {
		tell_backend(proof, tls, &error);
		return 0;
	}
	if (tls->used_by_listener)
		r = prove_role(proof, index, PROFILE_SERVER);
	if (r == 0 && tls->used_by_upstream)
		r = prove_role(proof, index, PROFILE_CLIENT);
	return r;
}

/* Builds all that a worker will build, from what a worker will get. */
static int prove(
	const struct loader_options *options, const struct config *written, int fd, struct diagnostics *list)
{
	struct proof proof = {.options = options, .list = list, .written = written};
	int r = snapshot_open(fd, &proof.snapshot);

	if (r < 0)
		return r;
	r = snapshot_read_config(proof.snapshot, list, &proof.config);
	if (r == 0)
		r = profile_store_new(options->module_dir, &proof.store);
	for (size_t i = 0; r == 0 && i < proof.config->tls_count; i++)
		r = prove_section(&proof, i);
	profile_store_free(proof.store);
	config_free(proof.config);
	snapshot_close(proof.snapshot);
	return r;
}

int loader_run(const struct loader_options *options, struct diagnostics *list, int *ret_snapshot_fd)
{
	struct snapshot_writer *writer = NULL;
	struct config *config = NULL;
	int fd = -1;
	int r = read_text(options, list, &config);

	if (r < 0 || !config)
		goto out;
	check_account(config, list);
	r = snapshot_writer_new(&writer);
	if (r == 0)
		r = loader_read_files(config, writer, list);
	if (r == 0 && options->check_log)
		check_log(config, list);
	if (r == 0 && !diagnostics_ok(list))
		r = check_backends(options, config, list);
	if (r < 0 || !diagnostics_ok(list))
		goto out;
	r = seal(config, writer, &fd);
	if (r == 0)
		r = prove(options, config, fd, list);
out:
	if (r == 0 && !diagnostics_ok(list))
		r = 1;
	diagnostics_sort(list);
	snapshot_writer_free(writer);
	config_free(config);
	if (r == 0)
		*ret_snapshot_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return r;
}

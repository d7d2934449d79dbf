/*
 * Finding and loading modules. What needs a fresh process (what is loaded stays) runs in a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/module.h"
#include "core/package.h"
#include "core/search_path.h"
#include "tests/unit/fake_backend.h"
#include "tests/unit/pki.h"
#include "tests/unit/sanitized.h"

/* Says why. */
#define SKIP(reason)                           \
	do {                                   \
		print_message("%s\n", reason); \
		skip();                        \
	} while (0)

static const char *const all_backends[] = {"openssl", "boringssl", "mbedtls", "gnutls", "wolfssl", "bearssl"};
#define N_BACKENDS (sizeof(all_backends) / sizeof(all_backends[0]))

static bool have(const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s.so", TEST_BACKEND_DIR, name);
	return access(path, F_OK) == 0;
}

/* Runs a check in a child: 0 = it held. */
static void in_child(int (*check)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

#define CHECK(condition)                                                              \
	do {                                                                          \
		if (!(condition)) {                                                   \
			(void)fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			return 1;                                                     \
		}                                                                     \
	} while (0)

static void expect_unsupported(const struct unitls_error *error, const char *part)
{
	assert_int_equal(error->error_class, UNITLS_ERROR_CLASS_UNSUPPORTED);
	assert_string_equal(error->field, "backend");
	if (!strstr(error->text, part))
		fail_msg("\"%s\" does not say \"%s\"", error->text, part);
}

static void test_names_that_are_none_are_refused(void **state)
{
	static const char *const names[] = {
		"", "OpenSSL", "../openssl", "open ssl", "a.b", "sixteen-bytes-xx", "openssl\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_backend *backend = NULL;

		assert_int_equal(unitls_backend_load(names[i], &backend, &error), UNITLS_ERROR);
		expect_unsupported(&error, "no name of a backend");
		assert_null(backend);
	}
	assert_true(unitls_backend_name_is_legal("fifteen-bytes-x"));
}

static void test_a_missing_module_names_the_paths_tried(void **state)
{
	const struct unitls_backend_load_params params = {"/nowhere/at/all", false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	(void)state;
	assert_int_equal(unitls_backend_load_with("missing", &params, &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, "/nowhere/at/all");
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_backend_load("missing", &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, "/unitls/backends");
	assert_int_equal(unitls_backend_load("missing", &backend, NULL), UNITLS_ERROR);
}

static void test_a_missing_module_names_the_package_of_its_library(void **state)
{
	static const struct {
		const char *backend;
		const char *package;
	} cases[] = {
		{"openssl", "Debian package libssl-dev)"},
		{"boringssl", "Debian package android-libboringssl-dev)"},
		{"mbedtls", "Debian package libmbedtls-dev)"},
		{"gnutls", "Debian package libgnutls28-dev)"},
		{"wolfssl", "Debian package libwolfssl-dev)"},
		{"bearssl", "Debian package libbearssl-dev)"},
	};
	const struct unitls_backend_load_params params = {"/nowhere/at/all", false};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_backend *backend;

		if (unitls_backend_load_with(cases[i].backend, &params, &backend, &error) == 0)
			fail_msg("%s was loaded before", cases[i].backend);
		expect_unsupported(&error, "no backend");
		expect_unsupported(&error, cases[i].package);
	}
	assert_null(unitls_package_of_backend("mirror"));
}

static void test_a_missing_library_is_told_with_its_package(void **state)
{
	static const struct {
		const char *message;
		const char *package;
	} cases[] = {
		{"libssl.so.3: cannot open shared object file: No such file or directory",
			"libssl3 or libssl3t64"},
		{"libcrypto.so.0: cannot open shared object file", "android-libboringssl"},
		{"libmbedx509.so.1: cannot open shared object file", "libmbedx509-1"},
		{"libgnutls.so.30: cannot open shared object file", "libgnutls30 or libgnutls30t64"},
		{"libwolfssl.so.35: cannot open shared object file", "libwolfssl35"},
		{"libbearssl.so.0: cannot open shared object file", "libbearssl0"},
		{"libbearssl.so.01: cannot open shared object file", NULL},
		{"libssl.so", NULL},
		{"/some/openssl.so: undefined symbol: x", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *package = unitls_package_of_library(cases[i].message);

		if (!cases[i].package)
			assert_null(package);
		else
			assert_string_equal(package, cases[i].package);
	}
}

static void test_a_file_that_is_no_module_is_refused(void **state)
{
	char *path = pki_path("text.so");
	char *slash = strrchr(path, '/');
	struct unitls_backend_load_params params = {path, false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	(void)state;
	pki_write("text.so", "this is text\n", 13);
	*slash = '\0';
	assert_int_equal(unitls_backend_load_with("text", &params, &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, "text.so");
	free(path);
}

static void test_another_library_is_refused(void **state)
{
	char *path = pki_path("foreign.so");
	char *slash = strrchr(path, '/');
	struct unitls_backend_load_params params = {path, false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;
	Dl_info libc;

	(void)state;
	assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT, "getppid"), &libc), 0);
	assert_int_equal(symlink(libc.dli_fname, path), 0);
	*slash = '\0';
	assert_int_equal(unitls_backend_load_with("foreign", &params, &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, "no module of unitls");
	free(path);
}

static void test_a_module_under_another_name_is_refused(void **state)
{
	char target[4096];
	char *path;
	struct unitls_backend_load_params params = {NULL, false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	(void)state;
	if (!have("openssl"))
		SKIP("the backend is not built");
	path = pki_path("renamed.so");
	(void)snprintf(target, sizeof(target), "%s/openssl.so", TEST_BACKEND_DIR);
	assert_int_equal(symlink(target, path), 0);
	*strrchr(path, '/') = '\0';
	params.directory = path;
	assert_int_equal(unitls_backend_load_with("renamed", &params, &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, "of another backend");
	free(path);
}

/*
 * Whose a module is: text.so in folders of the test. What is let through is then refused by the dynamic linker, as it is no library.
 */

struct place {
	char *outer;
	char *inner;
	char *file;
};

static void place_make(struct place *place)
{
	place->outer = pki_path("outer");
	place->inner = pki_path("outer/inner");
	assert_true(mkdir(place->outer, 0700) == 0 || errno == EEXIST);
	assert_true(mkdir(place->inner, 0700) == 0 || errno == EEXIST);
	pki_write("outer/inner/text.so", "this is text\n", 13);
	place->file = pki_path("outer/inner/text.so");
	assert_int_equal(chmod(place->file, 0644), 0);
}

static void place_free(struct place *place)
{
	free(place->outer);
	free(place->inner);
	free(place->file);
}

static void expect_of_place(const char *folder, const char *part)
{
	const struct unitls_backend_load_params params = {folder, false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	assert_int_equal(unitls_backend_load_with("text", &params, &backend, &error), UNITLS_ERROR);
	expect_unsupported(&error, part);
}

/* Of which the dynamic linker says that it is too short. */
static const char passed_on[] = "text.so: ";

static void test_a_module_that_others_may_write_to_is_refused(void **state)
{
	struct place place;

	(void)state;
	place_make(&place);
	expect_of_place(place.inner, passed_on);
	assert_int_equal(chmod(place.file, 0646), 0);
	expect_of_place(place.inner, "everybody may write to /");
	expect_of_place(place.inner, "/outer/inner/text.so");
	assert_int_equal(chmod(place.file, 0644), 0);
	assert_int_equal(chmod(place.inner, 0707), 0);
	expect_of_place(place.inner, "/outer/inner");
	assert_int_equal(chmod(place.inner, 0700), 0);
	assert_int_equal(chmod(place.outer, 0707), 0);
	expect_of_place(place.inner, "/outer");
	assert_int_equal(chmod(place.outer, 01777), 0); /* sticky, as /tmp is */
	expect_of_place(place.inner, passed_on);
	assert_int_equal(chmod(place.outer, 0700), 0);
	place_free(&place);
}

/* The core is this program; its group is trusted when it may write to that. */
static void test_a_module_that_its_group_may_write_to_is_refused(void **state)
{
	struct place place;
	struct stat program;
	bool shared;

	(void)state;
	place_make(&place);
	assert_int_equal(chmod(place.file, 0664), 0);
	assert_int_equal(stat("/proc/self/exe", &program), 0);
	shared = (program.st_mode & S_IWGRP) && program.st_gid == getegid();
	expect_of_place(place.inner, shared ? passed_on : "its group may write to /");
	if (geteuid() == 0) {
		assert_int_equal(chown(place.file, 0, program.st_gid + 1), 0);
		expect_of_place(place.inner, "its group may write to /");
	}
	place_free(&place);
}

static void test_a_module_of_another_user_is_refused(void **state)
{
	struct place place;
	struct stat program;
	uid_t other;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root can give files away");
	assert_int_equal(stat("/proc/self/exe", &program), 0);
	other = program.st_uid + 1;
	place_make(&place);
	assert_int_equal(chown(place.file, other, 0), 0);
	expect_of_place(place.inner, "neither root nor this user owns /");
	expect_of_place(place.inner, "/outer/inner/text.so");
	assert_int_equal(chown(place.file, 0, 0), 0);
	assert_int_equal(chown(place.outer, other, 0), 0);
	expect_of_place(place.inner, "/outer");
	assert_int_equal(chmod(place.outer, 01777), 0); /* its owner may take away what is in it nevertheless */
	expect_of_place(place.inner, "/outer");
	assert_int_equal(chown(place.outer, 0, 0), 0);
	expect_of_place(place.inner, passed_on);
	assert_int_equal(chmod(place.outer, 0700), 0);
	place_free(&place);
}

/* The link's own owner does not matter, its folder's neither: what it leads to does. */
static void test_a_module_behind_a_link_is_judged_where_it_lies(void **state)
{
	struct place place;
	char *link;

	(void)state;
	place_make(&place);
	link = pki_path("elsewhere");
	assert_int_equal(symlink(place.inner, link), 0);
	expect_of_place(link, passed_on);
	assert_int_equal(chmod(place.outer, 0707), 0);
	expect_of_place(link, "everybody may write to /");
	assert_int_equal(chmod(place.outer, 0700), 0);
	free(link);
	place_free(&place);
}

static void test_a_folder_is_no_module(void **state)
{
	struct place place;
	char *folder;

	(void)state;
	place_make(&place);
	assert_int_equal(unlink(place.file), 0);
	assert_int_equal(mkdir(place.file, 0700), 0);
	expect_of_place(place.inner, "text.so: ");
	assert_int_equal(rmdir(place.file), 0);
	folder = pki_path("outer/inner/nothing");
	expect_of_place(folder, "no backend \"text\" in ");
	free(folder);
	place_free(&place);
}

static void test_tables_are_checked(void **state)
{
	struct unitls_backend_ops ops = *fake_backend_reset()->backend.ops;
	struct unitls_error error = UNITLS_ERROR_INIT;

	(void)state;
	assert_int_equal(unitls_backend_check_ops(&ops, "fake", &error), 0);
	ops.abi++;
	assert_int_equal(unitls_backend_check_ops(&ops, "fake", &error), UNITLS_ERROR);
	expect_unsupported(&error, "ABI");
	ops.abi--;
	ops.size -= 8;
	assert_int_equal(unitls_backend_check_ops(&ops, "fake", NULL), UNITLS_ERROR);
	ops.size += 8;
	ops.pending = NULL;
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	assert_int_equal(unitls_backend_check_ops(&ops, "fake", &error), UNITLS_ERROR);
	expect_unsupported(&error, "mandatory");
}

struct list {
	size_t n;
	size_t stop_after;
	char names[16][UNITLS_BACKEND_NAME_MAX + 1];
};

static bool on_found(void *argument, const char *name)
{
	struct list *list = argument;

	(void)snprintf(list->names[list->n++], sizeof(list->names[0]), "%s", name);
	return list->n != list->stop_after;
}

static void test_modules_are_listed_in_order_of_name(void **state)
{
	struct list list = {0};
	char *path = pki_path("list");

	(void)state;
	pki_write("b.so", "", 0);
	pki_write("a-1.so", "", 0);
	pki_write("Not-One.so", "", 0);
	pki_write("no-module.txt", "", 0);
	pki_write(".so", "", 0);
	pki_write("longer-than-15-bytes.so", "", 0);
	*strrchr(path, '/') = '\0';
	assert_true(unitls_backend_list(path, on_found, &list) >= 2);
	assert_string_equal(list.names[0], "a-1");
	assert_string_equal(list.names[1], "b");
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.names[i - 1], list.names[i]) < 0);
	list = (struct list){.stop_after = 1};
	assert_true(unitls_backend_list(path, on_found, &list) >= 2);
	assert_int_equal(list.n, 1);
	assert_int_equal(unitls_backend_list("/nowhere/at/all", on_found, &list), 0);
	assert_true(unitls_backend_list(path, NULL, NULL) >= 2);
	free(path);
}

static void test_the_modules_beside_the_program_are_found(void **state)
{
	struct list list = {0};
	bool found = false;

	(void)state;
	if (!have("openssl"))
		SKIP("the backend is not built");
	(void)unitls_backend_list(NULL, on_found, &list);
	for (size_t i = 0; i < list.n; i++)
		found = found || strcmp(list.names[i], "openssl") == 0;
	assert_true(found);
}

static void test_search_order(void **state)
{
	struct unitls_search_path path;

	(void)state;
	assert_int_equal(setenv("UNITLS_BACKEND_DIR", "/from/environment", 1), 0);
	assert_int_equal(unitls_search_path_init(&path, NULL, NULL), 0);
	assert_int_equal(path.n, 4);
	assert_string_equal(path.directories[0], "/from/environment");
	assert_non_null(strstr(path.directories[1], "/tests/unitls/backends"));
	assert_non_null(strstr(path.directories[2], "/tests/../lib/unitls/backends"));
	assert_int_equal(path.directories[3][0], '/');
	unitls_search_path_fini(&path);
	assert_int_equal(unitls_search_path_init(&path, "/given", NULL), 0);
	assert_int_equal(path.n, 1);
	assert_string_equal(path.directories[0], "/given");
	unitls_search_path_fini(&path);
	assert_int_equal(unsetenv("UNITLS_BACKEND_DIR"), 0);
	assert_int_equal(unitls_search_path_init(&path, NULL, NULL), 0);
	assert_int_equal(path.n, 3);
	unitls_search_path_fini(&path);
	assert_null(unitls_search_path_own_library());
}

/* With rights that the caller does not have: this program again, as a set-user-ID copy of another user's. */
static int print_search_path(void)
{
	struct unitls_search_path path;

	if (!getauxval(AT_SECURE)) {
		(void)printf("no more rights\n");
		return 0;
	}
	if (unitls_search_path_init(&path, NULL, NULL) < 0)
		return 1;
	for (size_t i = 0; i < path.n; i++)
		(void)printf("%s\n", path.directories[i]);
	unitls_search_path_fini(&path);
	return 0;
}

/* By descriptor: nobody need be able to reach the folder. */
static void execute_as_nobody(const char *path, int output)
{
	char program[] = "test_backend";
	char option[] = "--search-path";
	char variable[] = "UNITLS_BACKEND_DIR=/from/environment";
	char *arguments[] = {program, option, NULL};
	char *environment[] = {variable, NULL};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (dup2(output, STDOUT_FILENO) < 0 || setgid(65534) != 0 || setuid(65534) != 0)
		_exit(126);
	fexecve(fd, arguments, environment);
	_exit(127);
}

static void copy_program(const char *to)
{
	char buffer[65536];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	assert_int_equal(fchown(out, 1, 1), 0);
	assert_int_equal(fchmod(out, 04755), 0);
	(void)close(in);
	(void)close(out);
}

static void test_more_rights_than_the_caller_trust_neither_environment_nor_place(void **state)
{
	char *program;
	char *folder;
	char output[4096] = "";
	size_t held = 0;
	int pipe_fds[2];
	ssize_t n;
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0 || SANITIZED)
		SKIP("needs root, and a program without a sanitizer");
	program = pki_path("secure");
	folder = pki_path("");
	copy_program(program);
	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		execute_as_nobody(program, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], output + held, sizeof(output) - 1 - held)) > 0)
		held += (size_t)n;
	(void)close(pipe_fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	if (strcmp(output, "no more rights\n") == 0)
		print_message("set-user-ID has no effect on this file system\n");
	else
		assert_int_equal(output[0], '/');
	assert_null(strstr(output, "/from/environment"));
	assert_null(strstr(output, folder));
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1); /* the built-in folder alone */
	free(program);
	free(folder);
}

static void expect_loaded(const char *name)
{
	const struct unitls_backend_load_params params = {TEST_BACKEND_DIR, false};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend = NULL;
	struct unitls_backend *again = NULL;

	if (unitls_backend_load_with(name, &params, &backend, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(unitls_backend_name(backend), name);
	assert_true(strlen(unitls_backend_library_version(backend)) > 0);
	assert_true(unitls_backend_capabilities(backend)->bits & UNITLS_CAP_TLS_1_2);
	assert_true(unitls_backend_capabilities(backend)->max_version >= UNITLS_TLS_1_2);
	assert_int_equal(unitls_backend_load(name, &again, &error), 0);
	assert_ptr_equal(backend, again);
}

static void test_all_backends_load_side_by_side(void **state)
{
	static const char *const symbols[] = {"SSL_CTX_new", "EVP_CIPHER_CTX_new", "wolfSSL_new",
		"mbedtls_ssl_setup", "gnutls_init", "br_ssl_engine_current_state"};

	(void)state;
	for (size_t i = 0; i < N_BACKENDS; i++)
		if (have(all_backends[i]))
			expect_loaded(all_backends[i]);
		else
			print_message("backend %s is not built\n", all_backends[i]);
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		assert_null(dlsym(RTLD_DEFAULT, symbols[i]));
}

static void *load_openssl(void *argument)
{
	struct unitls_backend *backend = NULL;

	(void)argument;
	return unitls_backend_load("openssl", &backend, NULL) == 0 ? backend : NULL;
}

static int check_threads(void)
{
	pthread_t threads[8];
	void *first = NULL;

	for (size_t i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, load_openssl, NULL) == 0);
	for (size_t i = 0; i < 8; i++) {
		void *backend;

		CHECK(pthread_join(threads[i], &backend) == 0);
		CHECK(backend && (!first || backend == first));
		first = backend;
	}
	return 0;
}

static void test_threads_that_load_at_once_get_one_backend(void **state)
{
	(void)state;
	if (!have("openssl"))
		SKIP("the backend is not built");
	in_child(check_threads);
}

/* A hello from each backend. */
static bool hellos_are_written(void)
{
	struct unitls_config_builder *builder = unitls_config_builder_new();
	struct unitls_client_config *config = NULL;
	struct unitls_peer_name name;

	if (!builder || unitls_config_builder_build_client(builder, &config, NULL) < 0 ||
		unitls_peer_name_parse("server.example", &name, NULL) < 0)
		return false;
	for (size_t i = 0; i < N_BACKENDS; i++) {
		struct unitls_backend *backend;
		struct unitls_client_context *context;
		struct unitls_connection *connection;

		if (!have(all_backends[i]))
			continue;
		if (unitls_backend_load(all_backends[i], &backend, NULL) < 0 ||
			unitls_client_context_new(backend, config, UNITLS_EFFORT_STRICT, NULL, &context, NULL) <
				0 ||
			unitls_client_connection_new(context, &name, &connection, NULL) < 0 ||
			unitls_connection_handshake(connection, NULL) != UNITLS_WANT_READ ||
			unitls_connection_outgoing_size(connection) == 0) {
			(void)fprintf(stderr, "%s writes no hello\n", all_backends[i]);
			return false;
		}
		unitls_connection_free(connection);
		unitls_client_context_unref(context);
	}
	unitls_client_config_unref(config);
	unitls_config_builder_free(builder);
	return true;
}

static void on_exit_of_child(void)
{
	_exit(hellos_are_written() ? 0 : 1);
}

/* Registered before a library is loaded, the handler runs after all that the libraries may have registered. */
static int check_use_at_exit(void)
{
	CHECK(atexit(on_exit_of_child) == 0);
	CHECK(hellos_are_written());
	exit(2);
}

/* While a process ends its other threads still work. */
static void test_backends_can_be_used_until_the_very_end(void **state)
{
	(void)state;
	in_child(check_use_at_exit);
}

/* As if the program were linked with it. */
static bool take_into_the_global_scope(const char *library)
{
	return dlopen(library, RTLD_NOW | RTLD_GLOBAL) != NULL;
}

/* Those with the symbols of OpenSSL are refused, the others load. */
static int check_refusal(void)
{
	CHECK(take_into_the_global_scope("libssl.so.3"));
	for (size_t i = 0; i < N_BACKENDS; i++) {
		bool clashes =
			strcmp(all_backends[i], "openssl") == 0 || strcmp(all_backends[i], "boringssl") == 0;
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_backend *backend = NULL;

		if (!have(all_backends[i]))
			continue;
		CHECK(unitls_backend_load(all_backends[i], &backend, &error) ==
			(clashes ? UNITLS_ERROR : UNITLS_OK));
		if (!clashes)
			continue;
		CHECK(error.error_class == UNITLS_ERROR_CLASS_UNSUPPORTED);
		CHECK(strcmp(error.field, "backend") == 0);
		CHECK(strstr(error.text, "SSL_CTX_new") && strstr(error.text, "deep_bind"));
	}
	return 0;
}

/* Every library in the global scope is a reason for its own backend. */
static int check_refusal_of_each(void)
{
	static const struct {
		const char *backend;
		const char *library;
		const char *symbol;
	} cases[] = {
		{"mbedtls", "libmbedtls.so.14", "mbedtls_ssl_setup"},
		{"gnutls", "libgnutls.so.30", "gnutls_init"},
		{"wolfssl", "libwolfssl.so.35", "wolfSSL_new"},
		{"bearssl", "libbearssl.so.0", "br_ssl_engine_current_state"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_backend *backend = NULL;

		/* Another version of Debian has others. */
		if (!have(cases[i].backend) || !take_into_the_global_scope(cases[i].library))
			continue;
		CHECK(unitls_backend_load(cases[i].backend, &backend, &error) == UNITLS_ERROR);
		CHECK(strstr(error.text, cases[i].symbol) && strstr(error.text, "deep_bind"));
	}
	return 0;
}

/* Part of a TLS library is enough. */
static int check_refusal_of_a_part(void)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend = NULL;

	CHECK(take_into_the_global_scope("libcrypto.so.3"));
	CHECK(unitls_backend_load("openssl", &backend, &error) == UNITLS_ERROR);
	CHECK(strstr(error.text, "EVP_CIPHER_CTX_new") && strstr(error.text, "deep_bind"));
	return 0;
}

static int check_deep_bind(void)
{
	const struct unitls_backend_load_params params = {NULL, true};

	CHECK(take_into_the_global_scope("libssl.so.3"));
	for (size_t i = 0; i < N_BACKENDS; i++) {
		struct unitls_error error = UNITLS_ERROR_INIT;
		struct unitls_backend *backend = NULL;

		if (!have(all_backends[i]))
			continue;
		if (SANITIZED) {
			CHECK(unitls_backend_load_with(all_backends[i], &params, &backend, &error) ==
				UNITLS_ERROR);
			CHECK(strstr(error.text, "sanitizer"));
			continue;
		}
		if (unitls_backend_load_with(all_backends[i], &params, &backend, &error) < 0) {
			(void)fprintf(stderr, "%s\n", error.text);
			return 1;
		}
		/* Each got its own library: BoringSSL's version is none of OpenSSL's. */
		CHECK(strcmp(unitls_backend_name(backend), all_backends[i]) == 0);
		CHECK((strncmp(unitls_backend_library_version(backend), "OpenSSL", 7) == 0) ==
			(strcmp(all_backends[i], "openssl") == 0));
	}
	return 0;
}

static void test_symbols_of_the_programs_own_tls_library_are_a_reason_to_refuse(void **state)
{
	(void)state;
	if (!have("openssl"))
		SKIP("the backend is not built");
	in_child(check_refusal);
	in_child(check_refusal_of_each);
	in_child(check_refusal_of_a_part);
}

static void test_deep_bind_loads_beside_the_programs_own_tls_library(void **state)
{
	(void)state;
	if (!have("openssl"))
		SKIP("the backend is not built");
	in_child(check_deep_bind);
}

static void test_capability_names(void **state)
{
	(void)state;
	assert_string_equal(unitls_capability_name(UNITLS_CAP_TLS_1_3), "tls1.3");
	assert_string_equal(unitls_capability_name(UNITLS_CAP_CLOSE_INFO), "close-info");
	assert_null(unitls_capability_name((enum unitls_capability)(1u << 30)));
	assert_null(unitls_capability_name((enum unitls_capability)0));
}

/* The order matters: children are forked before this process has loaded anything. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_that_load_at_once_get_one_backend),
		cmocka_unit_test(test_backends_can_be_used_until_the_very_end),
		cmocka_unit_test(test_symbols_of_the_programs_own_tls_library_are_a_reason_to_refuse),
		cmocka_unit_test(test_deep_bind_loads_beside_the_programs_own_tls_library),
		cmocka_unit_test(test_names_that_are_none_are_refused),
		cmocka_unit_test(test_a_missing_module_names_the_paths_tried),
		cmocka_unit_test(test_a_missing_module_names_the_package_of_its_library),
		cmocka_unit_test(test_a_missing_library_is_told_with_its_package),
		cmocka_unit_test(test_a_file_that_is_no_module_is_refused),
		cmocka_unit_test(test_another_library_is_refused),
		cmocka_unit_test(test_a_module_under_another_name_is_refused),
		cmocka_unit_test(test_a_module_that_others_may_write_to_is_refused),
		cmocka_unit_test(test_a_module_that_its_group_may_write_to_is_refused),
		cmocka_unit_test(test_a_module_of_another_user_is_refused),
		cmocka_unit_test(test_a_module_behind_a_link_is_judged_where_it_lies),
		cmocka_unit_test(test_a_folder_is_no_module),
		cmocka_unit_test(test_tables_are_checked),
		cmocka_unit_test(test_modules_are_listed_in_order_of_name),
		cmocka_unit_test(test_the_modules_beside_the_program_are_found),
		cmocka_unit_test(test_search_order),
		cmocka_unit_test(test_more_rights_than_the_caller_trust_neither_environment_nor_place),
		cmocka_unit_test(test_all_backends_load_side_by_side),
		cmocka_unit_test(test_capability_names),
	};

	if (argc > 1 && strcmp(argv[1], "--search-path") == 0)
		return print_search_path();
	return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}

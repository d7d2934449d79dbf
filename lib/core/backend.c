/*
 * Loading of backends' modules, and what is known of the loaded ones. A module is loaded once and stays for the life of the process:
 * TLS libraries leave exit handlers, thread-local destructors and callbacks behind that an unloading would turn into jumps to nowhere.
 */
#include "core/module.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/search_path.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct unitls_backend *loaded; /* under lock; only ever grows */

/* Symbols that tell of a TLS library, one for each of its shared libraries, and the backends that would bring it themselves. */
static const struct {
	const char *backend;
	const char *symbol;
} library_symbols[] = {
	{"openssl", "SSL_CTX_new"},
	{"openssl", "EVP_CIPHER_CTX_new"},
	{"boringssl", "SSL_CTX_new"},
	{"boringssl", "EVP_CIPHER_CTX_new"},
	{"libressl", "SSL_CTX_new"},
	{"libressl", "EVP_CIPHER_CTX_new"},
	{"wolfssl", "wolfSSL_new"},
	{"mbedtls", "mbedtls_ssl_setup"},
	{"mbedtls", "mbedtls_md_setup"},
	{"gnutls", "gnutls_init"},
	{"bearssl", "br_ssl_engine_current_state"},
};

/* Debian 12's and 13's packages of the shared libraries that modules need. */
static const struct {
	const char *library;
	const char *package;
} packages[] = {
	{"libssl.so.3", "libssl3 or libssl3t64"},
	{"libcrypto.so.3", "libssl3 or libssl3t64"},
	{"libssl.so.0", "android-libboringssl"},
	{"libcrypto.so.0", "android-libboringssl"},
	{"libmbedtls.so.14", "libmbedtls14"},
	{"libmbedx509.so.1", "libmbedx509-1"},
	{"libmbedcrypto.so.7", "libmbedcrypto7"},
	{"libmbedtls.so.21", "libmbedtls21"},
	{"libmbedx509.so.7", "libmbedx509-7"},
	{"libmbedcrypto.so.16", "libmbedcrypto16"},
	{"libgnutls.so.30", "libgnutls30 or libgnutls30t64"},
	{"libwolfssl.so.35", "libwolfssl35"},
	{"libwolfssl.so.42", "libwolfssl42t64"},
	{"libbearssl.so.0", "libbearssl0"},
};

bool unitls_backend_name_is_legal(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n >= 1 && n <= UNITLS_BACKEND_NAME_MAX && name[n] == '\0';
}

static int refuse(struct unitls_error *error, const char *name, const char *reason)
{
	return unitls_error_set_field(
		error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend", "backend \"%s\": %s", name, reason);
}

/*
 * Checks ------------------------------------------------------------------------------------------------------------------
 */

int unitls_backend_check_ops(const struct unitls_backend_ops *ops, const char *name, struct unitls_error *error)
{
	if (ops->abi != UNITLS_BACKEND_ABI || ops->size != sizeof(*ops))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"backend \"%s\": its module has ABI %u of %u bytes, this library has %u of %zu", name,
			(unsigned)ops->abi, (unsigned)ops->size, UNITLS_BACKEND_ABI, sizeof(*ops));
	if (!ops->name || strcmp(ops->name, name) != 0)
		return refuse(error, name, "its module is of another backend");
	if (!ops->init || !ops->library_version || !ops->capabilities || !ops->context_new || !ops->context_free ||
		!ops->connection_new || !ops->connection_free || !ops->handshake || !ops->read || !ops->write ||
		!ops->shutdown || !ops->pending || !ops->info || !ops->peer_chain)
		return refuse(error, name, "its module leaves mandatory functions out");
	return 0;
}

/*
 * Without RTLD_DEEPBIND the global scope comes before a module's own libraries. A TLS library in there would take the module's calls, in part at
 * least: two of another kind or version then corrupt each other. Also the very same shared library is refused: that would work, but makes module and
 * program share its process-wide state (configuration, error queue, clean-up at exit), which the program should say it wants; and a program that links it
 * today may be given another one tomorrow.
 */
static int check_symbols(const char *name, struct unitls_error *error)
{
	for (size_t i = 0; i < sizeof(library_symbols) / sizeof(library_symbols[0]); i++) {
		const char *symbol = library_symbols[i].symbol;

		if (strcmp(library_symbols[i].backend, name) == 0 && dlsym(RTLD_DEFAULT, symbol))
			return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
				"backend \"%s\": the program itself links a TLS library with the same symbols "
				"(%s); load with deep_bind",
				name, symbol);
	}
	return 0;
}

/* They end the process when they see the flag. */
static int check_sanitizers(const char *name, struct unitls_error *error)
{
	if (dlsym(RTLD_DEFAULT, "__asan_init") || dlsym(RTLD_DEFAULT, "__tsan_init"))
		return refuse(error, name, "deep_bind does not work in a program with a sanitizer");
	return 0;
}

/*
 * Loading -----------------------------------------------------------------------------------------------------------------
 */

static int fail_open(const char *name, struct unitls_error *error)
{
	const char *reason = dlerror();
	const char *package = NULL;

	if (!reason)
		reason = "cannot be loaded";
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (strncmp(reason, packages[i].library, strlen(packages[i].library)) == 0)
			package = packages[i].package;
	if (package)
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"backend \"%s\": %s (Debian package %s)", name, reason, package);
	if (strstr(reason, "undefined symbol: unitls_"))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"backend \"%s\": %s (a program with the core in itself must be linked with -rdynamic)",
			name, reason);
	return refuse(error, name, reason);
}

/* Puts the core where modules look for it, should libunitls.so itself have been loaded locally; and keeps it, since they will call it. */
static void pin_core(void)
{
	char *library = unitls_search_path_own_library();

	if (library)
		(void)dlopen(library, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL | RTLD_NODELETE);
	free(library);
}

/* The table of the module at path, initialised. The module is kept loaded once its init has run. */
static int open_module(const char *name, const char *path, bool deep_bind,
	const struct unitls_backend_ops **ret_ops, struct unitls_error *error)
{
	const struct unitls_backend_ops *ops;
	void *handle;

	if ((deep_bind ? check_sanitizers(name, error) : check_symbols(name, error)) < 0)
		return UNITLS_ERROR;
	pin_core();
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | (deep_bind ? RTLD_DEEPBIND : 0));
	if (!handle)
		return fail_open(name, error);
	ops = dlsym(handle, UNITLS_BACKEND_SYMBOL);
	if (!ops) {
		dlclose(handle);
		return refuse(error, name, "its file is no module of unitls");
	}
	if (unitls_backend_check_ops(ops, name, error) < 0) {
		dlclose(handle);
		return UNITLS_ERROR;
	}
	if (ops->init(error) < 0)
		return UNITLS_ERROR;
	*ret_ops = ops;
	return 0;
}

static int fail_not_found(const char *name, const struct unitls_search_path *search, struct unitls_error *error)
{
	char tried[192];
	size_t used = 0;

	tried[0] = '\0';
	for (size_t i = 0; i < search->n && used < sizeof(tried) - 1; i++) {
		int n = snprintf(
			tried + used, sizeof(tried) - used, "%s%s", i > 0 ? ", " : "", search->directories[i]);

		if (n > 0)
			used += (size_t)n;
	}
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
		"no backend \"%s\" in %s%s", name, tried, used > sizeof(tried) - 1 ? "..." : "");
}

/* The first module of that name decides: a broken one is reported, not passed over. */
static int find_and_open(const char *name, const struct unitls_backend_load_params *params,
	const struct unitls_backend_ops **ret_ops, struct unitls_error *error)
{
	struct unitls_search_path search;
	int status = 1;

	if (unitls_search_path_init(&search, params->directory, error) < 0)
		return UNITLS_ERROR;
	for (size_t i = 0; i < search.n && status == 1; i++) {
		char *path;

		if (asprintf(&path, "%s/%s.so", search.directories[i], name) < 0) {
			status = unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
			break;
		}
		if (access(path, F_OK) == 0)
			status = open_module(name, path, params->deep_bind, ret_ops, error);
		free(path);
	}
	if (status == 1)
		status = fail_not_found(name, &search, error);
	unitls_search_path_fini(&search);
	return status;
}

static struct unitls_backend *find_loaded(const char *name)
{
	for (struct unitls_backend *backend = loaded; backend; backend = backend->next)
		if (strcmp(backend->ops->name, name) == 0)
			return backend;
	return NULL;
}

static int load_locked(const char *name, const struct unitls_backend_load_params *params,
	struct unitls_backend **ret_backend, struct unitls_error *error)
{
	struct unitls_backend *backend = find_loaded(name);

	if (backend) {
		*ret_backend = backend;
		return 0;
	}
	backend = calloc(1, sizeof(*backend));
	if (!backend)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "out of memory");
	if (find_and_open(name, params, &backend->ops, error) < 0) {
		free(backend);
		return UNITLS_ERROR;
	}
	backend->next = loaded;
	loaded = backend;
	*ret_backend = backend;
	return 0;
}

int unitls_backend_load_with(const char *name, const struct unitls_backend_load_params *params,
	struct unitls_backend **ret_backend, struct unitls_error *error)
{
	struct unitls_error local = UNITLS_ERROR_INIT;
	int status;

	if (!unitls_backend_name_is_legal(name))
		return unitls_error_set_field(error, UNITLS_ERROR_CLASS_UNSUPPORTED, "backend",
			"\"%.40s\" is no name of a backend", name);
	pthread_mutex_lock(&lock);
	status = load_locked(name, params, ret_backend, &local);
	pthread_mutex_unlock(&lock);
	if (status < 0 && error && error->error_class == UNITLS_ERROR_CLASS_NONE)
		*error = local;
	return status;
}

int unitls_backend_load(const char *name, struct unitls_backend **ret_backend, struct unitls_error *error)
{
	static const struct unitls_backend_load_params defaults = {NULL, false};

	return unitls_backend_load_with(name, &defaults, ret_backend, error);
}

/*
 * Listing -----------------------------------------------------------------------------------------------------------------
 */

struct names {
	char (*names)[UNITLS_BACKEND_NAME_MAX + 1];
	size_t n;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The module's name in a file name, if it is one. */
static bool module_name(const char *file, char name[UNITLS_BACKEND_NAME_MAX + 1])
{
	const char *dot = strrchr(file, '.');
	size_t n = dot ? (size_t)(dot - file) : 0;

	if (n == 0 || n > UNITLS_BACKEND_NAME_MAX || strcmp(dot, ".so") != 0)
		return false;
	memcpy(name, file, n);
	name[n] = '\0';
	return unitls_backend_name_is_legal(name);
}

static void add_name(struct names *names, const char *file)
{
	char name[UNITLS_BACKEND_NAME_MAX + 1];
	char(*grown)[UNITLS_BACKEND_NAME_MAX + 1];

	if (!module_name(file, name))
		return;
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->names[i], name) == 0)
			return;
	grown = reallocarray(names->names, names->n + 1, sizeof(*grown));
	if (!grown)
		return; /* the list is then shorter: it has no way to fail */
	names->names = grown;
	memcpy(grown[names->n++], name, sizeof(name));
}

static void read_directory(struct names *names, const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL)
		add_name(names, entry->d_name);
	closedir(dir);
}

size_t unitls_backend_list(const char *directory, bool (*found)(void *argument, const char *name), void *argument)
{
	struct unitls_search_path search;
	struct names names = {NULL, 0};
	size_t n;

	if (unitls_search_path_init(&search, directory, NULL) < 0)
		return 0;
	for (size_t i = 0; i < search.n; i++)
		read_directory(&names, search.directories[i]);
	unitls_search_path_fini(&search);
	if (names.n > 0)
		qsort(names.names, names.n, sizeof(*names.names), compare_names);
	for (size_t i = 0; i < names.n && found; i++)
		if (!found(argument, names.names[i]))
			break;
	n = names.n;
	free(names.names);
	return n;
}

/*
 * What is known of a loaded one -------------------------------------------------------------------------------------------
 */

const char *unitls_backend_name(const struct unitls_backend *backend)
{
	return backend->ops->name;
}

const char *unitls_backend_library_version(const struct unitls_backend *backend)
{
	return backend->ops->library_version();
}

const struct unitls_capabilities *unitls_backend_capabilities(const struct unitls_backend *backend)
{
	return backend->ops->capabilities();
}

const struct unitls_backend_ops *unitls_backend_ops(const struct unitls_backend *backend)
{
	return backend->ops;
}

const char *unitls_capability_name(enum unitls_capability capability)
{
	static const struct {
		enum unitls_capability capability;
		const char *name;
	} names[] = {
#define CAPABILITY_NAME(id, bit, name) {UNITLS_CAP_##id, name},
		UNITLS_CAPABILITIES(CAPABILITY_NAME)
#undef CAPABILITY_NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].capability == capability)
			return names[i].name;
	return NULL;
}

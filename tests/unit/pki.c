/*
 * Runs openssl for unit tests. One folder a test program, gone when it ends; no network, no shell.
 */
#include "tests/unit/pki.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 64

static char folder[4096];

int pki_setup(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/unitls-pki-XXXXXX", parent != NULL ? parent : "/tmp");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

int pki_teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

char *pki_path(const char *file)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, file) >= 0);
	return path;
}

static void print_log(void)
{
	size_t size;
	char *text = pki_read("openssl.log", &size);

	print_error("%s\n", text);
	free(text);
}

/* In the child: the folder is the current one, and what openssl says goes to a log. */
static void execute(char **arguments)
{
	int fd;

	if (chdir(folder) < 0)
		_exit(126);
	fd = open("openssl.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(126);
	execvp("openssl", arguments);
	_exit(127);
}

void pki_openssl(const char *format, ...)
{
	char *arguments[ARGUMENTS_MAX + 2] = {NULL};
	size_t n = 0;
	char *words;
	char *rest;
	int status;
	va_list list;
	pid_t child;

	va_start(list, format);
	assert_true(vasprintf(&words, format, list) >= 0);
	va_end(list);
	arguments[n++] = strdup("openssl");
	rest = words;
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
		assert_true(n < ARGUMENTS_MAX);
		arguments[n++] = word;
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		execute(arguments);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		print_log();
		fail_msg("openssl %s ... failed", words);
	}
	free(arguments[0]);
	free(words);
}

void pki_key(const char *name, const char *algorithm)
{
	const char *colon = strchr(algorithm, ':');
	int size = colon != NULL ? (int)(colon - algorithm) : (int)strlen(algorithm);

	if (strncmp(algorithm, "RSA", 3) == 0)
		pki_openssl("genpkey -quiet -algorithm %.*s -pkeyopt rsa_keygen_bits:%s -out %s.key", size,
			algorithm, colon + 1, name);
	else if (colon != NULL)
		pki_openssl("genpkey -algorithm %.*s -pkeyopt ec_paramgen_curve:%s -out %s.key", size, algorithm,
			colon + 1, name);
	else
		pki_openssl("genpkey -algorithm %s -out %s.key", algorithm, name);
}

void pki_certificate(const char *name, const char *algorithm, const char *issuer, const char *extensions)
{
	char file[256];
	char *text;

	pki_key(name, algorithm);
	(void)snprintf(file, sizeof(file), "%s.cnf", name);
	assert_true(asprintf(&text, "[req]\ndistinguished_name=dn\n[dn]\n[ext]\n%s",
			    extensions != NULL ? extensions : "") >= 0);
	pki_write(file, text, strlen(text));
	free(text);
	pki_openssl("req -new -key %s.key -subj /CN=%s -config %s.cnf -out %s.csr", name, name, name, name);
	if (issuer == NULL)
		pki_openssl(
			"x509 -req -in %s.csr -key %s.key -days 365 -extfile %s.cnf -extensions ext -out %s.pem",
			name, name, name, name);
	else
		pki_openssl(
			"x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -days 365 -extfile %s.cnf "
			"-extensions ext -out %s.pem",
			name, issuer, issuer, name, name);
}

void pki_expired(const char *name, const char *issuer, const char *extensions_file, const char *file)
{
	static const char settings[] = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\ndefault_md=sha256\n"
				       "rand_serial=1\npolicy=any\n[any]\ncommonName=supplied\n";

	pki_write("index", "", 0);
	pki_write("expired.cnf", settings, strlen(settings));
	pki_openssl("ca -batch -notext -config expired.cnf -cert %s.pem -keyfile %s.key -startdate 20200101000000Z "
		    "-enddate 20200102000000Z -extfile %s -extensions ext -in %s.csr -out %s",
		issuer, issuer, extensions_file, name, file);
}

char *pki_read(const char *file, size_t *ret_size)
{
	char *path = pki_path(file);
	FILE *stream = fopen(path, "re");
	char *data = NULL;
	size_t size = 0;
	size_t n;

	if (stream == NULL)
		fail_msg("cannot open %s", path);
	do {
		data = realloc(data, size + 4097);
		assert_non_null(data);
		n = fread(data + size, 1, 4096, stream);
		size += n;
	} while (n > 0);
	data[size] = '\0';
	*ret_size = size;
	(void)fclose(stream); /* it was read only */
	free(path);
	return data;
}

void pki_write(const char *file, const void *data, size_t size)
{
	char *path = pki_path(file);
	FILE *stream = fopen(path, "we");

	if (stream == NULL)
		fail_msg("cannot create %s", path);
	assert_int_equal(fwrite(data, 1, size, stream), size);
	assert_int_equal(fclose(stream), 0);
	free(path);
}

void pki_join(const char *file, ...)
{
	char *all = NULL;
	size_t all_size = 0;
	va_list list;

	va_start(list, file);
	for (const char *part = va_arg(list, const char *); part != NULL; part = va_arg(list, const char *)) {
		size_t size;
		char *data = pki_read(part, &size);

		all = realloc(all, all_size + size + 1);
		assert_non_null(all);
		memcpy(all + all_size, data, size);
		all_size += size;
		free(data);
	}
	va_end(list);
	pki_write(file, all, all_size);
	free(all);
}

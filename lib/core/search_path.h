/*
 * Where backends' modules are looked for.
 */
#ifndef UNITLS_CORE_SEARCH_PATH_H
#define UNITLS_CORE_SEARCH_PATH_H

#include <unitls/error.h>

#define UNITLS_SEARCH_PATH_MAX 4

/* Directories in order. */
struct unitls_search_path {
	char *directories[UNITLS_SEARCH_PATH_MAX];
	size_t n;
};

/*
 * directory only, when it is not NULL. Otherwise $UNITLS_BACKEND_DIR; unitls/backends beside the shared library, or, when the core is in the
 * program itself, beside the program and in ../lib/ seen from there; the directory that was built in. A program that runs with more rights than its
 * caller (AT_SECURE) takes neither the environment nor its own place, which the caller may have chosen.
 */
int unitls_search_path_init(struct unitls_search_path *path, const char *directory, struct unitls_error *error);
void unitls_search_path_fini(struct unitls_search_path *path);

/* The path of the shared library the core is in, to be freed; NULL when it is in the program itself, or without memory. */
char *unitls_search_path_own_library(void);

#endif

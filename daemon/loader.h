/* The loader: from a configuration file to a proven, sealed snapshot.
 *
 * It is the one part of the daemon that opens certificate and key files and, besides the workers, the only one that maps TLS libraries. The master runs
 * it in a forked child (a crash of a library on a bad file ends there); -t and -T run it in the process. It binds no socket,
 * resolves no name, logs nothing.
 * Invariant: a snapshot that it hands out was built into contexts by the same code the workers use, so it can be built again. */

#ifndef UNITLSD_LOADER_H
#define UNITLSD_LOADER_H

#include <stdbool.h>
#include <stddef.h>

struct diagnostics;

/* Either PATH, or TEXT (with PATH NULL): configuration in the file form that was made up from the command line. */
struct loader_options {
	const char *path;
	const char *text;
	size_t text_size;
	const char *text_name;  /* stands for the file in messages: DIAGNOSTICS_COMMAND_LINE */
	const char *module_dir; /* where the backends are; NULL: the library's own search path */
	bool check_log;         /* also whether the log file can be opened; the master finds that by opening it */
};

/* Reads, checks and proves everything; all mistakes are added to LIST.
 * Returns 0 and a sealed memfd (snapshot.h) that the caller closes; 1 when LIST has errors; a negative errno when
 * the loader itself failed (then LIST may be incomplete). Warnings in LIST do not change the result. */
int loader_run(const struct loader_options *options, struct diagnostics *list, int *ret_snapshot_fd);

#endif

/* The master: keeps the listening sockets, starts and watches the children, drives reloads, speaks with systemd and unitlsctl.
 *
 * It reads no certificate and no key, maps no TLS library, and parses nothing but its configuration (out of the snapshot) and the
 * fixed-size messages of its children, which it treats as hostile.
 * Invariant: there is one committed generation; every worker that serves has it or is about to, and whatever fails
 * before a commit leaves it as it was. */

#ifndef UNITLSD_MASTER_H
#define UNITLSD_MASTER_H

struct loader_options;

struct master_options {
	const struct loader_options *loader; /* what every load reads; lent */
	const char *module_dir;              /* for the workers; NULL: the library's own search path */
};

/* Runs until a signal ends it. Returns the exit status: 0 after an orderly end, 1 when it could not start (the
 * reasons are on standard error by then). */
int master_run(const struct master_options *options);

#endif

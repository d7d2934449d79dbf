/* The helper: the unprivileged process without keys that resolves the names of upstreams.
 *
 * It opens what the resolver library reads (/etc/resolv.conf, /etc/hosts) and sockets to name servers, nothing else.
 * Invariant: it answers for exactly the names the master gave it last. */

#ifndef UNITLSD_HELPER_H
#define UNITLSD_HELPER_H

/* As struct worker_start. */
struct helper_start {
	int channel_fd;
};

/* Runs until the master is gone. Returns the exit status of the process. */
int helper_run(const struct helper_start *start);

#endif

/* A worker: the process that accepts, handshakes and relays.
 *
 * It opens no file but the backends' modules; everything else comes through the channel to the master (ipc.h).
 * Invariant: it serves one committed generation to new connections; older ones live as long as their connections. */

#ifndef UNITLSD_WORKER_H
#define UNITLSD_WORKER_H

struct counters;

/* How a worker finds itself: the user is changed already, signals are as signals_restore() leaves them, every descriptor but the
 * channel and the log's is closed, log_init() is done and says "worker-INDEX". */
struct worker_start {
	int channel_fd;            /* to the master; the worker's */
	unsigned index;            /* 0 to workers - 1; a retired worker's index may be in use again */
	unsigned slot;             /* its slot in the counters, already entered */
	struct counters *counters; /* lent for good */
	const char *module_dir;    /* as in struct loader_options */
};

/* Runs until DRAIN is finished or the master is gone. Returns the exit status of the process. */
int worker_run(const struct worker_start *start);

#endif

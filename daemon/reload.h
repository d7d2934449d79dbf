/* The way from a configuration file to a committed generation, at the start and at every reload: load, bind, prepare, commit.
 *
 * One run at a time; a request during a run queues one more, however many come. Whatever fails before the commit leaves sockets, workers, log
 * and names as they were.
 * Invariant: reload.committed is what new connections are served with; every run ends with exactly one call of done. */

#ifndef UNITLSD_RELOAD_H
#define UNITLSD_RELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemon/diagnostics.h"

#define RELOAD_PREPARE_MS 30000 /* for all workers to answer */
#define RELOAD_NAMES_MS   3000  /* the commit waits so long for new names to be resolved */

struct config;
struct event;
struct event_base;
struct generation;
struct load;
struct loader_options;
struct pool;
struct resolution;
struct sockets;

enum reload_phase {
	RELOAD_IDLE,
	RELOAD_LOADING,    /* the loader runs */
	RELOAD_SETTLING,   /* a worker that just started is waited for */
	RELOAD_PREPARING,  /* the workers build */
	RELOAD_COMMITTING, /* decided; the workers change over */
};

struct reload_callbacks {
	/* Before anything of CONFIG is bound or started: what else can fail. Errors go to LIST. Returns 0 or 1. */
	int (*plan)(void *argument, const struct config *config, struct diagnostics *list);
	void (*begun)(void *argument);
	/* RUN is over; LIST has errors (nothing was changed) or at most warnings. */
	void (*done)(void *argument, uint64_t run, const struct diagnostics *list);
	void *argument;
};

struct reload {
	struct event_base *base;
	const struct loader_options *loader;
	struct sockets *sockets;
	struct pool *pool;
	struct resolution *resolution;
	struct reload_callbacks callbacks;
	enum reload_phase phase;
	uint64_t run;    /* of the current or last one */
	uint64_t number; /* the last generation's */
	bool queued;
	struct load *load;
	struct generation *committed;
	struct generation *pending;
	struct diagnostics list;
	int log_fd; /* of the pending generation; -1: no change */
	uint64_t began_ms;
	bool names_late;  /* they are not waited for any more */
	unsigned load_ms; /* LOAD_TIMEOUT_MS, RELOAD_PREPARE_MS and RELOAD_NAMES_MS, but in tests */
	unsigned prepare_ms;
	unsigned names_ms;
	struct event *timer;
	/* The last run, for status. */
	bool last_ok;
	time_t last_time;
	char last_text[400]; /* "" or the first error */
};

/* Everything is lent. Returns 0 or -ENOMEM. */
int reload_init(struct reload *reload, struct event_base *base, const struct loader_options *loader,
	struct sockets *sockets, struct pool *pool, struct resolution *resolution,
	const struct reload_callbacks *callbacks);
void reload_fini(struct reload *reload);

/* Asks for a run that reads the files from now on. Returns its number. */
uint64_t reload_request(struct reload *reload);

/* Workers or names have changed. */
void reload_evaluate(struct reload *reload);

/* Ends a run under way as failed with REASON, and forgets a queued one. */
void reload_cancel(struct reload *reload, const char *reason);

/* Opens the log file anew and tells everybody. Without a log file it does nothing. */
void reload_reopen_log(struct reload *reload);

#endif

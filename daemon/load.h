/* A load: the loader in a child of its own, so that a crash of a TLS library on a bad file, and the memory of a load, end with it.
 *
 * The master's side reads the diagnostics and the snapshot's descriptor as they come and never waits. The child is not trusted: what
 * it says is bounded and checked, a child that dies or takes too long is a failed load with a reason.
 * Invariant: done is called exactly once for a load that was started, unless load_cancel() was. */

#ifndef UNITLSD_LOAD_H
#define UNITLSD_LOAD_H

#define LOAD_TIMEOUT_MS 30000
#define LOAD_TEXT_MAX   (8U * 1024 * 1024) /* bytes of diagnostics from the child */

struct diagnostics;
struct event_base;
struct load;
struct loader_options;

/* LIST belongs to the load: take what is in it before returning. SNAPSHOT_FD is the receiver's, -1 when LIST has errors. */
typedef void load_done(void *argument, struct diagnostics *list, int snapshot_fd);

/* OPTIONS is lent until the end; after TIMEOUT_MS (LOAD_TIMEOUT_MS, but in tests) it has failed. Returns 0 or a negative errno. */
int load_start(struct event_base *base, const struct loader_options *options, unsigned timeout_ms, load_done *done,
	void *argument, struct load **ret);

/* Ends the child; done is not called. Accepts NULL. */
void load_cancel(struct load *load);

#endif

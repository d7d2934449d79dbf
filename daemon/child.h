/* Forked children: how one is started, and as whom.
 *
 * A child runs without exec, with nothing of the master's but what it is given. It knows nothing of what the child does.
 * Invariant: when a child's body runs it cannot be traced, dies with the master, holds no other descriptor than the
 * standard ones, the log's and its channel, and (where that is asked for) has another user for good. */

#ifndef UNITLSD_CHILD_H
#define UNITLSD_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILD_GROUPS_MAX 64 /* supplementary groups of the user; more are left out */

/* The user a child changes to. */
struct child_identity {
	bool change; /* false: stays what the master is */
	uid_t uid;
	gid_t gid;
	gid_t groups[CHILD_GROUPS_MAX];
	size_t group_count;
};

/* Looks USER and GROUP (either may be NULL) up. Without root there is no change. Returns 0, or -ENOENT with a reason that
 * names what was not found. */
int child_identity_resolve(
	const char *user, const char *group, struct child_identity *ret, char *reason, size_t reason_size);

struct child_body {
	const char *process;                   /* for the log: "worker-3" */
	const struct child_identity *identity; /* NULL: no change */
	int channel_fd;                        /* kept open; the child's end */
	int (*enter)(void *argument); /* first, while all descriptors are open; negative ends it; may be NULL */
	int (*run)(void *argument);   /* returns the exit status */
	void *argument;
};

/* Starts it. Returns 0 and the pid, or a negative errno. */
int child_fork(const struct child_body *body, pid_t *ret_pid);

/* How it ended, for a log line: "exit 1", "signal 9 (Killed)". Returns BUFFER. */
const char *child_describe_end(int status, char *buffer, size_t size);

#endif

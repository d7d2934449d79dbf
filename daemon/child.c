/* Forked children: how one is started, and as whom. */

#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/signals.h"

static int resolve_user(const char *user, struct child_identity *identity, char *reason, size_t reason_size)
{
	const struct passwd *entry = getpwnam(user);
	int count = CHILD_GROUPS_MAX;

	if (entry == NULL) {
		(void)snprintf(reason, reason_size, "there is no user \"%s\"", user);
		return -ENOENT;
	}
	identity->uid = entry->pw_uid;
	identity->gid = entry->pw_gid;
	/* -1: there are more; the first CHILD_GROUPS_MAX are there then. */
	if (getgrouplist(user, entry->pw_gid, identity->groups, &count) < 0)
		count = CHILD_GROUPS_MAX;
	identity->group_count = (size_t)count;
	return 0;
}

int child_identity_resolve(
	const char *user, const char *group, struct child_identity *ret, char *reason, size_t reason_size)
{
	struct child_identity identity = {.uid = geteuid(), .gid = getegid()};
	int r;

	if (geteuid() == 0 && (user != NULL || group != NULL)) {
		identity.change = true;
		if (user != NULL) {
			r = resolve_user(user, &identity, reason, reason_size);
			if (r < 0)
				return r;
		}
		if (group != NULL) {
			const struct group *entry = getgrnam(group);

			if (entry == NULL) {
				(void)snprintf(reason, reason_size, "there is no group \"%s\"", group);
				return -ENOENT;
			}
			identity.gid = entry->gr_gid;
		}
	}
	*ret = identity;
	return 0;
}

static int change_identity(const struct child_identity *identity)
{
	if (setgroups(identity->group_count, identity->groups) != 0)
		return -errno;
	if (setresgid(identity->gid, identity->gid, identity->gid) != 0)
		return -errno;
	if (setresuid(identity->uid, identity->uid, identity->uid) != 0)
		return -errno;
	/* No way back. */
	if (identity->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return -EPERM;
	return 0;
}

static void close_between(int after, int before)
{
	unsigned last = before < 0 ? ~0U : (unsigned)before - 1;

	if ((unsigned)after + 1 > last)
		return;
	if (close_range((unsigned)after + 1, last, 0) == 0)
		return;
	/* A kernel without close_range() (before 5.9). */
	if (last > 65536)
		last = 65536;
	for (unsigned fd = (unsigned)after + 1; fd <= last; fd++)
		(void)close((int)fd);
}

static void close_others(int first, int second)
{
	int low = first < second ? first : second;
	int high = first < second ? second : first;
	int null_fd;

	if (low > STDERR_FILENO) {
		close_between(STDERR_FILENO, low);
		close_between(low, high);
	} else {
		close_between(STDERR_FILENO, high);
	}
	close_between(high > STDERR_FILENO ? high : STDERR_FILENO, -1);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0 && null_fd != STDIN_FILENO) {
		(void)dup2(null_fd, STDIN_FILENO);
		(void)close(null_fd);
	}
}

static int confine(const struct child_body *body, pid_t master)
{
	int r;

	if (body->identity != NULL && body->identity->change) {
		r = change_identity(body->identity);
		if (r < 0)
			return r;
	}
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return -errno;
	if (getppid() != master)
		return -ESRCH;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

static int run_child(const struct child_body *body, pid_t master)
{
	int r;

	signals_restore();
	log_set_process(body->process);
	/* Shown by ps and top; cut at 15 bytes. */
	(void)prctl(PR_SET_NAME, body->process, 0, 0, 0);
	if (body->enter != NULL) {
		r = body->enter(body->argument);
		if (r < 0)
			goto fail;
	}
	close_others(body->channel_fd, log_fd());
	r = confine(body, master);
	if (r < 0)
		goto fail;
	return body->run(body->argument);
fail:
	log_event(LOG_LEVEL_ERROR, "child_start", "error", strerror(-r), (char *)NULL);
	return 1;
}

int child_fork(const struct child_body *body, pid_t *ret_pid)
{
	pid_t master = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	/* Nothing of the master's may run at the end of a child, so no exit(). */
	if (pid == 0)
		_exit(run_child(body, master));
	*ret_pid = pid;
	return 0;
}

const char *child_describe_end(int status, char *buffer, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(buffer, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(buffer, size, "exit %d", WEXITSTATUS(status));
	return buffer;
}

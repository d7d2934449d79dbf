/* The listening sockets: one group a listener, kept by the master for as long as the address is configured.
 *
 * A TCP group has one SO_REUSEPORT socket for each worker (by its index); unix and inherited groups have one for all. The table knows what
 * is committed and what a reload under way wants, and which worker accepts from which socket; it sends no message itself.
 * Invariant: between sockets_plan() and sockets_commit() or sockets_abort() nothing that serves is touched; a socket of a
 * committed group begins to listen in the order of its index and is closed from the highest, so that the kernel's order is ours. */

#ifndef UNITLSD_SOCKETS_H
#define UNITLSD_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/address.h"
#include "daemon/config.h"
#include "daemon/diagnostics.h"
#include "daemon/ipc.h"
#include "daemon/notify.h"

#define SOCKETS_NOBODY (-1) /* no worker accepts from it */

struct counters;

struct listening_socket {
	uint32_t id; /* never used twice */
	int fd;
	int holder; /* index of the worker that accepts from it, or SOCKETS_NOBODY; own sockets only */
	bool listening;
	bool fresh;     /* made by the plan under way */
	bool releasing; /* RELEASE was sent for good: closed when it is answered */
};

struct socket_group {
	enum ipc_socket_kind kind;
	struct address configured; /* as the listener has it; the key, with the name when the port is 0 */
	struct address bound;      /* what the kernel made of it */
	char listener_name[CONFIG_NAME_MAX + 1];
	uint32_t column;
	uint32_t planned_column;
	ino_t inode; /* of a unix socket's file */
	struct listening_socket *items;
	size_t count;         /* sockets there are */
	size_t live;          /* those of workers that stay; the others are emptied, then closed */
	size_t planned;       /* live after the commit; 0: the group goes */
	bool committed;       /* false: made by the reload under way */
	bool steered;         /* bind_steer() is in force */
	uint64_t empty_at_ms; /* when the sockets above live may be released; 0: none */
	size_t listener;      /* index in the committed configuration */
	size_t planned_listener;
};

struct sockets {
	struct counters *counters;
	struct socket_group **groups;
	size_t count;
	size_t capacity;
	bool planning;
	uint32_t next_id;
	struct notify_listen *inherited; /* all of systemd's, used or not */
	size_t inherited_count;
	int *closing; /* of groups that went: closed by sockets_close_removed() */
	size_t closing_count;
	char (*columns)[CONFIG_NAME_MAX + 1]; /* name by column, "" is free */
};

/* Returns 0 or -ENOMEM. */
int sockets_init(struct sockets *sockets, struct counters *counters);

/* Closes everything; removes the files of unix sockets. */
void sockets_fini(struct sockets *sockets);

/* Makes and binds what CONFIG needs for WORKERS workers and is not there yet; nothing listens. What cannot be bound is an error in
 * LIST with the listener's line. Returns 0; 1 with errors in LIST; -ENOMEM. After any of them: sockets_commit() or sockets_abort(). */
int sockets_plan(struct sockets *sockets, const struct config *config, unsigned workers, struct diagnostics *list);

/* Lets the new sockets listen. Last step that may fail: returns 0, or 1 with errors in LIST. */
int sockets_listen(struct sockets *sockets, const struct config *config, struct diagnostics *list);

/* The plan holds. What is not in it any more takes no new connections; sockets of workers that go are taken out of the choice and
 * emptied for GRACE_MS from NOW_MS on. */
void sockets_commit(struct sockets *sockets, uint64_t now_ms, unsigned grace_ms);

/* The plan is void: what it made is closed. */
void sockets_abort(struct sockets *sockets);

/* Closes the master's descriptors of groups that a commit removed (the workers have emptied theirs by now). */
void sockets_close_removed(struct sockets *sockets);

/* Takes new connections no more: before the end. Closes all but the inherited. */
void sockets_stop(struct sockets *sockets);

/* A socket of an own group above live whose time has come, from the highest; NULL when there is none. */
struct listening_socket *sockets_next_to_release(
	struct sockets *sockets, uint64_t now_ms, struct socket_group **ret_group);

/* The socket ID was let go by its holder, or its holder died: what was releasing is closed. Returns whether ID was known. */
bool sockets_released(struct sockets *sockets, uint32_t id);

/* Calls for every socket that the worker INDEX has to serve, in the plan or in what is committed. Stops at a negative return and
 * passes it on. */
typedef int sockets_visit(
	void *argument, const struct socket_group *group, const struct listening_socket *socket, size_t listener);
int sockets_each(
	const struct sockets *sockets, bool planned, unsigned index, sockets_visit *visit, void *argument);

/* The name of a FileDescriptorName or address, for messages and the log. Returns BUFFER. */
const char *sockets_format(const struct socket_group *group, char *buffer, size_t size);

#endif

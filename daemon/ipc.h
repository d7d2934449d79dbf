/* Messages between the master and its children: fixed-size, one datagram each, at most one descriptor with it.
 *
 * It moves and checks messages and knows nothing of what they cause. A child is hostile to the master: whatever it
 * sends is checked here by size, type, direction, text and number before anybody looks at it, and a descriptor from a
 * child is refused.
 * Invariant: a message that ipc_receive() or ipc_parse() handed out has a type its sender may send, every text in it is
 * terminated, every count in it is in its range, and a descriptor comes with it exactly when its type has one. */

#ifndef UNITLSD_IPC_H
#define UNITLSD_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "daemon/address.h"

#define IPC_TEXT_MAX      600   /* bytes of a text with its NUL */
#define IPC_FILE_MAX      256   /* bytes of a file's name with its NUL */
#define IPC_ADDRESSES_MAX 16    /* addresses of one name */
#define IPC_QUEUE_MAX     16384 /* messages waiting for a slow receiver */

/* type, who sends it (bits of enum ipc_source), whether a descriptor comes with it.
 *
 * The way to a generation, the same at the first start, after a respawn and at a reload:
 *   SNAPSHOT, then a SOCKET for every socket that this worker serves in that generation (also those it has already:
 *   known by the id, the second descriptor is just closed), then PREPARE. The worker builds and answers PREPARED or
 *   FAILED. Then comes COMMIT (answered with COMMITTED when the next accepted connection will use the new generation) or ABORT
 *   (forget it; no answer). After COMMIT a socket of the generation before that was not named again is released as if by
 *   RELEASE. Only one generation is under way at a time.
 * Outside of that:
 *   ADOPT: serve this socket too, in the committed generation, at once (its worker died or was retired).
 *   RELEASE: accept what is queued (until EAGAIN), close it, answer RELEASED.
 *   DRAIN: release all sockets (no RELEASED is sent for them), finish the connections; after drain.timeout_ms (DRAIN_FOREVER:
 *     never) close what is left; answer DRAINED and exit with 0. A second DRAIN replaces the timeout.
 *   HEARTBEAT: answered at once with the same number.
 *   LOG: write the log there from now on: log_set_fd().
 *   TICKETS: the secrets of session tickets from now on (tickets.h). The first one comes before the first SNAPSHOT. The secrets are in the
 *     file, not in the message: so they lie in no queue.
 *   ADDRESSES: a name resolved anew (or not: count 0, and the reason); the last one for a name holds. The name of an
 *     upstream that no ADDRESSES came for is not resolved yet.
 * The helper gets NAMES_BEGIN, a NAME for every name to resolve from now on (others are forgotten), NAMES_END; it answers each
 * name with ADDRESSES (count 0: not resolved, with the reason), and again whenever that changes. */
#define IPC_TYPES(X)                                                             \
	X(SNAPSHOT, IPC_FROM_MASTER, true)                                       \
	X(SOCKET, IPC_FROM_MASTER, true)                                         \
	X(PREPARE, IPC_FROM_MASTER, false)                                       \
	X(COMMIT, IPC_FROM_MASTER, false)                                        \
	X(ABORT, IPC_FROM_MASTER, false)                                         \
	X(ADOPT, IPC_FROM_MASTER, true)                                          \
	X(RELEASE, IPC_FROM_MASTER, false)                                       \
	X(DRAIN, IPC_FROM_MASTER, false)                                         \
	X(LOG, IPC_FROM_MASTER, true)                                            \
	X(NAMES_BEGIN, IPC_FROM_MASTER, false)                                   \
	X(NAME, IPC_FROM_MASTER, false)                                          \
	X(NAMES_END, IPC_FROM_MASTER, false)                                     \
	X(HEARTBEAT, IPC_FROM_MASTER | IPC_FROM_WORKER | IPC_FROM_HELPER, false) \
	X(ADDRESSES, IPC_FROM_MASTER | IPC_FROM_HELPER, false)                   \
	X(READY, IPC_FROM_WORKER | IPC_FROM_HELPER, false)                       \
	X(PREPARED, IPC_FROM_WORKER, false)                                      \
	X(FAILED, IPC_FROM_WORKER, false)                                        \
	X(COMMITTED, IPC_FROM_WORKER, false)                                     \
	X(RELEASED, IPC_FROM_WORKER, false)                                      \
	X(DRAINED, IPC_FROM_WORKER, false)                                       \
	X(TICKETS, IPC_FROM_MASTER, true)

enum ipc_type {
	IPC_NONE = 0,
#define IPC_TYPE_ENUM(name, source, descriptor) IPC_##name,
	IPC_TYPES(IPC_TYPE_ENUM)
#undef IPC_TYPE_ENUM
	IPC_TYPE_COUNT,
};

enum ipc_source {
	IPC_FROM_MASTER = 1,
	IPC_FROM_WORKER = 2,
	IPC_FROM_HELPER = 4,
};

enum ipc_socket_kind {
	IPC_SOCKET_OWN,       /* SO_REUSEPORT: only this worker accepts from it */
	IPC_SOCKET_SHARED,    /* a unix socket: every worker accepts from it */
	IPC_SOCKET_INHERITED, /* from systemd: shared too, and never to be shut down */
};

#define IPC_DRAIN_FOREVER UINT32_MAX

/* An IPv4 (family 4, first four bytes) or IPv6 (family 6) address, in network order. */
struct ipc_ip {
	uint8_t bytes[16];
	uint32_t scope; /* IPv6 scope id */
	uint32_t family;
};

struct ipc_message {
	uint32_t type;
	uint32_t listener; /* SOCKET, ADOPT: index in the configuration of that generation */
	uint64_t
		generation; /* SNAPSHOT, SOCKET, PREPARE, COMMIT, ABORT, ADOPT, PREPARED, FAILED, COMMITTED, NAMES_* */
	uint32_t socket; /* SOCKET, ADOPT, RELEASE, RELEASED: never used twice in the master's life */
	uint32_t column; /* SOCKET, ADOPT: the listener's gauge in counters.h */
	union {
		uint32_t kind;     /* SOCKET, ADOPT: enum ipc_socket_kind */
		uint64_t sequence; /* HEARTBEAT */
		struct {
			uint32_t timeout_ms;
		} drain; /* DRAIN */
		struct {
			uint64_t finished; /* connections that ended by themselves while draining */
			uint64_t cut;      /* connections that were closed at the end */
		} drained;                 /* DRAINED */
		struct {
			uint32_t line; /* 0: none */
			char file[IPC_FILE_MAX];
			char text[IPC_TEXT_MAX];
		} failed; /* FAILED */
		struct {
			char host[ADDRESS_HOST_MAX];
			uint32_t count;
			struct ipc_ip items[IPC_ADDRESSES_MAX];
			char reason[64]; /* why there are none */
		} addresses;             /* ADDRESSES, NAME (host only) */
	} body;
};

_Static_assert(sizeof(struct ipc_message) <= 1024, "a message stays small");

/* The message of the given type, all else zero. */
struct ipc_message ipc_make(enum ipc_type type);

/* "PREPARED"; "?" for what is none. */
const char *ipc_type_name(uint32_t type);

/* Checks the bytes of one message from SOURCE, which came with HAS_DESCRIPTOR. Returns 0 and a copy, or -EBADMSG. Pure. */
int ipc_parse(const void *data, size_t size, enum ipc_source source, bool has_descriptor, struct ipc_message *ret);

/* What the master can hear from a child at a moment. */
struct ipc_expected {
	bool preparing;       /* PREPARE was sent, nothing answered */
	bool committing;      /* COMMIT was sent, nothing answered */
	bool draining;        /* DRAIN was sent */
	uint64_t generation;  /* of that PREPARE or COMMIT */
	uint64_t sequence;    /* the last HEARTBEAT sent */
	uint32_t next_socket; /* ids from here on were never given out */
};

/* Whether a checked message may come now. Returns 0; 1 when it is late and to be ignored (an answer to a generation that was aborted meanwhile);
 * -EBADMSG when no correct child sends it. Pure. */
int ipc_expect(const struct ipc_message *message, const struct ipc_expected *expected);

/* One end of a pair, with a bounded queue of what could not be sent at once. The caller watches fd: for reading always,
 * for writing while ipc_pending(). */
struct ipc_queued;
struct ipc_channel {
	int fd;                 /* -1: closed */
	enum ipc_source source; /* who is at the other end */
	struct ipc_queued *queue;
	size_t head, count, capacity;
};

/* A SOCK_SEQPACKET pair, non-blocking, close-on-exec. Returns 0 or a negative errno. */
int ipc_pair(int ret_fds[2]);

/* Takes FD over. PEER says who is at the other end: IPC_FROM_MASTER in a child. */
void ipc_channel_init(struct ipc_channel *channel, int fd, enum ipc_source peer);

/* Closes it and forgets what is queued. May be called twice. */
void ipc_channel_fini(struct ipc_channel *channel);

/* Sends or queues MESSAGE with DESCRIPTOR (-1: none), which stays the caller's. Order is kept.
 * Returns 0; -ENOBUFS when the queue is full; -EPIPE when the other end is gone; another negative errno. */
int ipc_send(struct ipc_channel *channel, const struct ipc_message *message, int descriptor);

/* Sends what is queued, as far as it goes. Returns as ipc_send(). */
int ipc_flush(struct ipc_channel *channel);
bool ipc_pending(const struct ipc_channel *channel);

/* The next message. *ret_descriptor is the caller's to close, or -1.
 * Returns 0; 1 when there is none now; -EPIPE when the other end is gone; -EBADMSG when what came is refused (nothing to
 * close then); another negative errno. */
int ipc_receive(struct ipc_channel *channel, struct ipc_message *ret, int *ret_descriptor);

#endif

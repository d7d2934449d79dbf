/* Why a connection ended: the one table behind the enum, the word in the log, and the counter of each reason.
 *
 * Invariant: every connection that was accepted ends with exactly one of these. */

#ifndef UNITLSD_REASON_H
#define UNITLSD_REASON_H

/* identifier, word in the log and name of the counter. Only END_DONE is a clean end: all others are answered with a reset. */
#define REASONS(X)                                                                                               \
	X(END_DONE, "done")                                 /* both directions ended by themselves */            \
	X(END_HANDSHAKE_FAILED, "handshake_failed")         /* the client's TLS handshake; the alert was sent */ \
	X(END_HANDSHAKE_TIMEOUT, "handshake_timeout")       /* it was not complete in time */                    \
	X(END_HANDSHAKE_CLOSED, "handshake_closed")         /* the client went away within it */                 \
	X(END_IDLE, "idle_timeout")                         /* no byte either way for so long */                 \
	X(END_CLIENT_RESET, "client_reset")                 /* RST */                                            \
	X(END_CLIENT_TRUNCATED, "client_truncated")         /* FIN without close_notify */                       \
	X(END_CLIENT_TLS, "client_tls_error")               /* a broken record, an alert, after the handshake */ \
	X(END_CLIENT_IO, "client_io_error")                 /* another error of the socket */                    \
	X(END_UPSTREAM_UNRESOLVED, "upstream_unresolved")   /* no server has an address */                       \
	X(END_UPSTREAM_CONNECT, "upstream_connect_failed")  /* every server refused or failed */                 \
	X(END_UPSTREAM_TIMEOUT, "upstream_connect_timeout") /* the last one tried did not answer in time */      \
	X(END_UPSTREAM_HANDSHAKE, "upstream_handshake_failed") /* the last one tried: TLS */                     \
	X(END_UPSTREAM_RESET, "upstream_reset")                                                                  \
	X(END_UPSTREAM_TRUNCATED, "upstream_truncated")                                                          \
	X(END_UPSTREAM_TLS, "upstream_tls_error")                                                                \
	X(END_UPSTREAM_IO, "upstream_io_error")                                                                  \
	X(END_DRAIN, "drain_timeout") /* still there when draining had to end */                                 \
	X(END_MEMORY, "out_of_memory")                                                                           \
	X(END_DESCRIPTORS, "out_of_descriptors")

enum reason {
#define REASON_ENUM(id, text) REASON_##id,
	REASONS(REASON_ENUM)
#undef REASON_ENUM
	REASON_COUNT,
};

/* The word; a constant. */
const char *reason_name(enum reason reason);

#endif

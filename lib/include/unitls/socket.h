/*
 * TLS on a connected stream socket, blocking with deadlines (PEP 543's TLSWrappedSocket): written once over any backend's connection.
 *
 * The descriptor may be blocking or not; it is made non-blocking while wrapped and put back by unwrap. SIGPIPE is never raised.
 * Deadlines are absolute CLOCK_MONOTONIC times in milliseconds; UNITLS_NO_DEADLINE waits for ever. A missed deadline is UNITLS_ERROR with class IO and
 * text "timed out"; it is not sticky: the call can be made again.
 */
#ifndef UNITLS_SOCKET_H
#define UNITLS_SOCKET_H

#include <unitls/connection.h>

#define UNITLS_NO_DEADLINE INT64_MAX

struct unitls_socket;

UNITLS_BEGIN_DECLS

/* Wraps fd, which belongs to the socket from then on (closed by free) unless the call fails. The handshake is not yet done. */
UNITLS_API UNITLS_MUST_CHECK int unitls_client_wrap_socket(struct unitls_client_context *context, int fd,
	const struct unitls_peer_name *peer_name, struct unitls_socket **ret_socket, struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_server_wrap_socket(struct unitls_server_context *context, int fd,
	struct unitls_socket **ret_socket, struct unitls_error *error);
/* Closes the descriptor without a close_notify (the peer sees a truncation unless shutdown came first) and frees. NULL is fine. */
UNITLS_API void unitls_socket_free(struct unitls_socket *socket);

/* The deadline of all calls that follow; UNITLS_NO_DEADLINE at first. */
UNITLS_API void unitls_socket_set_deadline(struct unitls_socket *socket, int64_t deadline_ms);
/* now + timeout_ms on the clock that deadlines use. */
UNITLS_API int64_t unitls_deadline_after(int64_t timeout_ms);

/*
 * 0 when the handshake is complete; UNITLS_ERROR or UNITLS_RAGGED_EOF. recv and send do it themselves when it was not called. UNITLS_WANT_APP, here
 * and there, while a hello callback waits: decide (unitls_connection_decide_hello), then call again.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_do_handshake(
	struct unitls_socket *socket, struct unitls_error *error);
/* Reads 1 to size bytes. 0 with *ret_n > 0; UNITLS_EOF; UNITLS_RAGGED_EOF; UNITLS_ERROR. */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_recv(
	struct unitls_socket *socket, void *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
/*
 * Writes at least one byte (none when size is 0) and hands it to the transport. *ret_n is always set: after a missed deadline it may be above 0; what was
 * taken is then sent by the next call.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_send(
	struct unitls_socket *socket, const void *data, size_t size, size_t *ret_n, struct unitls_error *error);
/* Writes all of it, or fails. */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_sendall(
	struct unitls_socket *socket, const void *data, size_t size, struct unitls_error *error);
/* Sends close_notify; receiving goes on. */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_shutdown(struct unitls_socket *socket, struct unitls_error *error);
/*
 * Ends TLS cleanly (sends close_notify, waits for the peer's, discarding plaintext) and gives the descriptor back in *ret_fd, with its blocking
 * mode as it was; the socket is freed. On failure the socket stays and must be freed.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_socket_unwrap(
	struct unitls_socket *socket, int *ret_fd, struct unitls_error *error);

UNITLS_API int unitls_socket_fileno(const struct unitls_socket *socket);
/* The connection inside, lent: for its getters. */
UNITLS_API struct unitls_connection *unitls_socket_connection(const struct unitls_socket *socket);

UNITLS_END_DECLS

#endif

/*
 * TLS as a bufferevent of libevent, over any backend: what bufferevent_openssl_* is for OpenSSL alone. In a library of its own, libunitls-event
 * (-lunitls-event -lunitls -levent_core), and not included by <unitls/unitls.h>.
 *
 * A bufferevent made here is used as any other: bufferevent_setcb, _enable, _disable, _write, _read, _setwatermark, _set_timeouts, _getfd, _setfd, _free,
 * bufferevent_socket_connect and _connect_hostname; evhttp_connection_base_bufferevent_new and evhttp_set_bevcb take it (with BEV_OPT_CLOSE_ON_FREE: without,
 * evhttp closes the descriptor before libevent has let go of it). What is written before the handshake is complete is sent after it.
 *
 * The event callback gets
 *   BEV_EVENT_CONNECTED                          the handshake is complete (not: the TCP connection is there)
 *   BEV_EVENT_EOF | BEV_EVENT_READING            the peer's close_notify, after all plaintext; writing may go on
 *   BEV_EVENT_ERROR, with or without a direction it has failed: unitls_bufferevent_error says why; nothing follows but a new descriptor. errno is that of
 *                                                the transport, 0 when it was not at fault
 *   BEV_EVENT_TIMEOUT | direction                a timeout of bufferevent_set_timeouts: of reading while EV_READ is enabled and nothing comes, of writing while
 *                                                EV_WRITE is enabled and something waits to be sent. Both run during connecting and the handshake as well
 * EOF and ERROR disable EV_READ, as they do for a bufferevent_socket; who enables it again is told again.
 *
 * A transport that ends without close_notify is an error (possible truncation; RFC 8446, 6.1), see unitls_bufferevent_set_allow_dirty_shutdown. Within the
 * handshake it always is one, and so is a reset.
 *
 * bufferevent_flush(bev, EV_WRITE, BEV_FINISHED) sends close_notify behind what is left in the output, whether EV_WRITE is enabled or not; the write
 * callback runs when it has been handed to the transport. As much as the kernel takes is sent at once, so that the bufferevent may be freed next. BEV_FLUSH
 * does the same without close_notify; flushing EV_READ does nothing. bufferevent_free sends nothing, and the peer sees a truncation.
 *
 * It rests on libevent's public headers alone (2.1), as a filtering bufferevent over a bufferevent_socket. Where that shows, and what of
 * bufferevent_openssl cannot be had:
 *  - bufferevent_get_underlying returns that socket. Rate limits and priorities are set on it; on the outer bufferevent bufferevent_priority_set fails and
 *    rate limits have no effect. bufferevent_base_set fails: the base is that of the constructor.
 *  - libevent does not tell a filter that EV_WRITE was enabled. What is in the output by then is found after UNITLS_EVENT_RECHECK_MS at the latest, or at once
 *    by unitls_bufferevent_poke. (That EV_READ was enabled is found at once.)
 *  - Writing always happens from the event loop, never within bufferevent_write, and bytes leave the output when they have been handed to the transport,
 *    up to UNITLS_EVENT_BATCH_BYTES at a time. So the front of the output may have been encrypted already: nothing may be put before it (evbuffer_prepend,
 *    _prepend_buffer), or that would be taken for what was sent; what is drained from there is sent nevertheless. The output is not frozen, as that of a
 *    bufferevent_socket is, because who exchanges the descriptor must be able to drain it.
 *  - A descriptor given by bufferevent_setfd begins a new connection with the same context; giving the same socket again does nothing. Take the old one
 *    away first (bufferevent_setfd(bev, -1), and drain the output, as evhttp does): what has been encrypted for the old one would else go to the new one, and
 *    its handshake fail. What was left in the output otherwise is sent on the new connection.
 *  - Without BEV_OPT_CLOSE_ON_FREE the descriptor may be closed, or used by others, only after the event loop ran once more.
 *  - There is no counterpart of BUFFEREVENT_SSL_OPEN (a connection whose handshake was done elsewhere) and none of bufferevent_ssl_renegotiate.
 *  - As with every bufferevent_socket, a program has to ignore SIGPIPE.
 *
 * Threads: a bufferevent belongs to the thread of its event loop. With BEV_OPT_THREADSAFE (after evthread_use_pthreads) libevent's functions on it and
 * unitls_bufferevent_poke may be called from other threads as well, and the functions here that lend something between bufferevent_lock and
 * bufferevent_unlock.
 */
#ifndef UNITLS_EVENT_H
#define UNITLS_EVENT_H

#include <event2/bufferevent.h>
#include <event2/util.h>

#include <unitls/connection.h>
#include <unitls/context.h>
#include <unitls/error.h>
#include <unitls/peer_name.h>

#define UNITLS_EVENT_BATCH_BYTES 65536 /* plaintext encrypted ahead of the transport */
#define UNITLS_EVENT_RECHECK_MS \
	20 /* how often it is looked whether EV_WRITE, disabled while something waits, is enabled again */

UNITLS_BEGIN_DECLS

/*
 * A client's bufferevent over a socket. fd: a connected or connecting non-blocking stream socket, or -1, to be given later by bufferevent_setfd,
 * bufferevent_socket_connect or bufferevent_socket_connect_hostname (or by evhttp). The handshake begins, in the event loop, as soon as the
 * socket is connected, whatever is enabled; a connect that fails is BEV_EVENT_ERROR with the class IO. context: a reference is taken. peer_name: whom
 * the certificate must be for, copied; a host name given to bufferevent_socket_connect_hostname has no part in that. options: BEV_OPT_CLOSE_ON_FREE (the
 * descriptor is closed by bufferevent_free), _THREADSAFE, _DEFER_CALLBACKS, _UNLOCK_CALLBACKS, as for bufferevent_socket_new.
 *
 * Returns the bufferevent, to be freed by bufferevent_free, with EV_WRITE enabled and EV_READ not; NULL on failure, when fd stays the caller's: class
 * UNSUPPORTED (an IP name that the backend cannot verify), USAGE (no name; options that libevent refuses), MEMORY.
 */
UNITLS_API UNITLS_MUST_CHECK struct bufferevent *unitls_bufferevent_client_new(struct event_base *base,
	evutil_socket_t fd, struct unitls_client_context *context, const struct unitls_peer_name *peer_name,
	int options, struct unitls_error *error);
/*
 * A server's bufferevent over a socket: as unitls_bufferevent_client_new, for an accepted socket, or with -1 for evhttp_set_bevcb.
 */
UNITLS_API UNITLS_MUST_CHECK struct bufferevent *unitls_bufferevent_server_new(struct event_base *base,
	evutil_socket_t fd, struct unitls_server_context *context, int options, struct unitls_error *error);
/*
 * A client's bufferevent over another bufferevent, whatever its kind: a pair, a filter, a socket, also one of those above (TLS within TLS). The
 * handshake begins at once, in the event loop; its first bytes wait in underlying's output until that is connected. underlying's callbacks, its enabled
 * directions, its timeouts and its buffers are used by the new bufferevent until that is freed, and must be left alone. bufferevent_flush is passed on to
 * it by libevent, so BEV_FINISHED is for a bufferevent that is connected. options as above; BEV_OPT_CLOSE_ON_FREE frees underlying with it; without, underlying
 * stays the caller's, who can use it when the event loop ran once more, its callbacks taken away and EV_READ disabled. With BEV_OPT_THREADSAFE underlying must
 * have been made with it as well.
 *
 * Returns as unitls_bufferevent_client_new; on failure underlying stays the caller's.
 */
UNITLS_API UNITLS_MUST_CHECK struct bufferevent *unitls_bufferevent_client_filter_new(
	struct bufferevent *underlying, struct unitls_client_context *context,
	const struct unitls_peer_name *peer_name, int options, struct unitls_error *error);
/* The same for a server. */
UNITLS_API UNITLS_MUST_CHECK struct bufferevent *unitls_bufferevent_server_filter_new(
	struct bufferevent *underlying, struct unitls_server_context *context, int options,
	struct unitls_error *error);

/*
 * The connection inside, lent until the bufferevent is freed or gets another descriptor: for the getters of <unitls/connection.h> and for
 * unitls_connection_decide_hello. What moves its bytes (handshake, read, write, shutdown, receive, reserve_incoming, consume_outgoing, ...) must not be
 * called on it. NULL when bev was not made by this library, or is being freed.
 */
UNITLS_API struct unitls_connection *unitls_bufferevent_connection(struct bufferevent *bev);
/*
 * Why the bufferevent has failed, lent until it is freed or gets another descriptor; class NONE when it has not. Within the event callback it says why that
 * was called with BEV_EVENT_ERROR. NULL as above.
 */
UNITLS_API const struct unitls_error *unitls_bufferevent_error(struct bufferevent *bev);
/*
 * Goes on, from the event loop, with what was waiting: after unitls_connection_decide_hello answered a hello callback that had said UNITLS_HELLO_WAIT, or after
 * whatever else made a call of the connection return UNITLS_WANT_APP was provided; the bufferevent waits silently until then, and reads no more than the
 * connection holds. Also finds at once that a direction was enabled. It does no harm when there is nothing to do. Returns 0; -1 when bev was not
 * made by this library, or is being freed.
 */
UNITLS_API int unitls_bufferevent_poke(struct bufferevent *bev);

/*
 * Whether a transport that ends without close_notify, after the handshake, is taken for a clean end (BEV_EVENT_EOF) rather than for an error; false at
 * first. With true an attacker can cut the data short unnoticed: only for protocols that tell their own end. It has no effect on a connection that has
 * ended already. Does nothing when bev was not made by this library.
 */
UNITLS_API void unitls_bufferevent_set_allow_dirty_shutdown(struct bufferevent *bev, bool allow);
/* Whether it is so; false when bev was not made by this library. */
UNITLS_API bool unitls_bufferevent_get_allow_dirty_shutdown(struct bufferevent *bev);

UNITLS_END_DECLS

#endif

/*
 * Ends made by libevent's own bufferevent_openssl, to talk to and to compare with. A module of its own, loaded by the test, so that the test itself links no
 * TLS library. No unitls in here.
 */
#ifndef UNITLS_TESTS_EVENT_PEER_H
#define UNITLS_TESTS_EVENT_PEER_H

#include <stdbool.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#define EVENT_PEER_SYMBOL "event_peer_ops"

struct event_peer_params {
	bool server;
	const char *certificate; /* PEM files; of a server */
	const char *key;
	const char *trusted; /* of a client */
};

struct event_peer_ops {
	/* Over a descriptor, which is closed when the bufferevent is freed; -1: none yet. NULL: it cannot be. */
	struct bufferevent *(*make)(
		struct event_base *base, evutil_socket_t fd, const struct event_peer_params *params);
	/* Sends close_notify. */
	void (*shutdown)(struct bufferevent *bev);
	/* Has a KeyUpdate that asks for one in return sent with the next write (TLS 1.3); false: it cannot be. */
	bool (*key_update)(struct bufferevent *bev);
};

#endif

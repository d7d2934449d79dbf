/* What to do with the connections of one [listener]: the TLS context to answer with, where to send them, the limits.
 *
 * It holds no socket (acceptor.h). Invariant: immutable; it lives as long as the last connection that began with it. */

#ifndef UNITLSD_LISTENER_H
#define UNITLSD_LISTENER_H

#include <stddef.h>

#include <unitls/context.h>

#include "daemon/config.h"
#include "daemon/upstream.h"

struct listener {
	unsigned references;
	char *name;
	struct unitls_server_context *tls; /* NULL: plaintext in */
	struct upstream *upstream;
	unsigned handshake_timeout_ms;
	unsigned idle_timeout_ms; /* 0: never */
	size_t max_connections;   /* 0: no limit */
};

/* Copies CONFIG; takes references of TLS (NULL: plaintext) and UPSTREAM. Returns 0 or -ENOMEM. */
int listener_new(const struct config_listener *config, struct unitls_server_context *tls,
	struct upstream *upstream, struct listener **ret);
struct listener *listener_ref(struct listener *listener);
void listener_unref(struct listener *listener);

#endif

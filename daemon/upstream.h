/* Where connections are sent to: the servers of one upstream in their order, with the TLS context to use towards them.
 *
 * It connects nothing (connector.h). A server that failed is passed over for a while when there is another.
 * Invariant: what a connection uses of it lives as long as the connection's reference, whatever a reload does. */

#ifndef UNITLSD_UPSTREAM_H
#define UNITLSD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unitls/context.h>
#include <unitls/peer_name.h>

#include "daemon/address.h"
#include "daemon/config.h"
#include "daemon/names.h"

#define UPSTREAM_HOLD_OFF_MS 2000 /* how long a server that failed is tried last */

struct upstream_server {
	struct address address;
	struct unitls_peer_name peer_name; /* with TLS */
	uint64_t failed_until_ms;
};

struct upstream {
	unsigned references;
	char *name;
	unsigned connect_timeout_ms;
	struct unitls_client_context *tls; /* NULL: plaintext */
	size_t count;
	struct upstream_server *servers;
};

/* Copies CONFIG; takes a reference of TLS (NULL: plaintext). TLS_CONFIG goes with it. Returns 0, -ENOMEM, or -EINVAL when a server
 * has no name to check its certificate against (*ret_server then). */
int upstream_new(const struct config_upstream *config, const struct config_tls *tls_config,
	struct unitls_client_context *tls, struct upstream **ret, size_t *ret_server);
struct upstream *upstream_ref(struct upstream *upstream);
void upstream_unref(struct upstream *upstream);

/* Where the search for a server stands: from the first that is not held off once round. Zero-initialise. */
struct upstream_cursor {
	bool started;
	size_t first;
	size_t steps; /* servers behind us */
	size_t item;  /* address of the server's name */
};

/* One address to try. */
struct upstream_target {
	size_t server;
	socklen_t length;
	struct sockaddr_storage storage;
};

/* The next address. Returns 0; 1 when there is none any more. */
int upstream_next(const struct upstream *upstream, const struct names *names, uint64_t now_ms,
	struct upstream_cursor *cursor, struct upstream_target *ret);

/* Whether a name among the servers has had no answer yet, so that waiting may help. */
bool upstream_is_waiting(const struct upstream *upstream, const struct names *names);

/* Holds a server off, or takes that back. */
void upstream_set_failed(struct upstream *upstream, size_t server, uint64_t now_ms);
void upstream_set_working(struct upstream *upstream, size_t server);

#endif

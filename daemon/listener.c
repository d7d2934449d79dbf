/* What to do with the connections of one listener. */

#include "daemon/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int listener_new(const struct config_listener *config, struct unitls_server_context *tls,
	struct upstream *upstream, struct listener **ret)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return -ENOMEM;
	listener->references = 1;
	listener->name = strdup(config->section.name);
	if (listener->name == NULL) {
		free(listener);
		return -ENOMEM;
	}
	if (tls != NULL)
		listener->tls = unitls_server_context_ref(tls);
	listener->upstream = upstream_ref(upstream);
	listener->handshake_timeout_ms = config->handshake_timeout_ms;
	listener->idle_timeout_ms = config->idle_timeout_ms;
	listener->max_connections = config->max_connections;
	*ret = listener;
	return 0;
}

struct listener *listener_ref(struct listener *listener)
{
	listener->references++;
	return listener;
}

void listener_unref(struct listener *listener)
{
	if (listener == NULL || --listener->references > 0)
		return;
	unitls_server_context_unref(listener->tls);
	upstream_unref(listener->upstream);
	free(listener->name);
	free(listener);
}

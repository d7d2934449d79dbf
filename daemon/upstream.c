/* The servers of an upstream and the order they are tried in. */

#include "daemon/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <unitls/insecure.h>

#include "daemon/profile.h"

static int set_peer_name(struct upstream_server *server, const struct config_tls *tls)
{
	char buffer[ADDRESS_HOST_MAX];
	const char *name = profile_peer_name(tls, &server->address, buffer, sizeof(buffer));

	if (name != NULL && unitls_peer_name_parse(name, &server->peer_name, NULL) == 0)
		return 0;
	/* Without a check of the certificate no name is needed; the operator said verify = no. */
	if (!tls->verify && unitls_insecure_peer_name_unchecked(NULL, &server->peer_name, NULL) == 0)
		return 0;
	return -EINVAL;
}

int upstream_new(const struct config_upstream *config, const struct config_tls *tls_config,
	struct unitls_client_context *tls, struct upstream **ret, size_t *ret_server)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	int r = -ENOMEM;

	if (upstream == NULL)
		return -ENOMEM;
	upstream->references = 1;
	upstream->connect_timeout_ms = config->connect_timeout_ms;
	upstream->name = strdup(config->section.name);
	upstream->servers = calloc(config->servers.count, sizeof(upstream->servers[0]));
	if (upstream->name == NULL || upstream->servers == NULL)
		goto out;
	if (tls != NULL)
		upstream->tls = unitls_client_context_ref(tls);
	upstream->count = config->servers.count;
	for (size_t i = 0; i < upstream->count; i++) {
		upstream->servers[i].address = config->servers.items[i].address;
		r = tls == NULL ? 0 : set_peer_name(&upstream->servers[i], tls_config);
		if (r < 0) {
			*ret_server = i;
			goto out;
		}
	}
	*ret = upstream;
	return 0;
out:
	upstream_unref(upstream);
	return r;
}

struct upstream *upstream_ref(struct upstream *upstream)
{
	upstream->references++;
	return upstream;
}

void upstream_unref(struct upstream *upstream)
{
	if (upstream == NULL || --upstream->references > 0)
		return;
	unitls_client_context_unref(upstream->tls);
	free(upstream->name);
	free(upstream->servers);
	free(upstream);
}

static void from_ip(const struct ipc_ip *ip, uint16_t port, struct upstream_target *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->storage;

	memset(&ret->storage, 0, sizeof(ret->storage));
	if (ip->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip->bytes, sizeof(v4->sin_addr));
		ret->length = sizeof(*v4);
		return;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_scope_id = ip->scope;
	memcpy(&v6->sin6_addr, ip->bytes, sizeof(v6->sin6_addr));
	ret->length = sizeof(*v6);
}

/* Address ITEM of a server; false past the last one. */
static bool target_at(
	const struct upstream_server *server, const struct names *names, size_t item, struct upstream_target *ret)
{
	const struct names_entry *entry;

	if (server->address.kind != ADDRESS_NAME) {
		ret->storage = server->address.storage;
		ret->length = server->address.length;
		return item == 0;
	}
	entry = names_find(names, server->address.host);
	if (entry == NULL || item >= entry->count)
		return false;
	from_ip(&entry->items[item], server->address.port, ret);
	return true;
}

static size_t first_working(const struct upstream *upstream, uint64_t now_ms)
{
	for (size_t i = 0; i < upstream->count; i++) {
		if (upstream->servers[i].failed_until_ms <= now_ms)
			return i;
	}
	return 0;
}

int upstream_next(const struct upstream *upstream, const struct names *names, uint64_t now_ms,
	struct upstream_cursor *cursor, struct upstream_target *ret)
{
	if (!cursor->started) {
		cursor->started = true;
		cursor->first = first_working(upstream, now_ms);
	}
	for (; cursor->steps < upstream->count; cursor->steps++, cursor->item = 0) {
		ret->server = (cursor->first + cursor->steps) % upstream->count;
		if (target_at(&upstream->servers[ret->server], names, cursor->item, ret)) {
			cursor->item++;
			return 0;
		}
	}
	return 1;
}

bool upstream_is_waiting(const struct upstream *upstream, const struct names *names)
{
	for (size_t i = 0; i < upstream->count; i++) {
		const struct address *address = &upstream->servers[i].address;

		if (address->kind == ADDRESS_NAME && names_find(names, address->host) == NULL)
			return true;
	}
	return false;
}

void upstream_set_failed(struct upstream *upstream, size_t server, uint64_t now_ms)
{
	upstream->servers[server].failed_until_ms = now_ms + UPSTREAM_HOLD_OFF_MS;
}

void upstream_set_working(struct upstream *upstream, size_t server)
{
	upstream->servers[server].failed_until_ms = 0;
}

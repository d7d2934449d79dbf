/* The listening sockets: one group a listener. */

#include "daemon/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/bind.h"
#include "daemon/counters.h"
#include "daemon/log.h"

int sockets_init(struct sockets *sockets, struct counters *counters)
{
	*sockets = (struct sockets){.counters = counters, .next_id = 1};
	sockets->columns = calloc(COUNTERS_COLUMNS, sizeof(*sockets->columns));
	if (sockets->columns == NULL)
		return -ENOMEM;
	sockets->inherited_count = notify_take_listen(&sockets->inherited);
	return 0;
}

static void close_item(const struct socket_group *group, struct listening_socket *item)
{
	/* systemd's stay open: a later configuration may name them again. */
	if (group->kind != IPC_SOCKET_INHERITED && item->fd >= 0)
		(void)close(item->fd);
	item->fd = -1;
}

static void group_free(struct socket_group *group)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		close_item(group, &group->items[i]);
	if (group->kind == IPC_SOCKET_SHARED)
		bind_unlink(&group->configured, group->inode);
	free(group->items);
	free(group);
}

void sockets_fini(struct sockets *sockets)
{
	size_t i;

	sockets_close_removed(sockets);
	for (i = 0; i < sockets->count; i++)
		group_free(sockets->groups[i]);
	for (i = 0; i < sockets->inherited_count; i++)
		(void)close(sockets->inherited[i].fd);
	free(sockets->groups);
	free(sockets->inherited);
	free(sockets->columns);
	*sockets = (struct sockets){0};
}

static bool column_in_use(const struct sockets *sockets, uint32_t column)
{
	size_t i;

	for (i = 0; i < sockets->count; i++)
		if (sockets->groups[i]->column == column || sockets->groups[i]->planned_column == column)
			return true;
	return counters_column(sockets->counters, column) > 0;
}

/* The gauge of the listener NAME: the one it had, or a free one. Returns 0, or 1 when all are taken. */
static int take_column(struct sockets *sockets, const char *name, uint32_t *ret)
{
	uint32_t found = COUNTERS_COLUMNS;
	uint32_t i;

	for (i = 0; i < COUNTERS_COLUMNS; i++) {
		if (strcmp(sockets->columns[i], name) == 0) {
			*ret = i;
			return 0;
		}
		if (sockets->columns[i][0] == '\0' && found == COUNTERS_COLUMNS)
			found = i;
	}
	for (i = 0; found == COUNTERS_COLUMNS && i < COUNTERS_COLUMNS; i++)
		if (!column_in_use(sockets, i))
			found = i;
	if (found == COUNTERS_COLUMNS)
		return 1;
	memset(sockets->columns[found], 0, sizeof(sockets->columns[found]));
	memcpy(sockets->columns[found], name, strnlen(name, CONFIG_NAME_MAX));
	*ret = found;
	return 0;
}

static int read_bound(int fd, struct address *ret)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0)
		return -errno;
	return address_from_sockaddr((const struct sockaddr *)&storage, length, ret);
}

static int add_item(struct sockets *sockets, struct socket_group *group, int fd)
{
	struct listening_socket *grown = reallocarray(group->items, group->count + 1, sizeof(*group->items));

	if (grown == NULL)
		return -ENOMEM;
	group->items = grown;
	group->items[group->count++] = (struct listening_socket){
		.id = sockets->next_id++,
		.fd = fd,
		.holder = SOCKETS_NOBODY,
		.listening = group->kind == IPC_SOCKET_INHERITED,
		.fresh = true,
	};
	return 0;
}

/* A socket of systemd's that is bound to the listener's address, or has its name. */
static bool is_inherited_for(const struct notify_listen *inherited, const struct address *address)
{
	struct address bound;

	if (address->kind == ADDRESS_INHERITED)
		return strcmp(inherited->name, address->host) == 0;
	return read_bound(inherited->fd, &bound) == 0 && address_equal(&bound, address);
}

static int add_inherited(struct sockets *sockets, struct socket_group *group)
{
	size_t i;
	int r;

	for (i = 0; i < sockets->inherited_count; i++) {
		if (!is_inherited_for(&sockets->inherited[i], &group->configured))
			continue;
		group->kind = IPC_SOCKET_INHERITED;
		if (group->count == 0)
			(void)read_bound(sockets->inherited[i].fd, &group->bound);
		r = add_item(sockets, group, sockets->inherited[i].fd);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_any(const struct address *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)&address->storage;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)&address->storage;

	if (address->storage.ss_family == AF_INET)
		return four->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

/* Whether a socket of our own is in the way of ADDRESS (*:443 and 127.0.0.1:443): a probe would say that the port is in use. */
static bool is_ours(const struct sockets *sockets, const struct address *address)
{
	size_t i;

	for (i = 0; i < sockets->count; i++) {
		const struct socket_group *group = sockets->groups[i];

		if (group->kind != IPC_SOCKET_OWN || group->count == 0 || group->bound.port != address->port ||
			group->bound.storage.ss_family != address->storage.ss_family)
			continue;
		if (is_any(&group->bound) || is_any(address) || address_equal(&group->bound, address))
			return true;
	}
	return false;
}

static int add_tcp(struct sockets *sockets, struct socket_group *group, size_t wanted)
{
	int fd;
	int r;

	if (group->count == 0 && group->bound.port != 0 && !is_ours(sockets, &group->bound)) {
		r = bind_probe(&group->bound);
		if (r < 0)
			return r;
	}
	while (group->count < wanted) {
		r = bind_tcp(&group->bound, &fd);
		if (r < 0)
			return r;
		r = add_item(sockets, group, fd);
		if (r == 0 && group->count == 1)
			r = read_bound(fd, &group->bound);
		else if (r < 0)
			(void)close(fd);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_unix(struct sockets *sockets, struct socket_group *group)
{
	int fd;
	int r;

	if (group->count > 0)
		return 0;
	r = bind_unix(&group->configured, &fd);
	if (r < 0)
		return r;
	group->inode = bind_inode(&group->configured);
	r = add_item(sockets, group, fd);
	if (r < 0)
		(void)close(fd);
	return r;
}

/* Adds what the group lacks for the plan. Returns 0, -ENOENT when systemd passed none of that name, another negative errno. */
static int fill_group(struct sockets *sockets, struct socket_group *group, unsigned workers)
{
	int r;

	if (group->count == 0) {
		r = add_inherited(sockets, group);
		if (r < 0)
			return r;
	}
	if (group->kind == IPC_SOCKET_INHERITED || group->configured.kind == ADDRESS_INHERITED) {
		group->planned = group->count;
		return group->count > 0 ? 0 : -ENOENT;
	}
	if (group->configured.kind == ADDRESS_UNIX) {
		group->kind = IPC_SOCKET_SHARED;
		group->planned = 1;
		return add_unix(sockets, group);
	}
	group->planned = workers;
	return add_tcp(sockets, group, workers);
}

/* A port that the kernel chose and that is written out now: two groups of sockets on one address would be one to the kernel, in an
 * order that is not ours. */
static bool is_chosen_port_of(const struct socket_group *group, const struct address *address)
{
	return group->kind == IPC_SOCKET_OWN && group->count > 0 && group->configured.port == 0 &&
		address_equal(&group->bound, address);
}

static struct socket_group *find_group(const struct sockets *sockets, const struct config_listener *listener)
{
	size_t i;

	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];
		bool chosen = listener->listen.kind == ADDRESS_INET && listener->listen.port == 0;

		if (is_chosen_port_of(group, &listener->listen))
			return group;
		if (!address_equal(&group->configured, &listener->listen))
			continue;
		if (!chosen || strcmp(group->listener_name, listener->section.name) == 0)
			return group;
	}
	return NULL;
}

static struct socket_group *new_group(struct sockets *sockets, const struct config_listener *listener)
{
	struct socket_group *group;

	if (sockets->count == sockets->capacity) {
		size_t capacity = sockets->capacity == 0 ? 8 : sockets->capacity * 2;
		struct socket_group **grown =
			reallocarray(sockets->groups, capacity, sizeof(struct socket_group *));

		if (grown == NULL)
			return NULL;
		sockets->groups = grown;
		sockets->capacity = capacity;
	}
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->kind = IPC_SOCKET_OWN;
	group->configured = listener->listen;
	group->bound = listener->listen;
	group->column = COUNTERS_COLUMNS;
	sockets->groups[sockets->count++] = group;
	return group;
}

static void explain(const struct config_listener *listener, int error, struct diagnostics *list)
{
	const struct config_origin *origin = config_origin_of(&listener->section, "listen");
	char text[ADDRESS_TEXT_MAX];

	(void)address_format(&listener->listen, text, sizeof(text));
	if (error == -EADDRINUSE)
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"%s: port in use by another process", text);
	else if (error == -ENOENT && listener->listen.kind == ADDRESS_INHERITED)
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"%s: systemd passed no socket of that name (FileDescriptorName=)", text);
	else if (error == -EEXIST)
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"%s: there is a file that is not a socket", text);
	else
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line, "%s: cannot be bound: %s%s",
			text, strerror(-error),
			error == -EACCES && listener->listen.kind == ADDRESS_INET
				? " (a port below 1024 takes root or CAP_NET_BIND_SERVICE)"
				: "");
}

/* Returns 0; 1 with an error in LIST; -ENOMEM. */
static int plan_listener(struct sockets *sockets, const struct config *config, size_t index, unsigned workers,
	struct diagnostics *list)
{
	const struct config_listener *listener = &config->listeners[index];
	const struct config_origin *origin = config_origin_of(&listener->section, "listen");
	struct socket_group *group = find_group(sockets, listener);
	int r;

	if (group != NULL && group->planned > 0) {
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"two listeners have this address: %s", listener->section.name);
		return 1;
	}
	if (group == NULL)
		group = new_group(sockets, listener);
	if (group == NULL)
		return -ENOMEM;
	group->planned_listener = index;
	r = fill_group(sockets, group, workers);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		explain(listener, r, list);
		return 1;
	}
	if (group->committed && strcmp(group->listener_name, listener->section.name) == 0)
		return 0;
	if (take_column(sockets, listener->section.name, &group->planned_column) != 0) {
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line,
			"more than %u listeners are not possible", COUNTERS_COLUMNS);
		return 1;
	}
	if (!group->committed) {
		group->column = group->planned_column;
		(void)memccpy(
			group->listener_name, listener->section.name, '\0', sizeof(group->listener_name) - 1);
	}
	return 0;
}

int sockets_plan(struct sockets *sockets, const struct config *config, unsigned workers, struct diagnostics *list)
{
	bool failed = false;
	size_t i;
	int r;

	sockets->planning = true;
	/* An address that went a moment ago may come back. */
	sockets_close_removed(sockets);
	for (i = 0; i < sockets->count; i++) {
		sockets->groups[i]->planned = 0;
		sockets->groups[i]->planned_column = sockets->groups[i]->column;
	}
	for (i = 0; i < config->listener_count; i++) {
		r = plan_listener(sockets, config, i, workers, list);
		if (r < 0)
			return r;
		failed |= r > 0;
	}
	return failed ? 1 : 0;
}

int sockets_listen(struct sockets *sockets, const struct config *config, struct diagnostics *list)
{
	size_t i;
	size_t j;

	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];

		for (j = 0; j < group->count && j < group->planned; j++) {
			int r = group->items[j].listening ? 0 : bind_listen(group->items[j].fd);

			if (r < 0) {
				explain(&config->listeners[group->planned_listener], r, list);
				return 1;
			}
			group->items[j].listening = true;
		}
	}
	return 0;
}

/* A group that is in no configuration any more. */
static void remove_group(struct sockets *sockets, size_t index)
{
	struct socket_group *group = sockets->groups[index];
	int *grown = reallocarray(sockets->closing, sockets->closing_count + group->count, sizeof(int));
	size_t i;

	if (grown != NULL)
		sockets->closing = grown;
	for (i = 0; i < group->count && group->kind != IPC_SOCKET_INHERITED; i++) {
		if (group->kind == IPC_SOCKET_OWN)
			(void)bind_deafen(group->items[i].fd);
		/* Without memory it is closed at once: the workers hold it still. */
		if (grown == NULL)
			continue;
		sockets->closing[sockets->closing_count++] = group->items[i].fd;
		group->items[i].fd = -1;
	}
	group_free(group);
	sockets->groups[index] = sockets->groups[--sockets->count];
}

static void log_listening(const struct socket_group *group)
{
	char text[ADDRESS_TEXT_MAX];

	log_event(LOG_LEVEL_INFO, "listening", "listener", group->listener_name, "address",
		sockets_format(group, text, sizeof(text)), (char *)NULL);
}

static void commit_group(
	struct socket_group *group, const struct sockets *sockets, uint64_t now_ms, unsigned grace_ms)
{
	bool shrinks = group->planned < group->live;
	size_t i;

	group->listener = group->planned_listener;
	group->column = group->planned_column;
	memcpy(group->listener_name, sockets->columns[group->column], sizeof(group->listener_name));
	group->live = group->planned;
	for (i = 0; i < group->count; i++) {
		group->items[i].fresh = false;
		if (i < group->live && group->items[i].releasing) {
			/* It was about to be closed: its holder lets it go, its worker gets it anew. */
			group->items[i].releasing = false;
			group->items[i].holder = SOCKETS_NOBODY;
		}
	}
	if (group->kind == IPC_SOCKET_OWN && group->live < group->count) {
		group->steered = bind_steer(group->items[0].fd, (unsigned)group->live) == 0;
		if (shrinks)
			group->empty_at_ms = now_ms + grace_ms;
	} else {
		if (group->steered)
			(void)bind_unsteer(group->items[0].fd);
		group->steered = false;
		group->empty_at_ms = 0;
	}
	if (!group->committed)
		log_listening(group);
	group->committed = true;
}

void sockets_commit(struct sockets *sockets, uint64_t now_ms, unsigned grace_ms)
{
	size_t i = 0;

	while (i < sockets->count) {
		if (sockets->groups[i]->planned == 0) {
			remove_group(sockets, i);
			continue;
		}
		commit_group(sockets->groups[i], sockets, now_ms, grace_ms);
		i++;
	}
	sockets->planning = false;
}

void sockets_abort(struct sockets *sockets)
{
	size_t i = 0;

	while (i < sockets->count) {
		struct socket_group *group = sockets->groups[i];

		if (!group->committed) {
			group_free(group);
			sockets->groups[i] = sockets->groups[--sockets->count];
			continue;
		}
		while (group->count > 0 && group->items[group->count - 1].fresh)
			close_item(group, &group->items[--group->count]);
		i++;
	}
	sockets->planning = false;
}

void sockets_close_removed(struct sockets *sockets)
{
	size_t i;

	for (i = 0; i < sockets->closing_count; i++)
		(void)close(sockets->closing[i]);
	free(sockets->closing);
	sockets->closing = NULL;
	sockets->closing_count = 0;
}

void sockets_stop(struct sockets *sockets)
{
	while (sockets->count > 0)
		remove_group(sockets, sockets->count - 1);
	sockets_close_removed(sockets);
}

struct listening_socket *sockets_next_to_release(
	struct sockets *sockets, uint64_t now_ms, struct socket_group **ret_group)
{
	size_t i;
	size_t j;

	if (sockets->planning)
		return NULL;
	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];

		if (group->empty_at_ms == 0 || now_ms < group->empty_at_ms)
			continue;
		for (j = group->count; j > group->live; j--) {
			if (group->items[j - 1].releasing)
				continue;
			*ret_group = group;
			return &group->items[j - 1];
		}
	}
	return NULL;
}

bool sockets_released(struct sockets *sockets, uint32_t id)
{
	size_t i;
	size_t j;

	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];

		for (j = 0; j < group->count && group->items[j].id != id; j++)
			;
		if (j == group->count)
			continue;
		if (!group->items[j].releasing)
			return true;
		if (sockets->planning) {
			/* The plan may count on it; if not, it is let go again afterwards. */
			group->items[j].releasing = false;
			group->items[j].holder = SOCKETS_NOBODY;
			return true;
		}
		close_item(group, &group->items[j]);
		/* The kernel does the same with its array. */
		group->items[j] = group->items[--group->count];
		if (group->count == group->live) {
			if (group->steered)
				(void)bind_unsteer(group->items[0].fd);
			group->steered = false;
			group->empty_at_ms = 0;
		}
		return true;
	}
	return false;
}

int sockets_each(const struct sockets *sockets, bool planned, unsigned index, sockets_visit *visit, void *argument)
{
	size_t i;
	size_t j;
	int r;

	for (i = 0; i < sockets->count; i++) {
		const struct socket_group *group = sockets->groups[i];
		size_t live = planned ? group->planned : group->live;

		if (planned ? group->planned == 0 : !group->committed)
			continue;
		for (j = 0; j < group->count; j++) {
			const struct listening_socket *socket = &group->items[j];
			bool own = j == index && j < live;
			bool adopted = socket->holder == (int)index && !socket->releasing;

			if (group->kind == IPC_SOCKET_OWN && !own && !adopted)
				continue;
			r = visit(argument, group, socket, planned ? group->planned_listener : group->listener);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

const char *sockets_format(const struct socket_group *group, char *buffer, size_t size)
{
	return address_format(
		group->bound.kind == ADDRESS_INET ? &group->bound : &group->configured, buffer, size);
}

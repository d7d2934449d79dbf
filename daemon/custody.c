/* Which worker accepts from which socket. */

#include "daemon/custody.h"

#include "daemon/clock.h"
#include "daemon/generation.h"

struct ipc_message custody_describe(enum ipc_type type, uint64_t generation, const struct socket_group *group,
	const struct listening_socket *socket, size_t listener)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	message.listener = (uint32_t)listener;
	message.socket = socket->id;
	message.column = type == IPC_SOCKET ? group->planned_column : group->column;
	message.body.kind = group->kind;
	return message;
}

/* Serves, or will as soon as it has read what was sent. */
static bool serves(const struct worker *worker)
{
	if (worker == NULL || worker->doomed || worker->phase == WORKER_RETIRED)
		return false;
	return worker->phase == WORKER_SERVING || worker->answer == WORKER_ANSWER_COMMIT;
}

static struct worker *server_at(const struct pool *pool, int index)
{
	struct worker *worker = index < 0 ? NULL : pool->seats[index].worker;

	return serves(worker) ? worker : NULL;
}

static int first_server(const struct pool *pool)
{
	int i;

	for (i = 0; i < POOL_SEATS; i++)
		if (server_at(pool, i) != NULL)
			return i;
	return SOCKETS_NOBODY;
}

static void release(struct worker *worker, uint32_t id)
{
	struct ipc_message message = ipc_make(IPC_RELEASE);

	message.socket = id;
	pool_send(worker, &message, -1);
}

/* WORKER got COMMIT with its own sockets: whoever stood in for it lets them go. */
void custody_take_seat(struct worker *worker)
{
	struct sockets *sockets = worker->pool->sockets;
	size_t i;

	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];
		struct listening_socket *socket;
		struct worker *holder;

		if (group->kind != IPC_SOCKET_OWN || worker->index >= group->live)
			continue;
		socket = &group->items[worker->index];
		holder = server_at(worker->pool, socket->holder);
		if (holder != NULL && holder != worker)
			release(holder, socket->id);
		socket->holder = (int)worker->index;
	}
}

static void reconcile_socket(
	struct pool *pool, const struct socket_group *group, struct listening_socket *socket, size_t index)
{
	struct worker *old = server_at(pool, socket->holder);
	int wanted = socket->holder;
	struct ipc_message message;

	if (index < group->live && server_at(pool, (int)index) != NULL)
		wanted = (int)index;
	else if (old == NULL)
		wanted = first_server(pool);
	if (wanted == socket->holder && old != NULL)
		return;
	socket->holder = wanted;
	if (wanted != SOCKETS_NOBODY) {
		message = custody_describe(IPC_ADOPT, pool->committed->number, group, socket, group->listener);
		pool_send(pool->seats[wanted].worker, &message, socket->fd);
	}
	if (old != NULL)
		release(old, socket->id);
}

/* Sees to it that every own socket of the committed generation is accepted from. */
void custody_reconcile(struct pool *pool)
{
	struct sockets *sockets = pool->sockets;
	size_t i;
	size_t j;

	if (pool->stopping || pool->pending != NULL || pool->committed == NULL)
		return;
	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];

		for (j = 0; group->kind == IPC_SOCKET_OWN && j < group->count; j++)
			if (!group->items[j].releasing)
				reconcile_socket(pool, group, &group->items[j], j);
	}
}

/* The worker INDEX is gone: nobody has its sockets. */
void custody_drop(struct pool *pool, unsigned index)
{
	struct sockets *sockets = pool->sockets;
	size_t i;
	size_t j;

	for (i = 0; i < sockets->count; i++) {
		struct socket_group *group = sockets->groups[i];

		for (j = 0; j < group->count; j++) {
			if (group->items[j].holder != (int)index)
				continue;
			group->items[j].holder = SOCKETS_NOBODY;
			group->items[j].releasing = false;
		}
	}
}

void custody_release_emptied(struct pool *pool)
{
	struct listening_socket *socket;
	struct socket_group *group;

	for (;;) {
		struct worker *holder;

		socket = sockets_next_to_release(pool->sockets, clock_now_ms(), &group);
		if (socket == NULL)
			return;
		holder = server_at(pool, socket->holder);
		socket->releasing = true;
		if (holder != NULL)
			release(holder, socket->id);
		else
			(void)sockets_released(pool->sockets, socket->id);
	}
}

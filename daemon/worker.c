/* A worker: messages of the master, generations prepared and committed, draining. */

#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/acceptor.h"
#include "daemon/clock.h"
#include "daemon/heap.h"
#include "daemon/service.h"
#include "daemon/ipc.h"
#include "daemon/log.h"
#include "daemon/session.h"
#include "daemon/session_log.h"
#include "daemon/tickets.h"

#define WORKER_BUILD_SLICE_MS 2 /* how long a build may hold the loop, beside the one step that it is in */
#define WORKER_BUILD_STEPS \
	8 /* and how many steps at most: of those most take some 20 us, and round trips wait for them */
#define WORKER_MESSAGES_TURN 64 /* messages of the master taken in one turn */

/* A socket of the generation that is being prepared. */
struct offered_socket {
	int fd;
	uint32_t id;
	uint32_t column;
	uint32_t listener;
	enum ipc_socket_kind kind;
};

/* The generation under way: from SNAPSHOT to COMMIT or ABORT. */
struct preparation {
	bool active;
	uint64_t number;
	int snapshot_fd;
	struct offered_socket *sockets;
	size_t count;
	size_t capacity;
	struct service_builder *builder; /* from PREPARE on */
	struct service *ready;           /* PREPARED was sent */
};

struct worker {
	const struct worker_start *start;
	struct ipc_channel channel;
	struct event channel_event;
	struct event channel_writable;
	struct event tick;
	struct event drain_timer;
	struct turn build;
	struct engine engine;
	struct heap heap;
	struct acceptors acceptors;
	struct profile_store *store;
	struct service *committed;
	struct preparation preparation;
	uint64_t drops_counted;
	bool draining;
	bool drained; /* DRAINED is on its way */
	size_t drain_from;
	uint64_t drain_cut;
	int status;
};

/* The channel --------------------------------------------------------------------------------------------------------------- */

static void stop(struct worker *worker, int status)
{
	worker->status = status;
	(void)event_base_loopbreak(worker->engine.base);
}

/* The master is the only reason to live. */
static void lost_master(struct worker *worker, int r)
{
	if (r != -EPIPE && !worker->drained)
		log_event(LOG_LEVEL_ERROR, "channel_failed", "text", strerror(-r), (char *)NULL);
	stop(worker, worker->drained ? 0 : 1);
}

static void after_send(struct worker *worker, int r)
{
	if (r < 0)
		lost_master(worker, r);
	else if (ipc_pending(&worker->channel))
		(void)event_add(&worker->channel_writable, NULL);
	else if (worker->drained)
		stop(worker, 0);
}

static void send_message(struct worker *worker, const struct ipc_message *message)
{
	after_send(worker, ipc_send(&worker->channel, message, -1));
}

static void answer(struct worker *worker, enum ipc_type type, uint64_t generation)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	send_message(worker, &message);
}

static void on_channel_writable(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;

	(void)fd;
	(void)what;
	after_send(worker, ipc_flush(&worker->channel));
}

/* Preparing ----------------------------------------------------------------------------------------------------------------- */

static void preparation_drop(struct worker *worker)
{
	struct preparation *preparation = &worker->preparation;

	if (!preparation->active)
		return;
	turns_cancel(&worker->engine.turns, &worker->build);
	if (preparation->builder != NULL || preparation->ready != NULL)
		profile_store_abort(worker->store);
	service_builder_free(preparation->builder);
	service_free(preparation->ready);
	for (size_t i = 0; i < preparation->count; i++)
		(void)close(preparation->sockets[i].fd);
	free(preparation->sockets);
	(void)close(preparation->snapshot_fd);
	*preparation = (struct preparation){.snapshot_fd = -1};
	worker->engine.turnover++;
}

static void preparation_begin(struct worker *worker, const struct ipc_message *message, int fd)
{
	preparation_drop(worker);
	worker->preparation = (struct preparation){
		.active = true,
		.number = message->generation,
		.snapshot_fd = fd,
	};
}

/* Takes FD. */
static int preparation_add_socket(struct preparation *preparation, const struct ipc_message *message, int fd)
{
	struct offered_socket *sockets = preparation->sockets;
	size_t capacity = preparation->capacity == 0 ? 16 : preparation->capacity * 2;

	if (preparation->count == preparation->capacity) {
		sockets = reallocarray(sockets, capacity, sizeof(sockets[0]));
		if (sockets == NULL) {
			(void)close(fd);
			return -ENOMEM;
		}
		preparation->sockets = sockets;
		preparation->capacity = capacity;
	}
	sockets[preparation->count++] = (struct offered_socket){
		.fd = fd,
		.id = message->socket,
		.column = message->column,
		.listener = message->listener,
		.kind = (enum ipc_socket_kind)message->body.kind,
	};
	return 0;
}

static void preparation_failed(struct worker *worker, const struct profile_error *error)
{
	struct ipc_message message = ipc_make(IPC_FAILED);

	message.generation = worker->preparation.number;
	if (error->origin.file != NULL)
		(void)snprintf(
			message.body.failed.file, sizeof(message.body.failed.file), "%s", error->origin.file);
	message.body.failed.line = error->origin.line;
	(void)snprintf(
		message.body.failed.text, sizeof(message.body.failed.text), "%.*s", IPC_TEXT_MAX - 1, error->text);
	preparation_drop(worker);
	send_message(worker, &message);
}

/* Whether every socket belongs to a listener that exists. */
static bool sockets_fit(const struct preparation *preparation, const struct service *generation)
{
	for (size_t i = 0; i < preparation->count; i++) {
		if (preparation->sockets[i].listener >= generation->config->listener_count)
			return false;
	}
	return true;
}

static void preparation_finished(struct worker *worker)
{
	struct preparation *preparation = &worker->preparation;
	struct profile_error error = {.text = "a socket came for a listener that does not exist"};

	preparation->ready = service_builder_take(preparation->builder);
	if (!sockets_fit(preparation, preparation->ready)) {
		preparation_failed(worker, &error);
		return;
	}
	service_builder_free(preparation->builder);
	preparation->builder = NULL;
	answer(worker, IPC_PREPARED, preparation->number);
}

static void on_build(void *argument)
{
	struct worker *worker = argument;
	struct profile_error error = {.text = ""};
	uint64_t end_ms = clock_now_ms() + WORKER_BUILD_SLICE_MS;
	unsigned steps = 0;
	int r;

	do
		r = service_builder_step(worker->preparation.builder, &error);
	while (r == 1 && ++steps < WORKER_BUILD_STEPS && clock_now_ms() < end_ms);
	if (r == 1)
		turns_push(&worker->engine.turns, &worker->build);
	else if (r == 0)
		preparation_finished(worker);
	else
		preparation_failed(worker, &error);
}

static void preparation_start(struct worker *worker)
{
	struct preparation *preparation = &worker->preparation;
	struct profile_error error = {.text = ""};

	if (!profile_store_has_tickets(worker->store)) {
		(void)snprintf(error.text, sizeof(error.text), "no secrets of session tickets came before");
		preparation_failed(worker, &error);
		return;
	}
	profile_store_begin(worker->store);
	if (service_builder_new(preparation->snapshot_fd, preparation->number, worker->committed, worker->store,
		    &preparation->builder, &error) < 0) {
		profile_store_abort(worker->store);
		if (error.text[0] == '\0')
			(void)snprintf(error.text, sizeof(error.text), "out of memory");
		preparation_failed(worker, &error);
		return;
	}
	turns_push(&worker->engine.turns, &worker->build);
}

/* Serving ------------------------------------------------------------------------------------------------------------------- */

static int serve_socket(struct worker *worker, const struct offered_socket *offered)
{
	struct listener *listener = worker->committed->listeners[offered->listener];
	struct acceptor *acceptor = acceptors_find(&worker->acceptors, offered->id);
	struct acceptor_params params = {
		.fd = offered->fd,
		.id = offered->id,
		.column = offered->column,
		.kind = offered->kind,
		.listener = listener,
	};

	if (acceptor != NULL) {
		(void)close(offered->fd);
		acceptor_set_listener(acceptor, listener, offered->column);
		acceptor->named = true;
		return 0;
	}
	if (acceptors_add(&worker->acceptors, &params) < 0)
		return -ENOMEM;
	acceptor = acceptors_find(&worker->acceptors, offered->id);
	acceptor->named = true;
	return 0;
}

/* What the new generation does not have any more goes. */
static void release_unnamed(struct worker *worker)
{
	struct acceptor *acceptor;
	struct acceptor *next;

	for (acceptor = TAILQ_FIRST(&worker->acceptors.list); acceptor != NULL; acceptor = next) {
		next = TAILQ_NEXT(acceptor, link);
		if (acceptor->named)
			acceptor->named = false;
		else
			acceptor_release(acceptor);
	}
}

static int commit(struct worker *worker)
{
	struct preparation *preparation = &worker->preparation;
	struct service *old = worker->committed;
	uint64_t number = preparation->number;
	size_t count = preparation->count;
	int r = 0;

	worker->committed = preparation->ready;
	preparation->ready = NULL;
	preparation->count = 0; /* the descriptors go to the acceptors */
	log_set_level((enum log_level)worker->committed->config->daemon.log_level);
	for (size_t i = 0; i < count; i++) {
		if (r == 0)
			r = serve_socket(worker, &preparation->sockets[i]);
		else
			(void)close(preparation->sockets[i].fd);
	}
	if (r < 0)
		return r;
	release_unnamed(worker);
	service_mark_names(worker->committed, worker->engine.names);
	service_mark_names(old, worker->engine.names);
	names_retain(worker->engine.names);
	service_free(old);
	profile_store_commit(worker->store);
	preparation_drop(worker);
	answer(worker, IPC_COMMITTED, number);
	return 0;
}

/* Draining ------------------------------------------------------------------------------------------------------------------ */

static void finish_drain(struct worker *worker)
{
	struct ipc_message message = ipc_make(IPC_DRAINED);

	worker->drained = true;
	message.body.drained.cut = worker->drain_cut;
	message.body.drained.finished = worker->drain_from - worker->drain_cut;
	send_message(worker, &message);
}

static void on_drain_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;

	(void)fd;
	(void)what;
	if (worker->drained)
		return;
	worker->drain_cut = worker->engine.session_count;
	/* Lingering ones have ended before. */
	worker->drain_cut -= session_end_all(&worker->engine, REASON_END_DRAIN);
	if (!worker->drained)
		finish_drain(worker);
}

static void set_drain_timeout(struct worker *worker, uint32_t timeout_ms)
{
	struct timeval wait = {
		.tv_sec = (time_t)(timeout_ms / 1000),
		.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
	};

	if (timeout_ms == IPC_DRAIN_FOREVER)
		(void)event_del(&worker->drain_timer);
	else
		(void)evtimer_add(&worker->drain_timer, &wait);
}

static void drain(struct worker *worker, uint32_t timeout_ms)
{
	if (worker->drained)
		return;
	set_drain_timeout(worker, timeout_ms);
	if (worker->draining)
		return;
	preparation_drop(worker);
	/* Connections that end while others are still being accepted are not the end. */
	acceptors_close(&worker->acceptors);
	worker->draining = true;
	worker->drain_from = worker->engine.session_count;
	if (worker->engine.session_count == 0)
		finish_drain(worker);
}

static void on_session_gone(void *argument)
{
	struct worker *worker = argument;

	acceptors_wake(&worker->acceptors);
	if (worker->draining && !worker->drained && worker->engine.session_count == 0)
		finish_drain(worker);
}

static void on_released(void *argument, uint32_t id)
{
	struct worker *worker = argument;
	struct ipc_message message = ipc_make(IPC_RELEASED);

	message.socket = id;
	send_message(worker, &message);
}

/* Messages ------------------------------------------------------------------------------------------------------------------ */

static int on_socket(struct worker *worker, const struct ipc_message *message, int fd)
{
	if (!worker->preparation.active || message->generation != worker->preparation.number) {
		(void)close(fd);
		return 0;
	}
	return preparation_add_socket(&worker->preparation, message, fd);
}

static int on_adopt(struct worker *worker, const struct ipc_message *message, int fd)
{
	struct offered_socket offered = {
		.fd = fd,
		.id = message->socket,
		.column = message->column,
		.listener = message->listener,
		.kind = (enum ipc_socket_kind)message->body.kind,
	};
	int r;

	if (worker->draining || worker->committed == NULL ||
		offered.listener >= worker->committed->config->listener_count) {
		(void)close(fd);
		return 0;
	}
	r = serve_socket(worker, &offered);
	if (r == 0)
		acceptors_find(&worker->acceptors, offered.id)->named = false;
	return r;
}

static void on_release(struct worker *worker, const struct ipc_message *message)
{
	struct acceptor *acceptor = acceptors_find(&worker->acceptors, message->socket);

	if (acceptor != NULL)
		acceptor_release(acceptor);
	else if (!worker->draining)
		on_released(worker, message->socket);
}

static int on_tickets(struct worker *worker, int fd)
{
	struct unitls_ticket_secrets secrets;
	int r = tickets_read(fd, &secrets);

	(void)close(fd);
	if (r < 0)
		return r;
	r = profile_store_set_tickets(worker->store, &secrets);
	explicit_bzero(&secrets, sizeof(secrets));
	return r;
}

static int on_commit(struct worker *worker, const struct ipc_message *message)
{
	if (worker->draining)
		return 0;
	if (worker->preparation.ready == NULL || worker->preparation.number != message->generation)
		return -EBADMSG;
	return commit(worker);
}

/* Takes FD. Returns 0, or negative: the worker cannot go on. */
static int on_message(struct worker *worker, const struct ipc_message *message, int fd)
{
	switch ((enum ipc_type)message->type) {
	case IPC_SNAPSHOT:
		preparation_begin(worker, message, fd);
		return 0;
	case IPC_SOCKET:
		return on_socket(worker, message, fd);
	case IPC_PREPARE:
		if (worker->preparation.active && !worker->draining)
			preparation_start(worker);
		return 0;
	case IPC_COMMIT:
		return on_commit(worker, message);
	case IPC_ABORT:
		preparation_drop(worker);
		return 0;
	case IPC_ADOPT:
		return on_adopt(worker, message, fd);
	case IPC_RELEASE:
		on_release(worker, message);
		return 0;
	case IPC_DRAIN:
		drain(worker, message->body.drain.timeout_ms);
		return 0;
	case IPC_LOG:
		log_set_fd(fd);
		return 0;
	case IPC_TICKETS:
		return on_tickets(worker, fd);
	case IPC_HEARTBEAT:
		send_message(worker, message);
		return 0;
	case IPC_ADDRESSES:
		return names_set(worker->engine.names, message->body.addresses.host, message->body.addresses.items,
			message->body.addresses.count);
	default:
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
}

static void on_channel(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;
	struct ipc_message message;
	int descriptor = -1;
	int r = 0;

	(void)fd;
	(void)what;
	for (int i = 0; i < WORKER_MESSAGES_TURN && r == 0; i++) {
		r = ipc_receive(&worker->channel, &message, &descriptor);
		if (r == 0)
			r = on_message(worker, &message, descriptor);
		if (event_base_got_break(worker->engine.base))
			return;
	}
	if (r < 0)
		lost_master(worker, r);
}

/* Beginning and end --------------------------------------------------------------------------------------------------------- */

/* Lines that were left out or dropped. */
static void account_log(struct worker *worker, uint64_t now_ms)
{
	uint64_t drops;

	session_log_tick(&worker->engine, now_ms);
	drops = log_drops();
	if (drops > worker->drops_counted)
		counters_add(worker->start->counters, COUNTER_LOG_DROPS, drops - worker->drops_counted);
	worker->drops_counted = drops;
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;

	(void)fd;
	(void)what;
	account_log(worker, clock_now_ms());
	heap_tick(&worker->heap, worker->engine.turnover);
}

static int start(struct worker *worker)
{
	const struct timeval second = {.tv_sec = 1, .tv_usec = 0};
	struct engine *engine = &worker->engine;
	int r;

	r = engine_init(engine, worker->start->counters);
	if (r < 0)
		return r;
	engine->on_session_gone = on_session_gone;
	engine->argument = worker;
	r = acceptors_init(&worker->acceptors, engine);
	if (r < 0)
		return r;
	worker->acceptors.on_released = on_released;
	worker->acceptors.argument = worker;
	worker->build.run = on_build;
	worker->build.argument = worker;
	r = profile_store_new(worker->start->module_dir, &worker->store);
	if (r < 0)
		return r;
	if (event_assign(&worker->channel_event, engine->base, worker->channel.fd, EV_READ | EV_PERSIST,
		    on_channel, worker) != 0 ||
		event_assign(&worker->channel_writable, engine->base, worker->channel.fd, EV_WRITE,
			on_channel_writable, worker) != 0 ||
		event_assign(&worker->tick, engine->base, -1, EV_PERSIST, on_tick, worker) != 0 ||
		evtimer_assign(&worker->drain_timer, engine->base, on_drain_deadline, worker) != 0 ||
		event_add(&worker->channel_event, NULL) != 0 || event_add(&worker->tick, &second) != 0)
		return -ENOMEM;
	return 0;
}

static void finish(struct worker *worker)
{
	struct engine *engine = &worker->engine;

	if (engine->base == NULL)
		return;
	engine->on_session_gone = NULL;
	(void)session_end_all(engine, REASON_END_DRAIN);
	account_log(worker, UINT64_MAX);
	preparation_drop(worker);
	acceptors_fini(&worker->acceptors);
	service_free(worker->committed);
	profile_store_free(worker->store);
	engine_fini(engine);
}

int worker_run(const struct worker_start *start_with)
{
	struct worker worker = {.start = start_with, .preparation = {.snapshot_fd = -1}};
	struct ipc_message ready = ipc_make(IPC_READY);
	int r;

	heap_init(&worker.heap);
	ipc_channel_init(&worker.channel, start_with->channel_fd, IPC_FROM_MASTER);
	r = start(&worker);
	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "worker_failed", "text", strerror(-r), (char *)NULL);
		worker.status = 1;
	} else {
		send_message(&worker, &ready);
		(void)event_base_dispatch(worker.engine.base);
	}
	finish(&worker);
	ipc_channel_fini(&worker.channel);
	return worker.status;
}

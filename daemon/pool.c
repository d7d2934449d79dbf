/* The workers as the master sees them. */

#include "daemon/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/backoff.h"
#include "daemon/clock.h"
#include "daemon/counters.h"
#include "daemon/custody.h"
#include "daemon/generation.h"
#include "daemon/log.h"
#include "daemon/sockets.h"
#include "daemon/worker.h"

#define MESSAGES_AT_ONCE 64

_Static_assert(2 * POOL_SEATS + 1 == COUNTERS_SLOTS, "a slot for every worker");

static void on_respawn(evutil_socket_t fd, short what, void *argument);

void pool_init(struct pool *pool, struct event_base *base, struct counters *counters, struct sockets *sockets,
	const char *module_dir, const struct pool_callbacks *callbacks)
{
	unsigned i;

	memset(pool, 0, sizeof(*pool));
	pool->base = base;
	pool->counters = counters;
	pool->sockets = sockets;
	pool->module_dir = module_dir;
	pool->callbacks = *callbacks;
	LIST_INIT(&pool->retired);
	for (i = 0; i < POOL_SEATS; i++) {
		pool->seats[i].pool = pool;
		pool->seats[i].index = i;
	}
}

/* ---- Messages ---- */

static void doom(struct worker *worker, const char *reason)
{
	struct log_line line;

	if (worker->doomed)
		return;
	worker->doomed = true;
	(void)kill(worker->pid, SIGKILL);
	log_begin(&line, LOG_LEVEL_WARNING, "worker_killed");
	log_count(&line, "worker", worker->index);
	log_number(&line, "pid", worker->pid);
	log_text(&line, "reason", reason);
	log_end(&line);
}

static void watch_writable(struct worker *worker)
{
	if (ipc_pending(&worker->channel))
		(void)event_add(worker->writable, NULL);
	else
		(void)event_del(worker->writable);
}

void pool_send(struct worker *worker, const struct ipc_message *message, int descriptor)
{
	int r;

	if (worker->doomed || worker->channel.fd < 0)
		return;
	r = ipc_send(&worker->channel, message, descriptor);
	/* A worker that is gone is noticed by its end; one that does not read is not waited for. */
	if (r < 0 && r != -EPIPE) {
		doom(worker, strerror(-r));
		return;
	}
	watch_writable(worker);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;

	(void)fd;
	(void)what;
	(void)ipc_flush(&worker->channel);
	watch_writable(worker);
}

static void send_number(struct worker *worker, enum ipc_type type, uint64_t generation)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	pool_send(worker, &message, -1);
}

static int send_socket(
	void *argument, const struct socket_group *group, const struct listening_socket *socket, size_t listener)
{
	struct worker *worker = argument;
	struct ipc_message message = custody_describe(IPC_SOCKET, worker->generation, group, socket, listener);

	pool_send(worker, &message, socket->fd);
	return 0;
}

/* Offers GENERATION to WORKER; its sockets are the planned or the committed ones. */
static void offer(struct worker *worker, const struct generation *generation, bool planned)
{
	struct ipc_message message = ipc_make(IPC_SNAPSHOT);

	worker->generation = generation->number;
	worker->answer = WORKER_ANSWER_AWAITED;
	message.generation = generation->number;
	pool_send(worker, &message, generation->snapshot_fd);
	(void)sockets_each(worker->pool->sockets, planned, worker->index, send_socket, worker);
	send_number(worker, IPC_PREPARE, generation->number);
}

void pool_broadcast(struct pool *pool, const struct ipc_message *message, int descriptor)
{
	struct worker *worker;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL)
			pool_send(pool->seats[i].worker, message, descriptor);
	LIST_FOREACH(worker, &pool->retired, link)
	pool_send(worker, message, descriptor);
}

/* ---- Starting ---- */

static int enter_worker(void *argument)
{
	struct worker *worker = argument;

	return counters_enter(worker->pool->counters, worker->slot);
}

static int run_worker(void *argument)
{
	const struct worker *worker = argument;
	struct worker_start start = {
		.channel_fd = worker->channel.fd,
		.index = worker->index,
		.slot = worker->slot,
		.counters = worker->pool->counters,
		.module_dir = worker->pool->module_dir,
	};

	return worker_run(&start);
}

static unsigned take_slot(struct pool *pool)
{
	unsigned i;

	for (i = 1; i < sizeof(pool->slots); i++) {
		if (pool->slots[i])
			continue;
		pool->slots[i] = 1;
		counters_use(pool->counters, i);
		return i;
	}
	return 0;
}

static void worker_free(struct worker *worker)
{
	if (worker->readable != NULL)
		event_free(worker->readable);
	if (worker->writable != NULL)
		event_free(worker->writable);
	ipc_channel_fini(&worker->channel);
	if (worker->slot != 0) {
		counters_retire(worker->pool->counters, worker->slot);
		worker->pool->slots[worker->slot] = 0;
	}
	free(worker);
}

static void on_readable(evutil_socket_t fd, short what, void *argument);

/* Forks it; in the child the channel is the child's end. */
static int start_process(struct worker *worker)
{
	char process[32];
	struct child_body body = {
		.process = process,
		.identity = &worker->pool->identity,
		.enter = enter_worker,
		.run = run_worker,
		.argument = worker,
	};
	int fds[2];
	int r;

	r = ipc_pair(fds);
	if (r < 0)
		return r;
	(void)snprintf(process, sizeof(process), "worker-%u", worker->index);
	body.channel_fd = fds[1];
	worker->channel.fd = fds[1];
	r = child_fork(&body, &worker->pid);
	(void)close(fds[1]);
	ipc_channel_init(&worker->channel, fds[0], IPC_FROM_WORKER);
	if (r < 0)
		return r;
	worker->readable = event_new(worker->pool->base, fds[0], EV_READ | EV_PERSIST, on_readable, worker);
	worker->writable = event_new(worker->pool->base, fds[0], EV_WRITE | EV_PERSIST, on_writable, worker);
	if (worker->readable == NULL || worker->writable == NULL || event_add(worker->readable, NULL) != 0) {
		(void)kill(worker->pid, SIGKILL);
		(void)waitpid(worker->pid, NULL, 0);
		return -ENOMEM;
	}
	return 0;
}

static int start_worker(struct pool *pool, unsigned index, struct worker **ret)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct log_line line;
	int r;

	if (worker == NULL)
		return -ENOMEM;
	worker->pool = pool;
	worker->index = index;
	worker->phase = WORKER_STARTING;
	worker->born_ms = clock_now_ms();
	worker->channel.fd = -1;
	worker->slot = take_slot(pool);
	r = worker->slot == 0 ? -EAGAIN : start_process(worker);
	if (r < 0) {
		worker_free(worker);
		return r;
	}
	pool->seats[index].worker = worker;
	log_begin(&line, LOG_LEVEL_INFO, "worker_started");
	log_count(&line, "worker", index);
	log_number(&line, "pid", worker->pid);
	log_end(&line);
	pool->callbacks.on_started(pool->callbacks.argument, worker);
	*ret = worker;
	return 0;
}

static void schedule_respawn(struct seat *seat, unsigned delay_ms)
{
	struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};

	if (seat->respawn == NULL)
		seat->respawn = evtimer_new(seat->pool->base, on_respawn, seat);
	if (seat->respawn != NULL)
		(void)evtimer_add(seat->respawn, &delay);
}

static bool in_backoff(const struct seat *seat)
{
	return seat->worker == NULL && seat->respawn != NULL && evtimer_pending(seat->respawn, NULL);
}

static void on_respawn(evutil_socket_t fd, short what, void *argument)
{
	struct seat *seat = argument;
	struct pool *pool = seat->pool;
	struct worker *worker;
	int r;

	(void)fd;
	(void)what;
	if (pool->stopping || pool->committed == NULL || seat->worker != NULL ||
		seat->index >= pool->committed->workers)
		return;
	/* A reload is under way: which generation to start with is not known yet. */
	if (pool->pending != NULL) {
		schedule_respawn(seat, BACKOFF_FIRST_MS);
		return;
	}
	r = start_worker(pool, seat->index, &worker);
	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "worker_start", "error", strerror(-r), (char *)NULL);
		schedule_respawn(seat, backoff_delay_ms(++seat->failures));
		return;
	}
	worker->joining = true;
	offer(worker, pool->committed, false);
}

/* ---- Death ---- */

static void note_failure(struct pool *pool, const struct ipc_message *failure)
{
	if (pool->failed)
		return;
	pool->failed = true;
	pool->failure = *failure;
}

static void note_death(struct pool *pool, const struct worker *worker, const char *end)
{
	struct ipc_message failure = ipc_make(IPC_FAILED);

	if (pool->pending == NULL || worker->joining || worker->answer == WORKER_ANSWER_NONE ||
		worker->answer == WORKER_ANSWER_COMMIT)
		return;
	(void)snprintf(failure.body.failed.text, sizeof(failure.body.failed.text),
		"worker %u died while it prepared the new configuration: %s", worker->index, end);
	note_failure(pool, &failure);
}

static void log_death(const struct worker *worker, const char *end)
{
	struct log_line line;
	bool orderly = worker->phase == WORKER_RETIRED && worker->drained;

	log_begin(&line, orderly ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, orderly ? "worker_ended" : "worker_died");
	log_count(&line, "worker", worker->index);
	log_number(&line, "pid", worker->pid);
	log_text(&line, "end", end);
	log_count(&line, "connections_lost", counters_connections(worker->pool->counters, worker->slot));
	log_end(&line);
	if (!orderly)
		counters_add(worker->pool->counters, COUNTER_WORKER_DEATHS, 1);
}

static void vacate(struct worker *worker)
{
	struct pool *pool = worker->pool;
	struct seat *seat = &pool->seats[worker->index];

	seat->worker = NULL;
	custody_drop(pool, worker->index);
	if (pool->stopping || pool->committed == NULL || seat->index >= pool->committed->workers)
		return;
	if (clock_now_ms() - worker->born_ms >= BACKOFF_STEADY_MS)
		seat->failures = 0;
	schedule_respawn(seat, backoff_delay_ms(++seat->failures));
}

static void on_death(struct worker *worker, int status)
{
	struct pool *pool = worker->pool;
	char end[64];

	(void)child_describe_end(status, end, sizeof(end));
	note_death(pool, worker, end);
	log_death(worker, end);
	if (worker->phase == WORKER_RETIRED) {
		LIST_REMOVE(worker, link);
		pool->retired_count--;
	} else {
		vacate(worker);
	}
	worker_free(worker);
	custody_reconcile(pool);
	pool->callbacks.on_change(pool->callbacks.argument);
}

/* ---- What workers say ---- */

static void send_commit(struct worker *worker, const struct generation *generation)
{
	worker->answer = WORKER_ANSWER_COMMIT;
	send_number(worker, IPC_COMMIT, generation->number);
	custody_take_seat(worker);
}

static void on_prepared(struct worker *worker)
{
	worker->answer = WORKER_ANSWER_PREPARED;
	if (!worker->joining)
		return;
	if (worker->pool->pending != NULL || worker->generation != worker->pool->committed->number) {
		doom(worker, "it prepared a generation that is not the committed one");
		return;
	}
	send_commit(worker, worker->pool->committed);
	custody_reconcile(worker->pool);
}

static void on_failed(struct worker *worker, const struct ipc_message *message)
{
	struct log_line line;

	worker->answer = WORKER_ANSWER_NONE;
	if (!worker->joining) {
		note_failure(worker->pool, message);
		return;
	}
	log_begin(&line, LOG_LEVEL_ERROR, "worker_start");
	log_count(&line, "worker", worker->index);
	log_text(&line, "error", message->body.failed.text);
	log_end(&line);
	doom(worker, "it cannot serve the committed configuration");
}

static void on_committed(struct worker *worker)
{
	worker->answer = WORKER_ANSWER_NONE;
	worker->joining = false;
	if (worker->phase == WORKER_STARTING)
		worker->phase = WORKER_SERVING;
}

static void on_drained(struct worker *worker, const struct ipc_message *message)
{
	struct log_line line;

	if (worker->drained)
		return;
	worker->drained = true;
	worker->pool->finished += message->body.drained.finished;
	worker->pool->cut += message->body.drained.cut;
	log_begin(&line, LOG_LEVEL_INFO, "worker_drained");
	log_count(&line, "worker", worker->index);
	log_count(&line, "finished", message->body.drained.finished);
	log_count(&line, "cut", message->body.drained.cut);
	log_end(&line);
}

static void handle(struct worker *worker, const struct ipc_message *message)
{
	struct ipc_expected expected = {
		.preparing = worker->answer == WORKER_ANSWER_AWAITED,
		.committing = worker->answer == WORKER_ANSWER_COMMIT,
		.draining = worker->phase == WORKER_RETIRED,
		.generation = worker->generation,
		.sequence = worker->sequence,
		.next_socket = worker->pool->sockets->next_id,
	};
	int r = ipc_expect(message, &expected);

	if (r < 0)
		doom(worker, "it sent a message that does not belong here");
	if (r != 0)
		return;
	if (message->type == IPC_HEARTBEAT)
		worker->answered = message->body.sequence;
	else if (message->type == IPC_PREPARED)
		on_prepared(worker);
	else if (message->type == IPC_FAILED)
		on_failed(worker, message);
	else if (message->type == IPC_COMMITTED)
		on_committed(worker);
	else if (message->type == IPC_RELEASED)
		(void)sockets_released(worker->pool->sockets, message->socket);
	else if (message->type == IPC_DRAINED)
		on_drained(worker, message);
}

/* Takes one message. Returns as ipc_receive(). */
static int hear(struct worker *worker)
{
	struct ipc_message message;
	int descriptor;
	int r = ipc_receive(&worker->channel, &message, &descriptor);

	if (r == 0)
		handle(worker, &message);
	return r;
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct worker *worker = argument;
	unsigned i;
	int r = 0;

	(void)fd;
	(void)what;
	for (i = 0; r == 0 && i < MESSAGES_AT_ONCE && !worker->doomed; i++)
		r = hear(worker);
	if (r < 0) {
		/* Its end follows as SIGCHLD, if need be with some help. */
		(void)event_del(worker->readable);
		(void)event_del(worker->writable);
		if (r != -EPIPE)
			doom(worker, "it sent a message that is none");
		else if (!worker->drained && !worker->doomed)
			(void)kill(worker->pid, SIGKILL);
	}
	worker->pool->callbacks.on_change(worker->pool->callbacks.argument);
}

/* What it said last is heard before its end is looked at, as long as its pid is its own. */
static void try_reap(struct worker *worker)
{
	siginfo_t information = {0};
	int status;

	if (waitid(P_PID, (id_t)worker->pid, &information, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		information.si_pid == 0)
		return;
	while (!worker->doomed && hear(worker) == 0)
		;
	worker->doomed = true;
	if (waitpid(worker->pid, &status, WNOHANG) == worker->pid)
		on_death(worker, status);
}

void pool_reap(struct pool *pool)
{
	struct worker *worker;
	struct worker *next;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL)
			try_reap(pool->seats[i].worker);
	for (worker = LIST_FIRST(&pool->retired); worker != NULL; worker = next) {
		next = LIST_NEXT(worker, link);
		try_reap(worker);
	}
}

/* ---- Generations ---- */

bool pool_settled(const struct pool *pool)
{
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL && pool->seats[i].worker->joining)
			return false;
	return true;
}

int pool_prepare(struct pool *pool, const struct generation *generation)
{
	unsigned offered = 0;
	unsigned i;
	int pass;

	pool->pending = generation;
	pool->failed = false;
	/* Seats in their back-off take no part, unless there is nobody else. */
	for (pass = 0; pass < 2 && offered == 0; pass++) {
		for (i = 0; i < generation->workers; i++) {
			struct worker *worker = pool->seats[i].worker;
			int r = 0;

			if (worker == NULL && (pass == 1 || !in_backoff(&pool->seats[i])))
				r = start_worker(pool, i, &worker);
			if (r < 0)
				return r;
			if (worker == NULL || worker->doomed)
				continue;
			offer(worker, generation, true);
			offered++;
		}
	}
	return 0;
}

enum pool_outcome pool_outcome(const struct pool *pool)
{
	unsigned i;

	if (pool->failed)
		return POOL_FAILED;
	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL && pool->seats[i].worker->answer == WORKER_ANSWER_AWAITED)
			return POOL_WAITING;
	return POOL_PREPARED;
}

static void drain(struct worker *worker, uint32_t timeout_ms)
{
	struct ipc_message message = ipc_make(IPC_DRAIN);

	message.body.drain.timeout_ms = timeout_ms;
	pool_send(worker, &message, -1);
}

/* Out of its seat; it lives on until its connections have ended. */
static void retire(struct worker *worker)
{
	struct pool *pool = worker->pool;

	pool->seats[worker->index].worker = NULL;
	custody_drop(pool, worker->index);
	worker->phase = WORKER_RETIRED;
	worker->answer = WORKER_ANSWER_NONE;
	LIST_INSERT_HEAD(&pool->retired, worker, link);
	pool->retired_count++;
}

static void retire_above(struct pool *pool, unsigned workers)
{
	unsigned i;

	for (i = workers; i < POOL_SEATS; i++) {
		struct worker *worker = pool->seats[i].worker;

		if (pool->seats[i].respawn != NULL)
			(void)evtimer_del(pool->seats[i].respawn);
		pool->seats[i].failures = 0;
		if (worker != NULL)
			retire(worker);
	}
	/* Others have their sockets before they let go of them. */
	custody_reconcile(pool);
}

void pool_commit(struct pool *pool)
{
	const struct generation *generation = pool->pending;
	struct worker *worker;
	unsigned i;

	pool->committed = generation;
	pool->pending = NULL;
	for (i = 0; i < generation->workers; i++) {
		worker = pool->seats[i].worker;
		if (worker != NULL && worker->answer == WORKER_ANSWER_PREPARED)
			send_commit(worker, generation);
		else if (worker == NULL && !in_backoff(&pool->seats[i]))
			schedule_respawn(&pool->seats[i], 0);
	}
	retire_above(pool, generation->workers);
	LIST_FOREACH(worker, &pool->retired, link)
	drain(worker, IPC_DRAIN_FOREVER);
}

bool pool_committed(const struct pool *pool)
{
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL && pool->seats[i].worker->answer == WORKER_ANSWER_COMMIT)
			return false;
	return true;
}

void pool_abort(struct pool *pool)
{
	uint64_t number = pool->pending->number;
	unsigned i;

	pool->pending = NULL;
	for (i = 0; i < POOL_SEATS; i++) {
		struct worker *worker = pool->seats[i].worker;

		if (worker == NULL)
			continue;
		if (worker->phase == WORKER_STARTING) {
			/* Started for what does not come: its end is none to wonder about. */
			retire(worker);
			worker->drained = true;
			doom(worker, "the reload it was started for failed");
			if (pool->committed != NULL && i < pool->committed->workers)
				schedule_respawn(&pool->seats[i], backoff_delay_ms(pool->seats[i].failures));
			continue;
		}
		if (worker->generation == number)
			send_number(worker, IPC_ABORT, number);
		worker->answer = WORKER_ANSWER_NONE;
	}
	custody_reconcile(pool);
}

/* ---- Time ---- */

static void beat(struct worker *worker)
{
	struct ipc_message message = ipc_make(IPC_HEARTBEAT);
	uint64_t age_ms = clock_now_ms() - worker->born_ms;

	if (worker->doomed) {
		worker->sequence++;
		return;
	}
	/* Counted in heartbeats, not in time: a machine that was suspended finds nobody late. */
	if (worker->sequence - worker->answered >= POOL_HEARTBEATS_MISSED) {
		doom(worker, "it did not answer its heartbeats");
		return;
	}
	if (worker->phase == WORKER_STARTING && age_ms > POOL_START_MS) {
		doom(worker, "it took too long to start");
		return;
	}
	message.body.sequence = ++worker->sequence;
	pool_send(worker, &message, -1);
}

void pool_tick(struct pool *pool)
{
	struct worker *worker;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL)
			beat(pool->seats[i].worker);
	LIST_FOREACH(worker, &pool->retired, link)
	beat(worker);
	custody_release_emptied(pool);
}

bool pool_is_healthy(const struct pool *pool)
{
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++) {
		const struct worker *worker = pool->seats[i].worker;

		/* One that was killed and does not end either is no sign of health. */
		if (worker != NULL && worker->sequence - worker->answered > POOL_HEARTBEATS_MISSED)
			return false;
	}
	return true;
}

/* ---- The end ---- */

void pool_stop(struct pool *pool, uint32_t timeout_ms)
{
	struct worker *worker;
	unsigned i;

	pool->stopping = true;
	for (i = 0; i < POOL_SEATS; i++) {
		worker = pool->seats[i].worker;
		if (pool->seats[i].respawn != NULL)
			(void)evtimer_del(pool->seats[i].respawn);
		if (worker != NULL)
			retire(worker);
	}
	LIST_FOREACH(worker, &pool->retired, link)
	drain(worker, timeout_ms);
}

void pool_kill(struct pool *pool)
{
	struct worker *worker;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL)
			doom(pool->seats[i].worker, "the end");
	LIST_FOREACH(worker, &pool->retired, link)
	doom(worker, "the end");
}

bool pool_is_empty(const struct pool *pool)
{
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL)
			return false;
	return LIST_EMPTY(&pool->retired);
}

unsigned pool_serving(const struct pool *pool)
{
	unsigned count = 0;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++)
		if (pool->seats[i].worker != NULL && pool->seats[i].worker->phase == WORKER_SERVING)
			count++;
	return count;
}

static void end_worker(struct worker *worker)
{
	(void)kill(worker->pid, SIGKILL);
	(void)waitpid(worker->pid, NULL, 0);
	worker_free(worker);
}

void pool_fini(struct pool *pool)
{
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++) {
		if (pool->seats[i].worker != NULL)
			end_worker(pool->seats[i].worker);
		if (pool->seats[i].respawn != NULL)
			event_free(pool->seats[i].respawn);
	}
	while (!LIST_EMPTY(&pool->retired)) {
		struct worker *worker = LIST_FIRST(&pool->retired);

		LIST_REMOVE(worker, link);
		end_worker(worker);
	}
}

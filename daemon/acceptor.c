/* The listening sockets of a worker. */

#include "daemon/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/session.h"
#include "daemon/tcp_options.h"

#define DESCRIPTORS_PER_SESSION 2 /* client and upstream */

/* What accepting one connection came to. */
enum accepted {
	ACCEPTED_ONE,
	ACCEPTED_NONE,  /* the queue is empty */
	ACCEPTED_LATER, /* at a limit */
};

static void log_pause(struct acceptor *acceptor, const char *reason)
{
	struct acceptors *all = acceptor->all;
	uint64_t left_out = 0;
	struct log_line line;

	counters_add(all->engine->counters, COUNTER_ACCEPT_PAUSES, 1);
	if (!log_limiter_allow(&all->pause_log, clock_now_ms(), &left_out))
		return;
	log_begin(&line, LOG_LEVEL_WARNING, "accept_paused");
	log_text(&line, "listener", acceptor->listener->name);
	log_text(&line, "reason", reason);
	log_count(&line, "connections", counters_column(all->engine->counters, acceptor->column));
	if (left_out > 0)
		log_count(&line, "left_out", left_out);
	log_end(&line);
}

static void retry_after(struct acceptors *all, unsigned wait_ms)
{
	const struct timeval wait = {.tv_sec = 0, .tv_usec = (suseconds_t)wait_ms * 1000};

	(void)evtimer_add(&all->retry, &wait);
}

static void pause_accepting(struct acceptor *acceptor, const char *reason)
{
	if (acceptor->paused)
		return;
	acceptor->paused = true;
	(void)event_del(&acceptor->event);
	if (acceptor->all->paused_count++ == 0)
		retry_after(acceptor->all, ACCEPTOR_RETRY_MS);
	log_pause(acceptor, reason);
}

/* Sessions for which there are descriptors, beside the reserve and the sockets of this generation and the next. */
static size_t session_capacity(const struct acceptors *all)
{
	size_t kept = ACCEPTOR_RESERVE + 2 * all->count;

	if (all->descriptor_limit < kept + DESCRIPTORS_PER_SESSION)
		return 1;
	return (all->descriptor_limit - kept) / DESCRIPTORS_PER_SESSION;
}

static bool is_transient(int code)
{
	/* What accept(2) passes on from a connection that died in the queue. */
	return code == ECONNABORTED || code == EINTR || code == EPROTO || code == ENETDOWN ||
		code == ENOPROTOOPT || code == EHOSTDOWN || code == ENONET || code == EHOSTUNREACH ||
		code == EOPNOTSUPP || code == ENETUNREACH || code == EPERM;
}

static enum accepted accept_failed(struct acceptor *acceptor, int code)
{
	counters_release(acceptor->all->engine->counters, acceptor->column);
	if (code == EAGAIN)
		return ACCEPTED_NONE;
	if (is_transient(code))
		return ACCEPTED_ONE;
	pause_accepting(acceptor, strerror(code));
	return ACCEPTED_LATER;
}

static enum accepted accept_one(struct acceptor *acceptor)
{
	struct engine *engine = acceptor->all->engine;
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(peer);
	struct session_params params;
	int fd;

	if (engine->session_count >= session_capacity(acceptor->all)) {
		pause_accepting(acceptor, "descriptors");
		return ACCEPTED_LATER;
	}
	if (counters_acquire(engine->counters, acceptor->column, acceptor->listener->max_connections) != 0) {
		pause_accepting(acceptor, "max_connections");
		return ACCEPTED_LATER;
	}
	fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return accept_failed(acceptor, errno);
	/* What was in the queue of a socket that somebody else made may not have inherited them. */
	if (acceptor->kind == IPC_SOCKET_INHERITED)
		tcp_options_set(fd, peer.ss_family);
	params = (struct session_params){
		.fd = fd,
		.peer = (const struct sockaddr *)&peer,
		.listener = acceptor->listener,
		.column = acceptor->column,
	};
	(void)session_start(engine, &params); /* a failure is logged and counted there */
	return ACCEPTED_ONE;
}

static void close_acceptor(struct acceptor *acceptor)
{
	struct acceptors *all = acceptor->all;

	(void)event_del(&acceptor->event);
	if (acceptor->paused)
		all->paused_count--;
	if (acceptor->releasing)
		all->releasing_count--;
	(void)close(acceptor->fd);
	TAILQ_REMOVE(&all->list, acceptor, link);
	all->count--;
	listener_unref(acceptor->listener);
	free(acceptor);
}

static void finish_release(struct acceptor *acceptor)
{
	struct acceptors *all = acceptor->all;
	uint32_t id = acceptor->id;

	close_acceptor(acceptor);
	all->on_released(all->argument, id);
}

/* Accepts up to LIMIT. A releasing acceptor is gone when its queue was found empty. */
static void accept_batch(struct acceptor *acceptor, unsigned limit)
{
	enum accepted accepted = ACCEPTED_ONE;

	for (unsigned i = 0; i < limit && accepted == ACCEPTED_ONE; i++)
		accepted = accept_one(acceptor);
	if (accepted == ACCEPTED_NONE && acceptor->releasing)
		finish_release(acceptor);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	accept_batch(argument, ACCEPTOR_BATCH);
}

static bool has_room(const struct acceptor *acceptor)
{
	const struct engine *engine = acceptor->all->engine;

	return engine->session_count < session_capacity(acceptor->all) &&
		counters_has_room(engine->counters, acceptor->column, acceptor->listener->max_connections);
}

static void on_retry(evutil_socket_t fd, short what, void *argument)
{
	struct acceptors *all = argument;
	struct acceptor *acceptor;
	struct acceptor *next;

	(void)fd;
	(void)what;
	for (acceptor = TAILQ_FIRST(&all->list); acceptor != NULL; acceptor = next) {
		next = TAILQ_NEXT(acceptor, link);
		if (acceptor->paused && has_room(acceptor)) {
			acceptor->paused = false;
			all->paused_count--;
			(void)event_add(&acceptor->event, NULL);
		}
		/* No event tells that a queue is empty. */
		if (acceptor->releasing && !acceptor->paused)
			accept_batch(acceptor, ACCEPTOR_BATCH);
	}
	if (all->paused_count > 0 || all->releasing_count > 0)
		retry_after(all, ACCEPTOR_RETRY_MS);
}

int acceptors_init(struct acceptors *all, struct engine *engine)
{
	struct rlimit limit;

	*all = (struct acceptors){.engine = engine, .descriptor_limit = 1024, .pause_log = {.limit = 1}};
	TAILQ_INIT(&all->list);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* what holds is read next */
		if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
			all->descriptor_limit = limit.rlim_cur;
	}
	return evtimer_assign(&all->retry, engine->base, on_retry, all) == 0 ? 0 : -ENOMEM;
}

void acceptors_fini(struct acceptors *all)
{
	struct acceptor *acceptor;

	if (all->engine == NULL)
		return;
	while ((acceptor = TAILQ_FIRST(&all->list)) != NULL)
		close_acceptor(acceptor);
	(void)event_del(&all->retry);
}

int acceptors_add(struct acceptors *all, const struct acceptor_params *params)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));

	if (acceptor == NULL ||
		event_assign(&acceptor->event, all->engine->base, params->fd, EV_READ | EV_PERSIST, on_readable,
			acceptor) != 0 ||
		event_add(&acceptor->event, NULL) != 0) {
		free(acceptor);
		(void)close(params->fd);
		return -ENOMEM;
	}
	acceptor->all = all;
	acceptor->fd = params->fd;
	acceptor->id = params->id;
	acceptor->column = params->column;
	acceptor->kind = params->kind;
	acceptor->listener = listener_ref(params->listener);
	TAILQ_INSERT_TAIL(&all->list, acceptor, link);
	all->count++;
	return 0;
}

struct acceptor *acceptors_find(struct acceptors *all, uint32_t id)
{
	struct acceptor *acceptor;

	TAILQ_FOREACH(acceptor, &all->list, link)
	{
		if (acceptor->id == id)
			return acceptor;
	}
	return NULL;
}

void acceptor_set_listener(struct acceptor *acceptor, struct listener *listener, unsigned column)
{
	struct listener *old = acceptor->listener;

	/* Given anew while its queue was still being emptied: it stays. */
	if (acceptor->releasing) {
		acceptor->releasing = false;
		acceptor->all->releasing_count--;
	}
	acceptor->listener = listener_ref(listener);
	acceptor->column = column;
	listener_unref(old);
}

void acceptor_release(struct acceptor *acceptor)
{
	if (acceptor->releasing)
		return;
	acceptor->releasing = true;
	acceptor->all->releasing_count++;
	retry_after(acceptor->all, ACCEPTOR_RETRY_MS);
	if (acceptor->kind == IPC_SOCKET_OWN)
		accept_batch(acceptor, ACCEPTOR_LAST_BATCH);
	else
		finish_release(acceptor);
}

void acceptors_close(struct acceptors *all)
{
	struct acceptor *acceptor;

	while ((acceptor = TAILQ_FIRST(&all->list)) != NULL) {
		if (acceptor->releasing)
			all->releasing_count--;
		acceptor->releasing = false;
		if (acceptor->kind == IPC_SOCKET_OWN)
			accept_batch(acceptor, ACCEPTOR_LAST_BATCH);
		close_acceptor(acceptor);
	}
}

void acceptors_wake(struct acceptors *all)
{
	if (all->paused_count > 0)
		retry_after(all, 0);
}

/* The way from a configuration file to a committed generation. */

#include "daemon/reload.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/generation.h"
#include "daemon/heap.h"
#include "daemon/ipc.h"
#include "daemon/load.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/resolution.h"
#include "daemon/sockets.h"

static void start_run(struct reload *reload);
static void on_timer(evutil_socket_t fd, short what, void *argument);

static struct timeval in_ms(unsigned ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

int reload_init(struct reload *reload, struct event_base *base, const struct loader_options *loader,
	struct sockets *sockets, struct pool *pool, struct resolution *resolution,
	const struct reload_callbacks *callbacks)
{
	*reload = (struct reload){
		.base = base,
		.loader = loader,
		.sockets = sockets,
		.pool = pool,
		.resolution = resolution,
		.callbacks = *callbacks,
		.log_fd = -1,
		.load_ms = LOAD_TIMEOUT_MS,
		.prepare_ms = RELOAD_PREPARE_MS,
		.names_ms = RELOAD_NAMES_MS,
	};
	diagnostics_init(&reload->list);
	reload->timer = evtimer_new(base, on_timer, reload);
	return reload->timer != NULL ? 0 : -ENOMEM;
}

void reload_fini(struct reload *reload)
{
	load_cancel(reload->load);
	if (reload->timer != NULL)
		event_free(reload->timer);
	if (reload->log_fd >= 0)
		(void)close(reload->log_fd);
	generation_free(reload->pending);
	generation_free(reload->committed);
	diagnostics_fini(&reload->list);
}

/* ---- The end of a run ---- */

static void log_list(const struct diagnostics *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct diagnostic *item = &list->items[i];
		bool error = item->level == DIAGNOSTIC_ERROR;
		char place[DIAGNOSTICS_TEXT_MAX];
		struct log_line line;

		log_begin(&line, error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			error ? "config_error" : "config_warning");
		if (diagnostics_format_place(item, place, sizeof(place)) > 0)
			log_text(&line, "at", place);
		log_text(&line, "text", item->text);
		log_end(&line);
	}
}

static void remember(struct reload *reload, bool ok)
{
	size_t i;

	reload->last_ok = ok;
	reload->last_time = time(NULL);
	reload->last_text[0] = '\0';
	for (i = 0; i < reload->list.count && reload->last_text[0] == '\0'; i++)
		if (reload->list.items[i].level == DIAGNOSTIC_ERROR)
			(void)diagnostics_format(
				&reload->list.items[i], reload->last_text, sizeof(reload->last_text));
}

static const char *event_of_end(const struct reload *reload, bool ok)
{
	if (reload->run == 1)
		return ok ? "started" : "start_failed";
	return ok ? "reload" : "reload_failed";
}

static void finish(struct reload *reload)
{
	struct diagnostics list = reload->list;
	bool ok = diagnostics_ok(&list);
	struct log_line line;

	diagnostics_init(&reload->list);
	(void)evtimer_del(reload->timer);
	reload->phase = RELOAD_IDLE;
	/* At a start that fails the reasons are printed for the one who started it. */
	if (ok || reload->committed != NULL)
		log_list(&list);
	log_begin(&line, ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, event_of_end(reload, ok));
	log_count(&line, "generation", reload->committed != NULL ? reload->committed->number : 0);
	log_count(&line, "duration_ms", clock_now_ms() - reload->began_ms);
	log_end(&line);
	reload->callbacks.done(reload->callbacks.argument, reload->run, &list);
	diagnostics_fini(&list);
	heap_give_back();
	if (reload->queued && reload->phase == RELOAD_IDLE) {
		reload->queued = false;
		start_run(reload);
	}
}

/* Nothing was changed; what was begun is taken back. */
static void fail(struct reload *reload)
{
	if (reload->phase == RELOAD_PREPARING) {
		if (reload->pool->pending != NULL)
			pool_abort(reload->pool);
		sockets_abort(reload->sockets);
		(void)resolution_want(
			reload->resolution, reload->committed != NULL ? reload->committed->config : NULL, NULL);
	}
	if (reload->log_fd >= 0)
		(void)close(reload->log_fd);
	reload->log_fd = -1;
	generation_free(reload->pending);
	reload->pending = NULL;
	diagnostics_sort(&reload->list);
	remember(reload, false);
	finish(reload);
}

static void fail_because(struct reload *reload, const char *reason)
{
	diagnostics_add(&reload->list, DIAGNOSTIC_ERROR, NULL, 0, "%s", reason);
	fail(reload);
}

/* ---- The log ---- */

static int open_log(const char *path, int *ret_fd)
{
	int fd;

	if (path == NULL)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static void use_log(struct reload *reload, int fd)
{
	struct ipc_message message = ipc_make(IPC_LOG);

	log_set_fd(fd);
	pool_broadcast(reload->pool, &message, log_fd());
	resolution_send(reload->resolution, &message, log_fd());
}

static bool same_path(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int plan_log(struct reload *reload)
{
	const struct config_daemon *wanted = &reload->pending->config->daemon;
	const char *current = reload->committed != NULL ? reload->committed->config->daemon.log : NULL;
	const struct config_origin *origin = config_origin_of(&wanted->section, "log");
	int r;

	if (same_path(wanted->log, current))
		return 0;
	r = open_log(wanted->log, &reload->log_fd);
	if (r == 0)
		return 0;
	diagnostics_add(&reload->list, DIAGNOSTIC_ERROR, origin->file, origin->line,
		"the log \"%s\" cannot be opened: %s", wanted->log != NULL ? wanted->log : "stderr", strerror(-r));
	return 1;
}

void reload_reopen_log(struct reload *reload)
{
	const char *path = reload->committed != NULL ? reload->committed->config->daemon.log : NULL;
	int fd = -1;
	int r;

	if (path == NULL)
		return;
	r = open_log(path, &fd);
	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "log_reopen", "path", path, "error", strerror(-r), (char *)NULL);
		return;
	}
	use_log(reload, fd);
	log_event(LOG_LEVEL_INFO, "log_reopen", "path", path, (char *)NULL);
}

/* ---- The run ---- */

static void succeed(struct reload *reload)
{
	/* The workers have taken what was queued on them, or hold them until they have. */
	sockets_close_removed(reload->sockets);
	remember(reload, true);
	finish(reload);
}

static void commit(struct reload *reload)
{
	struct generation *old = reload->committed;

	if (sockets_listen(reload->sockets, reload->pending->config, &reload->list) != 0) {
		fail(reload);
		return;
	}
	if (reload->log_fd >= 0)
		use_log(reload, reload->log_fd);
	reload->log_fd = -1;
	log_set_level((enum log_level)reload->pending->config->daemon.log_level);
	sockets_commit(reload->sockets, clock_now_ms(), POOL_EMPTY_MS);
	pool_commit(reload->pool);
	reload->committed = reload->pending;
	reload->pending = NULL;
	generation_free(old);
	resolution_warn(reload->resolution, reload->committed->config, &reload->list);
	(void)resolution_want(reload->resolution, reload->committed->config, NULL);
	(void)evtimer_del(reload->timer);
	reload->phase = RELOAD_COMMITTING;
}

static void begin_prepare(struct reload *reload)
{
	const struct config *config = reload->pending->config;
	struct timeval delay = in_ms(reload->names_ms);
	int r;

	reload->phase = RELOAD_PREPARING;
	r = reload->callbacks.plan(reload->callbacks.argument, config, &reload->list);
	r |= plan_log(reload);
	r |= sockets_plan(reload->sockets, config, reload->pending->workers, &reload->list) != 0;
	if (r != 0) {
		if (diagnostics_ok(&reload->list))
			fail_because(reload, "out of memory");
		else
			fail(reload);
		return;
	}
	r = resolution_want(
		reload->resolution, config, reload->committed != NULL ? reload->committed->config : NULL);
	if (r > 0) {
		fail_because(reload, "too many names to resolve");
		return;
	}
	/* A helper that does not start is tried again; names are waited for no longer than RELOAD_NAMES_MS. */
	reload->names_late = false;
	r = pool_prepare(reload->pool, reload->pending);
	if (r < 0) {
		diagnostics_add(
			&reload->list, DIAGNOSTIC_ERROR, NULL, 0, "a worker cannot be started: %s", strerror(-r));
		fail(reload);
		return;
	}
	(void)evtimer_add(reload->timer, &delay);
}

static void fail_as_worker_said(struct reload *reload)
{
	const struct ipc_message *failure = &reload->pool->failure;

	diagnostics_add(&reload->list, DIAGNOSTIC_ERROR, failure->body.failed.file, failure->body.failed.line,
		"%s", failure->body.failed.text);
	fail(reload);
}

static bool names_are_due(const struct reload *reload)
{
	return reload->names_late || resolution_is_settled(reload->resolution);
}

void reload_evaluate(struct reload *reload)
{
	if (reload->phase == RELOAD_SETTLING && pool_settled(reload->pool))
		begin_prepare(reload);
	if (reload->phase == RELOAD_PREPARING) {
		enum pool_outcome outcome = pool_outcome(reload->pool);

		if (outcome == POOL_FAILED)
			fail_as_worker_said(reload);
		else if (outcome == POOL_PREPARED && names_are_due(reload))
			commit(reload);
	}
	if (reload->phase == RELOAD_COMMITTING && pool_committed(reload->pool))
		succeed(reload);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct reload *reload = argument;
	struct timeval delay = in_ms(reload->prepare_ms - reload->names_ms);

	(void)fd;
	(void)what;
	if (reload->phase != RELOAD_PREPARING)
		return;
	if (reload->names_late) {
		fail_because(reload, "the workers did not prepare the new configuration in 30 seconds");
		return;
	}
	reload->names_late = true;
	(void)evtimer_add(reload->timer, &delay);
	reload_evaluate(reload);
}

static void on_loaded(void *argument, struct diagnostics *list, int snapshot_fd)
{
	struct reload *reload = argument;
	int r;

	reload->load = NULL;
	diagnostics_fini(&reload->list);
	reload->list = *list;
	diagnostics_init(list);
	if (snapshot_fd < 0) {
		fail(reload);
		return;
	}
	r = generation_new(++reload->number, snapshot_fd, &reload->pending);
	if (r < 0) {
		diagnostics_add(
			&reload->list, DIAGNOSTIC_ERROR, NULL, 0, "the snapshot cannot be read: %s", strerror(-r));
		fail(reload);
		return;
	}
	reload->phase = RELOAD_SETTLING;
	reload_evaluate(reload);
}

static void start_run(struct reload *reload)
{
	int r;

	reload->run++;
	reload->phase = RELOAD_LOADING;
	reload->began_ms = clock_now_ms();
	reload->callbacks.begun(reload->callbacks.argument);
	r = load_start(reload->base, reload->loader, reload->load_ms, on_loaded, reload, &reload->load);
	if (r < 0) {
		diagnostics_add(&reload->list, DIAGNOSTIC_ERROR, NULL, 0,
			"the process that loads the configuration cannot be started: %s", strerror(-r));
		fail(reload);
	}
}

uint64_t reload_request(struct reload *reload)
{
	if (reload->phase != RELOAD_IDLE) {
		reload->queued = true;
		return reload->run + 1;
	}
	start_run(reload);
	return reload->run;
}

void reload_cancel(struct reload *reload, const char *reason)
{
	reload->queued = false;
	if (reload->phase == RELOAD_IDLE)
		return;
	load_cancel(reload->load);
	reload->load = NULL;
	if (reload->phase == RELOAD_COMMITTING)
		succeed(reload);
	else
		fail_because(reload, reason);
}

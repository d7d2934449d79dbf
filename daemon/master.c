/* The master: one loop that ties children, sockets, reloads, signals, systemd and unitlsctl together. */

#include "daemon/master.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/counters.h"
#include "daemon/generation.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/pool.h"
#include "daemon/reload.h"
#include "daemon/resolution.h"
#include "daemon/signals.h"
#include "daemon/sockets.h"
#include "daemon/status.h"
#include "daemon/tickets.h"

#define TICK_MS         1000
#define STOP_EXTRA_MS   5000 /* after drain_timeout a worker still has so long to close what is left */
#define STOP_AT_ONCE_MS 2000 /* the same after a second SIGTERM */

struct master {
	const struct master_options *options;
	struct event_base *base;
	struct counters *counters;
	struct sockets sockets;
	struct pool pool;
	struct resolution *resolution;
	struct reload reload;
	struct control *control;
	struct notify notify;
	struct tickets tickets;
	struct event *signals;
	struct event *tick;
	struct event *deadline; /* of the end */
	int signal_fd;
	bool started; /* the first generation is committed */
	bool failed;  /* it will not be */
	bool stopping;
	uint64_t drops_counted;
	char *user; /* as they were at the start; only a restart changes them */
	char *group;
	char *control_path;
};

/* ---- systemd ---- */

static const char *format_status(const struct master *master, char *buffer, size_t size)
{
	const struct reload *reload = &master->reload;
	int n = snprintf(buffer, size, "Serving generation %" PRIu64 " with %u workers", reload->committed->number,
		pool_serving(&master->pool));

	if (!reload->last_ok && n > 0 && (size_t)n < size)
		(void)snprintf(buffer + n, size - (size_t)n, "; last reload failed: %s", reload->last_text);
	return buffer;
}

static void tell_ready(const struct master *master)
{
	char status[700];

	notify_ready(&master->notify, format_status(master, status, sizeof(status)));
}

/* ---- The end ---- */

static void set_deadline(struct master *master, uint64_t delay_ms)
{
	struct timeval delay = {
		.tv_sec = (time_t)(delay_ms / 1000), .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};

	(void)evtimer_add(master->deadline, &delay);
}

static void end_if_done(struct master *master)
{
	if (master->stopping && pool_is_empty(&master->pool))
		(void)event_base_loopbreak(master->base);
}

static void begin_stop(struct master *master)
{
	uint32_t timeout_ms;

	master->stopping = true;
	reload_cancel(&master->reload, "unitlsd is being stopped");
	if (!master->started) {
		(void)event_base_loopbreak(master->base);
		return;
	}
	timeout_ms = master->reload.committed->config->daemon.drain_timeout_ms;
	log_event(LOG_LEVEL_INFO, "stopping", (char *)NULL);
	notify_stopping(&master->notify, "Finishing connections");
	/* The workers first: they accept what is queued, then nobody holds a socket any more. */
	pool_stop(&master->pool, timeout_ms);
	sockets_stop(&master->sockets);
	set_deadline(master, (uint64_t)timeout_ms + STOP_EXTRA_MS);
	end_if_done(master);
}

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct master *master = argument;

	(void)fd;
	(void)what;
	pool_kill(&master->pool);
}

static void stop(struct master *master)
{
	if (!master->stopping) {
		begin_stop(master);
		return;
	}
	log_event(LOG_LEVEL_INFO, "stopping_at_once", (char *)NULL);
	pool_stop(&master->pool, 0);
	set_deadline(master, STOP_AT_ONCE_MS);
}

/* ---- Reload ---- */

static char *copy_or_null(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void warn_if_changed(
	const struct config *config, const char *key, const char *was, const char *is, struct diagnostics *list)
{
	const struct config_origin *origin = config_origin_of(&config->daemon.section, key);

	if (!same_text(was, is))
		diagnostics_add(list, DIAGNOSTIC_WARNING, origin->file, origin->line,
			"a change of \"%s\" takes effect only after a restart", key);
}

static void on_command(void *argument, struct control_client *client, const char *command);

static int open_control(struct master *master, const struct config *config, struct diagnostics *list)
{
	const struct config_origin *origin = config_origin_of(&config->daemon.section, "control");
	bool written = config_is_written(&config->daemon.section, "control");
	int r;

	if (config->daemon.control == NULL)
		return 0;
	r = control_open(master->base, config->daemon.control, on_command, master, &master->control);
	if (r == 0)
		return 0;
	diagnostics_add(list, written ? DIAGNOSTIC_ERROR : DIAGNOSTIC_WARNING, origin->file, origin->line,
		"the control socket \"%s\" cannot be made: %s", config->daemon.control,
		r == -EADDRINUSE ? "another instance of unitlsd answers on it" : strerror(-r));
	return written ? 1 : 0;
}

static int first_plan(struct master *master, const struct config *config, struct diagnostics *list)
{
	const struct config_origin *origin =
		config_origin_of(&config->daemon.section, config->daemon.user != NULL ? "user" : "group");
	char reason[200];
	int r;

	r = child_identity_resolve(
		config->daemon.user, config->daemon.group, &master->pool.identity, reason, sizeof(reason));
	if (r < 0) {
		diagnostics_add(list, DIAGNOSTIC_ERROR, origin->file, origin->line, "%s", reason);
		return 1;
	}
	if (geteuid() == 0 && config->daemon.user == NULL)
		diagnostics_add(list, DIAGNOSTIC_WARNING, origin->file, origin->line,
			"the workers run as root: set \"user\" in [daemon]");
	resolution_set_identity(master->resolution, &master->pool.identity);
	master->user = copy_or_null(config->daemon.user);
	master->group = copy_or_null(config->daemon.group);
	master->control_path = copy_or_null(config->daemon.control);
	return open_control(master, config, list);
}

static int on_plan(void *argument, const struct config *config, struct diagnostics *list)
{
	struct master *master = argument;

	if (!master->started)
		return first_plan(master, config, list);
	warn_if_changed(config, "user", master->user, config->daemon.user, list);
	warn_if_changed(config, "group", master->group, config->daemon.group, list);
	warn_if_changed(config, "control", master->control_path, config->daemon.control, list);
	return 0;
}

static void on_begun(void *argument)
{
	struct master *master = argument;

	if (master->started)
		notify_reloading(&master->notify);
}

struct answer {
	const struct diagnostics *list;
};

/* What a waiting unitlsctl is told. */
static void answer_reload(void *argument, struct control_client *client)
{
	const struct answer *answer = argument;
	const struct diagnostics *list = answer->list;
	char text[DIAGNOSTICS_TEXT_MAX + 500];
	size_t i;

	for (i = 0; i < list->count; i++) {
		(void)diagnostics_format(&list->items[i], text, sizeof(text));
		control_say(client, "%s", text);
	}
	control_finish(client, diagnostics_ok(list));
}

static void print_list(const struct diagnostics *list)
{
	char text[DIAGNOSTICS_TEXT_MAX + 500];
	size_t i;

	for (i = 0; i < list->count; i++) {
		(void)diagnostics_format(&list->items[i], text, sizeof(text));
		(void)fprintf(stderr, "%s\n", text);
	}
	(void)fflush(stderr);
}

static void on_done(void *argument, uint64_t run, const struct diagnostics *list)
{
	struct master *master = argument;
	struct answer answer = {.list = list};
	bool ok = diagnostics_ok(list);

	if (!master->started && !ok) {
		print_list(list);
		master->failed = true;
		(void)event_base_loopbreak(master->base);
		return;
	}
	if (master->started)
		counters_add(master->counters, ok ? COUNTER_RELOADS : COUNTER_RELOAD_FAILURES, 1);
	master->started = true;
	if (!master->stopping)
		tell_ready(master);
	control_due(master->control, run, answer_reload, &answer);
}

/* ---- Children ---- */

static void on_change(void *argument)
{
	struct master *master = argument;

	reload_evaluate(&master->reload);
	end_if_done(master);
}

static void send_name(void *argument, const struct ipc_message *message)
{
	pool_send(argument, message, -1);
}

static void on_started(void *argument, struct worker *worker)
{
	const struct master *master = argument;
	struct ipc_message tickets = ipc_make(IPC_TICKETS);

	pool_send(worker, &tickets, master->tickets.fd);
	resolution_each(master->resolution, send_name, worker);
}

static void on_news(void *argument, const struct ipc_message *message)
{
	struct master *master = argument;

	pool_broadcast(&master->pool, message, -1);
	reload_evaluate(&master->reload);
}

/* ---- Commands ---- */

static void on_command(void *argument, struct control_client *client, const char *command)
{
	struct master *master = argument;

	if (strcmp(command, "reload") == 0) {
		if (master->stopping) {
			control_say(client, "unitlsd is being stopped");
			control_finish(client, false);
			return;
		}
		/* A new run may end at once, so first the ticket, then the run. */
		control_wait(client, master->reload.run + 1);
		(void)reload_request(&master->reload);
	} else if (strcmp(command, "status") == 0) {
		status_tell(client, &master->reload, &master->pool, &master->sockets, &master->tickets,
			master->counters);
		control_finish(client, true);
	} else {
		control_say(client, "there is no command \"%s\"; there are: reload, status", command);
		control_finish(client, false);
	}
}

/* ---- Signals and time ---- */

static void on_signal_number(struct master *master, int number)
{
	if (number == SIGCHLD) {
		pool_reap(&master->pool);
		resolution_reap(master->resolution);
	} else if (number == SIGTERM || number == SIGINT) {
		stop(master);
	} else if (number == SIGUSR1) {
		reload_reopen_log(&master->reload);
	} else if (number == SIGHUP && !master->stopping) {
		(void)reload_request(&master->reload);
	}
}

static void on_signals(evutil_socket_t fd, short what, void *argument)
{
	struct master *master = argument;
	int number;

	(void)what;
	while (signals_read((int)fd, &number) == 0)
		on_signal_number(master, number);
}

static void count_log_drops(struct master *master)
{
	uint64_t drops = log_drops();

	counters_add(master->counters, COUNTER_LOG_DROPS, drops - master->drops_counted);
	master->drops_counted = drops;
}

/* A rotation that failed is tried again a second later; the keys before stay in use. */
static void rotate_tickets(struct master *master)
{
	struct ipc_message message = ipc_make(IPC_TICKETS);
	int r = tickets_rotate(&master->tickets, clock_now_ms());

	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "ticket_rotation_failed", "error", strerror(-r), (char *)NULL);
		return;
	}
	pool_broadcast(&master->pool, &message, master->tickets.fd);
	log_event(LOG_LEVEL_INFO, "tickets_rotated", (char *)NULL);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	struct master *master = argument;

	(void)fd;
	(void)what;
	count_log_drops(master);
	/* A worker that does not answer is killed here after five heartbeats, so systemd hears of a master that works. */
	pool_tick(&master->pool);
	resolution_tick(master->resolution);
	if (master->started &&
		tickets_due(&master->tickets, clock_now_ms(),
			master->reload.committed->config->daemon.ticket_rotation_ms))
		rotate_tickets(master);
	if (pool_is_healthy(&master->pool))
		notify_watchdog(&master->notify);
}

/* ---- Start ---- */

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int make_events(struct master *master)
{
	struct timeval period = {.tv_sec = TICK_MS / 1000};

	master->signals = event_new(master->base, master->signal_fd, EV_READ | EV_PERSIST, on_signals, master);
	master->tick = event_new(master->base, -1, EV_PERSIST, on_tick, master);
	master->deadline = evtimer_new(master->base, on_deadline, master);
	if (master->signals == NULL || master->tick == NULL || master->deadline == NULL)
		return -ENOMEM;
	if (event_add(master->signals, NULL) != 0 || event_add(master->tick, &period) != 0)
		return -ENOMEM;
	return 0;
}

static int init_parts(struct master *master)
{
	const struct pool_callbacks pool_callbacks = {
		.on_change = on_change, .on_started = on_started, .argument = master};
	const struct reload_callbacks reload_callbacks = {
		.plan = on_plan, .begun = on_begun, .done = on_done, .argument = master};
	int r;

	/* Before anything else takes descriptors: systemd's begin with 3. */
	r = counters_new(&master->counters);
	if (r < 0)
		return r;
	r = sockets_init(&master->sockets, master->counters);
	if (r < 0)
		return r;
	r = tickets_init(&master->tickets, clock_now_ms());
	if (r < 0)
		return r;
	r = resolution_new(master->base, on_news, master, &master->resolution);
	if (r < 0)
		return r;
	pool_init(&master->pool, master->base, master->counters, &master->sockets, master->options->module_dir,
		&pool_callbacks);
	return reload_init(&master->reload, master->base, master->options->loader, &master->sockets, &master->pool,
		master->resolution, &reload_callbacks);
}

static int init(struct master *master)
{
	int r;

	raise_descriptor_limit();
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	log_init(STDERR_FILENO, "master");
	notify_open(&master->notify);
	r = signals_open(&master->signal_fd);
	if (r < 0)
		return r;
	master->base = event_base_new();
	if (master->base == NULL)
		return -ENOMEM;
	r = init_parts(master);
	return r < 0 ? r : make_events(master);
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void fini(struct master *master)
{
	control_close(master->control);
	if (master->resolution != NULL) {
		pool_fini(&master->pool);
		reload_fini(&master->reload);
	}
	resolution_free(master->resolution);
	sockets_fini(&master->sockets);
	counters_free(master->counters);
	tickets_fini(&master->tickets);
	free_event(master->signals);
	free_event(master->tick);
	free_event(master->deadline);
	if (master->base != NULL)
		event_base_free(master->base);
	if (master->signal_fd >= 0)
		(void)close(master->signal_fd);
	notify_close(&master->notify);
	free(master->user);
	free(master->group);
	free(master->control_path);
}

static void log_end_of(const struct master *master)
{
	struct log_line line;

	log_begin(&line, LOG_LEVEL_INFO, "stopped");
	log_count(&line, "connections_finished", master->pool.finished);
	log_count(&line, "connections_cut", master->pool.cut);
	log_end(&line);
}

int master_run(const struct master_options *options)
{
	static struct master master; /* some 30 kB */
	int r;

	memset(&master, 0, sizeof(master));
	master.options = options;
	master.signal_fd = -1;
	master.notify.fd = -1;
	master.tickets.fd = -1;
	r = init(&master);
	if (r < 0) {
		(void)fprintf(stderr, "unitlsd cannot start: %s\n", strerror(-r));
		fini(&master);
		return 1;
	}
	(void)reload_request(&master.reload);
	if (!master.failed)
		(void)event_base_dispatch(master.base);
	if (master.started)
		log_end_of(&master);
	fini(&master);
	return master.failed ? 1 : 0;
}

/* The names of upstreams and what they resolved to. */

#include "daemon/resolution.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/backoff.h"
#include "daemon/child.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/helper.h"
#include "daemon/log.h"
#include "daemon/pool.h"

#define MESSAGES_AT_ONCE 64

struct name {
	struct ipc_message last; /* an ADDRESSES; count 0 and no reason: never answered */
	bool answered;
	bool wanted;
};

struct resolution {
	struct event_base *base;
	resolution_news *news;
	void *argument;
	struct child_identity identity;
	struct name **names; /* sorted by host */
	size_t count;
	size_t capacity;
	uint64_t round;
	/* The helper. */
	pid_t pid; /* 0: none */
	struct ipc_channel channel;
	struct event *readable;
	struct event *writable;
	struct event *respawn;
	unsigned failures;
	uint64_t born_ms;
	uint64_t sequence;
	uint64_t answered;
};

static void on_respawn(evutil_socket_t fd, short what, void *argument);

int resolution_new(struct event_base *base, resolution_news *news, void *argument, struct resolution **ret)
{
	struct resolution *resolution = calloc(1, sizeof(*resolution));

	if (resolution == NULL)
		return -ENOMEM;
	resolution->base = base;
	resolution->news = news;
	resolution->argument = argument;
	resolution->channel.fd = -1;
	resolution->respawn = evtimer_new(base, on_respawn, resolution);
	if (resolution->respawn == NULL) {
		free(resolution);
		return -ENOMEM;
	}
	*ret = resolution;
	return 0;
}

void resolution_set_identity(struct resolution *resolution, const struct child_identity *identity)
{
	resolution->identity = *identity;
}

/* ---- The table of names ---- */

/* The index of HOST, or where it belongs. */
static bool find(const struct resolution *resolution, const char *host, size_t *ret)
{
	size_t low = 0;
	size_t high = resolution->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(resolution->names[middle]->last.body.addresses.host, host);

		if (order == 0) {
			*ret = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return false;
}

static int want_name(struct resolution *resolution, const char *host)
{
	struct name *name;
	size_t at;

	if (find(resolution, host, &at)) {
		resolution->names[at]->wanted = true;
		return 0;
	}
	if (resolution->count >= RESOLUTION_NAMES_MAX)
		return 1;
	if (resolution->count == resolution->capacity) {
		size_t capacity = resolution->capacity == 0 ? 8 : resolution->capacity * 2;
		struct name **grown = reallocarray(resolution->names, capacity, sizeof(struct name *));

		if (grown == NULL)
			return -ENOMEM;
		resolution->names = grown;
		resolution->capacity = capacity;
	}
	name = calloc(1, sizeof(*name));
	if (name == NULL)
		return -ENOMEM;
	name->wanted = true;
	name->last = ipc_make(IPC_ADDRESSES);
	memcpy(name->last.body.addresses.host, host, strnlen(host, ADDRESS_HOST_MAX - 1));
	memmove(&resolution->names[at + 1], &resolution->names[at],
		(resolution->count - at) * sizeof(struct name *));
	resolution->names[at] = name;
	resolution->count++;
	return 0;
}

static int want_config(struct resolution *resolution, const struct config *config)
{
	size_t i;
	size_t j;
	int r;

	for (i = 0; config != NULL && i < config->upstream_count; i++) {
		const struct config_address_list *servers = &config->upstreams[i].servers;

		for (j = 0; j < servers->count; j++) {
			if (servers->items[j].address.kind != ADDRESS_NAME)
				continue;
			r = want_name(resolution, servers->items[j].address.host);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

static void drop_unwanted(struct resolution *resolution)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < resolution->count; i++) {
		if (resolution->names[i]->wanted)
			resolution->names[kept++] = resolution->names[i];
		else
			free(resolution->names[i]);
	}
	resolution->count = kept;
}

/* ---- The helper ---- */

static int run_helper(void *argument)
{
	const struct resolution *resolution = argument;
	struct helper_start start = {.channel_fd = resolution->channel.fd};

	return helper_run(&start);
}

static void watch_writable(struct resolution *resolution)
{
	if (ipc_pending(&resolution->channel))
		(void)event_add(resolution->writable, NULL);
	else
		(void)event_del(resolution->writable);
}

void resolution_send(struct resolution *resolution, const struct ipc_message *message, int descriptor)
{
	int r;

	if (resolution->pid == 0 || resolution->channel.fd < 0)
		return;
	r = ipc_send(&resolution->channel, message, descriptor);
	if (r < 0 && r != -EPIPE) {
		(void)kill(resolution->pid, SIGKILL);
		return;
	}
	watch_writable(resolution);
}

static void send_names(struct resolution *resolution)
{
	struct ipc_message message = ipc_make(IPC_NAMES_BEGIN);
	size_t i;

	message.generation = resolution->round;
	resolution_send(resolution, &message, -1);
	for (i = 0; i < resolution->count; i++) {
		message = ipc_make(IPC_NAME);
		memcpy(message.body.addresses.host, resolution->names[i]->last.body.addresses.host,
			sizeof(message.body.addresses.host));
		resolution_send(resolution, &message, -1);
	}
	message = ipc_make(IPC_NAMES_END);
	message.generation = resolution->round;
	resolution_send(resolution, &message, -1);
}

static void on_addresses(struct resolution *resolution, const struct ipc_message *message)
{
	struct name *name;
	size_t at;

	if (!find(resolution, message->body.addresses.host, &at))
		return;
	name = resolution->names[at];
	if (message->body.addresses.count == 0) {
		bool told = name->answered &&
			strcmp(name->last.body.addresses.reason, message->body.addresses.reason) == 0;

		if (!told)
			log_event(LOG_LEVEL_WARNING, "name_not_resolved", "name", message->body.addresses.host,
				"reason", message->body.addresses.reason, (char *)NULL);
		name->answered = true;
		/* Old addresses are better than none. */
		if (name->last.body.addresses.count > 0) {
			memcpy(name->last.body.addresses.reason, message->body.addresses.reason,
				sizeof(name->last.body.addresses.reason));
			return;
		}
	}
	name->answered = true;
	name->last = *message;
	resolution->news(resolution->argument, &name->last);
}

static void handle(struct resolution *resolution, const struct ipc_message *message)
{
	struct ipc_expected expected = {.sequence = resolution->sequence};

	if (ipc_expect(message, &expected) < 0) {
		(void)kill(resolution->pid, SIGKILL);
		return;
	}
	if (message->type == IPC_HEARTBEAT)
		resolution->answered = message->body.sequence;
	else if (message->type == IPC_ADDRESSES)
		on_addresses(resolution, message);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct resolution *resolution = argument;
	struct ipc_message message;
	int descriptor;
	unsigned i;
	int r = 0;

	(void)fd;
	(void)what;
	for (i = 0; i < MESSAGES_AT_ONCE; i++) {
		r = ipc_receive(&resolution->channel, &message, &descriptor);
		if (r != 0)
			break;
		handle(resolution, &message);
	}
	if (r < 0) {
		(void)event_del(resolution->readable);
		(void)event_del(resolution->writable);
		(void)kill(resolution->pid, SIGKILL);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct resolution *resolution = argument;

	(void)fd;
	(void)what;
	(void)ipc_flush(&resolution->channel);
	watch_writable(resolution);
}

static void close_channel(struct resolution *resolution)
{
	if (resolution->readable != NULL)
		event_free(resolution->readable);
	if (resolution->writable != NULL)
		event_free(resolution->writable);
	resolution->readable = NULL;
	resolution->writable = NULL;
	ipc_channel_fini(&resolution->channel);
}

static void schedule(struct resolution *resolution)
{
	unsigned delay_ms = backoff_delay_ms(++resolution->failures);
	struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};

	(void)evtimer_add(resolution->respawn, &delay);
}

static int start_helper(struct resolution *resolution)
{
	struct child_body body = {
		.process = "helper",
		.identity = &resolution->identity,
		.run = run_helper,
		.argument = resolution,
	};
	int fds[2];
	int r;

	r = ipc_pair(fds);
	if (r < 0)
		return r;
	body.channel_fd = fds[1];
	resolution->channel.fd = fds[1];
	r = child_fork(&body, &resolution->pid);
	(void)close(fds[1]);
	ipc_channel_init(&resolution->channel, fds[0], IPC_FROM_HELPER);
	if (r == 0) {
		resolution->born_ms = clock_now_ms();
		resolution->sequence = 0;
		resolution->answered = 0;
		resolution->readable =
			event_new(resolution->base, fds[0], EV_READ | EV_PERSIST, on_readable, resolution);
		resolution->writable =
			event_new(resolution->base, fds[0], EV_WRITE | EV_PERSIST, on_writable, resolution);
		if (resolution->readable != NULL && resolution->writable != NULL &&
			event_add(resolution->readable, NULL) == 0) {
			send_names(resolution);
			return 0;
		}
		(void)kill(resolution->pid, SIGKILL);
		(void)waitpid(resolution->pid, NULL, 0);
		r = -ENOMEM;
	}
	resolution->pid = 0;
	close_channel(resolution);
	return r;
}

static void on_respawn(evutil_socket_t fd, short what, void *argument)
{
	struct resolution *resolution = argument;
	int r;

	(void)fd;
	(void)what;
	if (resolution->pid != 0 || resolution->count == 0)
		return;
	r = start_helper(resolution);
	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "helper_start", "error", strerror(-r), (char *)NULL);
		schedule(resolution);
	}
}

void resolution_reap(struct resolution *resolution)
{
	struct log_line line;
	char end[64];
	int status;

	if (resolution->pid == 0 || waitpid(resolution->pid, &status, WNOHANG) != resolution->pid)
		return;
	log_begin(&line, LOG_LEVEL_ERROR, "helper_died");
	log_number(&line, "pid", resolution->pid);
	log_text(&line, "end", child_describe_end(status, end, sizeof(end)));
	log_end(&line);
	resolution->pid = 0;
	close_channel(resolution);
	if (clock_now_ms() - resolution->born_ms >= BACKOFF_STEADY_MS)
		resolution->failures = 0;
	schedule(resolution);
}

void resolution_tick(struct resolution *resolution)
{
	struct ipc_message message = ipc_make(IPC_HEARTBEAT);

	if (resolution->pid == 0)
		return;
	if (resolution->sequence - resolution->answered >= POOL_HEARTBEATS_MISSED) {
		(void)kill(resolution->pid, SIGKILL);
		return;
	}
	message.body.sequence = ++resolution->sequence;
	resolution_send(resolution, &message, -1);
}

void resolution_free(struct resolution *resolution)
{
	if (resolution == NULL)
		return;
	if (resolution->pid != 0) {
		(void)kill(resolution->pid, SIGKILL);
		(void)waitpid(resolution->pid, NULL, 0);
	}
	close_channel(resolution);
	event_free(resolution->respawn);
	while (resolution->count > 0)
		free(resolution->names[--resolution->count]);
	free(resolution->names);
	free(resolution);
}

/* ---- What others ask ---- */

int resolution_want(struct resolution *resolution, const struct config *a, const struct config *b)
{
	size_t i;
	int r;

	for (i = 0; i < resolution->count; i++)
		resolution->names[i]->wanted = false;
	r = want_config(resolution, a);
	if (r == 0)
		r = want_config(resolution, b);
	if (r != 0)
		return r;
	drop_unwanted(resolution);
	resolution->round++;
	if (resolution->pid != 0) {
		send_names(resolution);
		return 0;
	}
	/* In its back-off it is left there. */
	if (resolution->count == 0 || evtimer_pending(resolution->respawn, NULL))
		return 0;
	return start_helper(resolution);
}

bool resolution_is_settled(const struct resolution *resolution)
{
	size_t i;

	for (i = 0; i < resolution->count; i++)
		if (resolution->names[i]->wanted && !resolution->names[i]->answered)
			return false;
	return true;
}

void resolution_warn(const struct resolution *resolution, const struct config *config, struct diagnostics *list)
{
	size_t i;
	size_t j;
	size_t at;

	for (i = 0; i < config->upstream_count; i++) {
		const struct config_address_list *servers = &config->upstreams[i].servers;

		for (j = 0; j < servers->count; j++) {
			const struct config_address *server = &servers->items[j];
			const struct ipc_message *last;

			if (server->address.kind != ADDRESS_NAME || !find(resolution, server->address.host, &at))
				continue;
			last = &resolution->names[at]->last;
			if (last->body.addresses.count > 0)
				continue;
			diagnostics_add(list, DIAGNOSTIC_WARNING, server->origin.file, server->origin.line,
				"%s does not resolve yet: %s", server->address.host,
				last->body.addresses.reason[0] != '\0' ? last->body.addresses.reason
								       : "no answer");
		}
	}
}

void resolution_each(const struct resolution *resolution, resolution_news *send, void *argument)
{
	size_t i;

	for (i = 0; i < resolution->count; i++)
		if (resolution->names[i]->answered)
			send(argument, &resolution->names[i]->last);
}

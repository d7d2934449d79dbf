/* The helper: names asked for again and again, answers to the master. */

#include "daemon/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "daemon/ipc.h"
#include "daemon/log.h"
#include "daemon/resolver.h"

/* A name is asked for again when its TTL has passed, within these bounds; after a failure sooner, then ever later. */
#define HELPER_TTL_MIN_S   5
#define HELPER_TTL_MAX_S   300
#define HELPER_RETRY_MIN_S 1
#define HELPER_RETRY_MAX_S 60

struct helper;

struct helper_name {
	TAILQ_ENTRY(helper_name) link;
	struct helper *helper;
	struct event timer;
	char host[ADDRESS_HOST_MAX];
	struct ipc_ip items[IPC_ADDRESSES_MAX]; /* as they were sent last */
	size_t count;
	unsigned retry_s; /* after the next failure; 0: it worked last time */
	bool answered;    /* something was sent since the master asked */
	bool asking;
	bool named; /* in the list that is coming in, or came last */
};

struct helper {
	struct event_base *base;
	struct ipc_channel channel;
	struct event channel_event;
	struct event channel_writable;
	struct resolver *resolver;
	bool renewing; /* what is open is being ended, not answered */
	TAILQ_HEAD(helper_names, helper_name) names;
	int status;
};

static void stop(struct helper *helper, int status)
{
	helper->status = status;
	(void)event_base_loopbreak(helper->base);
}

static void after_send(struct helper *helper, int r)
{
	if (r < 0)
		stop(helper, 1);
	else if (ipc_pending(&helper->channel))
		(void)event_add(&helper->channel_writable, NULL);
}

static void on_channel_writable(evutil_socket_t fd, short what, void *argument)
{
	struct helper *helper = argument;

	(void)fd;
	(void)what;
	after_send(helper, ipc_flush(&helper->channel));
}

static void send_addresses(struct helper_name *name, const char *reason)
{
	struct ipc_message message = ipc_make(IPC_ADDRESSES);

	memcpy(message.body.addresses.host, name->host, sizeof(name->host));
	message.body.addresses.count = (uint32_t)name->count;
	memcpy(message.body.addresses.items, name->items, name->count * sizeof(name->items[0]));
	if (reason != NULL)
		(void)snprintf(message.body.addresses.reason, sizeof(message.body.addresses.reason), "%s", reason);
	name->answered = true;
	after_send(name->helper, ipc_send(&name->helper->channel, &message, -1));
}

static void ask_after(struct helper_name *name, unsigned wait_s)
{
	const struct timeval wait = {.tv_sec = (time_t)wait_s, .tv_usec = 0};

	(void)evtimer_add(&name->timer, &wait);
}

static bool holds(const struct ipc_ip *items, size_t count, const struct ipc_ip *ip)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(&items[i], ip, sizeof(*ip)) == 0)
			return true;
	}
	return false;
}

/* Whether the answer has other addresses than were sent. Servers rotate the order; that is no change. */
static bool is_change(const struct helper_name *name, const struct resolver_answer *answer)
{
	if (name->count != answer->count)
		return true;
	for (size_t i = 0; i < answer->count; i++) {
		if (!holds(name->items, name->count, &answer->items[i]))
			return true;
	}
	return false;
}

static void name_resolved(struct helper_name *name, const struct resolver_answer *answer)
{
	uint32_t ttl_s = answer->ttl_s;
	bool change = is_change(name, answer);

	if (ttl_s < HELPER_TTL_MIN_S)
		ttl_s = HELPER_TTL_MIN_S;
	if (ttl_s > HELPER_TTL_MAX_S)
		ttl_s = HELPER_TTL_MAX_S;
	name->retry_s = 0;
	name->count = answer->count;
	memcpy(name->items, answer->items, answer->count * sizeof(answer->items[0]));
	ask_after(name, ttl_s);
	if (change || !name->answered)
		send_addresses(name, NULL);
}

/* What was known stays in use; the master hears of a failure only when nothing was. */
static void name_failed(struct helper_name *name, const char *reason)
{
	bool first = name->retry_s == 0;

	name->retry_s = first ? HELPER_RETRY_MIN_S : name->retry_s * 2;
	if (name->retry_s > HELPER_RETRY_MAX_S)
		name->retry_s = HELPER_RETRY_MAX_S;
	ask_after(name, name->retry_s);
	if (first && name->count > 0)
		log_event(LOG_LEVEL_WARNING, "resolve_failed", "name", name->host, "text", reason, "action",
			"keeping the last addresses", (char *)NULL);
	if (!name->answered)
		send_addresses(name, name->count > 0 ? NULL : reason);
}

static void name_free(struct helper_name *name)
{
	(void)event_del(&name->timer);
	free(name);
}

static void on_answer(void *argument, const struct resolver_answer *answer)
{
	struct helper_name *name = argument;

	name->asking = false;
	if (name->helper->renewing || !name->named)
		return; /* asked again, or forgotten, at the end of the list */
	if (answer->count > 0)
		name_resolved(name, answer);
	else
		name_failed(name, answer->reason);
}

static void ask(struct helper_name *name)
{
	if (name->asking)
		return;
	name->asking = true;
	if (name->helper->resolver != NULL &&
		resolver_ask(name->helper->resolver, name->host, on_answer, name) == 0)
		return;
	name->asking = false;
	name_failed(name, "the resolver does not work");
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	ask(argument);
}

/* The list of names ---------------------------------------------------------------------------------------------------------- */

static struct helper_name *find(struct helper *helper, const char *host)
{
	struct helper_name *name;

	TAILQ_FOREACH(name, &helper->names, link)
	{
		if (strcmp(name->host, host) == 0)
			return name;
	}
	return NULL;
}

static void names_begin(struct helper *helper)
{
	struct helper_name *name;

	TAILQ_FOREACH(name, &helper->names, link)
	name->named = false;
}

static int names_add(struct helper *helper, const char *host)
{
	struct helper_name *name = find(helper, host);

	if (name == NULL) {
		name = calloc(1, sizeof(*name));
		if (name == NULL)
			return -ENOMEM;
		name->helper = helper;
		(void)snprintf(name->host, sizeof(name->host), "%s", host);
		(void)evtimer_assign(&name->timer, helper->base, on_timer, name); /* cannot fail for a timer */
		TAILQ_INSERT_TAIL(&helper->names, name, link);
	}
	name->named = true;
	name->answered = false;
	return 0;
}

/* A resolver made anew reads the system's settings anew. What the old one was asked ends with it. */
static void renew_resolver(struct helper *helper)
{
	helper->renewing = true;
	resolver_free(helper->resolver);
	helper->renewing = false;
	helper->resolver = NULL;
	(void)resolver_new(
		helper->base, NULL, &helper->resolver); /* logged there; tried again with the next list */
}

static void names_end(struct helper *helper)
{
	struct helper_name *name;
	struct helper_name *next;

	renew_resolver(helper);
	for (name = TAILQ_FIRST(&helper->names); name != NULL; name = next) {
		next = TAILQ_NEXT(name, link);
		if (name->named) {
			ask(name);
			continue;
		}
		TAILQ_REMOVE(&helper->names, name, link);
		name_free(name);
	}
}

/* Messages ------------------------------------------------------------------------------------------------------------------- */

static int on_message(struct helper *helper, const struct ipc_message *message, int fd)
{
	switch ((enum ipc_type)message->type) {
	case IPC_NAMES_BEGIN:
		names_begin(helper);
		return 0;
	case IPC_NAME:
		return names_add(helper, message->body.addresses.host);
	case IPC_NAMES_END:
		names_end(helper);
		return 0;
	case IPC_HEARTBEAT:
		after_send(helper, ipc_send(&helper->channel, message, -1));
		return 0;
	case IPC_LOG:
		log_set_fd(fd);
		return 0;
	case IPC_DRAIN:
		stop(helper, 0);
		return 0;
	default:
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
}

static void on_channel(evutil_socket_t fd, short what, void *argument)
{
	struct helper *helper = argument;
	struct ipc_message message;
	int descriptor = -1;
	int r = 0;

	(void)fd;
	(void)what;
	while (r == 0) {
		r = ipc_receive(&helper->channel, &message, &descriptor);
		if (r == 0)
			r = on_message(helper, &message, descriptor);
		if (event_base_got_break(helper->base))
			return;
	}
	if (r < 0)
		stop(helper, r == -EPIPE ? 0 : 1);
}

static int start(struct helper *helper)
{
	helper->base = event_base_new();
	if (helper->base == NULL)
		return -ENOMEM;
	if (event_assign(&helper->channel_event, helper->base, helper->channel.fd, EV_READ | EV_PERSIST,
		    on_channel, helper) != 0 ||
		event_assign(&helper->channel_writable, helper->base, helper->channel.fd, EV_WRITE,
			on_channel_writable, helper) != 0 ||
		event_add(&helper->channel_event, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void finish(struct helper *helper)
{
	struct helper_name *name;

	if (helper->base == NULL)
		return;
	helper->renewing = true;
	resolver_free(helper->resolver);
	while ((name = TAILQ_FIRST(&helper->names)) != NULL) {
		TAILQ_REMOVE(&helper->names, name, link);
		name_free(name);
	}
	event_base_free(helper->base);
}

int helper_run(const struct helper_start *start_with)
{
	struct ipc_message ready = ipc_make(IPC_READY);
	struct helper helper = {.status = 1};
	int r;

	TAILQ_INIT(&helper.names);
	ipc_channel_init(&helper.channel, start_with->channel_fd, IPC_FROM_MASTER);
	r = start(&helper);
	if (r < 0) {
		log_event(LOG_LEVEL_ERROR, "helper_failed", "text", strerror(-r), (char *)NULL);
	} else {
		after_send(&helper, ipc_send(&helper.channel, &ready, -1));
		(void)event_base_dispatch(helper.base);
	}
	finish(&helper);
	ipc_channel_fini(&helper.channel);
	return helper.status;
}

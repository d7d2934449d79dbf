/* c-ares on the event loop. */

#include "daemon/resolver.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include "daemon/log.h"

/* A socket of c-ares. */
struct resolver_socket {
	LIST_ENTRY(resolver_socket) link;
	struct resolver *resolver;
	struct event event;
	ares_socket_t fd;
};

struct resolver {
	struct event_base *base;
	ares_channel channel;
	struct event timer;
	LIST_HEAD(resolver_sockets, resolver_socket) sockets;
	bool library_ready;
	bool channel_ready;
};

struct question {
	resolver_callback callback;
	void *argument;
};

static void arm(struct resolver *resolver)
{
	struct timeval wait;

	if (ares_timeout(resolver->channel, NULL, &wait) != NULL)
		(void)evtimer_add(&resolver->timer, &wait);
	else
		(void)event_del(&resolver->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct resolver *resolver = argument;

	(void)fd;
	(void)what;
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(resolver);
}

static void on_socket(evutil_socket_t fd, short what, void *argument)
{
	/* Processing may close the socket and free what belongs to it. */
	struct resolver *resolver = ((struct resolver_socket *)argument)->resolver;

	ares_process_fd(
		resolver->channel, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm(resolver);
}

static struct resolver_socket *find_socket(struct resolver *resolver, ares_socket_t fd)
{
	struct resolver_socket *item;

	LIST_FOREACH(item, &resolver->sockets, link)
	{
		if (item->fd == fd)
			return item;
	}
	return NULL;
}

static void drop_socket(struct resolver_socket *item)
{
	(void)event_del(&item->event);
	LIST_REMOVE(item, link);
	free(item);
}

/* c-ares says what it waits for; neither: the socket is about to be closed. */
static void on_socket_state(void *argument, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = argument;
	struct resolver_socket *item = find_socket(resolver, fd);
	short what = (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	if (item != NULL)
		drop_socket(item);
	if (!readable && !writable)
		return;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return; /* the question runs into its time-out */
	item->resolver = resolver;
	item->fd = fd;
	LIST_INSERT_HEAD(&resolver->sockets, item, link);
	if (event_assign(&item->event, resolver->base, fd, what, on_socket, item) == 0)
		(void)event_add(&item->event, NULL);
}

static int open_channel(struct resolver *resolver, const char *servers)
{
	struct ares_options options = {
		.timeout = RESOLVER_TIMEOUT_MS,
		.tries = RESOLVER_TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = resolver,
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	int r;

	r = ares_library_init(ARES_LIB_INIT_ALL);
	resolver->library_ready = r == ARES_SUCCESS;
	if (r == ARES_SUCCESS)
		r = ares_init_options(&resolver->channel, &options, mask);
	resolver->channel_ready = r == ARES_SUCCESS;
	if (r == ARES_SUCCESS && servers != NULL)
		r = ares_set_servers_ports_csv(resolver->channel, servers);
	if (r == ARES_SUCCESS)
		return 0;
	log_event(LOG_LEVEL_ERROR, "resolver_failed", "text", ares_strerror(r), (char *)NULL);
	return r == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int resolver_new(struct event_base *base, const char *servers, struct resolver **ret)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (resolver == NULL)
		return -ENOMEM;
	resolver->base = base;
	LIST_INIT(&resolver->sockets);
	(void)evtimer_assign(&resolver->timer, base, on_timer, resolver); /* cannot fail for a timer */
	r = open_channel(resolver, servers);
	if (r < 0) {
		resolver_free(resolver);
		return r;
	}
	*ret = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	if (resolver->channel_ready)
		ares_destroy(resolver->channel);
	if (resolver->library_ready)
		ares_library_cleanup();
	while (!LIST_EMPTY(&resolver->sockets))
		drop_socket(LIST_FIRST(&resolver->sockets));
	(void)event_del(&resolver->timer);
	free(resolver);
}

/* Returns false for a family that is neither. */
static bool to_ip(const struct sockaddr *address, struct ipc_ip *ret)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	*ret = (struct ipc_ip){0};
	if (address->sa_family == AF_INET) {
		ret->family = 4;
		memcpy(ret->bytes, &v4->sin_addr, sizeof(v4->sin_addr));
	} else if (address->sa_family == AF_INET6) {
		ret->family = 6;
		ret->scope = v6->sin6_scope_id;
		memcpy(ret->bytes, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}
	return ret->family != 0;
}

static bool holds(const struct resolver_answer *answer, const struct ipc_ip *ip)
{
	for (size_t i = 0; i < answer->count; i++) {
		if (memcmp(&answer->items[i], ip, sizeof(*ip)) == 0)
			return true;
	}
	return false;
}

static void on_answer(void *argument, int status, int timeouts, struct ares_addrinfo *result)
{
	struct question *question = argument;
	struct resolver_answer answer = {.ttl_s = UINT32_MAX, .reason = ares_strerror(status)};
	const struct ares_addrinfo_node *node = result == NULL ? NULL : result->nodes;
	struct ipc_ip ip;

	(void)timeouts;
	for (; node != NULL && answer.count < IPC_ADDRESSES_MAX; node = node->ai_next) {
		if (!to_ip(node->ai_addr, &ip) || holds(&answer, &ip))
			continue;
		answer.items[answer.count++] = ip;
		if (node->ai_ttl >= 0 && (uint32_t)node->ai_ttl < answer.ttl_s)
			answer.ttl_s = (uint32_t)node->ai_ttl;
	}
	if (answer.count == 0)
		answer.ttl_s = 0;
	if (status == ARES_SUCCESS && answer.count == 0)
		answer.reason = "no address";
	question->callback(question->argument, &answer);
	free(question);
	ares_freeaddrinfo(result);
}

int resolver_ask(struct resolver *resolver, const char *host, resolver_callback callback, void *argument)
{
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
	struct question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return -ENOMEM;
	question->callback = callback;
	question->argument = argument;
	ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_answer, question);
	arm(resolver);
	return 0;
}

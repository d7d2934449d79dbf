/* Clients that mean no good. */

#include "tests/bench/hostile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/pattern.h"

#define GARBAGE_BYTES  1024
#define ANSWER_BYTES   4000000 /* more than the buffers on the way hold */
#define BITE_BYTES     1024
#define BITE_INTERVAL  100000 /* microseconds */
#define RECEIVE_BUFFER 4096   /* of a slow one */

struct hostile {
	struct channel channel;
	struct hostile_crowd *crowd;
	enum hostile_kind kind;
	bool asked; /* what it had to say is said */
	struct hostile *newer;
	struct hostile *older;
};

static void drop(struct hostile *hostile)
{
	struct hostile_crowd *crowd = hostile->crowd;

	*(hostile->newer ? &hostile->newer->older : &crowd->newest) = hostile->older;
	*(hostile->older ? &hostile->older->newer : &crowd->oldest) = hostile->newer;
	crowd->open--;
	channel_reset(&hostile->channel);
	free(hostile);
}

/* Half of what TLS would say first, behind its back. */
static enum channel_result send_half_hello(struct channel *channel)
{
	struct unitls_bytes hello;
	ssize_t n;

	if (unitls_connection_handshake(channel->tls, NULL) != UNITLS_WANT_READ)
		return CHANNEL_FAILED;
	hello = unitls_connection_peek_outgoing(channel->tls);
	n = send(channel->fd, hello.data, hello.size / 2, MSG_NOSIGNAL);
	unitls_connection_consume_outgoing(channel->tls, hello.size);
	return n > 0 ? CHANNEL_DONE : CHANNEL_FAILED;
}

static enum channel_result send_garbage(struct channel *channel)
{
	return send(channel->fd, pattern_at(0), GARBAGE_BYTES, MSG_NOSIGNAL) > 0 ? CHANNEL_DONE : CHANNEL_FAILED;
}

static enum channel_result send_request(struct channel *channel)
{
	enum channel_result result = channel_handshake(channel);
	uint8_t request[REQUEST_BYTES];
	size_t n;

	if (result != CHANNEL_DONE)
		return result;
	request_format(REQUEST_GET, ANSWER_BYTES, request);
	return channel_write(channel, request, sizeof(request), &n);
}

/* DONE: it was said; AGAIN: not yet. */
static enum channel_result say(struct hostile *hostile)
{
	if (!hostile->channel.writable)
		return CHANNEL_AGAIN;
	switch (hostile->kind) {
	case HOSTILE_GARBAGE:
		return send_garbage(&hostile->channel);
	case HOSTILE_STALL:
	case HOSTILE_RESET_HANDSHAKE:
		return send_half_hello(&hostile->channel);
	case HOSTILE_RESET_ANSWER:
	case HOSTILE_SLOW:
		break;
	}
	return send_request(&hostile->channel);
}

/* After that: whether it goes on. */
static bool goes_on(struct hostile *hostile)
{
	switch (hostile->kind) {
	case HOSTILE_RESET_HANDSHAKE:
		return false;
	case HOSTILE_RESET_ANSWER:
	case HOSTILE_GARBAGE:
	case HOSTILE_STALL:
		break;
	case HOSTILE_SLOW:
		return true; /* reads by the clock */
	}
	/* The first byte of an answer, or the server's end. */
	return channel_discard(&hostile->channel) == CHANNEL_AGAIN;
}

static void on_channel(void *argument)
{
	struct hostile *hostile = argument;
	enum channel_result result = CHANNEL_DONE;

	if (!hostile->asked)
		result = say(hostile);
	if (result == CHANNEL_AGAIN)
		return;
	hostile->asked = true;
	if (result < 0 || !goes_on(hostile))
		drop(hostile);
}

static void on_bite(evutil_socket_t fd, short what, void *argument)
{
	struct hostile_crowd *crowd = argument;
	struct hostile *next;

	(void)fd;
	(void)what;
	for (struct hostile *hostile = crowd->newest; hostile; hostile = next) {
		uint8_t bite[BITE_BYTES];

		next = hostile->older;
		/* What comes is not even decrypted. */
		if (hostile->kind == HOSTILE_SLOW && hostile->asked &&
			recv(hostile->channel.fd, bite, sizeof(bite), 0) == 0)
			drop(hostile);
	}
}

int hostile_init(struct hostile_crowd *crowd, const struct client_target *target)
{
	static const struct timeval interval = {.tv_usec = BITE_INTERVAL};

	*crowd = (struct hostile_crowd){.target = target};
	crowd->bite = event_new(target->base, -1, EV_PERSIST, on_bite, crowd);
	return crowd->bite && event_add(crowd->bite, &interval) == 0 ? 0 : -1;
}

void hostile_fini(struct hostile_crowd *crowd)
{
	while (crowd->newest)
		drop(crowd->newest);
	if (crowd->bite)
		event_free(crowd->bite);
	crowd->bite = NULL;
}

void hostile_start(struct hostile_crowd *crowd)
{
	const int buffer = RECEIVE_BUFFER;
	struct hostile *hostile = calloc(1, sizeof(*hostile));
	struct unitls_connection *tls;
	const char *reason;
	int fd;

	if (!hostile)
		abort();
	if (crowd->open == HOSTILE_OPEN_MAX)
		drop(crowd->oldest);
	hostile->crowd = crowd;
	hostile->kind = (enum hostile_kind)(crowd->started++ % HOSTILE_KINDS);
	fd = client_connect(crowd->target, &tls, &reason);
	if (fd < 0 || channel_open(&hostile->channel, crowd->target->base, fd, tls, on_channel, hostile) < 0) {
		free(hostile);
		return;
	}
	if (hostile->kind == HOSTILE_SLOW)
		(void)setsockopt(
			fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)); /* else it is slow with more */
	/* The event that tells of the connection starts it. */
	hostile->channel.readable = false;
	hostile->channel.writable = false;
	hostile->older = crowd->newest;
	*(crowd->newest ? &crowd->newest->newer : &crowd->oldest) = hostile;
	crowd->newest = hostile;
	crowd->open++;
}

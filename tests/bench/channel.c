/* One end of a connection. */

#include "tests/bench/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many callbacks there are before the kernel is asked for events again: else those that give way would only do so for each other. */
#define CALLBACKS_MAX 16

struct event_base *channel_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_max_dispatch_interval(config, NULL, CALLBACKS_MAX, 0) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

void channel_give_way(struct channel *channel)
{
	event_active(&channel->event, EV_TIMEOUT, 0);
}

static void on_event(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;

	(void)fd;
	if (what & EV_READ)
		channel->readable = true;
	if (what & EV_WRITE)
		channel->writable = true;
	/* libevent shows an error or a hangup as both directions ready. */
	if ((what & EV_CLOSED) || ((what & EV_READ) && (what & EV_WRITE))) {
		channel->readable = true;
		channel->hangup = true;
	}
	channel->on_event(channel->argument);
}

int channel_open(struct channel *channel, struct event_base *base, int fd, struct unitls_connection *tls,
	channel_callback callback, void *argument)
{
	*channel = (struct channel){
		.fd = fd,
		.tls = tls,
		.on_event = callback,
		.argument = argument,
		.readable = true,
		.writable = true,
		.error = UNITLS_ERROR_INIT,
	};
	if (event_assign(&channel->event, base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event,
		    channel) == 0 &&
		event_add(&channel->event, NULL) == 0)
		return 0;
	unitls_connection_free(tls);
	(void)close(fd);
	return -1;
}

void channel_close(struct channel *channel)
{
	unitls_connection_free(channel->tls);
	channel->tls = NULL;
	if (channel->fd < 0)
		return;
	(void)event_del(&channel->event);
	(void)close(channel->fd);
	channel->fd = -1;
}

void channel_reset(struct channel *channel)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (channel->fd >= 0)
		(void)setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)); /* TCP has it */
	channel_close(channel);
}

/* ---- the socket ---- */

static enum channel_result fail(struct channel *channel, int code)
{
	if (channel->os_error == 0)
		channel->os_error = code;
	return code == ECONNRESET || code == EPIPE ? CHANNEL_RESET : CHANNEL_FAILED;
}

/* END is that of the socket. */
static enum channel_result pull(struct channel *channel, uint8_t *data, size_t size, size_t *ret_n)
{
	ssize_t n;

	*ret_n = 0;
	if (channel->input_ended)
		return channel->os_error != 0 ? fail(channel, channel->os_error) : CHANNEL_END;
	if (!channel->readable)
		return CHANNEL_AGAIN;
	do
		n = recv(channel->fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		channel->readable = false;
		channel->hangup = false;
		return CHANNEL_AGAIN;
	}
	if (n <= 0) {
		channel->input_ended = true;
		return n < 0 ? fail(channel, errno) : CHANNEL_END;
	}
	if ((size_t)n < size && !channel->hangup)
		channel->readable = false;
	*ret_n = (size_t)n;
	return CHANNEL_DONE;
}

static enum channel_result push(struct channel *channel, const uint8_t *data, size_t size, size_t *ret_n)
{
	*ret_n = 0;
	if (channel->output_ended)
		return fail(channel, channel->os_error);
	while (*ret_n < size) {
		ssize_t n;

		if (!channel->writable)
			return CHANNEL_AGAIN;
		n = send(channel->fd, data + *ret_n, size - *ret_n, MSG_NOSIGNAL);
		if (n >= 0) {
			*ret_n += (size_t)n;
		} else if (errno == EAGAIN) {
			channel->writable = false;
			return CHANNEL_AGAIN;
		} else if (errno != EINTR) {
			channel->output_ended = true;
			return fail(channel, errno);
		}
	}
	return CHANNEL_DONE;
}

/* ---- TLS ---- */

enum channel_result channel_flush(struct channel *channel)
{
	enum channel_result result = CHANNEL_DONE;

	while (channel->tls && result == CHANNEL_DONE) {
		struct unitls_bytes out = unitls_connection_peek_outgoing(channel->tls);
		size_t n;

		if (out.size == 0)
			break;
		result = push(channel, out.data, out.size, &n);
		/* What cannot be sent any more must not look like progress to come. */
		unitls_connection_consume_outgoing(channel->tls, result < 0 ? out.size : n);
	}
	return result;
}

/* DONE: bytes or the end have come, call the connection again. */
static enum channel_result feed(struct channel *channel)
{
	enum channel_result result;
	uint8_t *data;
	size_t size;
	size_t n;

	if (!channel->readable && !channel->input_ended)
		return CHANNEL_AGAIN;
	if (unitls_connection_reserve_incoming(channel->tls, &data, &size, &channel->error) < 0)
		return CHANNEL_FAILED;
	result = pull(channel, data, size, &n);
	unitls_connection_commit_incoming(channel->tls, n);
	if (result == CHANNEL_AGAIN || result == CHANNEL_DONE)
		return result;
	unitls_connection_receive_eof(channel->tls);
	return CHANNEL_DONE;
}

static enum channel_result failure(struct channel *channel, int status)
{
	(void)channel_flush(channel); /* an alert; that it could not be sent is not what went wrong first */
	if (status != UNITLS_RAGGED_EOF)
		return CHANNEL_FAILED;
	return channel->os_error != 0 ? fail(channel, channel->os_error) : CHANNEL_CUT;
}

/* After a WANT: DONE = call the connection again. */
static enum channel_result wait_for(struct channel *channel, int status)
{
	enum channel_result flushed = channel_flush(channel);

	if (status == UNITLS_WANT_WRITE)
		return flushed;
	/* Also when sending failed: an alert that says why may be there to be read. */
	return feed(channel);
}

enum channel_result channel_handshake(struct channel *channel)
{
	while (channel->tls) {
		int status = unitls_connection_handshake(channel->tls, &channel->error);
		enum channel_result result;

		if (status == UNITLS_OK)
			break;
		if (status < 0)
			return failure(channel, status);
		result = wait_for(channel, status);
		if (result != CHANNEL_DONE)
			return result;
	}
	return CHANNEL_DONE;
}

enum channel_result channel_read(struct channel *channel, uint8_t *data, size_t size, size_t *ret_n)
{
	if (!channel->tls)
		return pull(channel, data, size, ret_n);
	for (;;) {
		int status = unitls_connection_read(channel->tls, data, size, ret_n, &channel->error);
		enum channel_result result;

		if (status == UNITLS_OK)
			return CHANNEL_DONE;
		if (status == UNITLS_EOF)
			return CHANNEL_END;
		if (status < 0)
			return failure(channel, status);
		result = wait_for(channel, status);
		if (result != CHANNEL_DONE)
			return result;
	}
}

enum channel_result channel_write(struct channel *channel, const uint8_t *data, size_t size, size_t *ret_n)
{
	if (!channel->tls)
		return push(channel, data, size, ret_n);
	*ret_n = 0;
	while (*ret_n < size) {
		size_t n;
		int status =
			unitls_connection_write(channel->tls, data + *ret_n, size - *ret_n, &n, &channel->error);
		enum channel_result result;

		*ret_n += n;
		if (status < 0)
			return failure(channel, status);
		if (status == UNITLS_OK)
			continue;
		result = channel_flush(channel);
		if (result != CHANNEL_DONE)
			return result;
	}
	return channel_flush(channel) < 0 ? fail(channel, channel->os_error) : CHANNEL_DONE;
}

enum channel_result channel_end(struct channel *channel)
{
	enum channel_result result;

	while (channel->tls && !channel->closed) {
		int status = unitls_connection_shutdown(channel->tls, &channel->error);

		if (status < 0)
			return failure(channel, status);
		channel->closed = status == UNITLS_OK;
		result = channel_flush(channel);
		if (result != CHANNEL_DONE)
			return result;
	}
	result = channel_flush(channel);
	if (result == CHANNEL_DONE && !channel->fin_sent) {
		channel->fin_sent = true;
		(void)shutdown(channel->fd, SHUT_WR); /* fails when the peer has gone, as the next read says */
	}
	return result;
}

enum channel_result channel_discard(struct channel *channel)
{
	static uint8_t waste[16384];
	size_t n;

	return pull(channel, waste, sizeof(waste), &n);
}

const char *channel_fault(const struct channel *channel, enum channel_result result)
{
	if (channel->error.error_class != UNITLS_ERROR_CLASS_NONE && result == CHANNEL_FAILED)
		return channel->error.text;
	if (channel->os_error != 0)
		return strerrordesc_np(channel->os_error);
	switch (result) {
	case CHANNEL_END:
		return "closed";
	case CHANNEL_CUT:
		return "closed without a close_notify";
	case CHANNEL_RESET:
		return "reset";
	case CHANNEL_DONE:
	case CHANNEL_AGAIN:
	case CHANNEL_FAILED:
		break;
	}
	return "failed";
}

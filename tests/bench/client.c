/* One connection of the load generator. */

#include "tests/bench/client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/pattern.h"

#define READ_BYTES  65536
#define FIRST_BYTES UNITLS_RECORD_PLAINTEXT_MAX /* request and payload in one record */

static uint8_t scratch[READ_BYTES];

uint64_t client_clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- how it ends ---- */

/* Its owner may free it: nothing may be done with it afterwards. */
static void over(struct client *client)
{
	client->phase = CLIENT_OVER;
	client->owner->on_over(client, client->owner->argument);
}

static const char *phase_name(enum client_phase phase)
{
	switch (phase) {
	case CLIENT_HANDSHAKE:
		return "handshake";
	case CLIENT_EXCHANGE:
		return "exchange";
	case CLIENT_HOLDING:
		return "idling";
	case CLIENT_CLOSING:
	case CLIENT_OVER:
		break;
	}
	return "end";
}

static void fail(struct client *client, const char *reason)
{
	char text[TALLY_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s: %s", phase_name(client->phase), reason);
	tally_fail(client->tally, text);
	client->failed = true;
	channel_reset(&client->channel);
	over(client);
}

void client_give_up(struct client *client, const char *reason)
{
	if (client->phase != CLIENT_OVER)
		fail(client, reason);
}

/* The connection's newest session takes the place of the one that was offered, which TLS 1.3 wants to be used once. */
static void keep_session(struct client *client)
{
	struct unitls_session *session;

	if (!client->must_resume && client->counts)
		return;
	if (unitls_connection_session(client->channel.tls, &session, NULL) != UNITLS_OK)
		return;
	unitls_session_unref(client->session);
	client->session = session;
}

/* The server has ended, too. How it did so is told apart, but its work is done. */
static void complete(struct client *client, enum channel_result result)
{
	if (client->counts && result != CHANNEL_END)
		client->tally->unclean++;
	if (client->channel.tls)
		keep_session(client);
	channel_close(&client->channel);
	over(client);
}

/* ---- the exchange ---- */

static uint64_t expected_bytes(const struct client *client)
{
	return client->task.verb == REQUEST_PUT ? REQUEST_BYTES : client->task.size;
}

/* How much may have been sent by now, with the request. */
static uint64_t allowed_bytes(const struct client *client)
{
	uint64_t size = client->task.size;

	switch (client->task.verb) {
	case REQUEST_GET:
		size = 0;
		break;
	case REQUEST_PUT:
		break;
	case REQUEST_ECHO: {
		uint64_t chunks = client->received / client->task.chunk + 1;

		size = chunks * client->task.chunk < size ? chunks * client->task.chunk : size;
		break;
	}
	}
	return REQUEST_BYTES + size;
}

/* The request with what follows of it at once. */
static enum channel_result send_first(struct client *client, uint64_t allowed)
{
	uint8_t first[FIRST_BYTES];
	size_t size = allowed < sizeof(first) ? (size_t)allowed : sizeof(first);
	enum channel_result result;
	size_t n;

	request_format(client->task.verb, client->task.size, first);
	memcpy(first + REQUEST_BYTES, pattern_at(0), size - REQUEST_BYTES);
	result = channel_write(&client->channel, first + client->sent, size - (size_t)client->sent, &n);
	client->sent += n;
	return result;
}

static enum channel_result send_payload(struct client *client, uint64_t allowed)
{
	uint64_t left = allowed - client->sent;
	enum channel_result result;
	size_t n;

	result = channel_write(&client->channel, pattern_at(client->sent - REQUEST_BYTES),
		left < PATTERN_WINDOW_BYTES ? (size_t)left : PATTERN_WINDOW_BYTES, &n);
	client->sent += n;
	return result;
}

/* Of what may be sent now. DONE: there may be more; AGAIN: nothing to send, or the socket is full. */
static enum channel_result send_some(struct client *client)
{
	uint64_t allowed = allowed_bytes(client);

	if (client->sent == allowed)
		return CHANNEL_AGAIN;
	/* A round trip begins. */
	if (client->task.verb == REQUEST_ECHO &&
		(client->sent == 0 || client->sent - REQUEST_BYTES == client->received))
		client->chunk_ns = client_clock_ns();
	return client->sent < REQUEST_BYTES ? send_first(client, allowed) : send_payload(client, allowed);
}

/* NULL, or what is wrong with what came. */
static const char *verify(struct client *client, const uint8_t *data, size_t size)
{
	uint8_t ok[REQUEST_BYTES];

	if (size > expected_bytes(client) - client->received)
		return "more bytes than were asked for";
	if (client->task.verb != REQUEST_PUT)
		return pattern_matches(client->received, data, size) ? NULL : "other bytes than the pattern's";
	request_format_ok(client->task.size, ok);
	return memcmp(ok + client->received, data, size) == 0 ? NULL : "another answer than OK";
}

/* Counts what has been verified. */
static void count(struct client *client, size_t size)
{
	uint64_t before = client->received;

	client->received += size;
	if (!client->counts)
		return;
	if (client->task.verb != REQUEST_PUT)
		client->tally->bytes += size;
	if (client->task.verb != REQUEST_ECHO || client->task.hold)
		return;
	/* One chunk is under way at a time, so it is at most one that is complete now. */
	if (client->received / client->task.chunk > before / client->task.chunk) {
		client->tally->units++;
		tally_sample(&client->tally->answer, client_clock_ns() - client->chunk_ns);
	}
}

static void answered(struct client *client)
{
	struct tally *tally = client->tally;

	if (client->counts && (client->task.verb != REQUEST_ECHO || client->task.hold)) {
		tally->units++;
		tally_sample(&tally->answer, client_clock_ns() - client->scheduled_ns);
	}
	if (client->counts && client->task.verb == REQUEST_PUT)
		tally->bytes += client->task.size;
	client->phase = client->task.hold ? CLIENT_HOLDING : CLIENT_CLOSING;
}

/* A read. DONE: something came and was right; AGAIN; anything else: it has failed already. */
static enum channel_result receive(struct client *client)
{
	size_t n;
	enum channel_result result = channel_read(&client->channel, scratch, sizeof(scratch), &n);
	const char *reason;

	if (result == CHANNEL_AGAIN)
		return CHANNEL_AGAIN;
	reason = result == CHANNEL_DONE ? verify(client, scratch, n) : channel_fault(&client->channel, result);
	if (reason) {
		fail(client, reason);
		return CHANNEL_FAILED;
	}
	count(client, n);
	return CHANNEL_DONE;
}

/* Sends and receives. DONE: the answer is complete; AGAIN; anything else: it has failed already. */
static enum channel_result exchange(struct client *client)
{
	for (int round = 0; round < CHANNEL_ROUNDS_MAX; round++) {
		enum channel_result sent = send_some(client);
		enum channel_result received;

		if (sent < 0) {
			fail(client, channel_fault(&client->channel, sent));
			return CHANNEL_FAILED;
		}
		received = receive(client);
		if (received < 0)
			return received;
		if (client->received == expected_bytes(client)) {
			answered(client);
			return CHANNEL_DONE;
		}
		if (sent == CHANNEL_AGAIN && received == CHANNEL_AGAIN)
			return CHANNEL_AGAIN;
	}
	channel_give_way(&client->channel);
	return CHANNEL_AGAIN;
}

/* ---- handshake ---- */

/* DONE; AGAIN; anything else: it has failed already. */
static enum channel_result handshake(struct client *client)
{
	enum channel_result result = channel_handshake(&client->channel);
	bool resumed = false;

	if (result == CHANNEL_AGAIN)
		return result;
	if (result != CHANNEL_DONE) {
		fail(client, channel_fault(&client->channel, result));
		return CHANNEL_FAILED;
	}
	if (client->channel.tls) {
		resumed = unitls_connection_resumed(client->channel.tls);
		if (client->must_resume && !resumed) {
			fail(client, "not resumed");
			return CHANNEL_FAILED;
		}
		if (client->counts)
			tally_sample(&client->tally->handshake, client_clock_ns() - client->scheduled_ns);
	}
	if (client->counts && resumed)
		client->tally->resumed++;
	client->phase = CLIENT_EXCHANGE;
	return CHANNEL_DONE;
}

/* ---- the end ---- */

/* What comes while nothing is expected: AGAIN is right. */
static void hold(struct client *client)
{
	size_t n;
	enum channel_result result = channel_read(&client->channel, scratch, sizeof(scratch), &n);

	if (result == CHANNEL_DONE)
		fail(client, "bytes that nobody asked for");
	else if (result != CHANNEL_AGAIN)
		fail(client, channel_fault(&client->channel, result));
}

/*
 * To the server's end, so that no reset overtakes ours. Many servers do not care how they end TLS after a close_notify, and their work is done then; without TLS
 * a reset may be the only word on bytes that should not have come.
 */
static void await_end(struct client *client)
{
	enum channel_result result = channel_end(&client->channel);
	size_t n = 0;

	if (result == CHANNEL_AGAIN)
		return;
	if (result == CHANNEL_DONE && client->channel.tls && !client->target->half_close) {
		/* The library reads no more: what comes is discarded as it is. */
		do
			result = channel_discard(&client->channel);
		while (result == CHANNEL_DONE);
	} else if (result == CHANNEL_DONE) {
		result = channel_read(&client->channel, scratch, sizeof(scratch), &n);
	}
	if (result == CHANNEL_AGAIN)
		return;
	if (result == CHANNEL_DONE)
		fail(client, "more bytes than were asked for");
	else if (result == CHANNEL_FAILED || (result == CHANNEL_RESET && !client->channel.tls))
		fail(client, channel_fault(&client->channel, result));
	else
		complete(client, result);
}

static void run(struct client *client)
{
	if (client->phase == CLIENT_HANDSHAKE && handshake(client) != CHANNEL_DONE)
		return;
	if (client->phase == CLIENT_EXCHANGE && exchange(client) != CHANNEL_DONE)
		return;
	if (client->phase == CLIENT_HOLDING && client->task.hold) {
		client->task.hold = false; /* told once */
		client->owner->on_held(client, client->owner->argument);
		return;
	}
	if (client->phase == CLIENT_HOLDING)
		hold(client);
	else if (client->phase == CLIENT_CLOSING)
		await_end(client);
}

static void on_channel(void *argument)
{
	run(argument);
}

/* ---- life ---- */

int client_connect(const struct client_target *target, struct unitls_connection **ret_tls, const char **ret_reason)
{
	struct unitls_connection *tls = NULL;
	const int on = 1;
	int fd;

	if (target->context &&
		unitls_client_connection_new(target->context, &target->name, &tls, NULL) != UNITLS_OK) {
		*ret_reason = "no TLS connection could be made";
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		(connect(fd, (const struct sockaddr *)&target->address, sizeof(target->address)) == 0 ||
			errno == EINPROGRESS)) {
		*ret_tls = tls;
		return fd;
	}
	*ret_reason = strerrordesc_np(errno);
	if (fd >= 0)
		(void)close(fd);
	unitls_connection_free(tls);
	return -1;
}

void client_start(struct client *client, const struct client_target *target, const struct client_owner *owner,
	struct tally *tally)
{
	struct unitls_connection *tls = NULL;
	const char *reason = NULL;
	int fd = client_connect(target, &tls, &reason);

	client->target = target;
	client->owner = owner;
	client->tally = tally;
	client->channel.fd = -1;
	if (fd >= 0 && client->session && unitls_connection_offer_session(tls, client->session, NULL) != UNITLS_OK)
		reason = "the session cannot be offered";
	if (fd >= 0 && channel_open(&client->channel, target->base, fd, tls, on_channel, client) < 0)
		reason = "no event";
	if (reason) {
		fail(client, reason);
		return;
	}
	client->channel.readable = false; /* a server says nothing first */
	run(client);
}

void client_release(struct client *client)
{
	if (client->phase != CLIENT_HOLDING)
		return;
	client->phase = CLIENT_CLOSING;
	run(client);
}

void client_fini(struct client *client)
{
	channel_close(&client->channel);
	unitls_session_unref(client->session);
	client->session = NULL;
}

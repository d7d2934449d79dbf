/*
 * The server behind the proxies: answers requests (request.h), verifies every byte, counts whoever breaks the protocol. Listens on 127.0.0.1, on a port of the
 * kernel's choice that it prints, until standard input ends.
 *
 * A connection holds no buffer: what it sends is the pattern, also when it sends back what it has verified.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/channel.h"
#include "tests/bench/credentials.h"
#include "tests/bench/input.h"
#include "tests/bench/limits.h"
#include "tests/bench/pattern.h"
#include "tests/bench/request.h"

#define READ_BYTES      65536
#define BACKLOG         4096
#define MESSAGES_MAX    10    /* about violations, on standard error */
#define SHORTAGE_PAUSE  10000 /* microseconds without accepting when there are no descriptors */
#define STATUS_OK       0
#define STATUS_VIOLATED 1
#define STATUS_USAGE    2

static const char usage[] =
	"usage: upstream [--tls CERTIFICATE KEY] [--backend NAME]\n"
	"\n"
	"Serves on a port that it prints, until standard input ends; then prints what it saw.\n";

struct upstream {
	struct event_base *base;
	struct event *accepting;
	struct event *pause;
	struct unitls_server_context *context; /* NULL: plaintext */
	struct visit *visits;
	uint64_t connections;
	uint64_t requests;
	uint64_t violations;
	uint64_t aborted;
};

enum visit_phase {
	VISIT_HANDSHAKE,
	VISIT_REQUEST,
	VISIT_TRANSFER,
};

/* One connection. */
struct visit {
	struct channel channel;
	struct upstream *upstream;
	struct visit *next;
	struct visit **link; /* what points to this one */
	enum visit_phase phase;
	bool client_ended;
	const char *fault; /* how the client broke the protocol */
	enum request_verb verb;
	uint8_t text[REQUEST_BYTES];
	size_t text_size;
	uint64_t size;
	uint64_t received;
	uint64_t sent;
};

static uint8_t scratch[READ_BYTES];

/* ---- one connection ---- */

static void drop(struct visit *visit)
{
	*visit->link = visit->next;
	if (visit->next)
		visit->next->link = visit->link;
	channel_close(&visit->channel);
	free(visit);
}

static uint64_t due_from_client(const struct visit *visit)
{
	return visit->verb == REQUEST_GET ? 0 : visit->size;
}

static uint64_t due_to_client(const struct visit *visit)
{
	return visit->verb == REQUEST_PUT ? REQUEST_BYTES : visit->size;
}

/* What is still missing of the request. Returns how many bytes that were. */
static size_t take_request(struct visit *visit, const uint8_t *data, size_t size)
{
	size_t n = REQUEST_BYTES - visit->text_size;

	n = n < size ? n : size;
	memcpy(visit->text + visit->text_size, data, n);
	visit->text_size += n;
	if (visit->text_size < REQUEST_BYTES)
		return n;
	if (!request_parse(visit->text, &visit->verb, &visit->size))
		visit->fault = "no request";
	visit->upstream->requests++;
	visit->phase = VISIT_TRANSFER;
	visit->text_size = 0;
	visit->received = 0;
	visit->sent = 0;
	return n;
}

static void take_transfer(struct visit *visit, const uint8_t *data, size_t size)
{
	if (size > due_from_client(visit) - visit->received)
		visit->fault = "more bytes than were announced";
	else if (!pattern_matches(visit->received, data, size))
		visit->fault = "other bytes than the pattern's";
	else
		visit->received += size;
}

/* A window of what is due. */
static enum channel_result send_pattern(struct visit *visit, uint64_t end)
{
	uint64_t left = end - visit->sent;
	enum channel_result result;
	size_t n;

	if (left == 0)
		return CHANNEL_AGAIN;
	result = channel_write(&visit->channel, pattern_at(visit->sent),
		left < PATTERN_WINDOW_BYTES ? (size_t)left : PATTERN_WINDOW_BYTES, &n);
	visit->sent += n;
	return result;
}

static enum channel_result send_ok(struct visit *visit)
{
	enum channel_result result;
	uint8_t text[REQUEST_BYTES];
	size_t n;

	if (visit->received < visit->size)
		return CHANNEL_AGAIN;
	request_format_ok(visit->size, text);
	result = channel_write(&visit->channel, text + visit->sent, sizeof(text) - visit->sent, &n);
	visit->sent += n;
	return result;
}

/* Sends of what is due. DONE: there may be more; AGAIN; negative: that failed. */
static enum channel_result answer(struct visit *visit)
{
	enum channel_result result = CHANNEL_AGAIN;

	switch (visit->verb) {
	case REQUEST_GET:
		result = send_pattern(visit, visit->size);
		break;
	case REQUEST_PUT:
		result = send_ok(visit);
		break;
	case REQUEST_ECHO:
		result = send_pattern(visit, visit->received);
		break;
	}
	if (result >= 0 && visit->received == due_from_client(visit) && visit->sent == due_to_client(visit))
		visit->phase = VISIT_REQUEST;
	return result;
}

/* DONE: something came. */
static enum channel_result receive(struct visit *visit)
{
	size_t used = 0;
	size_t n;
	enum channel_result result = channel_read(&visit->channel, scratch, sizeof(scratch), &n);

	if (result == CHANNEL_END) {
		visit->client_ended = true;
		return CHANNEL_DONE;
	}
	if (result != CHANNEL_DONE)
		return result;
	if (visit->phase == VISIT_REQUEST)
		used = take_request(visit, scratch, n);
	if (!visit->fault && n > used)
		take_transfer(visit, scratch + used, n - used);
	return visit->fault ? CHANNEL_FAILED : CHANNEL_DONE;
}

/* The client has ended; so do we, once it has its answer. END when it is over. */
static enum channel_result end(struct visit *visit)
{
	enum channel_result result;

	if (visit->phase == VISIT_TRANSFER)
		return visit->received == due_from_client(visit) ? CHANNEL_AGAIN : CHANNEL_CUT;
	if (visit->text_size > 0) {
		visit->fault = "a request that breaks off";
		return CHANNEL_FAILED;
	}
	result = channel_end(&visit->channel);
	return result == CHANNEL_DONE ? CHANNEL_END : result;
}

/* DONE: call it again; AGAIN: an event will tell; else it is over. */
static enum channel_result step(struct visit *visit)
{
	enum channel_result sent = CHANNEL_AGAIN;
	enum channel_result received;

	if (visit->phase == VISIT_HANDSHAKE) {
		received = channel_handshake(&visit->channel);
		if (received != CHANNEL_DONE)
			return received;
		visit->phase = VISIT_REQUEST;
	}
	if (visit->phase == VISIT_TRANSFER)
		sent = answer(visit);
	if (sent < 0)
		return sent;
	received = visit->client_ended ? end(visit) : receive(visit);
	return received == CHANNEL_AGAIN ? sent : received;
}

static void on_visit(void *argument)
{
	struct visit *visit = argument;
	struct upstream *upstream = visit->upstream;
	enum channel_result result = CHANNEL_DONE;

	for (int round = 0; result == CHANNEL_DONE && round < CHANNEL_ROUNDS_MAX; round++)
		result = step(visit);
	if (result == CHANNEL_DONE)
		channel_give_way(&visit->channel);
	if (result == CHANNEL_DONE || result == CHANNEL_AGAIN)
		return;
	if (visit->fault) {
		if (upstream->violations++ < MESSAGES_MAX)
			(void)fprintf(stderr, "violation: %s, after %" PRIu64 " of %" PRIu64 " bytes\n",
				visit->fault, visit->received, visit->size);
		channel_reset(&visit->channel);
	} else if (result < 0) {
		/* Whether that was its fault, who drives the client knows. */
		upstream->aborted++;
	}
	drop(visit);
}

/* ---- accepting ---- */

static void begin(struct upstream *upstream, int fd)
{
	struct visit *visit = calloc(1, sizeof(*visit));
	struct unitls_connection *tls = NULL;

	if (!visit ||
		(upstream->context && unitls_server_connection_new(upstream->context, &tls, NULL) != UNITLS_OK)) {
		(void)close(fd);
		free(visit);
		return;
	}
	if (channel_open(&visit->channel, upstream->base, fd, tls, on_visit, visit) < 0) {
		free(visit);
		return;
	}
	if (!tls)
		visit->phase = VISIT_REQUEST;
	visit->upstream = upstream;
	visit->next = upstream->visits;
	visit->link = &upstream->visits;
	if (visit->next)
		visit->next->link = &visit->next;
	upstream->visits = visit;
	upstream->connections++;
	on_visit(visit);
}

static void on_accept(evutil_socket_t listener, short what, void *argument)
{
	static const struct timeval pause = {.tv_usec = SHORTAGE_PAUSE};
	struct upstream *upstream = argument;

	(void)what;
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			begin(upstream, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			(void)event_del(upstream->accepting);
			(void)event_add(upstream->pause, &pause);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void on_pause(evutil_socket_t fd, short what, void *argument)
{
	struct upstream *upstream = argument;

	(void)fd;
	(void)what;
	(void)event_add(upstream->accepting, NULL);
}

/* A listening socket on a port of the kernel's choice; -1. */
static int open_listener(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* What is accepted inherits TCP_NODELAY. */
	if (fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, BACKLOG) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
		*ret_port = ntohs(address.sin_port);
		return fd;
	}
	perror("listen");
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* ---- the program ---- */

static void on_input_end(void *argument)
{
	struct upstream *upstream = argument;

	(void)event_base_loopbreak(upstream->base);
}

static int serve(struct upstream *upstream)
{
	struct input *input;
	uint16_t port;
	int listener = open_listener(&port);

	if (listener < 0)
		return STATUS_USAGE;
	upstream->base = channel_base_new();
	upstream->accepting = event_new(upstream->base, listener, EV_READ | EV_PERSIST, on_accept, upstream);
	upstream->pause = event_new(upstream->base, -1, 0, on_pause, upstream);
	input = input_new(upstream->base, on_input_end, upstream);
	(void)event_add(upstream->accepting, NULL);
	(void)printf("port %u\n", port);
	(void)fflush(stdout);
	(void)event_base_dispatch(upstream->base);
	while (upstream->visits)
		drop(upstream->visits);
	input_free(input);
	event_free(upstream->pause);
	event_free(upstream->accepting);
	event_base_free(upstream->base);
	(void)close(listener);
	(void)printf("{\"connections\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"violations\":%" PRIu64
		     ",\"aborted\":%" PRIu64 "}\n",
		upstream->connections, upstream->requests, upstream->violations, upstream->aborted);
	return upstream->violations > 0 ? STATUS_VIOLATED : STATUS_OK;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"tls", required_argument, NULL, 't'},
		{"backend", required_argument, NULL, 'b'},
		{NULL, 0, NULL, 0},
	};
	struct upstream upstream = {0};
	const char *certificate = NULL;
	const char *key = NULL;
	const char *backend_name = NULL;
	struct unitls_backend *backend;
	int status;
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 't' && optind < argc) {
			certificate = optarg;
			key = argv[optind++];
		} else if (option == 'b') {
			backend_name = optarg;
		} else {
			(void)fputs(usage, stderr);
			return STATUS_USAGE;
		}
	}
	if (optind != argc) {
		(void)fputs(usage, stderr);
		return STATUS_USAGE;
	}
	if (certificate) {
		backend = credentials_backend(backend_name);
		upstream.context = backend ? credentials_server(backend, certificate, key) : NULL;
		if (!upstream.context)
			return STATUS_USAGE;
	}
	limits_raise_descriptors();
	pattern_init();
	status = serve(&upstream);
	unitls_server_context_unref(upstream.context);
	return status;
}

/*
 * The bufferevent and libevent's own bufferevent_openssl: they talk to each other, and their programs are told the same.
 */
#include "tests/unit/event_fixture.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/event/peer.h"
#include "tests/unit/pki.h"

#define LARGE       (3u << 20)
#define KEY_UPDATES 40000
#define IDLE_TURNS  1000 /* of the loop, without anything sent */

static const struct event_peer_ops *peer;

#define SKIP_WITHOUT_PEER()                                                             \
	do {                                                                            \
		if (!peer) {                                                            \
			print_message("bufferevent_openssl or OpenSSL is not there\n"); \
			skip();                                                         \
		}                                                                       \
	} while (0)

static struct bufferevent *make_peer(struct event_base *base, evutil_socket_t fd, bool server, const char *trusted)
{
	char *certificate = pki_path("server.pem");
	char *key = pki_path("server.key");
	char *trusted_path = pki_path(trusted);
	const struct event_peer_params params = {server, certificate, key, trusted_path};
	struct bufferevent *bev = peer->make(base, fd, &params);

	free(certificate);
	free(key);
	free(trusted_path);
	return bev;
}

/* Ours, and the peer as the other end. */
static void open_with_peer(struct ends *ends, const struct pair *pair, bool we_serve)
{
	*ends = (struct ends){.base = event_base_new(), .pair = pair};
	fixture_tcp_pair(ends->fds);
	if (we_serve) {
		party_take(&ends->client, make_peer(ends->base, ends->fds[0], false, "server.pem"), NULL);
		party_take(&ends->server,
			unitls_bufferevent_server_new(
				ends->base, ends->fds[1], pair->server->server, BEV_OPT_CLOSE_ON_FREE, NULL),
			NULL);
	} else {
		party_take(&ends->client,
			unitls_bufferevent_client_new(ends->base, ends->fds[0], pair->client->client,
				&fixture_name, BEV_OPT_CLOSE_ON_FREE, NULL),
			NULL);
		party_take(&ends->server, make_peer(ends->base, ends->fds[1], true, "server.pem"), NULL);
	}
}

static void talk(const struct pair *pair, bool we_serve)
{
	struct ends ends;
	struct party *ours;
	struct party *theirs;

	open_with_peer(&ends, pair, we_serve);
	ours = we_serve ? &ends.server : &ends.client;
	theirs = we_serve ? &ends.client : &ends.server;
	party_send(&ends.client, LARGE);
	party_send(&ends.server, LARGE);
	LOOP_UNTIL(ends.base, ends.client.received == LARGE && ends.server.received == LARGE);
	assert_int_equal(ends.client.mismatches + ends.server.mismatches, 0);
	peer->shutdown(theirs->bev);
	LOOP_UNTIL(ends.base, ours->n_events == 2);
	assert_int_equal(ours->last, BEV_EVENT_EOF | BEV_EVENT_READING);
	assert_int_equal(bufferevent_flush(ours->bev, EV_WRITE, BEV_FINISHED), 0);
	LOOP_UNTIL(ends.base, theirs->n_events == 2);
	assert_int_equal(theirs->last, BEV_EVENT_EOF | BEV_EVENT_READING);
	ends_close(&ends);
}

static void test_they_talk_to_each_other(void **state)
{
	SKIP_WITHOUT_PEER();
	talk(*state, false);
	talk(*state, true);
}

/* KeyUpdates that are to be answered, from one who does not read the answers: they stop when those fill what we hold. (OpenSSL puts many answers into one and never gets there; others do.) */
static void test_a_flood_of_key_updates_is_bounded(void **state)
{
	const struct pair *pair = *state;
	struct ends ends;
	struct evbuffer *below;
	int small = 4096;
	int sent = 0;
	int idle = 0;

	SKIP_WITHOUT_PEER();
	open_with_peer(&ends, pair, false);
	(void)setsockopt(ends.fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	(void)setsockopt(ends.fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ends_connect(&ends);
	if (unitls_connection_negotiated_tls_version(unitls_bufferevent_connection(ends.client.bev)) !=
		UNITLS_TLS_1_3) {
		ends_close(&ends);
		print_message("the backend has no TLS 1.3\n");
		skip();
	}
	below = bufferevent_get_output(bufferevent_get_underlying(ends.client.bev));
	assert_int_equal(bufferevent_disable(ends.server.bev, EV_READ), 0);
	while (sent < KEY_UPDATES && idle < IDLE_TURNS) {
		idle++;
		if (evbuffer_get_length(bufferevent_get_output(ends.server.bev)) == 0) {
			assert_true(peer->key_update(ends.server.bev));
			assert_int_equal(bufferevent_write(ends.server.bev, "x", 1), 0);
			sent++;
			idle = 0;
		}
		assert_int_not_equal(event_base_loop(ends.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), -1);
		assert_in_range(evbuffer_get_length(below), 0,
			131072 + UNITLS_OUTGOING_LIMIT_BYTES + UNITLS_RECORD_CIPHERTEXT_MAX);
	}
	ends_close(&ends);
}

/* What a client of either kind is told, with a bufferevent_openssl as the server. */
struct story {
	short events[4];
	int n;
};

static struct story *told;

static void remember(struct party *party, short what)
{
	(void)party;
	if (told->n < 4)
		told->events[told->n++] = what;
}

enum plot {
	PLOT_CLEAN,     /* data, then close_notify */
	PLOT_TRUNCATED, /* data, then the end of the transport */
	PLOT_REFUSED,   /* the client does not trust the certificate */
	PLOT_END,
};

static void tell_story(const struct pair *pair, enum plot plot, bool ours, struct story *story)
{
	struct ends ends = {.base = event_base_new(), .pair = pair};
	bool distrust = plot == PLOT_REFUSED;

	told = story;
	fixture_tcp_pair(ends.fds);
	ends.client.on_event = remember;
	party_take(&ends.server, make_peer(ends.base, ends.fds[1], true, "server.pem"), NULL);
	if (ours)
		party_take(&ends.client,
			unitls_bufferevent_client_new(ends.base, ends.fds[0],
				distrust ? pair->client->distrusting_client : pair->client->client, &fixture_name,
				BEV_OPT_CLOSE_ON_FREE, NULL),
			NULL);
	else
		party_take(&ends.client,
			make_peer(ends.base, ends.fds[0], false, distrust ? "other.pem" : "server.pem"), NULL);
	party_send(&ends.server, distrust ? 0 : LARGE);
	if (!distrust)
		LOOP_UNTIL(ends.base, ends.client.received == LARGE);
	if (plot == PLOT_CLEAN)
		peer->shutdown(ends.server.bev);
	if (plot == PLOT_TRUNCATED)
		party_free(&ends.server);
	LOOP_UNTIL(ends.base, ends.client.events & (BEV_EVENT_EOF | BEV_EVENT_ERROR));
	fixture_settle(ends.base);
	ends_close(&ends);
}

static void test_programs_are_told_the_same(void **state)
{
	SKIP_WITHOUT_PEER();
	for (int plot = 0; plot < PLOT_END; plot++) {
		struct story ours = {{0}, 0};
		struct story theirs = {{0}, 0};

		tell_story(*state, (enum plot)plot, true, &ours);
		tell_story(*state, (enum plot)plot, false, &theirs);
		assert_int_equal(ours.n, theirs.n);
		assert_memory_equal(ours.events, theirs.events, sizeof(ours.events));
	}
}

/* The module lies beside the program. */
static void load_peer(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	void *module;

	if (n < 0)
		return;
	path[n] = '\0';
	(void)snprintf(strrchr(path, '/'), 32, "/event-peer.so");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module)
		peer = dlsym(module, EVENT_PEER_SYMBOL);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest every_backend[] = {
		cmocka_unit_test(test_they_talk_to_each_other),
		cmocka_unit_test(test_a_flood_of_key_updates_is_bounded),
		cmocka_unit_test(test_programs_are_told_the_same),
	};

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	load_peer();
	return fixture_run("event_openssl", NULL, 0, every_backend, COUNT(every_backend), NULL, 0);
}

/*
 * Who may go before whom, threads, forks, many backends at once, and memory that runs out.
 */
#include "tests/contract/helpers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/crash.h"
#include "tests/unit/alloc_fail.h"

/* ---- Order of freeing --------------------------------------------------------------------------------------------------- */

/* Configurations and contexts go first; the connections live on. */
static enum outcome contexts_first_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want server = {.chains = {"server", "alpha"}};

	CHECK_PASSED(link_between(link, pair, NULL, &server, cut));
	contract_release();
	CHECK_PASSED(link_connect(link));
	CHECK_PASSED(link_send(link, CLIENT, "still here", 10));
	CHECK_PASSED(link_send(link, SERVER, "so am I", 7));
	CHECK(unitls_connection_peer_certificate(link->ends[CLIENT].connection, 0) != NULL);
	return OUTCOME_PASSED;
}

static enum outcome contexts_first(const struct pair *pair, const struct cut *cut)
{
	return link_run(contexts_first_steps, pair, cut);
}

/* A link that is freed after any number of moves: nothing leaks, nothing is touched later (the sanitizers see it). */
static enum outcome freed_early(const struct pair *pair, const struct cut *cut)
{
	for (int moves = 0; moves < 40; moves += cut->kind == CUT_WHOLE ? 1 : 13) {
		struct link link;

		memset(&link, 0, sizeof(link));
		CHECK_PASSED(link_between(&link, pair, NULL, NULL, cut));
		for (int i = 0; i < moves; i++) {
			struct end *end = &link.ends[i % 2];

			end->status = unitls_connection_handshake(end->connection, &end->error);
			(void)link_move(&link, (enum end_name)(i % 2));
		}
		link_close(&link);
		contract_release();
	}
	return OUTCOME_PASSED;
}

static enum unitls_hello_decision say_wait(void *argument, struct unitls_connection *connection,
	const struct unitls_client_hello *hello, struct unitls_server_context **context, int *alert)
{
	(void)argument;
	(void)connection;
	(void)hello;
	(void)context;
	(void)alert;
	return UNITLS_HELLO_WAIT;
}

/* Freed while the application's decision is pending, and decided too late. */
static enum outcome pending_decision_steps(struct link *link, const struct pair *pair, const struct cut *cut)
{
	const struct want want = {.hello_callback = say_wait};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_connection *server;

	CHECK_PASSED(link_tried(link, pair, NULL, &want, NULL, cut));
	server = link->ends[SERVER].connection;
	CHECK_EQUAL(link->ends[SERVER].status, UNITLS_WANT_APP);
	CHECK_EQUAL(unitls_connection_handshake(server, &error), UNITLS_WANT_APP);
	CHECK_EQUAL(unitls_connection_decide_hello(server, UNITLS_HELLO_ACCEPT, NULL, 0, &error), UNITLS_OK);
	CHECK_EQUAL(unitls_connection_decide_hello(server, UNITLS_HELLO_ACCEPT, NULL, 0, &error), UNITLS_ERROR);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_USAGE);
	CHECK_PASSED(link_connect(link));
	error = (struct unitls_error)UNITLS_ERROR_INIT;
	CHECK_EQUAL(unitls_connection_decide_hello(server, UNITLS_HELLO_REJECT, NULL, 0, &error), UNITLS_ERROR);
	CHECK_PASSED(link_send(link, CLIENT, "x", 1));
	link_close(link);
	CHECK_PASSED(link_tried(link, pair, NULL, &want, NULL, cut));
	return OUTCOME_PASSED;
}

static enum outcome pending_decision(const struct pair *pair, const struct cut *cut)
{
	return link_run(pending_decision_steps, pair, cut);
}

/* ---- Threads --------------------------------------------------------------------------------------------------------------- */

#define THREADS        4
#define THREAD_LINKS   6
#define ERROR_TEXT_MAX 300

struct worker {
	pthread_t thread;
	struct unitls_client_context *client;
	struct unitls_server_context *server;
	uint64_t seed;
	char failure[ERROR_TEXT_MAX];
};

/* Checks do not work in a thread: their text is the runner's. */
static bool work_once(struct worker *worker, uint64_t seed)
{
	static const char *const names[] = {"server.example", "alpha.example"};
	const struct cut cut = {CUT_RANDOM, 0, seed};
	struct link link;
	struct unitls_error error = UNITLS_ERROR_INIT;
	bool good;
	size_t n;

	if (link_open(&link, worker->client, worker->server, names[seed % 2], &cut) != OUTCOME_PASSED)
		return false;
	link_handshake(&link);
	good = link.ends[CLIENT].status == UNITLS_OK && link.ends[SERVER].status == UNITLS_OK &&
		unitls_connection_write(link.ends[SERVER].connection, "hello", 5, &n, &error) == UNITLS_OK;
	if (good) {
		link_deliver(&link, SERVER);
		good = link.ends[CLIENT].n_received == 5;
	} else {
		(void)snprintf(worker->failure, sizeof(worker->failure), "client: %.120s; server: %.120s",
			link.ends[CLIENT].error.text, link.ends[SERVER].error.text);
	}
	link_close(&link);
	return good;
}

static void *on_thread(void *argument)
{
	struct worker *worker = argument;

	for (uint64_t i = 0; i < THREAD_LINKS; i++)
		if (!work_once(worker, worker->seed + i)) {
			if (worker->failure[0] == '\0')
				(void)snprintf(worker->failure, sizeof(worker->failure), "data did not arrive");
			break;
		}
	return NULL;
}

static enum outcome threads(const struct pair *pair, const struct cut *cut)
{
	const struct want want = {.chains = {"server", "alpha", "alpha-rsa"}};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct worker workers[THREADS];

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	memset(workers, 0, sizeof(workers));
	workers[0].client = contract_client(pair, &(struct want){0}, &error);
	workers[0].server = contract_server(pair, &want, &error);
	CHECK(workers[0].client && workers[0].server);
	for (size_t i = 0; i < THREADS; i++) {
		workers[i].client = workers[0].client;
		workers[i].server = workers[0].server;
		workers[i].seed = i * 100;
		CHECK_EQUAL(pthread_create(&workers[i].thread, NULL, on_thread, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (workers[i].failure[0] != '\0')
			return contract_failed(__FILE__, __LINE__, "thread %zu: %s", i, workers[i].failure);
	return OUTCOME_PASSED;
}

/* ---- Forks --------------------------------------------------------------------------------------------------------------- */

#define HELLO_HEAD 43 /* record header, message header, version, random */

/* In the child: the first bytes of a client's hello go to the parent. */
static void tell_hello(const struct pair *pair, struct unitls_client_context *client, int fd)
{
	struct unitls_connection *connection;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;
	struct unitls_bytes out = {NULL, 0};

	(void)pair;
	if (unitls_peer_name_parse("server.example", &name, &error) == UNITLS_OK &&
		unitls_client_connection_new(client, &name, &connection, &error) == UNITLS_OK &&
		unitls_connection_handshake(connection, &error) == UNITLS_WANT_READ)
		out = unitls_connection_peek_outgoing(connection);
	if (out.size < HELLO_HEAD || write(fd, out.data, HELLO_HEAD) != HELLO_HEAD)
		_exit(1);
	_exit(0);
}

static enum outcome hello_of_child(const struct pair *pair, struct unitls_client_context *client, uint8_t *head)
{
	int fds[2];
	int status = 0;
	pid_t child;
	ssize_t n;

	CHECK_EQUAL(pipe(fds), 0);
	(void)fflush(stdout);
	child = fork();
	CHECK(child >= 0);
	if (child == 0)
		tell_hello(pair, client, fds[1]);
	(void)close(fds[1]);
	n = read(fds[0], head, HELLO_HEAD);
	(void)close(fds[0]);
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK_EQUAL(n, HELLO_HEAD);
	return OUTCOME_PASSED;
}

/* A generator that was used before the fork does not repeat in two children. */
static enum outcome forks(const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *client;
	uint8_t heads[2][HELLO_HEAD];

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	client = contract_client(pair, &(struct want){0}, &error);
	CHECK(client != NULL);
	for (int i = 0; i < 2; i++)
		CHECK_PASSED(hello_of_child(pair, client, heads[i]));
	CHECK(memcmp(heads[0] + 15, heads[1] + 15, 28) != 0);
	return OUTCOME_PASSED;
}

/* ---- All at once -------------------------------------------------------------------------------------------------------------- */

#define MANY 12

/* Links between all backends there are, alive at the same time, used in turn. */
static enum outcome all_at_once(const struct pair *pair, const struct cut *cut)
{
	static struct link links[MANY];
	enum outcome outcome = OUTCOME_PASSED;
	struct pair pairs[MANY];
	size_t n = 0;

	(void)pair;
	memset(links, 0, sizeof(links));
	for (size_t c = 0; contract_backend_at(c); c++)
		for (size_t s = 0; contract_backend_at(s); s++)
			for (uint16_t version = UNITLS_TLS_1_2; version <= UNITLS_TLS_1_3 && n < MANY; version++) {
				const struct contract_backend *client = contract_backend_at(c);
				const struct contract_backend *server = contract_backend_at(s);

				if (client->backend && server->backend &&
					version <= client->capabilities->max_version &&
					version <= server->capabilities->max_version)
					pairs[n++] = (struct pair){client, server, version};
			}
	for (size_t i = 0; i < n && outcome == OUTCOME_PASSED; i++)
		outcome = link_between(&links[i], &pairs[i], NULL, NULL, cut);
	for (size_t i = 0; i < n && outcome == OUTCOME_PASSED; i++)
		outcome = link_connect(&links[i]);
	for (int turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < n && outcome == OUTCOME_PASSED; i++)
			outcome = link_send(&links[i], turn % 2 == 0 ? CLIENT : SERVER, "in turn", 7);
	for (size_t i = 0; i < n; i++)
		link_close(&links[i]);
	if (outcome == OUTCOME_PASSED && n < 2)
		return contract_not_applicable("one backend alone");
	return outcome;
}

/* ---- Memory -------------------------------------------------------------------------------------------------------------- */

/* A whole life with the n-th allocation failing. It may fail, but then by an error. */
static bool starved_life(const struct pair *pair, struct unitls_client_context *client,
	struct unitls_server_context *server, size_t n)
{
	const struct cut whole = {CUT_WHOLE, 0, 0};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;
	struct link link;
	size_t taken;
	bool reached;

	(void)pair;
	memset(&link, 0, sizeof(link));
	link.cut = whole;
	if (unitls_peer_name_parse("server.example", &name, &error) < 0)
		_exit(3);
	alloc_fail_start(n);
	if (unitls_client_connection_new(client, &name, &link.ends[CLIENT].connection, &error) == UNITLS_OK &&
		unitls_server_connection_new(server, &link.ends[SERVER].connection, &error) == UNITLS_OK) {
		link_handshake(&link);
		for (int i = 0; i < 2; i++) {
			if (link.ends[i].status < 0 && link.ends[i].error.error_class == UNITLS_ERROR_CLASS_NONE &&
				link.ends[i].status != UNITLS_RAGGED_EOF)
				_exit(4);
			if (!unitls_connection_handshake_done(link.ends[i].connection))
				continue;
			(void)!unitls_connection_write(link.ends[i].connection, "some data", 9, &taken, &error);
			(void)!unitls_connection_shutdown(link.ends[i].connection, &error);
		}
		for (int i = 0; i < 2; i++) {
			uint8_t buffer[100];

			while (link_move(&link, (enum end_name)i) > 0)
				;
			if (unitls_connection_handshake_done(link.ends[1 - i].connection))
				(void)!unitls_connection_read(
					link.ends[1 - i].connection, buffer, sizeof(buffer), &taken, &error);
			(void)unitls_connection_peer_certificate(link.ends[1 - i].connection, 0);
		}
	}
	reached = alloc_fail_stop();
	link_close(&link);
	return reached;
}

/* What a child and its parent share. */
struct starvation {
	uint32_t next; /* the allocation that fails */
	struct crash crash;
};

static void go_on(struct starvation *shared)
{
	shared->next += shared->next < 100 || getenv("UNITLS_CONTRACT_FULL") != NULL ? 1 : 29;
}

/* Libraries that lose other memory when they get none; a suppression by their name would hide what their backends forget at any time. */
static bool loses_memory(const struct contract_backend *backend)
{
	return strcmp(backend->name, "gnutls") == 0; /* 3.7.9, libtasn1 4.19: structures half copied */
}

/* In a subprocess, for what ends inside of a library: status 0 when every failure was an error. */
static void starve(const struct pair *pair, struct starvation *shared)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *client = contract_client(pair, &(struct want){0}, &error);
	struct unitls_server_context *server = contract_server(pair, &(struct want){0}, &error);
	int status;

	if (!client || !server)
		_exit(2);
	(void)starved_life(pair, client, server, 1u << 30); /* what is made once and kept is made now */
	crash_watch(&shared->crash);
	while (starved_life(pair, client, server, shared->next))
		go_on(shared);
	contract_release();
	/* A library may allocate nothing, the core does. */
	status = shared->next > 20 || shared->next == 0 ? 0 : 6;
	if (loses_memory(pair->client) || loses_memory(pair->server))
		_exit(status);
	exit(status); /* for the leak checker */
}

static enum outcome starve_in_children(const struct pair *pair, struct starvation *shared)
{
	for (;;) {
		int status = 0;
		pid_t child;

		(void)fflush(stdout);
		child = fork();
		CHECK(child >= 0);
		if (child == 0)
			starve(pair, shared);
		CHECK_EQUAL(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return OUTCOME_PASSED;
		if (WIFEXITED(status))
			return contract_failed(__FILE__, __LINE__,
				"ended with status %d when allocation %u failed", WEXITSTATUS(status),
				shared->next);
		if (!crash_is_known(&shared->crash))
			return contract_failed(__FILE__, __LINE__,
				"died of signal %d when allocation %u failed: %s", WTERMSIG(status), shared->next,
				shared->crash.frames);
		go_on(shared);
	}
}

static enum outcome starvation(const struct pair *pair, const struct cut *cut)
{
	struct starvation *shared;
	enum outcome outcome;

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	outcome = starve_in_children(pair, shared);
	(void)munmap(shared, sizeof(*shared));
	return outcome;
}

/* ---- Signals --------------------------------------------------------------------------------------------------------------- */

/* A blocking socket whose peer is gone: an error, no SIGPIPE (whose default would end the suite). */
static enum outcome no_sigpipe(const struct pair *pair, const struct cut *cut)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_client_context *client;
	struct unitls_peer_name name;
	struct unitls_socket *wrapped = NULL;
	int fds[2];
	int status;

	if (cut->kind != CUT_WHOLE)
		return OUTCOME_PASSED;
	client = contract_client(pair, &(struct want){0}, &error);
	CHECK(client != NULL);
	CHECK_EQUAL(unitls_peer_name_parse("server.example", &name, &error), UNITLS_OK);
	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	(void)close(fds[1]);
	status = unitls_client_wrap_socket(client, fds[0], &name, &wrapped, &error);
	CHECK_EQUAL(status, UNITLS_OK);
	status = unitls_socket_do_handshake(wrapped, &error);
	unitls_socket_free(wrapped);
	CHECK(status < 0);
	CHECK_EQUAL(error.error_class, UNITLS_ERROR_CLASS_IO);
	return OUTCOME_PASSED;
}

const struct scenario lifetime_scenarios[] = {
	{"contexts freed before their connections", "49", PER_PAIR, contexts_first},
	{"connections freed at any time", "48", PER_PAIR, freed_early},
	{"connections freed while a decision is pending", "48", PER_PAIR, pending_decision},
	{"contexts shared by threads", "47", PER_PAIR, threads},
	{"children of a fork do not repeat each other", "50", PER_SERVER, forks},
	{"all backends at once", "51", ONCE, all_at_once},
	{"every allocation fails once", "52", PER_PAIR, starvation},
	{"a peer that is gone sends no signal", "53", PER_SERVER, no_sigpipe},
	{0},
};

/*
 * The load generator: opens connections to a server that speaks request.h, through whatever proxy is in between, verifies every byte and prints what it took as one
 * JSON object. One process, one thread; libevent waits, libunitls does the TLS. Its status is 0 only when nothing failed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/bench/client.h"
#include "tests/bench/credentials.h"
#include "tests/bench/hostile.h"
#include "tests/bench/input.h"
#include "tests/bench/limits.h"
#include "tests/bench/options.h"
#include "tests/bench/pattern.h"
#include "tests/bench/tally.h"

#define STATUS_OK        0
#define STATUS_FAILED    1
#define STATUS_USAGE     2
#define CONNECT_BYTES    512
#define IDLE_BYTES       16
#define IDLE_STARTING    64 /* so many at once are not idle yet: a listener's queue is finite */
#define IDLE_END_SECONDS 10 /* how long ending the idle connections may take */

/* Sessions that wait to be offered, the oldest first. */
struct sessions {
	struct unitls_session **at;
	size_t room;
	size_t first;
	size_t n;
};

struct load {
	struct options options;
	struct client_target target;
	struct client_owner owner;
	struct tally tally;
	struct sessions sessions;
	struct hostile_crowd crowd;
	uint64_t ill_will;      /* percent of a hostile client that are due */
	struct client *clients; /* those that are open */
	uint64_t connections;   /* how many there will have been, without what prepares */
	uint64_t started;
	uint64_t open;
	uint64_t held;
	bool primed;         /* there is a session, or none is needed */
	struct input *input; /* while idle connections are held */
	struct event *deadline;
	struct event *filling; /* made active when there may be something to start */
	struct event *tick;    /* of an open loop */
	int timer;
};

/* ---- sessions ---- */

static int sessions_init(struct sessions *sessions, size_t room)
{
	sessions->room = room;
	sessions->at = calloc(room, sizeof(struct unitls_session *));
	return sessions->at ? 0 : -1;
}

static void sessions_put(struct sessions *sessions, struct unitls_session *session)
{
	if (sessions->n == sessions->room) {
		unitls_session_unref(session);
		return;
	}
	sessions->at[(sessions->first + sessions->n++) % sessions->room] = session;
}

/* The oldest. The last one stays for others, too: until enough have come, several connections offer the same. */
static struct unitls_session *sessions_take(struct sessions *sessions)
{
	struct unitls_session *session = sessions->at[sessions->first];

	if (sessions->n == 1)
		return unitls_session_ref(session);
	sessions->first = (sessions->first + 1) % sessions->room;
	sessions->n--;
	return session;
}

static void sessions_fini(struct sessions *sessions)
{
	for (; sessions->n > 0; sessions->n--) {
		unitls_session_unref(sessions->at[sessions->first]);
		sessions->first = (sessions->first + 1) % sessions->room;
	}
	free(sessions->at);
}

/* ---- connections ---- */

/* Part i of n of a total, the first ones larger by one where it does not divide. */
static uint64_t part(uint64_t total, uint64_t i, uint64_t n)
{
	return total / n + (i < total % n ? 1 : 0);
}

static struct client_task choose_task(const struct options *options, uint64_t i)
{
	uint64_t n = options->connections;

	switch (options->load_case) {
	case CASE_CONNECT:
	case CASE_RATE:
		break;
	case CASE_GET:
		return (struct client_task){.verb = REQUEST_GET, .size = part(options->bytes, i, n)};
	case CASE_PUT:
		return (struct client_task){.verb = REQUEST_PUT, .size = part(options->bytes, i, n)};
	case CASE_ECHO:
		return (struct client_task){.verb = REQUEST_ECHO,
			.size = part(options->count, i, n) * options->bytes,
			.chunk = options->bytes};
	case CASE_IDLE:
		return (struct client_task){
			.verb = REQUEST_ECHO, .size = IDLE_BYTES, .chunk = IDLE_BYTES, .hold = true};
	}
	return (struct client_task){.verb = REQUEST_GET, .size = CONNECT_BYTES};
}

/* How many connections there are in all. */
static uint64_t count_connections(const struct options *options)
{
	switch (options->load_case) {
	case CASE_CONNECT:
	case CASE_RATE:
		return options->count;
	case CASE_ECHO:
		return options->count < options->connections ? options->count : options->connections;
	case CASE_GET:
	case CASE_PUT:
	case CASE_IDLE:
		break;
	}
	return options->connections;
}

/* A new connection that is in the list. NULL without memory, after which nothing that is measured makes sense. */
static struct client *add_client(struct load *load, uint64_t scheduled_ns)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		abort();
	client->scheduled_ns = scheduled_ns;
	client->counts = true;
	client->next = load->clients;
	client->link = &load->clients;
	if (client->next)
		client->next->link = &client->next;
	load->clients = client;
	load->open++;
	return client;
}

static void remove_client(struct load *load, struct client *client)
{
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	load->open--;
	client_fini(client);
	free(client);
}

static void start_one(struct load *load, uint64_t scheduled_ns)
{
	struct client *client = add_client(load, scheduled_ns);

	client->task = choose_task(&load->options, load->started++);
	if (load->options.resume) {
		client->session = sessions_take(&load->sessions);
		client->must_resume = true;
	}
	client_start(client, &load->target, &load->owner, &load->tally);
}

/* The hostile ones come evenly between the others. */
static void start_hostile(struct load *load)
{
	load->ill_will += load->options.hostile_percent;
	if (load->ill_will < 100)
		return;
	load->ill_will -= 100;
	load->tally.hostile++;
	hostile_start(&load->crowd);
}

/* A connection that only brings the first session. */
static void prime(struct load *load)
{
	struct client *client = add_client(load, client_clock_ns());

	client->task = (struct client_task){.verb = REQUEST_GET, .size = CONNECT_BYTES};
	client->counts = false;
	client_start(client, &load->target, &load->owner, &load->tally);
}

/* ---- how many at once ---- */

static bool is_done(const struct load *load)
{
	return load->started == load->connections && load->open == 0;
}

static uint64_t limit(const struct load *load)
{
	if (load->options.load_case != CASE_IDLE)
		return load->options.connections;
	return load->held + IDLE_STARTING < load->options.connections ? load->held + IDLE_STARTING
								      : load->options.connections;
}

/* When connection i of an open loop is due. */
static uint64_t due_ns(const struct load *load, uint64_t i)
{
	return load->tally.started_ns + (uint64_t)((double)i * 1e9 / load->options.rate);
}

/* Starts what may be started. Only called from the loop, never from a connection: that would nest. */
static void fill(struct load *load)
{
	uint64_t now = client_clock_ns();

	while (load->primed && load->started < load->connections && load->open < limit(load)) {
		uint64_t scheduled = client_clock_ns();

		if (load->options.load_case == CASE_RATE) {
			scheduled = due_ns(load, load->started);
			if (scheduled > now)
				break;
		}
		start_one(load, scheduled);
		start_hostile(load);
	}
}

static void stop(struct load *load)
{
	if (load->tally.ended_ns == 0)
		load->tally.ended_ns = client_clock_ns();
	(void)event_base_loopbreak(load->target.base);
}

static void on_filling(evutil_socket_t fd, short what, void *argument)
{
	struct load *load = argument;

	(void)fd;
	(void)what;
	fill(load);
	if (is_done(load) || (load->options.load_case == CASE_IDLE && load->tally.failed > 0))
		stop(load);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	uint64_t expirations;

	/* How many does not matter: the clock says what is due. */
	if (read(fd, &expirations, sizeof(expirations)) > 0)
		on_filling(fd, what, argument);
}

/* From here on the time counts. */
static void begin(struct load *load)
{
	struct itimerspec period = {.it_value.tv_nsec = 1};
	uint64_t ns;

	load->primed = true;
	load->tally.started_ns = client_clock_ns();
	event_active(load->filling, EV_TIMEOUT, 0);
	if (load->options.load_case != CASE_RATE)
		return;
	/* Rounded up, so that no tick comes before what is due with it. */
	ns = (uint64_t)(1e9 / load->options.rate) + 1;
	period.it_interval.tv_sec = (time_t)(ns / 1000000000u);
	period.it_interval.tv_nsec = (long)(ns % 1000000000u);
	if (timerfd_settime(load->timer, 0, &period, NULL) != 0)
		abort(); /* without the clock no figure is right */
}

/* ---- what connections tell ---- */

static void on_over(struct client *client, void *argument)
{
	struct load *load = argument;
	bool was_primer = !client->counts;

	if (load->options.resume && client->session && !client->failed) {
		sessions_put(&load->sessions, client->session);
		client->session = NULL;
	}
	if (was_primer && load->sessions.n == 0 && !client->failed)
		tally_fail(&load->tally, "no session came that could be resumed");
	if (was_primer && load->sessions.n == 0)
		load->connections = 0;
	if (was_primer)
		begin(load);
	remove_client(load, client);
	event_active(load->filling, EV_TIMEOUT, 0);
}

/* ---- the program's own events ---- */

static void on_input_end(void *argument)
{
	static const struct timeval patience = {.tv_sec = IDLE_END_SECONDS};
	struct load *load = argument;
	struct client *next;

	(void)event_add(load->deadline, &patience);
	for (struct client *client = load->clients; client; client = next) {
		next = client->next;
		client_release(client);
	}
}

static void on_held(struct client *client, void *argument)
{
	struct load *load = argument;

	(void)client;
	if (++load->held < load->connections) {
		event_active(load->filling, EV_TIMEOUT, 0);
		return;
	}
	load->tally.ended_ns = client_clock_ns();
	(void)puts("ready");
	(void)fflush(stdout);
	(void)event_del(load->deadline);
	load->input = input_new(load->target.base, on_input_end, load);
	if (!load->input)
		abort();
}

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct load *load = argument;

	(void)fd;
	(void)what;
	while (load->clients)
		client_give_up(load->clients, "timed out");
	for (; load->started < load->connections; load->started++)
		tally_fail(&load->tally, "not started in time");
	stop(load);
}

static struct event *make_event(struct load *load, evutil_socket_t fd, short what, event_callback_fn callback)
{
	struct event *event = event_new(load->target.base, fd, what, callback, load);

	if (!event)
		abort();
	return event;
}

/* ---- a run ---- */

static int prepare_tls(struct load *load)
{
	const struct options *options = &load->options;
	struct unitls_backend *backend = credentials_backend(options->backend);
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (!backend)
		return -1;
	if (unitls_peer_name_parse(options->server_name, &load->target.name, &error) < 0) {
		(void)fprintf(stderr, "load: %s\n", error.text);
		return -1;
	}
	load->target.half_close = (unitls_backend_capabilities(backend)->bits & UNITLS_CAP_HALF_CLOSE) != 0;
	load->target.context = credentials_client(backend, options->ca, options->tls_version);
	return load->target.context ? 0 : -1;
}

static void run(struct load *load)
{
	const struct timeval timeout = {.tv_sec = load->options.timeout_s};

	load->filling = make_event(load, -1, 0, on_filling);
	load->tick = make_event(load, load->timer, EV_READ | EV_PERSIST, on_tick);
	load->deadline = make_event(load, -1, 0, on_deadline);
	(void)event_add(load->deadline, &timeout);
	if (load->options.load_case == CASE_RATE)
		(void)event_add(load->tick, NULL);
	if (load->options.resume)
		prime(load);
	else
		begin(load);
	if (load->options.hostile_percent > 0 && hostile_init(&load->crowd, &load->target) < 0)
		abort();
	(void)event_base_loop(load->target.base, EVLOOP_NO_EXIT_ON_EMPTY);
	hostile_fini(&load->crowd);
	while (load->clients)
		remove_client(load, load->clients);
	event_free(load->deadline);
	input_free(load->input);
	event_free(load->tick);
	event_free(load->filling);
}

int main(int argc, char **argv)
{
	struct load load = {.owner = {on_held, on_over, &load}};
	int status = STATUS_USAGE;

	if (options_parse(argc, argv, &load.options) < 0)
		return STATUS_USAGE;
	limits_raise_descriptors();
	pattern_init();
	load.target.address = load.options.address;
	load.target.base = channel_base_new();
	load.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	load.connections = count_connections(&load.options);
	if (!load.target.base || load.timer < 0 || sessions_init(&load.sessions, load.options.connections) < 0)
		perror("load");
	else if (load.options.plain || prepare_tls(&load) == 0) {
		run(&load);
		tally_print(&load.tally, stdout);
		status = load.tally.failed > 0 ? STATUS_FAILED : STATUS_OK;
	}
	sessions_fini(&load.sessions);
	unitls_client_context_unref(load.target.context);
	if (load.target.base)
		event_base_free(load.target.base);
	(void)close(load.timer);
	tally_fini(&load.tally);
	return status;
}

/* One connection from accept to its end. */

#include "daemon/session.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/connector.h"
#include "daemon/session_log.h"

/* What a step of a session came to. */
enum step {
	STEP_WAIT, /* for an event, a turn or the timer */
	STEP_ON,   /* done, go on with what comes next */
	STEP_GONE, /* the session ended; it may be freed */
};

static void session_run(struct session *session);

/* Ending ------------------------------------------------------------------------------------------------------------------- */

static void session_free(struct session *session)
{
	struct engine *engine = session->engine;

	stream_close(&session->client, STREAM_CLOSE_ABORT);
	stream_close(&session->upstream, STREAM_CLOSE_ABORT);
	relay_fini(&session->relay);
	(void)event_del(&session->timer);
	turns_cancel(&engine->turns, &session->turn);
	TAILQ_REMOVE(&engine->sessions, session, link);
	engine->session_count--;
	engine->turnover++;
	counters_release(engine->counters, session->column);
	counters_add(engine->counters, COUNTER_CLOSED, 1);
	listener_unref(session->listener);
	free(session);
	if (engine->on_session_gone != NULL)
		engine->on_session_gone(engine->argument);
}

/* Lets one stream live on for a moment; the other is gone. */
static void linger(struct session *session, struct stream *stream, enum session_phase phase)
{
	session->phase = phase;
	session->lingering = stream;
	session->linger_deadline_ms = clock_now_ms() + SESSION_LINGER_MS;
	session_run(session);
}

static void count_bytes(struct session *session)
{
	struct engine *engine = session->engine;

	if (session->relay.up.bytes > session->counted_up)
		counters_add(engine->counters, COUNTER_BYTES_FROM_CLIENTS,
			session->relay.up.bytes - session->counted_up);
	if (session->relay.down.bytes > session->counted_down)
		counters_add(engine->counters, COUNTER_BYTES_TO_CLIENTS,
			session->relay.down.bytes - session->counted_down);
	session->counted_up = session->relay.up.bytes;
	session->counted_down = session->relay.down.bytes;
}

static bool is_handshake_end(enum reason reason)
{
	return reason == REASON_END_HANDSHAKE_FAILED || reason == REASON_END_HANDSHAKE_TIMEOUT ||
		reason == REASON_END_HANDSHAKE_CLOSED;
}

/* Whose fault it is, for those ends where the other side is to have what was relayed before. */
static const struct stream *culprit(const struct session *session, enum reason reason)
{
	switch (reason) {
	case REASON_END_CLIENT_RESET:
	case REASON_END_CLIENT_TRUNCATED:
	case REASON_END_CLIENT_IO:
		return &session->client;
	case REASON_END_UPSTREAM_RESET:
	case REASON_END_UPSTREAM_TRUNCATED:
	case REASON_END_UPSTREAM_TLS:
	case REASON_END_UPSTREAM_IO:
		return &session->upstream;
	default:
		return NULL;
	}
}

/* Whether a side that cannot half-close may still be sending, though nobody reads: a close would be a reset, which can overtake what it was sent. */
static bool is_unread(const struct stream *stream)
{
	return !stream->half_close && stream->shut && stream->input == STREAM_DONE;
}

/* A clean end of both directions. */
static void end_cleanly(struct session *session)
{
	struct stream *unread = is_unread(&session->client) ? &session->client : &session->upstream;
	struct stream *other = unread == &session->client ? &session->upstream : &session->client;

	stream_close(other, STREAM_CLOSE_CLEAN);
	if (is_unread(unread)) {
		stream_send_fin(unread);
		linger(session, unread, SESSION_ALERTING);
		return;
	}
	stream_close(unread, STREAM_CLOSE_CLEAN);
	session_free(session);
}

/* The one way a session ends. It may be freed when this returns, and is not to be used any more. */
static void session_end(struct session *session, enum reason reason, const struct unitls_error *error)
{
	const struct stream *fault = culprit(session, reason);

	count_bytes(session);
	session_count_end(session, reason);
	if (is_handshake_end(reason))
		session_log_handshake(session, reason, error);
	else
		session_log_close(session, reason, error);
	relay_fini(&session->relay);
	if (reason == REASON_END_DONE) {
		end_cleanly(session);
	} else if (reason == REASON_END_HANDSHAKE_FAILED || reason == REASON_END_CLIENT_TLS) {
		stream_close(&session->upstream, STREAM_CLOSE_ABORT);
		linger(session, &session->client, SESSION_ALERTING);
	} else if (fault == &session->client) {
		stream_close(&session->client, STREAM_CLOSE_ABORT);
		linger(session, &session->upstream, SESSION_DELIVERING);
	} else if (fault == &session->upstream) {
		/* An alert of ours may be on its way there. */
		stream_close(&session->upstream,
			reason == REASON_END_UPSTREAM_TLS ? STREAM_CLOSE_CLEAN : STREAM_CLOSE_ABORT);
		linger(session, &session->client, SESSION_DELIVERING);
	} else {
		session_free(session);
	}
}

/* Our alert (after a clean end: nothing) goes out, then FIN; what the client still sends is thrown away, so that no reset overtakes the alert. */
static void run_alerting(struct session *session)
{
	struct stream *stream = session->lingering;
	enum stream_result result = stream_flush(stream);

	if (result == STREAM_AGAIN)
		return;
	if (result == STREAM_DONE && !stream->shut) {
		stream_send_fin(stream);
		stream->shut = true;
	}
	if (result == STREAM_DONE)
		result = stream_discard(stream);
	if (result == STREAM_AGAIN)
		return;
	if (result == STREAM_MORE) {
		turns_push(&session->engine->turns, &session->turn);
		return;
	}
	stream_close(stream, STREAM_CLOSE_CLEAN);
	session_free(session);
}

/* What was relayed before the reset is to arrive; there is no event for that, so the timer looks. */
static void run_delivering(struct session *session)
{
	struct stream *stream = session->lingering;
	int unsent = 0;

	if (stream_flush(stream) == STREAM_AGAIN)
		return;
	if (ioctl(stream->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 && stream->input >= 0)
		return;
	session_free(session);
}

/* The timer ---------------------------------------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long an upstream that cannot half-close is waited for: no longer than idleness is borne. */
static uint64_t answer_deadline(const struct session *session)
{
	uint64_t wait_ms = SESSION_ANSWER_MS;

	if (session->listener->idle_timeout_ms != 0)
		wait_ms = earlier(wait_ms, session->listener->idle_timeout_ms);
	return session->activity_ms + wait_ms;
}

static bool is_suspect(const struct session *session)
{
	return session->client.suspect || session->upstream.suspect;
}

/* When the session is to be looked at without an event; UINT64_MAX: never. */
static uint64_t next_deadline(const struct session *session, uint64_t now_ms)
{
	const struct listener *listener = session->listener;
	uint64_t deadline = UINT64_MAX;

	switch (session->phase) {
	case SESSION_OPENING:
		if (!session->client_ready)
			deadline = session->started_ms + listener->handshake_timeout_ms;
		if (session->upstream_phase == SESSION_UPSTREAM_SELECT)
			deadline = earlier(deadline, now_ms + SESSION_RETRY_MS);
		else if (session->upstream_phase != SESSION_UPSTREAM_READY && session->connect_deadline_ms != 0)
			deadline = earlier(deadline, session->connect_deadline_ms);
		if (is_suspect(session))
			deadline = earlier(deadline, now_ms + SESSION_DOUBT_MS);
		break;
	case SESSION_RELAYING:
		if (listener->idle_timeout_ms != 0)
			deadline = session->activity_ms + listener->idle_timeout_ms;
		if (is_suspect(session))
			deadline = earlier(deadline, now_ms + SESSION_DOUBT_MS);
		if (relay_is_waiting(&session->relay))
			deadline = earlier(deadline, answer_deadline(session));
		if (session->linger_deadline_ms != 0)
			deadline = earlier(deadline, session->linger_deadline_ms);
		break;
	case SESSION_ALERTING:
		deadline = session->linger_deadline_ms;
		break;
	case SESSION_DELIVERING:
		deadline = earlier(session->linger_deadline_ms, now_ms + SESSION_RETRY_MS);
		break;
	}
	return deadline;
}

/* A timer that fires too early is cheap, setting it again at every byte is not. */
static void arm(struct session *session)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t deadline = next_deadline(session, now_ms);
	uint64_t wait_ms;
	struct timeval wait;

	if (deadline == UINT64_MAX || (session->armed_ms != 0 && session->armed_ms <= deadline))
		return;
	wait_ms = deadline > now_ms ? deadline - now_ms : 1;
	wait.tv_sec = (time_t)(wait_ms / 1000);
	wait.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	session->armed_ms = deadline;
	(void)evtimer_add(&session->timer, &wait);
}

/* Connecting upstream ------------------------------------------------------------------------------------------------------- */

static void log_attempt(
	struct session *session, enum reason reason, const char *text, const struct unitls_error *error)
{
	session->last_failure = reason;
	session_log_upstream(session, reason, text, error);
}

/* Gives up on this address; the next one is tried. */
static void attempt_failed(
	struct session *session, enum reason reason, const char *text, const struct unitls_error *error)
{
	log_attempt(session, reason, text, error);
	upstream_set_failed(session->listener->upstream, session->server, clock_now_ms());
	stream_close(&session->upstream,
		reason == REASON_END_UPSTREAM_HANDSHAKE ? STREAM_CLOSE_CLEAN : STREAM_CLOSE_ABORT);
	stream_init(&session->upstream);
	session->connect_deadline_ms = 0;
	session->upstream_phase = SESSION_UPSTREAM_SELECT;
}

static void on_stream(struct stream *stream, void *argument)
{
	struct session *session = argument;

	(void)stream;
	session_run(session);
}

/* No address is left: wait for a name that the helper has not answered for yet, or end. */
static enum step no_target(struct session *session)
{
	struct upstream *upstream = session->listener->upstream;
	uint64_t now_ms = clock_now_ms();

	if (session->last_failure == REASON_END_UPSTREAM_UNRESOLVED &&
		upstream_is_waiting(upstream, session->engine->names)) {
		if (session->connect_deadline_ms == 0)
			session->connect_deadline_ms = now_ms + upstream->connect_timeout_ms;
		if (now_ms < session->connect_deadline_ms) {
			session->cursor = (struct upstream_cursor){0};
			return STEP_WAIT;
		}
	}
	if (session->last_failure == REASON_END_UPSTREAM_UNRESOLVED)
		log_attempt(session, session->last_failure, "no server has an address", NULL);
	session_end(session, session->last_failure, NULL);
	return STEP_GONE;
}

/* The transport is there; TLS on it, if it has to be. */
static enum step upstream_connected(struct session *session)
{
	const struct upstream *upstream = session->listener->upstream;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_connection *tls;

	session->upstream_phase = SESSION_UPSTREAM_READY;
	if (upstream->tls == NULL)
		return STEP_ON;
	if (unitls_client_connection_new(
		    upstream->tls, &upstream->servers[session->server].peer_name, &tls, &error) < 0) {
		attempt_failed(session, REASON_END_UPSTREAM_HANDSHAKE, NULL, &error);
		return STEP_ON;
	}
	stream_set_tls(&session->upstream, tls);
	session->upstream_phase = SESSION_UPSTREAM_HANDSHAKE;
	return STEP_ON;
}

static enum step finish_connect(struct session *session)
{
	int r;

	if (!session->upstream.writable && !session->upstream.hangup)
		return STEP_WAIT;
	r = connector_result(session->upstream.fd);
	if (r < 0) {
		attempt_failed(session, REASON_END_UPSTREAM_CONNECT, strerror(-r), NULL);
		return STEP_ON;
	}
	return upstream_connected(session);
}

static enum step select_target(struct session *session)
{
	struct engine *engine = session->engine;
	struct upstream *upstream = session->listener->upstream;
	struct upstream_target target;
	bool connected = false;
	int fd = -1;
	int r;

	if (upstream_next(upstream, engine->names, clock_now_ms(), &session->cursor, &target) != 0)
		return no_target(session);
	session->server = target.server;
	memcpy(&session->target, &target.storage, sizeof(session->target));
	r = connector_start((const struct sockaddr *)&target.storage, target.length, &fd, &connected);
	if (session->connect_deadline_ms == 0)
		session->connect_deadline_ms = clock_now_ms() + upstream->connect_timeout_ms;
	if (r == -EAGAIN && clock_now_ms() < session->connect_deadline_ms) {
		session->cursor.item--;
		return STEP_WAIT;
	}
	if (r == -EMFILE || r == -ENFILE) {
		session_end(session, REASON_END_DESCRIPTORS, NULL);
		return STEP_GONE;
	}
	if (r < 0) {
		attempt_failed(session, REASON_END_UPSTREAM_CONNECT, strerror(-r), NULL);
		return STEP_ON;
	}
	if (stream_open(&session->upstream, engine->base, fd, connected, on_stream, session) < 0) {
		(void)close(fd);
		session_end(session, REASON_END_MEMORY, NULL);
		return STEP_GONE;
	}
	if (connected)
		return upstream_connected(session);
	session->upstream_phase = SESSION_UPSTREAM_CONNECTING;
	return STEP_ON;
}

static const char *handshake_end_text(enum stream_result result)
{
	if (result == STREAM_TRUNCATED)
		return "closed during the handshake";
	return result == STREAM_RESET ? "reset during the handshake" : NULL;
}

static enum step upstream_handshake(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	enum stream_result result = stream_handshake(&session->upstream, &error);

	if (result == STREAM_MORE)
		turns_push(&session->engine->turns, &session->turn);
	if (result == STREAM_MORE || result == STREAM_AGAIN)
		return STEP_WAIT;
	if (result < 0)
		attempt_failed(session, REASON_END_UPSTREAM_HANDSHAKE, handshake_end_text(result),
			result == STREAM_TLS ? &error : NULL);
	else
		session->upstream_phase = SESSION_UPSTREAM_READY;
	return STEP_ON;
}

/* The upstream's side of opening. STEP_ON: connected, with TLS if it has to be. */
static enum step open_upstream(struct session *session)
{
	enum step step = STEP_ON;

	while (step == STEP_ON && session->upstream_phase != SESSION_UPSTREAM_READY) {
		switch (session->upstream_phase) {
		case SESSION_UPSTREAM_IDLE:
			if (session->client.tls != NULL && !unitls_connection_hello_accepted(session->client.tls))
				return STEP_WAIT;
			session->upstream_phase = SESSION_UPSTREAM_SELECT;
			break;
		case SESSION_UPSTREAM_SELECT:
			step = select_target(session);
			break;
		case SESSION_UPSTREAM_CONNECTING:
			step = finish_connect(session);
			break;
		case SESSION_UPSTREAM_HANDSHAKE:
			step = upstream_handshake(session);
			break;
		case SESSION_UPSTREAM_READY:
			break;
		}
	}
	return step;
}

/* The client's side -------------------------------------------------------------------------------------------------------- */

static void count_handshake(const struct session *session)
{
	struct counters *counters = session->engine->counters;

	counters_add(counters, COUNTER_HANDSHAKES, 1);
	if (unitls_connection_resumed(session->client.tls))
		counters_add(counters, COUNTER_RESUMED, 1);
}

static enum step open_client(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	enum stream_result result;

	if (session->client_ready)
		return STEP_ON;
	result = stream_handshake(&session->client, &error);
	if (result == STREAM_MORE)
		turns_push(&session->engine->turns, &session->turn);
	if (result == STREAM_MORE || result == STREAM_AGAIN)
		return STEP_WAIT;
	if (result < 0) {
		session_end(session,
			result == STREAM_TLS ? REASON_END_HANDSHAKE_FAILED : REASON_END_HANDSHAKE_CLOSED, &error);
		return STEP_GONE;
	}
	session->client_ready = true;
	if (session->client.tls != NULL)
		count_handshake(session);
	return STEP_ON;
}

static enum reason relay_reason(const struct session *session, const struct relay_failure *failure)
{
	bool client = failure->stream == &session->client;

	if (failure->out_of_memory)
		return REASON_END_MEMORY;
	switch (failure->result) {
	case STREAM_RESET:
		return client ? REASON_END_CLIENT_RESET : REASON_END_UPSTREAM_RESET;
	case STREAM_TRUNCATED:
		return client ? REASON_END_CLIENT_TRUNCATED : REASON_END_UPSTREAM_TRUNCATED;
	case STREAM_TLS:
		return client ? REASON_END_CLIENT_TLS : REASON_END_UPSTREAM_TLS;
	default:
		return client ? REASON_END_CLIENT_IO : REASON_END_UPSTREAM_IO;
	}
}

static void note_activity(struct session *session)
{
	uint64_t bytes = session->client.received + session->client.sent + session->upstream.received +
		session->upstream.sent;

	if (bytes == session->activity_bytes)
		return;
	session->activity_bytes = bytes;
	session->activity_ms = clock_now_ms();
	count_bytes(session);
}

static void run_relaying(struct session *session)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct relay_failure failure = {0};
	int result = relay_run(&session->relay, session->engine->scratch, &failure, &error);

	note_activity(session);
	if (session->linger_deadline_ms == 0 &&
		(relay_is_broken(&session->relay, &failure) || relay_is_draining(&session->relay)))
		session->linger_deadline_ms = clock_now_ms() + SESSION_LINGER_MS;
	switch (result) {
	case STREAM_AGAIN:
		arm(session);
		break;
	case STREAM_MORE:
		turns_push(&session->engine->turns, &session->turn);
		arm(session);
		break;
	case STREAM_END:
		session_end(session, REASON_END_DONE, NULL);
		break;
	default:
		session_end(session, relay_reason(session, &failure), &error);
		break;
	}
}

static void run_opening(struct session *session)
{
	enum step client = open_client(session);
	enum step upstream;

	if (client == STEP_GONE)
		return;
	upstream = open_upstream(session);
	if (upstream == STEP_GONE)
		return;
	if (client != STEP_ON || upstream != STEP_ON) {
		/* Nobody reads from a client that is ready, so its reset must be asked for. */
		if (client == STEP_ON && stream_check(&session->client) < 0)
			session_end(session, REASON_END_CLIENT_RESET, NULL);
		else
			arm(session);
		return;
	}
	upstream_set_working(session->listener->upstream, session->server);
	relay_init(&session->relay, &session->client, &session->upstream);
	session->phase = SESSION_RELAYING;
	session->activity_ms = clock_now_ms();
	run_relaying(session);
}

/* Does what can be done now. The session may be freed when this returns. */
static void session_run(struct session *session)
{
	switch (session->phase) {
	case SESSION_OPENING:
		run_opening(session);
		break;
	case SESSION_RELAYING:
		run_relaying(session);
		break;
	case SESSION_ALERTING:
		arm(session);
		run_alerting(session);
		break;
	case SESSION_DELIVERING:
		arm(session);
		run_delivering(session);
		break;
	}
}

static void on_turn(void *argument)
{
	session_run(argument);
}

static void doubt(struct session *session)
{
	stream_doubt(&session->client);
	stream_doubt(&session->upstream);
}

/* What is due. False when the session ended of it. */
static bool expire_opening(struct session *session, uint64_t now_ms)
{
	bool is_connecting = session->upstream_phase == SESSION_UPSTREAM_CONNECTING ||
		session->upstream_phase == SESSION_UPSTREAM_HANDSHAKE;

	if (!session->client_ready && now_ms >= session->started_ms + session->listener->handshake_timeout_ms) {
		session_end(session, REASON_END_HANDSHAKE_TIMEOUT, NULL);
		return false;
	}
	if (is_connecting && now_ms >= session->connect_deadline_ms)
		attempt_failed(session, REASON_END_UPSTREAM_TIMEOUT, NULL, NULL);
	doubt(session);
	return true;
}

static bool expire_relaying(struct session *session, uint64_t now_ms)
{
	const struct listener *listener = session->listener;
	struct relay_failure failure = {0};

	if (session->linger_deadline_ms != 0 && now_ms >= session->linger_deadline_ms &&
		relay_is_broken(&session->relay, &failure)) {
		session_end(session, relay_reason(session, &failure), NULL);
		return false;
	}
	if (session->linger_deadline_ms != 0 && now_ms >= session->linger_deadline_ms &&
		relay_is_draining(&session->relay)) {
		session_end(session, REASON_END_DONE, NULL);
		return false;
	}
	if (relay_is_waiting(&session->relay) && now_ms >= answer_deadline(session)) {
		relay_hurry(&session->relay);
		return true;
	}
	if (listener->idle_timeout_ms != 0 && now_ms >= session->activity_ms + listener->idle_timeout_ms) {
		session_end(session, REASON_END_IDLE, NULL);
		return false;
	}
	doubt(session);
	return true;
}

static bool expire(struct session *session, uint64_t now_ms)
{
	switch (session->phase) {
	case SESSION_OPENING:
		return expire_opening(session, now_ms);
	case SESSION_RELAYING:
		return expire_relaying(session, now_ms);
	case SESSION_ALERTING:
	case SESSION_DELIVERING:
		break;
	}
	if (now_ms < session->linger_deadline_ms)
		return true;
	session_free(session);
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct session *session = argument;

	(void)fd;
	(void)what;
	session->armed_ms = 0;
	if (expire(session, clock_now_ms()))
		session_run(session);
}

/* Beginning ---------------------------------------------------------------------------------------------------------------- */

static int open_streams(struct session *session, int fd)
{
	struct unitls_connection *tls;

	if (stream_open(&session->client, session->engine->base, fd, true, on_stream, session) < 0) {
		stream_abort(fd);
		return -ENOMEM;
	}
	if (session->listener->tls == NULL) {
		session->client_ready = true;
		return 0;
	}
	if (unitls_server_connection_new(session->listener->tls, &tls, NULL) < 0)
		return -ENOMEM;
	stream_set_tls(&session->client, tls);
	return 0;
}

static void set_peer(struct session *session, const struct sockaddr *peer)
{
	session->peer.any.sa_family = peer->sa_family;
	if (peer->sa_family == AF_INET)
		memcpy(&session->peer, peer, sizeof(session->peer.v4));
	else if (peer->sa_family == AF_INET6)
		memcpy(&session->peer, peer, sizeof(session->peer.v6));
}

/* Without memory for a session: it ends like one. */
static void refuse(struct engine *engine, const struct session_params *params)
{
	struct session session = {.engine = engine, .listener = params->listener, .started_ms = clock_now_ms()};

	set_peer(&session, params->peer);
	stream_abort(params->fd);
	counters_add(engine->counters, COUNTER_ACCEPTED, 1);
	session_count_end(&session, REASON_END_MEMORY);
	session_log_close(&session, REASON_END_MEMORY, NULL);
	counters_add(engine->counters, COUNTER_CLOSED, 1);
	counters_release(engine->counters, params->column);
}

int session_start(struct engine *engine, const struct session_params *params)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		refuse(engine, params);
		return -ENOMEM;
	}
	session->engine = engine;
	session->listener = listener_ref(params->listener);
	session->column = params->column;
	session->last_failure = REASON_END_UPSTREAM_UNRESOLVED;
	session->started_ms = clock_now_ms();
	session->turn.run = on_turn;
	session->turn.argument = session;
	set_peer(session, params->peer);
	stream_init(&session->client);
	stream_init(&session->upstream);
	(void)evtimer_assign(&session->timer, engine->base, on_timer, session); /* cannot fail for a timer */
	TAILQ_INSERT_TAIL(&engine->sessions, session, link);
	engine->session_count++;
	engine->turnover++;
	counters_add(engine->counters, COUNTER_ACCEPTED, 1);
	if (open_streams(session, params->fd) < 0) {
		session_end(session, REASON_END_MEMORY, NULL);
		return -ENOMEM;
	}
	session_run(session);
	return 0;
}

size_t session_end_all(struct engine *engine, enum reason reason)
{
	struct session *session;
	size_t ended_before = 0;

	while ((session = TAILQ_FIRST(&engine->sessions)) != NULL) {
		if (session->phase == SESSION_ALERTING || session->phase == SESSION_DELIVERING) {
			ended_before++;
			session_free(session);
		} else {
			session_end(session, reason, NULL);
		}
	}
	return ended_before;
}

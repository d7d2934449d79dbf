/*
 * Moves bytes between the outer bufferevent, the connection and the bufferevent below, and tells the program what happened.
 *
 * unitls_event_run does one step after the other until there is nothing more to do. A step calls at most one callback of the program, as its last
 * act, because after it anything may be different: another descriptor, no callbacks, the outer bufferevent freed.
 *
 * Bounds: the output below holds BELOW_LIMIT_BYTES at most, then the rest stays in the connection; plaintext is encrypted in batches, each after the one
 * before was sent; what comes in stays below while the connection is full, and then nothing more is read.
 */
#include "event/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <event2/bufferevent_struct.h>

#define BELOW_LIMIT_BYTES 131072
#define PIECES_MAX        16

#define ON_INPUT_BYTES UNITLS_RECORD_PLAINTEXT_MAX

/* Small things --------------------------------------------------------------------------------------------------------------- */

bool unitls_event_has_callbacks(const struct engine *engine)
{
	bufferevent_data_cb on_read;
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;

	bufferevent_getcb(engine->outer, &on_read, &on_write, &on_event, NULL);
	return on_read || on_write || on_event;
}

void unitls_event_schedule(struct engine *engine)
{
	event_active(engine->turn, EV_TIMEOUT, 0);
}

static void schedule_later(struct engine *engine)
{
	const struct timeval later = {0, UNITLS_EVENT_RECHECK_MS * 1000};

	(void)event_add(engine->turn, &later);
}

static void tell_data(struct engine *engine, short direction)
{
	if (unitls_event_has_callbacks(engine))
		bufferevent_trigger(engine->outer, direction, 0);
}

static void tell_event(struct engine *engine, short what)
{
	if (!unitls_event_has_callbacks(engine))
		return;
	EVUTIL_SET_SOCKET_ERROR(engine->transport_errno); /* evhttp looks at it */
	bufferevent_trigger_event(engine->outer, what, 0);
}

static struct evbuffer *output_of(const struct engine *engine)
{
	return bufferevent_get_output(engine->outer);
}

static bool is_enabled(const struct engine *engine, short direction)
{
	return (bufferevent_get_enabled(engine->outer) & direction) != 0;
}

/* Timeouts ------------------------------------------------------------------------------------------------------------------- */

/* libevent has no getter for them; the structure is public for programs that read it. */
static void restart_timeout(struct event *event, const struct timeval *timeout)
{
	if (evutil_timerisset(timeout))
		(void)event_add(event, timeout);
}

void unitls_event_restart_read_timeout(struct engine *engine)
{
	if (unitls_event_has_callbacks(engine) && is_enabled(engine, EV_READ))
		restart_timeout(&engine->outer->ev_read, &engine->outer->timeout_read);
}

bool unitls_event_is_writing(const struct engine *engine)
{
	switch (engine->state) {
	case ENGINE_UNBOUND:
	case ENGINE_HANDSHAKE:
		return true;
	case ENGINE_OPEN:
		return evbuffer_get_length(output_of(engine)) > 0 ||
			(engine->finishing && !engine->finish_settled);
	case ENGINE_FAILED:
		break;
	}
	return false;
}

static void restart_write_timeout(struct engine *engine)
{
	if (unitls_event_is_writing(engine) && is_enabled(engine, EV_WRITE))
		restart_timeout(&engine->outer->ev_write, &engine->outer->timeout_write);
	else
		(void)event_del(&engine->outer->ev_write);
}

/* Failing -------------------------------------------------------------------------------------------------------------------- */

static void set_error(struct engine *engine, enum unitls_error_class error_class, const char *what, int code)
{
	char buffer[96];

	if (engine->error.error_class != UNITLS_ERROR_CLASS_NONE)
		return;
	engine->error.error_class = error_class;
	(void)snprintf(engine->error.text, sizeof(engine->error.text), "%s%s%s", what, code != 0 ? ": " : "",
		code != 0 ? strerror_r(code, buffer, sizeof(buffer)) : "");
}

/* As a bufferevent_socket does it: EV_READ is disabled, and who enables it again is told again. evhttp relies on that. */
static void tell_end(struct engine *engine)
{
	engine->retell = false;
	if (unitls_event_has_callbacks(engine))
		(void)bufferevent_disable(engine->outer, EV_READ);
	(void)unitls_event_set_reading(engine, READING_AS_OUTER); /* at worst it is not told again */
	unitls_event_watch_outer(engine, true);
	tell_event(engine, engine->end_event);
}

/*
 * libevent's flush goes on to the program's own bufferevent below, whatever is left here, so with BEV_FINISHED all must be there by then: the
 * limits do not hold any more.
 */
static bool is_finishing_below(const struct engine *engine)
{
	return engine->finishing && !engine->owns_below;
}

/* Moves what is to be sent into the output below. Whether any was. */
static bool ship(struct engine *engine)
{
	struct evbuffer *below = bufferevent_get_output(engine->below);
	struct unitls_bytes bytes;
	bool moved = false;

	while ((bytes = unitls_connection_peek_outgoing(engine->connection)).size > 0 &&
		(evbuffer_get_length(below) < BELOW_LIMIT_BYTES || is_finishing_below(engine))) {
		if (evbuffer_add(below, bytes.data, bytes.size) < 0) {
			schedule_later(engine); /* nothing is lost; there may be memory then */
			break;
		}
		unitls_connection_consume_outgoing(engine->connection, bytes.size);
		moved = true;
	}
	return moved;
}

/* The end: nothing more is done but for a new descriptor. */
static void fail(struct engine *engine, short what)
{
	engine->state = ENGINE_FAILED;
	(void)ship(engine); /* the alert */
	unitls_event_push(engine);
	if (engine->send_failed)
		unitls_event_stop_sending(engine);
	(void)event_del(&engine->outer->ev_write);
	engine->end_event = what;
	tell_end(engine);
}

static void fail_without_memory(struct engine *engine)
{
	set_error(engine, UNITLS_ERROR_CLASS_MEMORY, "no memory for the data of a bufferevent", 0);
	fail(engine, BEV_EVENT_ERROR);
}

/* The transport cannot send, and what came in does not say why. */
static void fail_sending(struct engine *engine)
{
	engine->error = (struct unitls_error)UNITLS_ERROR_INIT;
	set_error(engine, UNITLS_ERROR_CLASS_IO, "sending",
		engine->transport_errno != 0 ? engine->transport_errno : EPIPE);
	fail(engine, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
}

/* A failure of the connection, in a call that was for one direction. */
static void report(struct engine *engine, int status, short direction)
{
	if (status == UNITLS_RAGGED_EOF && engine->send_failed) {
		fail_sending(engine);
		return;
	}
	if (status == UNITLS_RAGGED_EOF && engine->transport_errno != 0) {
		engine->error = (struct unitls_error)UNITLS_ERROR_INIT;
		set_error(engine, UNITLS_ERROR_CLASS_IO, "receiving", engine->transport_errno);
	} else if (status == UNITLS_RAGGED_EOF && engine->allow_dirty_shutdown && engine->state == ENGINE_OPEN) {
		engine->error = (struct unitls_error)UNITLS_ERROR_INIT;
		fail(engine, BEV_EVENT_EOF | BEV_EVENT_READING);
		return;
	} else if (status != UNITLS_RAGGED_EOF) {
		engine->transport_errno = 0; /* it was not at fault */
	}
	fail(engine, (short)(BEV_EVENT_ERROR | direction));
}

/* The descriptor ------------------------------------------------------------------------------------------------------------- */

int unitls_event_new_connection(struct engine *engine, struct unitls_error *error)
{
	struct unitls_connection *connection;
	int status;

	if (engine->client_context)
		status = unitls_client_connection_new(
			engine->client_context, &engine->peer_name, &connection, error);
	else
		status = unitls_server_connection_new(engine->server_context, &connection, error);
	if (status < 0)
		return status;
	unitls_connection_free(engine->connection);
	engine->connection = connection;
	engine->connection_used = false;
	return 0;
}

/* As for a descriptor of which nothing is known yet. */
static void forget(struct engine *engine)
{
	engine->error = (struct unitls_error)UNITLS_ERROR_INIT;
	engine->news = 0;
	engine->transport_errno = 0;
	engine->send_failed = false;
	engine->transport_ended = false;
	engine->unread = false;
	engine->lost = false;
	engine->end_event = 0;
	engine->retell = false;
	engine->reads_to_write = false;
	engine->finished = false;
	engine->finish_settled = false;
	engine->written = false;
	engine->in_flight = 0;
	/* What was flushed before there was a descriptor is for this one. */
	engine->flushing = engine->flushing && engine->state == ENGINE_UNBOUND;
	engine->finishing = engine->finishing && engine->state == ENGINE_UNBOUND;
}

static void begin(struct engine *engine)
{
	unitls_event_discard_below(engine);
	forget(engine);
	if (engine->connection_used && unitls_event_new_connection(engine, &engine->error) < 0) {
		fail(engine, BEV_EVENT_ERROR);
		return;
	}
	engine->connection_used = true;
	engine->state = ENGINE_HANDSHAKE;
}

static void fail_connecting(struct engine *engine)
{
	int code = engine->transport_errno;

	unitls_event_discard_below(engine);
	forget(engine);
	engine->transport_errno = code;
	set_error(engine, UNITLS_ERROR_CLASS_IO, "connecting", code);
	fail(engine, BEV_EVENT_ERROR);
}

void unitls_event_follow(struct engine *engine)
{
	switch (unitls_event_look_at_descriptor(engine)) {
	case DESCRIPTOR_SAME:
		break;
	case DESCRIPTOR_GONE:
		/* The error and the connection can still be asked for. */
		engine->identity = 0;
		engine->news = 0;
		engine->in_flight = 0;
		engine->end_event = 0;
		engine->retell = false;
		engine->flushing = false;
		engine->finishing = false;
		engine->state = ENGINE_UNBOUND;
		unitls_event_discard_below(engine);
		break;
	case DESCRIPTOR_NEW:
		begin(engine);
		break;
	case DESCRIPTOR_FAILED:
		fail_connecting(engine);
		break;
	}
}

/* Ciphertext in -------------------------------------------------------------------------------------------------------------- */

/* Hands the connection what it has room for. Whether it got something; UNITLS_ERROR without memory. */
static int feed(struct engine *engine)
{
	struct evbuffer *input = bufferevent_get_input(engine->below);
	struct unitls_connection *connection = engine->connection;
	bool fed = false;

	while (evbuffer_get_length(input) > 0 &&
		unitls_connection_incoming_size(connection) < UNITLS_INCOMING_LIMIT_BYTES) {
		uint8_t *room;
		size_t size;
		int n;

		if (unitls_connection_reserve_incoming(connection, &room, &size, &engine->error) < 0)
			return UNITLS_ERROR;
		n = evbuffer_remove(input, room, size);
		unitls_connection_commit_incoming(connection, n > 0 ? (size_t)n : 0);
		if (n <= 0)
			break;
		fed = true;
	}
	if (engine->transport_ended && evbuffer_get_length(input) == 0)
		unitls_connection_receive_eof(connection);
	engine->unread = engine->unread || fed;
	return fed;
}

/* The handshake -------------------------------------------------------------------------------------------------------------- */

static bool step_handshake(struct engine *engine, bool fed)
{
	int status = unitls_connection_handshake(engine->connection, &engine->error);
	bool shipped = ship(engine);

	switch (status) {
	case UNITLS_OK:
		engine->state = ENGINE_OPEN;
		engine->unread = true;                  /* data may have come with the peer's last flight */
		if (unitls_event_has_callbacks(engine)) /* starts the timeouts again */
			(void)bufferevent_enable(engine->outer, bufferevent_get_enabled(engine->outer));
		tell_event(engine, BEV_EVENT_CONNECTED);
		return true;
	case UNITLS_WANT_READ:
		return fed;
	case UNITLS_WANT_WRITE:
		return shipped;
	case UNITLS_WANT_APP: /* until unitls_bufferevent_poke */
		return false;
	default:
		report(engine, status, BEV_EVENT_READING);
		return true;
	}
}

/* Plaintext out -------------------------------------------------------------------------------------------------------------- */

static bool all_is_sent(const struct engine *engine)
{
	if (is_finishing_below(engine))
		return unitls_connection_outgoing_size(engine->connection) == 0;
	return evbuffer_get_length(bufferevent_get_output(engine->below)) == 0 &&
		unitls_connection_outgoing_size(engine->connection) == 0;
}

/* What has been handed to the transport leaves the output. */
static void settle_sent(struct engine *engine)
{
	if (!all_is_sent(engine))
		return;
	if (engine->in_flight > 0) {
		engine->draining = true;
		(void)evbuffer_unfreeze(output_of(engine), 1); /* evhttp may have frozen it */
		(void)evbuffer_drain(output_of(engine), engine->in_flight);
		engine->draining = false;
		engine->in_flight = 0;
		engine->written = true;
		restart_write_timeout(engine);
	}
	if (engine->finished && !engine->finish_settled) {
		engine->finish_settled = true;
		engine->written = true;
		restart_write_timeout(engine);
	}
}

static int write_pieces(struct engine *engine)
{
	struct evbuffer_iovec pieces[PIECES_MAX];
	int n_pieces = evbuffer_peek(output_of(engine), UNITLS_EVENT_BATCH_BYTES, NULL, pieces, PIECES_MAX);
	size_t left = UNITLS_EVENT_BATCH_BYTES;
	int status = UNITLS_OK;

	for (int i = 0; i < n_pieces && i < PIECES_MAX && status == UNITLS_OK && left > 0; i++) {
		size_t size = pieces[i].iov_len < left ? pieces[i].iov_len : left;
		size_t taken;

		status = unitls_connection_write(
			engine->connection, pieces[i].iov_base, size, &taken, &engine->error);
		engine->in_flight += taken;
		left -= taken;
		if (taken < size)
			break; /* full, or a failure that the next call answers */
	}
	return engine->in_flight > 0 ? UNITLS_OK : status;
}

static int finish(struct engine *engine)
{
	int status = unitls_connection_shutdown(engine->connection, &engine->error);

	engine->finished = status == UNITLS_OK;
	return status;
}

/* Encrypts the next batch, or close_notify behind the last one. */
static int write_more(struct engine *engine)
{
	bool waiting = evbuffer_get_length(output_of(engine)) > 0;
	int status = UNITLS_OK;

	(void)ship(engine); /* what there was no room or no memory for before */
	if (engine->in_flight > 0)
		return UNITLS_OK;
	if (!waiting)
		engine->flushing = false;
	if (waiting && (engine->flushing || engine->finishing || is_enabled(engine, EV_WRITE)))
		status = write_pieces(engine);
	else if (!waiting && engine->finishing && !engine->finished)
		status = finish(engine);
	engine->reads_to_write = status == UNITLS_WANT_READ;
	(void)ship(engine);
	return status;
}

void unitls_event_flush(struct engine *engine)
{
	bool more = engine->state == ENGINE_OPEN;

	while (more) {
		int status = write_more(engine); /* a failure is sticky: the loop finds it */
		bool sending = engine->in_flight > 0;

		unitls_event_push(engine);
		settle_sent(engine);
		more = status == UNITLS_OK && sending && engine->in_flight == 0;
	}
	unitls_event_schedule(engine);
}

/* Whether the program was told of something. */
static bool step_writing(struct engine *engine)
{
	int status;

	settle_sent(engine);
	if (engine->written) {
		engine->written = false;
		tell_data(engine, EV_WRITE);
		return true;
	}
	status = write_more(engine);
	if (status >= 0)
		return false;
	report(engine, status, BEV_EVENT_WRITING);
	return true;
}

/* Plaintext in --------------------------------------------------------------------------------------------------------------- */

/* How much the outer input takes; 0: nothing now. */
static size_t input_room(const struct engine *engine)
{
	size_t held = evbuffer_get_length(bufferevent_get_input(engine->outer));
	size_t high = 0;

	if (!is_enabled(engine, EV_READ))
		return 0;
	(void)bufferevent_getwatermark(engine->outer, EV_READ, NULL, &high);
	if (high == 0)
		return ON_INPUT_BYTES;
	if (held >= high)
		return 0;
	return high - held < ON_INPUT_BYTES ? high - held : ON_INPUT_BYTES;
}

/* Reads what there is. *ret_got: how much came into the outer input. Returns what the connection said last; 0: there may be more. */
static int read_plaintext(struct engine *engine, size_t *ret_got)
{
	struct evbuffer *input = bufferevent_get_input(engine->outer);
	uint8_t data[ON_INPUT_BYTES];
	int status = UNITLS_OK;
	size_t room;

	*ret_got = 0;
	while (status == UNITLS_OK && (room = input_room(engine)) > 0) {
		size_t n;

		status = unitls_connection_read(engine->connection, data, room, &n, &engine->error);
		if (n > 0 && evbuffer_add(input, data, n) < 0) {
			engine->lost = true;
			set_error(engine, UNITLS_ERROR_CLASS_MEMORY, "no memory for received data", 0);
			return UNITLS_ERROR;
		}
		*ret_got += n;
	}
	return status;
}

/* Whether there is reason to go on. */
static bool step_reading(struct engine *engine, bool fed)
{
	size_t got;
	int status;

	if (engine->lost) {
		report(engine, UNITLS_ERROR, BEV_EVENT_READING);
		return true;
	}
	if (engine->end_event != 0 || !engine->unread)
		return false;
	status = read_plaintext(engine, &got);
	(void)ship(engine); /* the answer to a KeyUpdate, an alert */
	if (got > 0) {
		/* The end, if there is one, comes after it, when the program still wants to hear of it: it is sticky. */
		unitls_event_restart_read_timeout(engine);
		tell_data(engine, EV_READ);
		return true;
	}
	switch (status) {
	case UNITLS_OK:
	case UNITLS_WANT_WRITE:
	case UNITLS_WANT_APP:
		return false;
	case UNITLS_WANT_READ:
		engine->unread = false;
		return fed;
	case UNITLS_EOF:
		engine->end_event = BEV_EVENT_EOF | BEV_EVENT_READING;
		tell_end(engine);
		return true;
	default:
		report(engine, status, BEV_EVENT_READING);
		return true;
	}
}

/* All together --------------------------------------------------------------------------------------------------------------- */

/*
 * A peer that refuses us may close right after its alert, so that our sending fails first: whether what has come in, and will be read, may hold the
 * alert.
 */
static bool may_hear_why(const struct engine *engine)
{
	if (engine->state == ENGINE_HANDSHAKE)
		return unitls_event_more_to_read(engine);
	return is_enabled(engine, EV_READ) && (engine->unread || unitls_event_more_to_read(engine));
}

/* Whether there may be more to do. */
static bool step(struct engine *engine)
{
	bool moved;
	int fed;

	unitls_event_follow(engine);
	unitls_event_take_news(engine);
	if (engine->retell) {
		tell_end(engine);
		return true;
	}
	if (engine->state == ENGINE_UNBOUND || engine->state == ENGINE_FAILED)
		return false;
	fed = feed(engine);
	if (fed < 0) {
		fail(engine, BEV_EVENT_ERROR | BEV_EVENT_READING);
		return true;
	}
	if (engine->state == ENGINE_HANDSHAKE)
		moved = step_handshake(engine, fed > 0);
	else
		moved = step_writing(engine) || step_reading(engine, fed > 0);
	if (moved || !engine->send_failed || may_hear_why(engine))
		return moved;
	fail_sending(engine);
	return true;
}

/* Waiting -------------------------------------------------------------------------------------------------------------------- */

/* Whether there is something to do as soon as the program enables EV_READ, which it has not. */
static bool is_held_in(const struct engine *engine)
{
	return engine->state == ENGINE_OPEN && engine->unread && !is_enabled(engine, EV_READ);
}

/* The same for EV_WRITE. */
static bool is_held_out(const struct engine *engine)
{
	return engine->state == ENGINE_OPEN && !is_enabled(engine, EV_WRITE) && !engine->flushing &&
		!engine->finishing && evbuffer_get_length(output_of(engine)) > engine->in_flight;
}

static enum reading wanted_reading(const struct engine *engine)
{
	bool full = evbuffer_get_length(bufferevent_get_input(engine->below)) > 0;

	if (is_held_in(engine))
		return READING_AS_OUTER; /* which is not at all, yet */
	if (engine->state == ENGINE_UNBOUND || engine->transport_ended || full)
		return READING_STOPPED;
	return engine->state == ENGINE_HANDSHAKE || engine->reads_to_write ? READING_ALWAYS : READING_AS_OUTER;
}

/* Sees to it that what is still to be done is begun by something. */
static void wait_for_more(struct engine *engine)
{
	engine->left_below = evbuffer_get_length(bufferevent_get_input(engine->below));
	if (is_held_out(engine))
		schedule_later(engine);
	if (engine->end_event != 0)
		return; /* tell_end has seen to it */
	if (unitls_event_set_reading(engine, wanted_reading(engine)) < 0) {
		fail_without_memory(engine);
		return;
	}
	unitls_event_watch_outer(engine, is_held_in(engine));
}

void unitls_event_run(struct engine *engine)
{
	bool listened;

	if (engine->running) {
		unitls_event_schedule(engine); /* a bufferevent below that calls back at once */
		return;
	}
	evbuffer_lock(output_of(engine));
	engine->running = true;
	listened = unitls_event_has_callbacks(engine);
	if (listened)
		bufferevent_incref(engine->outer);
	while (step(engine))
		if (listened != unitls_event_has_callbacks(engine)) {
			unitls_event_schedule(engine);
			break;
		}
	wait_for_more(engine);
	engine->running = false;
	if (listened)
		(void)bufferevent_decref(engine->outer); /* may be the last one */
	evbuffer_unlock(output_of(engine));
}

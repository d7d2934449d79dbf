/* The relay: two one-way pumps. */

#include "daemon/relay.h"

#include <stdlib.h>
#include <string.h>

void relay_init(struct relay *relay, struct stream *client, struct stream *upstream)
{
	*relay = (struct relay){
		.up = {.from = client, .to = upstream, .patient = true},
		.down = {.from = upstream, .to = client},
	};
}

static void drop_held(struct pump *pump)
{
	free(pump->held);
	pump->held = NULL;
	pump->held_at = 0;
	pump->held_size = 0;
}

void relay_fini(struct relay *relay)
{
	drop_held(&relay->up);
	drop_held(&relay->down);
}

static int fail(struct relay_failure *failure, const struct stream *stream, enum stream_result result)
{
	failure->stream = stream;
	failure->result = result;
	return -1;
}

/* Remembers that TO takes no more. */
static enum stream_result break_off(struct pump *pump)
{
	pump->broken = true;
	drop_held(pump);
	return STREAM_DONE;
}

/* Writes what is held. DONE when nothing is left, or no more can be written ever. */
static enum stream_result write_held(struct pump *pump, struct unitls_error *error)
{
	enum stream_result result;
	size_t n;

	if (pump->held == NULL)
		return STREAM_DONE;
	result = stream_write(pump->to, pump->held + pump->held_at, pump->held_size - pump->held_at, &n, error);
	if (result < 0)
		return break_off(pump);
	pump->held_at += n;
	if (pump->held_at < pump->held_size)
		return STREAM_AGAIN;
	drop_held(pump);
	return STREAM_DONE;
}

/* Writes fresh bytes and holds the rest. */
static enum stream_result write_fresh(struct pump *pump, const uint8_t *data, size_t size,
	struct relay_failure *failure, struct unitls_error *error)
{
	enum stream_result result;
	size_t n;

	result = stream_write(pump->to, data, size, &n, error);
	if (result < 0)
		return break_off(pump);
	if (n == size)
		return STREAM_DONE;
	pump->held = malloc(size - n);
	if (pump->held == NULL) {
		failure->out_of_memory = true;
		return STREAM_IO;
	}
	memcpy(pump->held, data + n, size - n);
	pump->held_at = 0;
	pump->held_size = size - n;
	return STREAM_AGAIN;
}

/* Fills the chunk as far as FROM goes. The result is that of the last read; what came before it counts first. */
static enum stream_result read_chunk(
	struct pump *pump, uint8_t *scratch, size_t *ret_size, struct unitls_error *error)
{
	enum stream_result result = STREAM_DONE;
	size_t n;

	*ret_size = 0;
	while (result == STREAM_DONE && *ret_size < RELAY_CHUNK_BYTES) {
		result = stream_read(pump->from, scratch + *ret_size, RELAY_CHUNK_BYTES - *ret_size, &n, error);
		*ret_size += n;
	}
	pump->bytes += *ret_size;
	return result;
}

/* Whether TO has ended and, for want of half-close, took the other direction with it. */
static bool is_shut(const struct pump *pump, const struct pump *other)
{
	return other->ended && !pump->to->half_close;
}

/* FROM must be able to take the answer that is waited for. */
static bool is_waiting(const struct pump *pump, const struct pump *other)
{
	bool at_end = pump->ended && !pump->passed_on && !pump->broken;

	return at_end && pump->patient && pump->from->half_close && !pump->to->half_close && !other->ended;
}

static enum stream_result pass_on_end(struct pump *pump, const struct pump *other, struct unitls_error *error)
{
	enum stream_result result;

	if (is_waiting(pump, other))
		return STREAM_AGAIN;
	result = stream_shutdown(pump->to, error);
	if (result < 0)
		return break_off(pump);
	pump->passed_on = result == STREAM_DONE;
	return result;
}

/* Throws away what nobody can be given any more. However it ends, it has ended. */
static enum stream_result drain(struct pump *pump, uint8_t *scratch)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	enum stream_result result = stream_flush(pump->to);
	size_t moved = 0;
	size_t n;

	drop_held(pump);
	if (result == STREAM_AGAIN)
		return result;
	while (!pump->ended) {
		if (moved >= RELAY_TURN_BYTES)
			return STREAM_MORE;
		result = stream_read(pump->from, scratch, RELAY_CHUNK_BYTES, &n, &error);
		moved += n;
		if (result == STREAM_AGAIN || result == STREAM_MORE)
			return result;
		pump->ended = result != STREAM_DONE;
	}
	pump->passed_on = true;
	return STREAM_DONE;
}

/* DONE: finished for good (passed on or broken); AGAIN, MORE; negative: FROM failed. */
static enum stream_result pump_run(struct pump *pump, const struct pump *other, uint8_t *scratch,
	struct relay_failure *failure, struct unitls_error *error)
{
	enum stream_result result;
	enum stream_result read;
	size_t moved = 0;
	size_t size;

	while (!pump->broken && !pump->passed_on) {
		if (is_shut(pump, other))
			return drain(pump, scratch);
		result = write_held(pump, error);
		if (result == STREAM_AGAIN)
			return result;
		if (pump->broken)
			break;
		if (pump->ended)
			return pass_on_end(pump, other, error);
		result = stream_flush(pump->to);
		if (result == STREAM_AGAIN)
			return result;
		if (moved >= RELAY_TURN_BYTES)
			return STREAM_MORE;
		read = read_chunk(pump, scratch, &size, error);
		moved += size;
		if (size > 0) {
			result = write_fresh(pump, scratch, size, failure, error);
			if (result != STREAM_DONE)
				return result;
		}
		if (read == STREAM_END)
			pump->ended = true;
		else if (read != STREAM_DONE)
			return read;
	}
	return STREAM_DONE;
}

static enum stream_result broken_result(const struct pump *broken)
{
	return broken->to->output < 0 ? broken->to->output : STREAM_TLS;
}

bool relay_is_broken(const struct relay *relay, struct relay_failure *failure)
{
	const struct pump *broken = relay->up.broken ? &relay->up : &relay->down;

	if (!broken->broken)
		return false;
	(void)fail(failure, broken->to, broken_result(broken));
	return true;
}

/* A direction whose sink is dead: what the sink sent before is still delivered, then the failure counts. */
static int settle_broken(const struct pump *broken, const struct pump *other, struct relay_failure *failure)
{
	if (other->broken || (other->ended && other->held == NULL && stream_is_flushed(other->to)))
		return fail(failure, broken->to, broken_result(broken));
	return STREAM_AGAIN;
}

/* A stream that nobody reads now, because its pump waits or has ended, may have been reset. One that is read tells by itself, and only after
 * what it sent before. */
static enum stream_result check_unread(const struct pump *pump)
{
	bool is_read = !pump->ended && pump->held == NULL && stream_is_flushed(pump->to);

	return is_read ? STREAM_DONE : stream_check(pump->from);
}

static int check_both(struct relay *relay, struct relay_failure *failure)
{
	enum stream_result up = check_unread(&relay->up);
	enum stream_result down = check_unread(&relay->down);

	if (up < 0)
		return fail(failure, relay->up.from, up);
	if (down < 0)
		return fail(failure, relay->down.from, down);
	return STREAM_AGAIN;
}

int relay_run(struct relay *relay, uint8_t *scratch, struct relay_failure *failure, struct unitls_error *error)
{
	enum stream_result up = pump_run(&relay->up, &relay->down, scratch, failure, error);
	enum stream_result down;

	if (up < 0)
		return fail(failure, relay->up.from, up);
	down = pump_run(&relay->down, &relay->up, scratch, failure, error);
	if (down < 0 && relay->up.broken)
		return fail(failure, relay->up.to, down);
	if (down < 0)
		return fail(failure, relay->down.from, down);
	/* Without half-close the end of one direction is news for the other. */
	if (relay->down.ended && !(relay->up.from->half_close && relay->up.to->half_close))
		up = pump_run(&relay->up, &relay->down, scratch, failure, error);
	if (up < 0)
		return fail(failure, relay->up.from, up);
	if (relay->up.broken)
		return settle_broken(&relay->up, &relay->down, failure);
	if (relay->down.broken)
		return settle_broken(&relay->down, &relay->up, failure);
	if (up == STREAM_DONE && down == STREAM_DONE)
		return STREAM_END;
	if (up == STREAM_MORE || down == STREAM_MORE)
		return STREAM_MORE;
	return check_both(relay, failure);
}

bool relay_is_waiting(const struct relay *relay)
{
	return is_waiting(&relay->up, &relay->down);
}

void relay_hurry(struct relay *relay)
{
	relay->up.patient = false;
}

bool relay_is_draining(const struct relay *relay)
{
	const struct pump *up = &relay->up;
	const struct pump *down = &relay->down;

	return (is_shut(up, down) && !up->passed_on && down->passed_on) ||
		(is_shut(down, up) && !down->passed_on && up->passed_on);
}

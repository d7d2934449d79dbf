/*
 * Making and freeing TLS bufferevents, and the functions on them.
 */
#include <unitls/event.h>

#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent_struct.h>

#include "event/engine.h"

static int set_error(struct unitls_error *error, enum unitls_error_class error_class, const char *text)
{
	if (error && error->error_class == UNITLS_ERROR_CLASS_NONE) {
		error->error_class = error_class;
		(void)snprintf(error->text, sizeof(error->text), "%s", text);
	}
	return UNITLS_ERROR;
}

/* What libevent calls -------------------------------------------------------------------------------------------------------- */

static void on_turn(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	unitls_event_run(argument);
}

/*
 * In place of libevent's own callback of a filter's write timeout, which runs from when EV_WRITE is enabled, whether there is something to write
 * or not.
 */
static void on_write_timeout(evutil_socket_t fd, short what, void *argument)
{
	struct engine *engine = argument;

	(void)fd;
	(void)what;
	evbuffer_lock(bufferevent_get_output(engine->outer));
	if (unitls_event_is_writing(engine) && unitls_event_has_callbacks(engine)) {
		(void)bufferevent_disable(engine->outer, EV_WRITE);
		bufferevent_trigger_event(engine->outer, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING, 0);
	}
	evbuffer_unlock(bufferevent_get_output(engine->outer));
}

static void on_input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *argument)
{
	struct engine *engine = argument;

	(void)buffer;
	/* Room above the watermark. */
	if (info->n_deleted > 0 && engine->unread)
		unitls_event_schedule(engine);
}

static void on_output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *argument)
{
	struct engine *engine = argument;
	struct event *timeout = &engine->outer->ev_write;

	(void)buffer;
	if (engine->draining)
		return;
	if (info->n_deleted > 0) {
		/* The program throws its output away, as evhttp does between two descriptors: then what is below is stale, too. */
		engine->in_flight -= info->n_deleted < engine->in_flight ? info->n_deleted : engine->in_flight;
		if (bufferevent_getfd(engine->below) < 0)
			unitls_event_follow(engine);
	}
	if (info->n_added > 0 && evutil_timerisset(&engine->outer->timeout_write) &&
		!event_pending(timeout, EV_TIMEOUT, NULL) && bufferevent_get_enabled(engine->outer) & EV_WRITE)
		(void)event_add(timeout, &engine->outer->timeout_write);
	unitls_event_schedule(engine);
}

/* A filter's function for input: it is called only to flush, which means nothing here. */
static enum bufferevent_filter_result filter_input(struct evbuffer *source, struct evbuffer *target,
	ev_ssize_t limit, enum bufferevent_flush_mode mode, void *argument)
{
	(void)source;
	(void)target;
	(void)limit;
	(void)mode;
	(void)argument;
	return BEV_NEED_MORE;
}

/* And for output: it is called for every write, of which on_output_changed knows already, and to flush. */
static enum bufferevent_filter_result filter_output(struct evbuffer *source, struct evbuffer *target,
	ev_ssize_t limit, enum bufferevent_flush_mode mode, void *argument)
{
	struct engine *engine = argument;

	(void)source;
	(void)target;
	(void)limit;
	switch (mode) {
	case BEV_NORMAL:
		return BEV_NEED_MORE;
	case BEV_FLUSH:
		engine->flushing = true;
		break;
	case BEV_FINISHED:
		engine->finishing = true;
		break;
	}
	unitls_event_flush(engine);
	return BEV_NEED_MORE;
}

/* Making and freeing --------------------------------------------------------------------------------------------------------- */

/* Of an engine with or without its bufferevents. */
static void free_engine(struct engine *engine)
{
	if (engine->turn)
		event_free(engine->turn);
	unitls_connection_free(engine->connection);
	unitls_client_context_unref(engine->client_context);
	unitls_server_context_unref(engine->server_context);
	free(engine);
}

/* The outer one is finalised. */
static void on_finalised(void *argument)
{
	struct engine *engine = argument;

	if (engine->on_input)
		(void)evbuffer_remove_cb_entry(bufferevent_get_input(engine->outer), engine->on_input);
	if (engine->on_output)
		(void)evbuffer_remove_cb_entry(bufferevent_get_output(engine->outer), engine->on_output);
	unitls_event_watch_outer(engine, false);
	if (engine->valve)
		bufferevent_free(engine->valve);
	unitls_event_detach(engine);
	(void)bufferevent_disable(engine->below, EV_READ);
	if (engine->frees_below)
		bufferevent_free(engine->below);
	free_engine(engine);
}

/* What a bufferevent is made of. */
struct parts {
	struct event_base *base;
	struct bufferevent *below; /* NULL: a socket's is made */
	evutil_socket_t fd;
	struct unitls_client_context *client_context;
	struct unitls_server_context *server_context;
	const struct unitls_peer_name *peer_name;
	int options;
};

static struct engine *new_engine(const struct parts *parts, struct unitls_error *error)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine)
		engine->turn = event_new(parts->base, -1, 0, on_turn, engine);
	if (!engine || !engine->turn) {
		free(engine);
		(void)set_error(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a bufferevent");
		return NULL;
	}
	engine->error = (struct unitls_error)UNITLS_ERROR_INIT;
	engine->threadsafe = (parts->options & BEV_OPT_THREADSAFE) != 0;
	if (parts->client_context) {
		engine->client_context = unitls_client_context_ref(parts->client_context);
		engine->peer_name = *parts->peer_name;
	} else {
		engine->server_context = unitls_server_context_ref(parts->server_context);
	}
	if (unitls_event_new_connection(engine, error) < 0) {
		free_engine(engine);
		return NULL;
	}
	return engine;
}

static int make_below(struct engine *engine, const struct parts *parts, struct unitls_error *error)
{
	const int passed_on = BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE;

	engine->below = parts->below;
	if (engine->below)
		return 0;
	engine->below = bufferevent_socket_new(parts->base, -1, parts->options & passed_on);
	if (!engine->below)
		return set_error(error,
			parts->options & BEV_OPT_THREADSAFE ? UNITLS_ERROR_CLASS_USAGE : UNITLS_ERROR_CLASS_MEMORY,
			parts->options & BEV_OPT_THREADSAFE
				? "libevent refused BEV_OPT_THREADSAFE: it has no locks, or no memory"
				: "no memory for a bufferevent");
	engine->owns_below = true;
	engine->frees_below = !(parts->options & BEV_OPT_CLOSE_ON_FREE);
	/* A whole batch at once. */
	(void)bufferevent_set_max_single_read(engine->below, UNITLS_EVENT_BATCH_BYTES);
	(void)bufferevent_set_max_single_write(engine->below, (size_t)2 * UNITLS_EVENT_BATCH_BYTES);
	return 0;
}

/* The outer one over the one below; what fails here has no descriptor yet. */
static int make_outer(struct engine *engine, const struct parts *parts, struct unitls_error *error)
{
	engine->outer = bufferevent_filter_new(
		engine->below, filter_input, filter_output, parts->options, on_finalised, engine);
	if (!engine->outer) {
		if (engine->owns_below)
			bufferevent_free(engine->below);
		free_engine(engine);
		return set_error(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a bufferevent");
	}
	unitls_event_attach(engine);
	(void)event_assign(&engine->outer->ev_write, parts->base, -1, EV_FINALIZE, on_write_timeout, engine);
	engine->on_input = evbuffer_add_cb(bufferevent_get_input(engine->outer), on_input_changed, engine);
	engine->on_output = evbuffer_add_cb(bufferevent_get_output(engine->outer), on_output_changed, engine);
	if (engine->on_input && engine->on_output)
		return 0;
	/* With the option libevent drops the caller's reference, too, but the one below stays the caller's. */
	if (!engine->owns_below && parts->options & BEV_OPT_CLOSE_ON_FREE)
		bufferevent_incref(engine->below);
	bufferevent_free(engine->outer);
	return set_error(error, UNITLS_ERROR_CLASS_MEMORY, "no memory for a bufferevent");
}

static void start(struct engine *engine, const struct parts *parts)
{
	/* Nothing is read before the handshake, or before there is a connected descriptor: an error of connecting is to be found by us. */
	(void)bufferevent_disable(engine->below, EV_READ);
	if (!engine->owns_below) {
		engine->connection_used = true;
		engine->state = ENGINE_HANDSHAKE;
		unitls_event_schedule(engine);
	} else if (parts->fd >= 0) {
		(void)bufferevent_setfd(engine->below, parts->fd); /* its write callback starts the engine */
	}
}

static struct bufferevent *make(const struct parts *parts, struct unitls_error *error)
{
	struct engine *engine;

	if (parts->options & BEV_OPT_UNLOCK_CALLBACKS && !(parts->options & BEV_OPT_DEFER_CALLBACKS)) {
		(void)set_error(
			error, UNITLS_ERROR_CLASS_USAGE, "BEV_OPT_UNLOCK_CALLBACKS needs BEV_OPT_DEFER_CALLBACKS");
		return NULL;
	}
	engine = new_engine(parts, error);
	if (!engine)
		return NULL;
	if (make_below(engine, parts, error) < 0) {
		free_engine(engine);
		return NULL;
	}
	if (make_outer(engine, parts, error) < 0)
		return NULL;
	start(engine, parts);
	return engine->outer;
}

struct bufferevent *unitls_bufferevent_client_new(struct event_base *base, evutil_socket_t fd,
	struct unitls_client_context *context, const struct unitls_peer_name *peer_name, int options,
	struct unitls_error *error)
{
	const struct parts parts = {
		.base = base, .fd = fd, .client_context = context, .peer_name = peer_name, .options = options};

	return make(&parts, error);
}

struct bufferevent *unitls_bufferevent_server_new(struct event_base *base, evutil_socket_t fd,
	struct unitls_server_context *context, int options, struct unitls_error *error)
{
	const struct parts parts = {.base = base, .fd = fd, .server_context = context, .options = options};

	return make(&parts, error);
}

struct bufferevent *unitls_bufferevent_client_filter_new(struct bufferevent *underlying,
	struct unitls_client_context *context, const struct unitls_peer_name *peer_name, int options,
	struct unitls_error *error)
{
	const struct parts parts = {.base = bufferevent_get_base(underlying),
		.below = underlying,
		.fd = -1,
		.client_context = context,
		.peer_name = peer_name,
		.options = options};

	return make(&parts, error);
}

struct bufferevent *unitls_bufferevent_server_filter_new(struct bufferevent *underlying,
	struct unitls_server_context *context, int options, struct unitls_error *error)
{
	const struct parts parts = {.base = bufferevent_get_base(underlying),
		.below = underlying,
		.fd = -1,
		.server_context = context,
		.options = options};

	return make(&parts, error);
}

/* The rest ------------------------------------------------------------------------------------------------------------------- */

struct unitls_connection *unitls_bufferevent_connection(struct bufferevent *bev)
{
	const struct engine *engine = unitls_event_engine_of(bev);

	return engine ? engine->connection : NULL;
}

const struct unitls_error *unitls_bufferevent_error(struct bufferevent *bev)
{
	const struct engine *engine = unitls_event_engine_of(bev);

	return engine ? &engine->error : NULL;
}

int unitls_bufferevent_poke(struct bufferevent *bev)
{
	struct engine *engine = unitls_event_engine_of(bev);

	if (!engine)
		return -1;
	unitls_event_schedule(engine);
	return 0;
}

void unitls_bufferevent_set_allow_dirty_shutdown(struct bufferevent *bev, bool allow)
{
	struct engine *engine = unitls_event_engine_of(bev);

	if (engine)
		engine->allow_dirty_shutdown = allow;
}

bool unitls_bufferevent_get_allow_dirty_shutdown(struct bufferevent *bev)
{
	const struct engine *engine = unitls_event_engine_of(bev);

	return engine && engine->allow_dirty_shutdown;
}

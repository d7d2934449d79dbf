/*
 * The bufferevent below the engine: its callbacks, its descriptor, and when it reads.
 *
 * libevent tells a filter neither that its descriptor was exchanged nor that it was enabled. Both are found out by what they do to the bufferevent below:
 * a new descriptor makes a socket's bufferevent call its write callback once, and enabling the outer one for reading starts the read timeout below.
 */
#include "event/engine.h"

#include <errno.h>
#include <sys/socket.h>

/* News ----------------------------------------------------------------------------------------------------------------------- */

#define NEWS_DATA 0x4000 /* beside BEV_EVENT_ */

/* Something happened in the direction of reading: if the outer one was waited for, it has been enabled. */
static void stop_watching(struct engine *engine)
{
	if (!engine->watching)
		return;
	if (!(bufferevent_get_enabled(engine->outer) & EV_READ)) {
		(void)bufferevent_enable(engine->below, EV_READ); /* it is disabled again: wait on */
		return;
	}
	engine->retell = engine->end_event != 0;
	unitls_event_watch_outer(engine, false);
}

void unitls_event_take_news(struct engine *engine)
{
	short news = engine->news;

	if (news == 0)
		return;
	engine->news = 0;
	if (news & NEWS_DATA)
		unitls_event_restart_read_timeout(engine);
	if (news & (NEWS_DATA | BEV_EVENT_TIMEOUT | BEV_EVENT_READING))
		stop_watching(engine);
	if (news & BEV_EVENT_ERROR && engine->transport_errno == 0)
		engine->transport_errno = engine->news_errno != 0 ? engine->news_errno : EIO;
	if (!(news & (BEV_EVENT_ERROR | BEV_EVENT_EOF)))
		return;
	if (news & BEV_EVENT_WRITING)
		engine->send_failed = true;
	if (news & BEV_EVENT_READING || !(news & BEV_EVENT_WRITING))
		engine->transport_ended = true;
	engine->unread = true;
}

/*
 * The program's own bufferevent may call at once out of a bufferevent_flush, which libevent passes on to it. Who flushes frees next, and is not to be
 * told of anything before.
 */
static void take_down(struct engine *engine, short news)
{
	engine->news |= news;
	if (engine->threadsafe || !engine->owns_below)
		unitls_event_schedule(engine);
	else
		unitls_event_run(engine);
}

static void on_transport_read(struct bufferevent *below, void *argument)
{
	(void)below;
	take_down(argument, NEWS_DATA);
}

static void on_transport_write(struct bufferevent *below, void *argument)
{
	(void)below;
	take_down(argument, 0);
}

static void on_transport_event(struct bufferevent *below, short what, void *argument)
{
	struct engine *engine = argument;

	(void)below;
	if (what & BEV_EVENT_ERROR)
		engine->news_errno = EVUTIL_SOCKET_ERROR();
	take_down(engine, what);
}

void unitls_event_attach(struct engine *engine)
{
	bufferevent_setcb(engine->below, on_transport_read, on_transport_write, on_transport_event, engine);
}

void unitls_event_detach(struct engine *engine)
{
	bufferevent_data_cb on_read;

	bufferevent_getcb(engine->below, &on_read, NULL, NULL, NULL);
	if (on_read == on_transport_read)
		bufferevent_setcb(engine->below, NULL, NULL, NULL, NULL);
}

struct engine *unitls_event_engine_of(struct bufferevent *outer)
{
	struct bufferevent *below = bufferevent_get_underlying(outer);
	bufferevent_data_cb on_read;
	void *argument;

	if (!below)
		return NULL;
	bufferevent_getcb(below, &on_read, NULL, NULL, &argument);
	return on_read == on_transport_read && ((struct engine *)argument)->outer == outer ? argument : NULL;
}

/* The descriptor ------------------------------------------------------------------------------------------------------------- */

/* Tells sockets apart also when a closed one's number is taken again. Never 0. */
static uint64_t identity_of(evutil_socket_t fd)
{
#ifdef SO_COOKIE
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0)
		return cookie;
#endif
	return (uint64_t)fd + 1; /* no socket, or an old kernel */
}

/*
 * Why a socket is not connected; 0: nobody has called connect yet, or libevent has reported an immediate failure itself. A refusal that was read
 * away (libevent's own reading does that) is known by the end that reading finds then.
 */
static int connect_error(evutil_socket_t fd)
{
	int code = 0;
	socklen_t size = sizeof(code);
	char octet;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0)
		return code;
	return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ? ECONNREFUSED : 0;
}

static enum descriptor_news look_at_new(struct engine *engine, evutil_socket_t fd, uint64_t identity)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int code;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 || errno != ENOTCONN) {
		engine->identity = identity;
		return DESCRIPTOR_NEW;
	}
	code = connect_error(fd);
	if (code == 0)
		return engine->identity != 0 ? DESCRIPTOR_GONE : DESCRIPTOR_SAME;
	engine->identity = identity;
	engine->transport_errno = code;
	return DESCRIPTOR_FAILED;
}

enum descriptor_news unitls_event_look_at_descriptor(struct engine *engine)
{
	evutil_socket_t fd = bufferevent_getfd(engine->below);
	uint64_t identity;

	if (fd < 0)
		return engine->owns_below && engine->identity != 0 ? DESCRIPTOR_GONE : DESCRIPTOR_SAME;
	identity = identity_of(fd);
	if (identity == engine->identity)
		return DESCRIPTOR_SAME;
	if (engine->owns_below)
		return look_at_new(engine, fd, identity);
	/* The program's own bufferevent may get its first descriptor when the handshake already waits in its output. */
	if (engine->identity == 0) {
		engine->identity = identity;
		return DESCRIPTOR_SAME;
	}
	engine->identity = identity;
	return DESCRIPTOR_NEW;
}

static void discard_output(struct engine *engine)
{
	struct evbuffer *output = bufferevent_get_output(engine->below);

	evbuffer_lock(output);
	(void)evbuffer_unfreeze(output, 1); /* a socket's is frozen between writes, and freezes itself again */
	(void)evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_unlock(output);
}

void unitls_event_discard_below(struct engine *engine)
{
	/* What came since may be of the new socket already. */
	(void)evbuffer_drain(bufferevent_get_input(engine->below), engine->left_below);
	engine->left_below = 0;
	discard_output(engine);
}

void unitls_event_stop_sending(struct engine *engine)
{
	discard_output(engine); /* or it would fail again */
	(void)bufferevent_enable(engine->below, EV_WRITE);
}

void unitls_event_push(struct engine *engine)
{
	struct evbuffer *output = bufferevent_get_output(engine->below);
	evutil_socket_t fd = bufferevent_getfd(engine->below);
	struct evbuffer_iovec piece;

	if (!engine->owns_below) {
		/* Of a filter's output the descriptor is not the way out. */
		(void)bufferevent_flush(engine->below, EV_WRITE, BEV_FLUSH);
		return;
	}
	evbuffer_lock(output); /* whoever flushes may be in another thread than the loop, which sends, too */
	(void)evbuffer_unfreeze(output, 1);
	while (fd >= 0 && evbuffer_peek(output, -1, NULL, &piece, 1) > 0) {
		ssize_t n = send(fd, piece.iov_base, piece.iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			break; /* the loop tries again, if there is still one for it */
		(void)evbuffer_drain(output, (size_t)n);
	}
	evbuffer_unlock(output);
}

bool unitls_event_more_to_read(const struct engine *engine)
{
	evutil_socket_t fd = bufferevent_getfd(engine->below);
	char octet;

	return engine->owns_below && fd >= 0 && recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Reading -------------------------------------------------------------------------------------------------------------------- */

/*
 * A filter keeps the bufferevent below from reading while it is not enabled for reading itself, by a mark that is one for all filters over it. So a
 * second filter, the valve, which filters nothing, takes the mark away.
 */
static int open_valve(struct engine *engine)
{
	if (!engine->valve) {
		engine->valve = bufferevent_filter_new(engine->below, NULL, NULL, 0, NULL, NULL);
		unitls_event_attach(engine);
		if (!engine->valve)
			return UNITLS_ERROR;
	}
	return bufferevent_enable(engine->valve, EV_READ) == 0 ? 0 : UNITLS_ERROR;
}

static void remove_valve(struct engine *engine)
{
	if (!engine->valve)
		return;
	bufferevent_free(engine->valve); /* takes the mark away */
	engine->valve = NULL;
	if (!(bufferevent_get_enabled(engine->outer) & EV_READ))
		(void)bufferevent_disable(engine->outer, EV_READ); /* and sets it again */
}

int unitls_event_set_reading(struct engine *engine, enum reading reading)
{
	short enabled = bufferevent_get_enabled(engine->below);

	if (reading == READING_STOPPED) {
		remove_valve(engine);
		return enabled & EV_READ ? bufferevent_disable(engine->below, EV_READ) : 0;
	}
	if (!(enabled & EV_READ) && bufferevent_enable(engine->below, EV_READ) < 0)
		return UNITLS_ERROR;
	if (reading == READING_ALWAYS && !(bufferevent_get_enabled(engine->outer) & EV_READ))
		return open_valve(engine);
	remove_valve(engine);
	return 0;
}

/* Enabling the outer one has the one below read, and with that starts a timeout which ends at once. */
void unitls_event_watch_outer(struct engine *engine, bool watch)
{
	static const struct timeval at_once = {0, 1};

	if (engine->watching == watch)
		return;
	engine->watching = watch;
	(void)bufferevent_set_timeouts(engine->below, watch ? &at_once : NULL, NULL);
}

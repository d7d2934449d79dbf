/* Work that gave way to others. */

#include "daemon/turns.h"

#include <errno.h>

#include "daemon/clock.h"

static const struct timeval at_once = {0, 0};

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct turns *turns = argument;
	uint64_t end = clock_now_ms() + TURNS_SLICE_MS;
	struct turn *last = TAILQ_LAST(&turns->list, turn_list);
	struct turn *turn;
	bool was_last = false;

	(void)fd;
	(void)what;
	/* Each that is queued now gets one turn; what is pushed meanwhile waits for the next round. LAST is only compared. */
	while (!was_last && (turn = TAILQ_FIRST(&turns->list)) != NULL && clock_now_ms() < end) {
		was_last = turn == last;
		turns_cancel(turns, turn);
		turn->run(turn->argument);
	}
	if (!TAILQ_EMPTY(&turns->list))
		(void)evtimer_add(&turns->timer, &at_once);
}

int turns_init(struct turns *turns, struct event_base *base)
{
	TAILQ_INIT(&turns->list);
	return evtimer_assign(&turns->timer, base, on_timer, turns) == 0 ? 0 : -ENOMEM;
}

void turns_fini(struct turns *turns)
{
	(void)event_del(&turns->timer);
}

void turns_push(struct turns *turns, struct turn *turn)
{
	if (turn->queued)
		return;
	turn->queued = true;
	if (TAILQ_EMPTY(&turns->list))
		(void)evtimer_add(&turns->timer, &at_once);
	TAILQ_INSERT_TAIL(&turns->list, turn, link);
}

void turns_cancel(struct turns *turns, struct turn *turn)
{
	if (!turn->queued)
		return;
	turn->queued = false;
	TAILQ_REMOVE(&turns->list, turn, link);
}

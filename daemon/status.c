/* What "unitlsctl status" says. */

#include "daemon/status.h"

#include <inttypes.h>
#include <time.h>

#include "daemon/control.h"
#include "daemon/counters.h"
#include "daemon/generation.h"
#include "daemon/pool.h"
#include "daemon/reload.h"
#include "daemon/sockets.h"
#include "daemon/tickets.h"

static void tell_worker(struct control_client *client, const struct worker *worker, const char *state,
	const struct counters *counters)
{
	control_say(client, "worker %u pid %d %s connections %" PRIu64, worker->index, (int)worker->pid, state,
		counters_connections(counters, worker->slot));
}

static void tell_workers(
	struct control_client *client, const struct pool *pool, unsigned wanted, const struct counters *counters)
{
	const struct worker *worker;
	unsigned i;

	for (i = 0; i < POOL_SEATS; i++) {
		worker = pool->seats[i].worker;
		if (worker != NULL)
			tell_worker(client, worker, worker->phase == WORKER_SERVING ? "serving" : "starting",
				counters);
		else if (i < wanted)
			control_say(client, "worker %u pid 0 waiting connections 0", i);
	}
	LIST_FOREACH(worker, &pool->retired, link)
	tell_worker(client, worker, "retired", counters);
}

static const char *format_time(time_t time, char *buffer, size_t size)
{
	struct tm parts;

	if (gmtime_r(&time, &parts) == NULL || strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		return "";
	return buffer;
}

static void tell_last(struct control_client *client, const struct reload *reload, const struct tickets *tickets)
{
	char when[40];

	control_say(client, "last_reload %s at %s%s%s", reload->last_ok ? "ok" : "failed",
		format_time(reload->last_time, when, sizeof(when)), reload->last_ok ? "" : ": ",
		reload->last_text);
	control_say(client, "last_ticket_rotation %s",
		tickets->last_rotated == 0 ? "none" : format_time(tickets->last_rotated, when, sizeof(when)));
}

void status_tell(struct control_client *client, const struct reload *reload, const struct pool *pool,
	const struct sockets *sockets, const struct tickets *tickets, const struct counters *counters)
{
	unsigned wanted = reload->committed != NULL ? reload->committed->workers : 0;
	char text[ADDRESS_TEXT_MAX];
	size_t i;

	control_say(client, "version %s", UNITLS_VERSION);
	control_say(client, "generation %" PRIu64, reload->committed != NULL ? reload->committed->number : 0);
	control_say(client, "workers %u", wanted);
	tell_workers(client, pool, wanted, counters);
	for (i = 0; i < sockets->count; i++) {
		const struct socket_group *group = sockets->groups[i];

		if (group->committed)
			control_say(client, "listener %s %s connections %" PRIu64, group->listener_name,
				sockets_format(group, text, sizeof(text)),
				counters_column(counters, group->column));
	}
	tell_last(client, reload, tickets);
	for (i = 0; i < COUNTER_COUNT; i++)
		control_say(client, "counter %s %" PRIu64, counters_name((enum counter)i),
			counters_total(counters, (enum counter)i));
}

/* What all connections of one worker share. */

#include "daemon/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/relay.h"

int engine_init(struct engine *engine, struct counters *counters)
{
	struct event_config *config;

	*engine = (struct engine){
		.counters = counters,
		.handshake_log = {.limit = ENGINE_FAILURE_LINES},
		.upstream_log = {.limit = ENGINE_FAILURE_LINES},
	};
	TAILQ_INIT(&engine->sessions);
	config = event_config_new();
	if (config == NULL)
		return -ENOMEM;
	/* Edge-triggered events need epoll; exact timers keep short time-outs exact. */
	(void)event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	engine->base = event_base_new_with_config(config);
	event_config_free(config);
	engine->scratch = malloc(RELAY_CHUNK_BYTES);
	if (engine->base == NULL || engine->scratch == NULL || names_new(&engine->names) < 0)
		return -ENOMEM;
	return turns_init(&engine->turns, engine->base);
}

void engine_fini(struct engine *engine)
{
	if (engine->turns.timer.ev_base != NULL)
		turns_fini(&engine->turns);
	if (engine->base != NULL)
		event_base_free(engine->base);
	names_free(engine->names);
	free(engine->scratch);
	*engine = (struct engine){0};
}

/* What callers do with a configuration that was read: free it, ask where things were written. */

#include "daemon/config.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"

static void free_section(enum config_kind kind, struct config_section *section)
{
	size_t count;
	const struct config_key *keys = config_keys(kind, &count);

	for (size_t i = 0; i < count; i++)
		config_value_free(&keys[i], section);
	free(section->name);
	free(section->key_origins);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free_section(CONFIG_KIND_DAEMON, &config->daemon.section);
	for (size_t i = 0; i < config->tls_count; i++)
		free_section(CONFIG_KIND_TLS, &config->tls[i].section);
	for (size_t i = 0; i < config->listener_count; i++)
		free_section(CONFIG_KIND_LISTENER, &config->listeners[i].section);
	for (size_t i = 0; i < config->upstream_count; i++)
		free_section(CONFIG_KIND_UPSTREAM, &config->upstreams[i].section);
	for (size_t i = 0; i < config->file_count; i++)
		free(config->files[i]);
	free(config->tls);
	free(config->listeners);
	free(config->upstreams);
	free(config->files);
	free(config);
}

const struct config_origin *config_origin_of(const struct config_section *section, const char *key)
{
	const struct config_key *found = config_key_find(section->kind, key);

	if (found && section->key_origins[config_key_index(found)].file)
		return &section->key_origins[config_key_index(found)];
	return &section->origin;
}

bool config_is_written(const struct config_section *section, const char *key)
{
	const struct config_key *found = config_key_find(section->kind, key);

	return found && section->key_origins[config_key_index(found)].file;
}

unsigned config_worker_count(const struct config *config)
{
	cpu_set_t cores;
	int count;

	if (config->daemon.workers > 0)
		return config->daemon.workers;
	if (sched_getaffinity(0, sizeof(cores), &cores) < 0)
		return 1;
	count = CPU_COUNT(&cores);
	return count > 0 ? (unsigned)count : 1;
}

size_t config_find_listener(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		if (strcmp(config->listeners[i].section.name, name) == 0)
			return i;
	}
	return CONFIG_NONE;
}

/* What a worker serves in one generation, built in small steps. */

#include "daemon/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unitls/context.h>

#include "daemon/snapshot.h"

enum part {
	PART_SERVERS,
	PART_CLIENTS,
	PART_UPSTREAMS,
	PART_LISTENERS,
	PART_DONE,
};

struct service_builder {
	struct service *service;
	struct snapshot *snapshot;
	const struct service *old;
	struct profile_store *store;
	struct profile_build *build; /* under way, for section NEXT */
	enum part part;
	size_t next;  /* section of this part */
	size_t found; /* where the last section was found in the generation before: the next is likely behind it */
};

static void *list_new(size_t count)
{
	return calloc(count + 1, sizeof(void *));
}

/* Takes CONFIG, also on failure. */
static struct service *service_new(uint64_t number, struct config *config)
{
	struct service *service = calloc(1, sizeof(*service));

	if (service == NULL) {
		config_free(config);
		return NULL;
	}
	service->number = number;
	service->config = config;
	service->servers = list_new(config->tls_count);
	service->clients = list_new(config->tls_count);
	service->upstreams = list_new(config->upstream_count);
	service->listeners = list_new(config->listener_count);
	if (service->servers != NULL && service->clients != NULL && service->upstreams != NULL &&
		service->listeners != NULL)
		return service;
	service_free(service);
	return NULL;
}

void service_free(struct service *service)
{
	const struct config *config;

	if (service == NULL)
		return;
	config = service->config;
	for (size_t i = 0; service->listeners != NULL && i < config->listener_count; i++)
		listener_unref(service->listeners[i]);
	for (size_t i = 0; service->upstreams != NULL && i < config->upstream_count; i++)
		upstream_unref(service->upstreams[i]);
	for (size_t i = 0; service->servers != NULL && i < config->tls_count; i++)
		unitls_server_context_unref(service->servers[i]);
	for (size_t i = 0; service->clients != NULL && i < config->tls_count; i++)
		unitls_client_context_unref(service->clients[i]);
	free(service->listeners);
	free(service->upstreams);
	free(service->servers);
	free(service->clients);
	config_free(service->config);
	free(service);
}

static void set_error(struct profile_error *error, const char *text)
{
	(void)snprintf(error->text, sizeof(error->text), "%s", text);
}

static int read_config(const struct snapshot *snapshot, struct config **ret, struct profile_error *error)
{
	struct diagnostics list;
	int r;

	diagnostics_init(&list);
	r = snapshot_read_config(snapshot, &list, ret);
	if (r != 0)
		set_error(error, list.count > 0 ? list.items[0].text : "the snapshot cannot be read");
	diagnostics_fini(&list);
	return r == 1 ? -EBADMSG : r;
}

int service_builder_new(int fd, uint64_t number, const struct service *old, struct profile_store *store,
	struct service_builder **ret, struct profile_error *error)
{
	struct service_builder *builder = calloc(1, sizeof(*builder));
	struct config *config = NULL;
	int r = -ENOMEM;

	if (builder == NULL)
		return r;
	builder->old = old;
	builder->store = store;
	r = snapshot_open(fd, &builder->snapshot);
	if (r < 0) {
		set_error(error, "the snapshot cannot be opened");
		goto out;
	}
	r = read_config(builder->snapshot, &config, error);
	if (r < 0)
		goto out;
	builder->service = service_new(number, config);
	if (builder->service == NULL) {
		r = -ENOMEM;
		goto out;
	}
	*ret = builder;
	return 0;
out:
	service_builder_free(builder);
	return r;
}

void service_builder_free(struct service_builder *builder)
{
	if (builder == NULL)
		return;
	profile_build_free(builder->build);
	service_free(builder->service);
	snapshot_close(builder->snapshot);
	free(builder);
}

struct service *service_builder_take(struct service_builder *builder)
{
	struct service *service = builder->service;

	builder->service = NULL;
	return service;
}

/* The section of that name in the generation before; CONFIG_NONE when there is none, or it says something else. */
static size_t find_unchanged(struct service_builder *builder, const struct config_tls *tls)
{
	const struct config *old;
	size_t at;

	if (builder->old == NULL)
		return CONFIG_NONE;
	old = builder->old->config;
	for (size_t i = 0; i < old->tls_count; i++) {
		at = (builder->found + i) % old->tls_count;
		if (strcmp(old->tls[at].section.name, tls->section.name) != 0)
			continue;
		builder->found = at + 1;
		return config_tls_equal(&old->tls[at], tls) ? at : CONFIG_NONE;
	}
	return CONFIG_NONE;
}

static bool take_over_server(struct service_builder *builder, size_t i)
{
	size_t old = find_unchanged(builder, &builder->service->config->tls[i]);

	if (old == CONFIG_NONE || builder->old->servers[old] == NULL)
		return false;
	profile_store_keep(builder->store, &builder->service->config->tls[i]);
	builder->service->servers[i] = unitls_server_context_ref(builder->old->servers[old]);
	return true;
}

static bool take_over_client(struct service_builder *builder, size_t i)
{
	size_t old = find_unchanged(builder, &builder->service->config->tls[i]);

	if (old == CONFIG_NONE || builder->old->clients[old] == NULL)
		return false;
	profile_store_keep(builder->store, &builder->service->config->tls[i]);
	builder->service->clients[i] = unitls_client_context_ref(builder->old->clients[old]);
	return true;
}

/* One step of the build of section NEXT. Returns 1: call again; 0: ready to be taken; negative. */
static int step_profile(struct service_builder *builder, enum profile_role role, struct profile_error *error)
{
	const struct config_tls *tls = &builder->service->config->tls[builder->next];
	int r;

	if (builder->build == NULL) {
		r = profile_build_new(builder->store, role, tls, builder->snapshot, &builder->build);
		if (r < 0)
			set_error(error, "out of memory");
		return r < 0 ? r : 1;
	}
	return profile_build_step(builder->build, error);
}

static void end_profile(struct service_builder *builder)
{
	profile_build_free(builder->build);
	builder->build = NULL;
	builder->next++;
}

static int step_server(struct service_builder *builder, struct profile_error *error)
{
	struct service *service = builder->service;
	size_t i = builder->next;
	int r;

	if (builder->build == NULL &&
		(!service->config->tls[i].used_by_listener || take_over_server(builder, i))) {
		builder->next++;
		return 0;
	}
	r = step_profile(builder, PROFILE_SERVER, error);
	if (r != 0)
		return r;
	service->servers[i] = profile_build_take_server(builder->build);
	end_profile(builder);
	return 0;
}

static int step_client(struct service_builder *builder, struct profile_error *error)
{
	struct service *service = builder->service;
	size_t i = builder->next;
	int r;

	if (builder->build == NULL &&
		(!service->config->tls[i].used_by_upstream || take_over_client(builder, i))) {
		builder->next++;
		return 0;
	}
	r = step_profile(builder, PROFILE_CLIENT, error);
	if (r != 0)
		return r;
	service->clients[i] = profile_build_take_client(builder->build);
	end_profile(builder);
	return 0;
}

static int step_upstream(struct service_builder *builder, struct profile_error *error)
{
	struct service *service = builder->service;
	size_t i = builder->next++;
	const struct config_upstream *config = &service->config->upstreams[i];
	const struct config_tls *tls = config->tls == CONFIG_NONE ? NULL : &service->config->tls[config->tls];
	size_t server = 0;
	int r;

	r = upstream_new(
		config, tls, tls == NULL ? NULL : service->clients[config->tls], &service->upstreams[i], &server);
	if (r == -EINVAL) {
		error->origin = config->servers.items[server].origin;
		set_error(error,
			"the server has no name that its certificate could be checked against: set "
			"server_name in its [tls] section");
	} else if (r < 0) {
		set_error(error, "out of memory");
	}
	return r;
}

static int step_listener(struct service_builder *builder, struct profile_error *error)
{
	struct service *service = builder->service;
	size_t i = builder->next++;
	const struct config_listener *config = &service->config->listeners[i];
	int r;

	r = listener_new(config, config->tls == CONFIG_NONE ? NULL : service->servers[config->tls],
		service->upstreams[config->upstream], &service->listeners[i]);
	if (r < 0)
		set_error(error, "out of memory");
	return r;
}

static size_t part_size(const struct service_builder *builder)
{
	const struct config *config = builder->service->config;

	switch (builder->part) {
	case PART_SERVERS:
	case PART_CLIENTS:
		return config->tls_count;
	case PART_UPSTREAMS:
		return config->upstream_count;
	case PART_LISTENERS:
		return config->listener_count;
	case PART_DONE:
		break;
	}
	return 0;
}

static int step_part(struct service_builder *builder, struct profile_error *error)
{
	switch (builder->part) {
	case PART_SERVERS:
		return step_server(builder, error);
	case PART_CLIENTS:
		return step_client(builder, error);
	case PART_UPSTREAMS:
		return step_upstream(builder, error);
	case PART_LISTENERS:
		return step_listener(builder, error);
	case PART_DONE:
		break;
	}
	return 0;
}

int service_builder_step(struct service_builder *builder, struct profile_error *error)
{
	int r;

	if (builder->part == PART_DONE)
		return 0;
	if (builder->next >= part_size(builder)) {
		builder->part++;
		builder->next = 0;
		builder->found = 0;
		return 1;
	}
	r = step_part(builder, error);
	return r < 0 ? r : 1;
}

void service_mark_names(const struct service *service, struct names *names)
{
	if (service == NULL)
		return;
	for (size_t i = 0; i < service->config->upstream_count; i++) {
		const struct upstream *upstream = service->upstreams[i];

		for (size_t j = 0; j < upstream->count; j++)
			names_mark(names, upstream->servers[j].address.host);
	}
}

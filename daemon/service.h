/* What a worker serves in one generation: TLS contexts, upstreams and listeners, built from a snapshot.
 *
 * It opens no file and touches no socket. What is unchanged since the generation before is taken over as the same object.
 * Invariant: a finished service is complete: every listener has its upstream and every TLS section in use its context. */

#ifndef UNITLSD_SERVICE_H
#define UNITLSD_SERVICE_H

#include <stdint.h>

#include "daemon/config.h"
#include "daemon/listener.h"
#include "daemon/profile.h"
#include "daemon/upstream.h"

struct service {
	uint64_t number; /* of the generation */
	struct config *config;
	struct unitls_server_context **servers; /* by index in config->tls; NULL where not used */
	struct unitls_client_context **clients;
	struct upstream **upstreams; /* by index in config->upstreams */
	struct listener **listeners; /* by index in config->listeners */
};

struct service_builder;

/* FD: the snapshot; stays the caller's. OLD (may be NULL) and STORE must outlive the builder. Returns 0 or a negative errno, with the
 * reason in ERROR->text when there is one. */
int service_builder_new(int fd, uint64_t number, const struct service *old, struct profile_store *store,
	struct service_builder **ret, struct profile_error *error);

/* Does a little. Returns 1: call again; 0: done; negative: failed, see ERROR (its origin lives as long as the builder). */
int service_builder_step(struct service_builder *builder, struct profile_error *error);

/* After 0: the service, the caller's. */
struct service *service_builder_take(struct service_builder *builder);

/* Accepts NULL, and any state. */
void service_builder_free(struct service_builder *builder);

/* Accepts NULL. Connections keep what they use. */
void service_free(struct service *service);

/* Marks the upstreams' names. Accepts NULL. */
void service_mark_names(const struct service *service, struct names *names);

#endif

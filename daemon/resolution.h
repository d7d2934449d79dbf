/* The names of upstreams and what they resolved to: the master's side of the helper.
 *
 * It starts and watches the helper, tells it the names, keeps the last answer for each name (for workers that start later)
 * and passes answers on. It resolves nothing.
 * Invariant: an answer for a name that was not asked for is dropped; a name that once resolved keeps its addresses when a later attempt
 * fails. */

#ifndef UNITLSD_RESOLUTION_H
#define UNITLSD_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/diagnostics.h"
#include "daemon/ipc.h"

#define RESOLUTION_NAMES_MAX 8192 /* less than IPC_QUEUE_MAX */

struct child_identity;
struct config;
struct event_base;
struct resolution;

/* Called with every ADDRESSES that workers have to know. */
typedef void resolution_news(void *argument, const struct ipc_message *message);

int resolution_new(struct event_base *base, resolution_news *news, void *argument, struct resolution **ret);

/* Ends the helper. Accepts NULL. */
void resolution_free(struct resolution *resolution);

/* Whom the helper runs as: before the first name. */
void resolution_set_identity(struct resolution *resolution, const struct child_identity *identity);

/* The names of both configurations are wanted from now on (either may be NULL). The helper is started with the first name.
 * Returns 0; 1 when there are too many; a negative errno. */
int resolution_want(struct resolution *resolution, const struct config *a, const struct config *b);

/* Every wanted name was answered, one way or the other. */
bool resolution_is_settled(const struct resolution *resolution);

/* A warning in LIST for each server of CONFIG whose name has no address. */
void resolution_warn(const struct resolution *resolution, const struct config *config, struct diagnostics *list);

/* Calls SEND for what is known. */
void resolution_each(const struct resolution *resolution, resolution_news *send, void *argument);

/* SIGCHLD; every second; another log. */
void resolution_reap(struct resolution *resolution);
void resolution_tick(struct resolution *resolution);
void resolution_send(struct resolution *resolution, const struct ipc_message *message, int descriptor);

#endif

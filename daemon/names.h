/* The addresses of upstreams' names, as the helper resolved them last.
 *
 * It resolves nothing itself. A name that stopped resolving keeps its last addresses.
 * Invariant: what names_find() lends stays as it is until the next names_set() or names_retain(). */

#ifndef UNITLSD_NAMES_H
#define UNITLSD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/ipc.h"

struct names;

struct names_entry {
	char host[ADDRESS_HOST_MAX];
	size_t count; /* 0: it does not resolve */
	struct ipc_ip items[IPC_ADDRESSES_MAX];
	bool used; /* names_retain()'s */
};

/* Returns 0 or -ENOMEM. */
int names_new(struct names **ret);
void names_free(struct names *names);

/* Takes the answer for a name: with addresses it replaces what is there, without it does so only when there is nothing. Returns 0
 * or -ENOMEM. */
int names_set(struct names *names, const char *host, const struct ipc_ip *items, size_t count);

/* NULL when no answer came yet. */
const struct names_entry *names_find(const struct names *names, const char *host);

/* Forgets all names that were not marked since the last call. */
void names_mark(struct names *names, const char *host);
void names_retain(struct names *names);

#endif

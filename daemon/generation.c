/* One generation: a proven configuration and the snapshot it came in. */

#include "daemon/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/diagnostics.h"
#include "daemon/pool.h"
#include "daemon/snapshot.h"

int generation_new(uint64_t number, int snapshot_fd, struct generation **ret)
{
	struct generation *generation;
	struct snapshot *snapshot = NULL;
	struct diagnostics list;
	int r;

	diagnostics_init(&list);
	generation = calloc(1, sizeof(*generation));
	if (generation == NULL) {
		(void)close(snapshot_fd);
		return -ENOMEM;
	}
	generation->number = number;
	generation->snapshot_fd = snapshot_fd;
	/* Mapped only to be read once: there are keys in it. */
	r = snapshot_open(snapshot_fd, &snapshot);
	if (r < 0)
		goto out;
	r = snapshot_read_config(snapshot, &list, &generation->config);
	if (r > 0)
		r = -EBADMSG;
	if (r < 0)
		goto out;
	generation->workers = config_worker_count(generation->config);
	if (generation->workers > POOL_SEATS)
		generation->workers = POOL_SEATS;
	*ret = generation;
	generation = NULL;
out:
	snapshot_close(snapshot);
	diagnostics_fini(&list);
	generation_free(generation);
	return r;
}

void generation_free(struct generation *generation)
{
	if (generation == NULL)
		return;
	config_free(generation->config);
	(void)close(generation->snapshot_fd);
	free(generation);
}

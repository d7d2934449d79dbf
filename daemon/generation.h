/* One generation: a proven configuration and the snapshot it came in.
 *
 * Invariant: config is what the snapshot says; neither changes. */

#ifndef UNITLSD_GENERATION_H
#define UNITLSD_GENERATION_H

#include <stdint.h>

struct config;

struct generation {
	uint64_t number;
	int snapshot_fd; /* sealed; for the workers */
	struct config *config;
	unsigned workers;
};

/* Reads the configuration out of the snapshot. Takes the descriptor over, also on failure. Returns 0 or a negative errno. */
int generation_new(uint64_t number, int snapshot_fd, struct generation **ret);

/* Accepts NULL. */
void generation_free(struct generation *generation);

#endif

/* The snapshot's container, as the master and the workers open what a loader sealed: whatever is let through has its entries inside of it, in order.
 *
 * Input: the bytes of the memfd. */

#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/diagnostics.h"
#include "daemon/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Touches every byte of every entry. */
static unsigned walk(const struct snapshot *snapshot)
{
	unsigned sum = 0;

	for (size_t i = 0; i < snapshot_count(snapshot); i++) {
		const char *name = snapshot_name(snapshot, i);
		const uint8_t *bytes = NULL;
		size_t size = 0;

		require(i == 0 || strcmp(snapshot_name(snapshot, i - 1), name) < 0);
		require(snapshot_find(snapshot, name, &bytes, &size) == 0);
		for (size_t at = 0; at < size; at++)
			sum += bytes[at];
	}
	return sum;
}

static void read_config(const struct snapshot *snapshot)
{
	struct diagnostics list;
	struct config *config = NULL;

	diagnostics_init(&list);
	if (snapshot_read_config(snapshot, &list, &config) == 0) {
		require(config != NULL);
		config_free(config);
	}
	diagnostics_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct snapshot *snapshot = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	require(fd >= 0);
	require(write(fd, data, size) == (ssize_t)size);
	require(fcntl(fd, F_ADD_SEALS, seals) == 0);
	if (snapshot_open(fd, &snapshot) == 0) {
		(void)walk(snapshot);
		read_config(snapshot);
		snapshot_close(snapshot);
	}
	(void)close(fd);
	return 0;
}

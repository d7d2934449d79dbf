/* The loader's first half: reads every file a configuration names, pairs certificates with keys, and puts the bytes into the
 * snapshot's writer. Internal to the loader.
 *
 * Afterwards every certificate of the configuration has its blob and, if its key is apart, its key_blob; "ca" is one blob. */

#ifndef UNITLSD_LOADER_FILES_H
#define UNITLSD_LOADER_FILES_H

#include "daemon/config.h"
#include "daemon/snapshot.h"

/* All mistakes are added to LIST. Returns 0, also when there were some, or -ENOMEM, -E2BIG. */
int loader_read_files(struct config *config, struct snapshot_writer *writer, struct diagnostics *list);

#endif

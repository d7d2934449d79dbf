/* The snapshot: one sealed memfd with the effective configuration and every file it names.
 *
 * The loader writes it once; the master passes the descriptor on; workers read nothing else. It knows nothing about the meaning of its entries.
 * Invariant: a snapshot that was opened cannot change any more (F_SEAL_WRITE), and every entry lies inside of it.
 *
 * Layout, all numbers in host order: struct snapshot_header; count times struct snapshot_entry, sorted by name, names unique;
 * then the bytes. */

#ifndef UNITLSD_SNAPSHOT_H
#define UNITLSD_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_NAME_MAX    72                                 /* bytes of an entry's name with its NUL */
#define SNAPSHOT_ENTRIES_MAX 1000000                            /* entries */
#define SNAPSHOT_SIZE_MAX    ((uint64_t)4 * 1024 * 1024 * 1024) /* bytes in all */
#define SNAPSHOT_CONFIG      "config" /* the entry that holds the effective configuration */

struct snapshot_writer;
struct snapshot;

/* Returns 0 or -ENOMEM. */
int snapshot_writer_new(struct snapshot_writer **ret);
void snapshot_writer_free(struct snapshot_writer *writer);

/* Adds a copy of the bytes. Returns 0; 1 when an entry of that name is there already (it is kept); -ENAMETOOLONG, -E2BIG, -ENOMEM. */
int snapshot_writer_add(struct snapshot_writer *writer, const char *name, const void *data, size_t size);

/* Makes the sealed memfd (close-on-exec). Returns 0, or a negative errno. */
int snapshot_writer_finish(struct snapshot_writer *writer, int *ret_fd);

/* Maps the snapshot. FD stays the caller's and may be closed at once. Refuses what is not sealed or not well formed.
 * Returns 0; -EBADMSG, -EPERM (not sealed), another negative errno. */
int snapshot_open(int fd, struct snapshot **ret);
void snapshot_close(struct snapshot *snapshot);

/* Lends the bytes of an entry until snapshot_close(). They are not terminated. Returns 0 or -ENOENT. */
int snapshot_find(const struct snapshot *snapshot, const char *name, const uint8_t **ret_data, size_t *ret_size);

/* For tests and walks: the number of entries and their names in order. */
size_t snapshot_count(const struct snapshot *snapshot);
const char *snapshot_name(const struct snapshot *snapshot, size_t index);

struct config;
struct diagnostics;

/* Reads the configuration out of the snapshot. Returns as config_parse_text(), or -ENOENT. */
int snapshot_read_config(const struct snapshot *snapshot, struct diagnostics *list, struct config **ret);

#endif

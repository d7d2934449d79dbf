/* Reading a whole file, bounded. Only regular files: a pipe or a device could block or never end. */

#ifndef UNITLSD_FILE_H
#define UNITLSD_FILE_H

#include <stddef.h>

/* Reads PATH, of at most LIMIT_BYTES. The buffer has a NUL after its end that does not count; the caller frees it, with file_wipe() if it
 * may hold a key. Returns 0, -EFBIG, -EISDIR, -EINVAL (not a regular file), or another negative errno. */
int file_read(const char *path, size_t limit_bytes, char **ret_data, size_t *ret_size);

/* Overwrites and frees; NULL is fine. */
void file_wipe(char *data, size_t size);

/* What file_read() meant, for a message. Returns BUFFER or a constant. */
const char *file_reason(int error, char *buffer, size_t size);

#endif

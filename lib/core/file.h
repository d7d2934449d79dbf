/*
 * Reading a credential file whole into memory.
 */
#ifndef UNITLS_CORE_FILE_H
#define UNITLS_CORE_FILE_H

#include <unitls/error.h>

/*
 * Reads a regular file of up to UNITLS_FILE_LIMIT_BYTES at once; never waits (a FIFO or device is refused). The caller frees *ret_data with
 * unitls_file_free. UNITLS_ERROR: class IO with text `cannot read PATH: reason` and the field, or MEMORY.
 */
int unitls_file_read(
	const char *path, const char *field, uint8_t **ret_data, size_t *ret_size, struct unitls_error *error);
/* Wipes and frees what unitls_file_read made; NULL is fine. */
void unitls_file_free(uint8_t *data, size_t size);
/* Hands an error about a file's contents on, with the path in front of its text. Always returns UNITLS_ERROR. */
int unitls_file_error(struct unitls_error *error, const char *path, const struct unitls_error *inner);

#endif

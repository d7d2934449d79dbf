/*
 * Reads credential files. What was read may be a secret, so every buffer is wiped before it is freed, also those left behind when a
 * file grew. Opens nothing but the path it is given, and changes nothing.
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/backend.h"

void unitls_file_free(uint8_t *data, size_t size)
{
	if (data == NULL)
		return;
	explicit_bzero(data, size);
	free(data);
}

static int refuse(struct unitls_error *error, const char *field, const char *path, const char *reason)
{
	return unitls_error_set_field(error, UNITLS_ERROR_CLASS_IO, field, "cannot read %s: %s", path, reason);
}

/* errno's text, without the static buffer that strerror shares between threads. */
static const char *reason_of(int code)
{
	const char *text = strerrordesc_np(code);

	return text != NULL ? text : "unknown error";
}

/* A larger copy of a buffer of which size bytes are in use; the old one is wiped. NULL without memory: the old one stays. */
static uint8_t *grow(uint8_t *data, size_t size, size_t capacity)
{
	uint8_t *larger = malloc(capacity);

	if (larger == NULL)
		return NULL;
	memcpy(larger, data, size);
	unitls_file_free(data, size);
	return larger;
}

/* Reads to the end. The size that the file had is a hint only. */
static int read_all(int fd, const char *path, const char *field, size_t hint, uint8_t **ret_data, size_t *ret_size,
	struct unitls_error *error)
{
	size_t capacity = hint + 1; /* one more, so that the end is seen without growing */
	uint8_t *data = malloc(capacity);
	size_t size = 0;
	int status;

	if (data == NULL)
		return unitls_error_set(error, UNITLS_ERROR_CLASS_MEMORY, "no memory to read %s", path);
	for (;;) {
		ssize_t n = read(fd, data + size, capacity - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			status = refuse(error, field, path, reason_of(errno));
			goto fail;
		}
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > UNITLS_FILE_LIMIT_BYTES) {
			status = refuse(error, field, path, "larger than 16 MiB");
			goto fail;
		}
		if (size == capacity) {
			uint8_t *larger = grow(data, size, capacity * 2);

			if (larger == NULL) {
				status = unitls_error_set(
					error, UNITLS_ERROR_CLASS_MEMORY, "no memory to read %s", path);
				goto fail;
			}
			data = larger;
			capacity *= 2;
		}
	}
	*ret_data = data;
	*ret_size = size;
	return UNITLS_OK;

fail:
	unitls_file_free(data, size);
	return status;
}

int unitls_file_read(
	const char *path, const char *field, uint8_t **ret_data, size_t *ret_size, struct unitls_error *error)
{
	struct stat status;
	int result;
	int fd;

	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return refuse(error, field, path, reason_of(errno));
	if (fstat(fd, &status) < 0)
		result = refuse(error, field, path, reason_of(errno));
	else if (S_ISDIR(status.st_mode))
		result = refuse(error, field, path, reason_of(EISDIR));
	else if (!S_ISREG(status.st_mode))
		result = refuse(error, field, path, "not a regular file");
	else if (status.st_size > (off_t)UNITLS_FILE_LIMIT_BYTES)
		result = refuse(error, field, path, "larger than 16 MiB");
	else
		result = read_all(fd, path, field, (size_t)status.st_size, ret_data, ret_size, error);
	(void)close(fd); /* it was read only */
	return result;
}

int unitls_file_error(struct unitls_error *error, const char *path, const struct unitls_error *inner)
{
	size_t limit = sizeof(inner->text) - 1;
	size_t path_size = strlen(path);
	size_t text_size = strlen(inner->text);

	/* The reason matters more than the start of a long path. */
	if (path_size + text_size + 2 > limit && text_size + 6 < limit) {
		size_t room = limit - text_size - 5;

		return unitls_error_set_field(error, inner->error_class, inner->field, "...%s: %s",
			path + path_size - room, inner->text);
	}
	return unitls_error_set_field(error, inner->error_class, inner->field, "%s: %s", path, inner->text);
}

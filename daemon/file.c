/* Reading a whole file. The size is only a hint: what counts is what read() gives until it gives nothing. */

#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens without waiting (a FIFO without a writer would) and looks what it is. */
static int open_regular(const char *path, size_t *ret_size)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		r = -errno;
	else if (S_ISDIR(status.st_mode))
		r = -EISDIR;
	else if (!S_ISREG(status.st_mode))
		r = -EINVAL;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_size = status.st_size > 0 ? (size_t)status.st_size : 0;
	return fd;
}

/* Fills BUFFER up to SIZE bytes or the end. */
static int read_all(int fd, char *buffer, size_t size, size_t *ret_length)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

int file_read(const char *path, size_t limit_bytes, char **ret_data, size_t *ret_size)
{
	char *data = NULL;
	size_t size = 0;
	size_t length = 0;
	int fd = open_regular(path, &size);
	int r;

	if (fd < 0)
		return fd;
	r = -EFBIG;
	if (size > limit_bytes)
		goto out;
	r = -ENOMEM;
	size += 1; /* one more than there should be: a file that grew meanwhile is noticed */
	data = malloc(size + 1);
	if (!data)
		goto out;
	r = read_all(fd, data, size, &length);
	if (r < 0)
		goto out;
	r = length == size ? -EAGAIN : 0;
	if (r < 0)
		goto out;
	data[length] = '\0';
	*ret_data = data;
	*ret_size = length;
	data = NULL;
out:
	file_wipe(data, data ? size : 0);
	(void)close(fd);
	return r;
}

void file_wipe(char *data, size_t size)
{
	if (!data)
		return;
	explicit_bzero(data, size);
	free(data);
}

const char *file_reason(int error, char *buffer, size_t size)
{
	switch (error) {
	case -EFBIG:
		return "the file is too large";
	case -EISDIR:
		return "it is a folder";
	case -EINVAL:
		return "not a regular file";
	case -EAGAIN:
		return "the file grew while it was read";
	default:
		return strerror_r(-error, buffer, size);
	}
}

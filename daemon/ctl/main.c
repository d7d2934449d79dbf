/* unitlsctl: sends a command to a running unitlsd and prints the answer.
 *
 * It waits for the outcome. The exit status is 0 when the command succeeded, 1 when it failed (the reasons are printed), 2 when unitlsd
 * does not answer or the command line is wrong. */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/unitlsd/control"
#define PATIENCE_MS    120000 /* more than two loads and two prepares: a reload may have to wait for the one before */
#define LINE_SIZE      4096

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_NO_ANSWER = 2,
};

struct reader {
	int fd;
	long deadline_ms;
	size_t size;
	char data[LINE_SIZE];
};

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int usage(FILE *out, int status)
{
	(void)fprintf(out,
		"usage: unitlsctl [-s SOCKET] COMMAND\n"
		"commands:\n"
		"  reload   read the configuration again; wait for the outcome\n"
		"  status   what is served, by which workers\n"
		"options:\n"
		"  -s       the control socket, default " DEFAULT_SOCKET "\n"
		"  -V       print the version\n"
		"  -h       print this\n");
	return status;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd;

	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = errno;

		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool send_command(int fd, const char *command)
{
	char line[LINE_SIZE];
	int n = snprintf(line, sizeof(line), "%s\n", command);

	return n > 0 && (size_t)n < sizeof(line) && send(fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The next line, without its newline, lent until the next call. NULL when there is none any more. */
static char *read_line(struct reader *reader, size_t *consumed)
{
	memmove(reader->data, reader->data + *consumed, reader->size - *consumed);
	reader->size -= *consumed;
	*consumed = 0;
	for (;;) {
		char *end = memchr(reader->data, '\n', reader->size);
		struct pollfd ready = {.fd = reader->fd, .events = POLLIN};
		long left = reader->deadline_ms - now_ms();
		size_t room = sizeof(reader->data) - reader->size;
		ssize_t n;

		if (end != NULL) {
			*end = '\0';
			*consumed = (size_t)(end - reader->data) + 1;
			return reader->data;
		}
		if (room == 0 || left <= 0 || poll(&ready, 1, (int)left) <= 0)
			return NULL;
		n = read(reader->fd, reader->data + reader->size, room);
		if (n <= 0)
			return NULL;
		reader->size += (size_t)n;
	}
}

static int print_answer(int fd, bool to_stderr)
{
	struct reader reader = {.fd = fd, .deadline_ms = now_ms() + PATIENCE_MS};
	size_t consumed = 0;
	char *line;

	while ((line = read_line(&reader, &consumed)) != NULL) {
		if (strcmp(line, "ok") == 0)
			return STATUS_OK;
		if (strcmp(line, "failed") == 0)
			return STATUS_FAILED;
		if (strncmp(line, "| ", 2) == 0)
			(void)fprintf(to_stderr ? stderr : stdout, "%s\n", line + 2);
	}
	(void)fprintf(stderr, "unitlsctl: unitlsd did not finish its answer\n");
	return STATUS_NO_ANSWER;
}

int main(int argc, char **argv)
{
	const char *path = DEFAULT_SOCKET;
	int option;
	int status;
	int fd;

	while ((option = getopt(argc, argv, "s:hV")) != -1) {
		if (option == 'h')
			return usage(stdout, STATUS_OK);
		if (option == 'V') {
			(void)printf("unitlsctl %s\n", UNITLS_VERSION);
			return STATUS_OK;
		}
		if (option != 's')
			return usage(stderr, STATUS_NO_ANSWER);
		path = optarg;
	}
	if (argc - optind != 1)
		return usage(stderr, STATUS_NO_ANSWER);
	fd = connect_to(path);
	if (fd < 0) {
		(void)fprintf(stderr, "unitlsctl: no unitlsd answers on \"%s\": %s\n", path, strerror(errno));
		return STATUS_NO_ANSWER;
	}
	if (send_command(fd, argv[optind])) {
		/* What went wrong with a reload belongs to standard error. */
		status = print_answer(fd, strcmp(argv[optind], "reload") == 0);
	} else {
		(void)fprintf(stderr, "unitlsctl: the command cannot be sent\n");
		status = STATUS_NO_ANSWER;
	}
	(void)close(fd);
	return status;
}

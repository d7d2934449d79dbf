/* The end of standard input. */

#include "tests/bench/input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
	struct event *event;
	void (*on_end)(void *argument);
	void *argument;
};

/* A file, or /dev/null, cannot be waited for: it has ended already. */
static bool can_wait(void)
{
	struct stat found;

	return isatty(STDIN_FILENO) ||
		(fstat(STDIN_FILENO, &found) == 0 && (S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode)));
}

static void on_input(evutil_socket_t fd, short what, void *argument)
{
	struct input *input = argument;
	char waste[512];
	ssize_t n = (what & EV_READ) ? read(fd, waste, sizeof(waste)) : 0;

	if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	(void)event_del(input->event);
	input->on_end(input->argument);
}

struct input *input_new(struct event_base *base, void (*on_end)(void *argument), void *argument)
{
	struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return NULL;
	input->on_end = on_end;
	input->argument = argument;
	input->event = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, input);
	if (!input->event) {
		free(input);
		return NULL;
	}
	if (!can_wait() || event_add(input->event, NULL) != 0)
		event_active(input->event, EV_TIMEOUT, 0);
	return input;
}

void input_free(struct input *input)
{
	if (!input)
		return;
	event_free(input->event);
	free(input);
}

/* The control socket: unitlsctl's end in the master. */

#include "daemon/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/address.h"
#include "daemon/bind.h"

#define TEXT_MAX 2000 /* bytes of a line of an answer */

struct control_client {
	LIST_ENTRY(control_client) link;
	struct control *control;
	struct bufferevent *stream;
	bool busy;    /* a command is under way */
	bool waiting; /* for TICKET */
	bool ending;  /* closed when all is written */
	bool eof;     /* nothing more comes from it */
	uint64_t ticket;
};

struct control {
	int fd;
	struct address address;
	ino_t inode;
	struct event *readable;
	control_command *command;
	void *argument;
	LIST_HEAD(client_list, control_client) clients;
	unsigned client_count;
};

static void drop(struct control_client *client)
{
	LIST_REMOVE(client, link);
	client->control->client_count--;
	bufferevent_free(client->stream);
	free(client);
}

static void set_patience(struct control_client *client)
{
	struct timeval idle = {.tv_sec = CONTROL_IDLE_S};

	bufferevent_set_timeouts(client->stream, client->waiting ? NULL : &idle, &idle);
}

/* Whether TEXT may be looked at: no control bytes. */
static bool is_plain(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* Closes when what was said is read. */
static void end(struct control_client *client)
{
	client->ending = true;
	(void)bufferevent_disable(client->stream, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(client->stream)) == 0)
		drop(client);
}

static void refuse(struct control_client *client, const char *reason)
{
	control_say(client, "%s", reason);
	(void)evbuffer_add_printf(bufferevent_get_output(client->stream), "failed\n");
	end(client);
}

/* Takes commands as long as none is under way. */
static void take_commands(struct control_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);

	while (!client->busy && !client->ending) {
		size_t size;
		char *line = evbuffer_readln(input, &size, EVBUFFER_EOL_LF);

		if (line == NULL) {
			if (evbuffer_get_length(input) > CONTROL_LINE_MAX)
				refuse(client, "the command is too long");
			return;
		}
		if (size > CONTROL_LINE_MAX || !is_plain(line, size)) {
			free(line);
			refuse(client, "this is no command");
			return;
		}
		client->busy = true;
		client->control->command(client->control->argument, client, line);
		free(line);
	}
}

static void on_read(struct bufferevent *stream, void *argument)
{
	struct control_client *client = argument;

	(void)stream;
	take_commands(client);
}

static void on_written(struct bufferevent *stream, void *argument)
{
	struct control_client *client = argument;

	(void)stream;
	if (client->ending)
		drop(client);
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
	struct control_client *client = argument;

	(void)stream;
	/* A client that only shut down its writing side still gets its answer. */
	if ((what & BEV_EVENT_EOF) != 0 && client->waiting) {
		client->eof = true;
		return;
	}
	drop(client);
}

static void on_connection(evutil_socket_t fd, short what, void *argument)
{
	struct control *control = argument;
	struct control_client *client;
	int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (accepted < 0)
		return;
	client = control->client_count < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (client == NULL) {
		(void)close(accepted);
		return;
	}
	client->control = control;
	client->stream =
		bufferevent_socket_new(event_get_base(control->readable), accepted, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		(void)close(accepted);
		free(client);
		return;
	}
	LIST_INSERT_HEAD(&control->clients, client, link);
	control->client_count++;
	bufferevent_setcb(client->stream, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, 2 * CONTROL_LINE_MAX);
	set_patience(client);
	(void)bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

static int listen_on(struct control *control, const char *path)
{
	struct sockaddr_un *name = (struct sockaddr_un *)(void *)&control->address.storage;
	size_t length = strlen(path);
	mode_t mask;
	int r;

	if (length >= sizeof(name->sun_path))
		return -ENAMETOOLONG;
	control->address.kind = ADDRESS_UNIX;
	name->sun_family = AF_UNIX;
	memcpy(name->sun_path, path, length);
	control->address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	mask = umask(0177);
	r = bind_unix(&control->address, &control->fd);
	(void)umask(mask);
	if (r < 0)
		return r;
	control->inode = bind_inode(&control->address);
	return bind_listen(control->fd);
}

int control_open(
	struct event_base *base, const char *path, control_command *command, void *argument, struct control **ret)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (control == NULL)
		return -ENOMEM;
	control->fd = -1;
	control->command = command;
	control->argument = argument;
	LIST_INIT(&control->clients);
	r = listen_on(control, path);
	if (r == 0) {
		control->readable = event_new(base, control->fd, EV_READ | EV_PERSIST, on_connection, control);
		if (control->readable == NULL || event_add(control->readable, NULL) != 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		control_close(control);
		return r;
	}
	*ret = control;
	return 0;
}

void control_close(struct control *control)
{
	if (control == NULL)
		return;
	while (!LIST_EMPTY(&control->clients))
		drop(LIST_FIRST(&control->clients));
	if (control->readable != NULL)
		event_free(control->readable);
	if (control->fd >= 0) {
		bind_unlink(&control->address, control->inode);
		(void)close(control->fd);
	}
	free(control);
}

void control_say(struct control_client *client, const char *format, ...)
{
	struct evbuffer *output = bufferevent_get_output(client->stream);
	char text[TEXT_MAX];
	va_list arguments;
	size_t i;

	if (evbuffer_get_length(output) > CONTROL_QUEUE_MAX)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (i = 0; text[i] != '\0'; i++)
		if (text[i] == '\n')
			text[i] = ' ';
	(void)evbuffer_add_printf(output, "| %s\n", text);
}

void control_finish(struct control_client *client, bool ok)
{
	(void)evbuffer_add_printf(bufferevent_get_output(client->stream), ok ? "ok\n" : "failed\n");
	client->busy = false;
	client->waiting = false;
	set_patience(client);
}

void control_wait(struct control_client *client, uint64_t ticket)
{
	client->waiting = true;
	client->ticket = ticket;
	set_patience(client);
}

void control_due(struct control *control, uint64_t ticket, control_answer *answer, void *argument)
{
	struct control_client *client;
	struct control_client *next;

	if (control == NULL)
		return;
	for (client = LIST_FIRST(&control->clients); client != NULL; client = next) {
		next = LIST_NEXT(client, link);
		if (!client->waiting || client->ticket > ticket)
			continue;
		answer(argument, client);
		if (client->eof)
			end(client);
		else
			take_commands(client);
	}
}

/* Standard input and output. */

#include "tool/standard.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void standard_init(struct standard *standard)
{
	struct stat status;

	*standard = (struct standard){
		.input_is_terminal = isatty(STDIN_FILENO) == 1,
		.output_is_socket = fstat(STDOUT_FILENO, &status) == 0 && S_ISSOCK(status.st_mode),
	};
}

void standard_pollfds(
	const struct standard *standard, struct session *session, struct pollfd wanted[STANDARD_POLLFDS])
{
	uint8_t *at;
	bool reads = session->phase == SESSION_OPEN && !standard->input_ended && session_room(session, &at) > 0;
	bool writes = session_held(session).size > 0;

	wanted[0] = (struct pollfd){.fd = reads ? STDIN_FILENO : -1, .events = POLLIN};
	/* Also without anything to write: that its reader has gone shows as POLLERR. The handshake is finished first, so that the peer is told. */
	wanted[1] = (struct pollfd){
		.fd = standard->discard || session->phase == SESSION_HANDSHAKE ? -1 : STDOUT_FILENO,
		.events = writes ? POLLOUT : 0,
	};
}

/* Standard input has ended, in this session or before it. */
static void end_output(const struct standard *standard, struct session *session)
{
	if (standard->ignore_eof)
		session->hold_close = true;
	session_end_output(session);
}

static int fail(struct unitls_error *error, const char *what, int code)
{
	error->error_class = UNITLS_ERROR_CLASS_IO;
	(void)snprintf(error->text, sizeof(error->text), "%s: %s", what, strerrordesc_np(code));
	return -1;
}

static int read_input(struct standard *standard, struct session *session, struct unitls_error *error)
{
	uint8_t *at;
	size_t room = session_room(session, &at);
	ssize_t n = room > 0 ? read(STDIN_FILENO, at, room) : 0;

	if (room == 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return 0;
	if (n < 0)
		return fail(error, "standard input", errno);
	standard->input_ended = n == 0;
	session_put(session, (size_t)n);
	return 0;
}

/* POLLOUT promises room for PIPE_BUF bytes in a pipe; a socket is asked not to wait. */
static int write_output(const struct standard *standard, struct session *session, struct unitls_error *error)
{
	struct unitls_bytes held = session_held(session);
	size_t size = held.size < PIPE_BUF ? held.size : PIPE_BUF;
	ssize_t n = standard->output_is_socket
		? send(STDOUT_FILENO, held.data, held.size, MSG_DONTWAIT | MSG_NOSIGNAL)
		: write(STDOUT_FILENO, held.data, size);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return fail(error, "standard output", errno);
	session_take(session, (size_t)n);
	return 0;
}

/* 0, or -1 when nobody takes what comes. */
static int run_output(
	const struct standard *standard, struct session *session, short revents, struct unitls_error *error)
{
	size_t held = session_held(session).size;

	if (standard->discard) {
		if (held > 0)
			session_take(session, held);
		return 0;
	}
	if (revents != 0 && held > 0)
		return write_output(standard, session, error);
	if ((revents & (POLLERR | POLLHUP | POLLNVAL)) == 0)
		return 0;
	return fail(error, "standard output", EPIPE);
}

int standard_run(struct standard *standard, struct session *session, const struct pollfd got[STANDARD_POLLFDS],
	struct unitls_error *error)
{
	if (run_output(standard, session, got[1].revents, error) < 0)
		return -1;
	if (got[0].revents != 0 && read_input(standard, session, error) < 0)
		return -1;
	if (session->phase == SESSION_OPEN && !session->out_ended && standard->input_ended)
		end_output(standard, session);
	/* Who sits at a terminal would have to end a connection that is no more. */
	if (session->in_ended && !session->out_ended && standard->input_is_terminal)
		session_end_output(session);
	return 0;
}

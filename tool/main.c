/* unitls: TLS from the command line, with any of the library's backends. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/suggest.h"
#include "tool/commands.h"
#include "tool/message.h"

static const struct {
	const char *name;
	enum status (*run)(int argc, char **argv);
} commands[] = {
	{"connect", command_connect},
	{"serve", command_serve},
	{"backends", command_backends},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char help[] =
	"usage: unitls COMMAND [ARGUMENT...]\n"
	"\n"
	"  connect HOST:PORT     a TLS client: shows what was negotiated, relays standard input and output\n"
	"  serve [HOST:]PORT     a TLS server for tests\n"
	"  backends [NAME...]    the TLS libraries that are here, and what each can do\n"
	"\n"
	"  unitls COMMAND --help says more; unitls --version. See unitls(1).\n";

static enum status print(const char *text)
{
	return fputs(text, stdout) < 0 ? STATUS_LOCAL : STATUS_CLEAN;
}

static enum status refuse_command(const char *name)
{
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];

	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < N_COMMANDS; i++)
		suggestion_offer(&suggestion, commands[i].name);
	message("there is no command \"%.60s\"%s", name, suggestion_text(&suggestion, hint, sizeof(hint)));
	message_try_help();
	return STATUS_USAGE;
}

static enum status run(int argc, char **argv)
{
	if (argc < 2) {
		message("what to do? one of connect, serve, backends");
		message_try_help();
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return print(help);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return print("unitls " UNITLS_VERSION "\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return refuse_command(argv[1]);
}

/*
 * A closed standard descriptor would be given to the first socket. Input that is closed is empty; output that is closed is an error, because
 * what was asked for could not be seen.
 */
static int check_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (fd == STDOUT_FILENO) {
			message("standard output is closed");
			return -1;
		}
		if (open("/dev/null", O_RDWR) !=
			fd) /* stays open over exec by intent, like any standard descriptor */
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	enum status status;

	if (check_standard_descriptors() < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
		return STATUS_LOCAL;
	(void)setvbuf(stderr, NULL, _IOLBF, 0); /* whole lines, also beside another program's */
	status = run(argc, argv);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return (int)status;
	message("standard output: %s", strerrordesc_np(errno));
	return status == STATUS_CLEAN ? STATUS_LOCAL : (int)status;
}

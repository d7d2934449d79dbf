/* The signals of the master as a descriptor to read. */

#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int ignore(int number)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	return sigaction(number, &action, NULL) == 0 ? 0 : -errno;
}

int signals_open(int *ret_fd)
{
	static const int wanted[] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD};
	sigset_t set;
	size_t i;
	int fd;
	int r;

	r = ignore(SIGPIPE);
	if (r == 0)
		r = ignore(SIGXFSZ);
	if (r < 0)
		return r;
	(void)sigemptyset(&set);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		(void)sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int signals_read(int fd, int *ret_signal)
{
	struct signalfd_siginfo information;
	ssize_t n;

	do
		n = read(fd, &information, sizeof(information));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(information)) {
		*ret_signal = (int)information.ssi_signo;
		return 0;
	}
	return n < 0 && errno != EAGAIN ? -errno : 1;
}

void signals_restore(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	static const int masters[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};
	sigset_t none;
	size_t i;
	int number;

	for (number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			(void)sigaction(number, &action, NULL);
	(void)ignore(SIGPIPE);
	(void)ignore(SIGXFSZ);
	for (i = 0; i < sizeof(masters) / sizeof(masters[0]); i++)
		(void)ignore(masters[i]);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

#include "tests/unit/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRAMES_MAX 40

/* Where it happens: the innermost function that is not libc's. */
static const struct known {
	const char *frame; /* how that begins */
	const char *reason;
} known[] = {
	{"libgmp.so.", "GMP ends the process when it gets no memory"},
	{"libhogweed.so.", "GMP ends the process when it gets no memory, also on Nettle's behalf"},
	{"libtasn1.so.", "libtasn1 uses what it did not get"},
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static struct crash *watched;

/* Appends what fits; a name that does not is left out. */
static void note(struct crash *crash, const char *file, const char *function)
{
	size_t used = strlen(crash->frames);
	const char *base = strrchr(file, '/');
	const char *parts[] = {base ? base + 1 : file, ":", function, " "};
	size_t size = 0;

	for (int i = 0; i < 4; i++)
		size += strlen(parts[i]);
	if (used + size >= sizeof(crash->frames))
		return;
	for (int i = 0; i < 4; i++) {
		memcpy(crash->frames + used, parts[i], strlen(parts[i]) + 1);
		used += strlen(parts[i]);
	}
}

static void on_signal(int number)
{
	void *frames[FRAMES_MAX];
	int n = backtrace(frames, FRAMES_MAX);
	Dl_info info;

	for (int i = 0; i < n; i++)
		if (dladdr(frames[i], &info) && info.dli_fname && info.dli_sname)
			note(watched, info.dli_fname, info.dli_sname);
	/* SA_RESETHAND: the signal now does what it does by itself. */
	(void)raise(number);
}

void crash_watch(struct crash *crash)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	void *frames[FRAMES_MAX];

	crash->frames[0] = '\0';
	watched = crash;
	(void)backtrace(frames, FRAMES_MAX); /* loads what it needs, which the handler could not */
	(void)sigaction(SIGABRT, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
}

/* Prints a function's line once. */
static void tell(const char *frame, int length, const char *reason)
{
	static char told[64][96];
	size_t i;

	for (i = 0; i < sizeof(told) / sizeof(told[0]) && told[i][0] != '\0'; i++)
		if (strncmp(told[i], frame, (size_t)length) == 0 && told[i][length] == '\0')
			return;
	if (i == sizeof(told) / sizeof(told[0]))
		return;
	(void)snprintf(told[i], sizeof(told[i]), "%.*s", length, frame);
	(void)printf("known end of the process without memory: %s: %s\n", told[i], reason);
}

bool crash_is_known(const struct crash *crash)
{
	const char *frame = crash->frames;

	while (strncmp(frame, "libc.so.", 8) == 0 && strchr(frame, ' '))
		frame = strchr(frame, ' ') + 1;
	for (size_t i = 0; i < N_KNOWN; i++)
		if (strncmp(frame, known[i].frame, strlen(known[i].frame)) == 0) {
			tell(frame, (int)strcspn(frame, " "), known[i].reason);
			return true;
		}
	return false;
}

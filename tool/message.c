/* Messages on standard error. */

#include "tool/message.h"

#include <stdarg.h>
#include <stdio.h>

static const char *command = "unitls";

void message_set_command(const char *name)
{
	command = name;
}

void message(const char *format, ...)
{
	va_list arguments;

	(void)fprintf(stderr, "%s: ", command);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

void message_hint(const char *hint)
{
	if (hint)
		(void)fprintf(stderr, "    what to do: %s\n", hint);
}

void message_try_help(void)
{
	(void)fprintf(stderr, "Try %s --help.\n", command);
}

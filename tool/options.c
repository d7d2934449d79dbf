/* Reading options. */

#include "tool/options.h"

#include <stdio.h>
#include <string.h>

#include "common/suggest.h"
#include "tool/message.h"

#define DAY_MS (24 * 3600 * 1000L)

static const struct option *find(const struct option *options, int val)
{
	for (; options->name; options++)
		if (options->val == val)
			return options;
	return NULL;
}

/* A long option that getopt_long refused, with its dashes: none of that name, or several that begin so. */
static void refuse_long(const struct option *options, const char *argument)
{
	size_t size = strcspn(argument, "=");
	char wanted[64];
	char hint[SUGGESTION_TEXT_MAX];
	struct suggestion suggestion;
	int begin_so = 0;

	(void)snprintf(wanted, sizeof(wanted), "%.*s", (int)(size < sizeof(wanted) ? size : sizeof(wanted) - 1),
		argument);
	suggestion_init(&suggestion, wanted + 2);
	for (; options->name; options++) {
		suggestion_offer(&suggestion, options->name);
		begin_so += strncmp(options->name, wanted + 2, strlen(wanted + 2)) == 0;
	}
	if (begin_so > 1)
		message("\"%s\" is short for more than one option", wanted);
	else
		message("there is no option \"%s\"%s", wanted, suggestion_text(&suggestion, hint, sizeof(hint)));
}

static void refuse(int argc, char **argv, const struct option *options, bool lacks_argument)
{
	const struct option *known = optopt != 0 ? find(options, optopt) : NULL;

	if (known && lacks_argument)
		message("--%s needs an argument", known->name);
	else if (known)
		message("--%s takes no argument", known->name);
	else if (optopt != 0)
		message("there is no option \"-%c\"", optopt);
	else
		refuse_long(options, optind >= 1 && optind <= argc ? argv[optind - 1] : "--");
}

int options_next(int argc, char **argv, const struct option *options)
{
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, ":h", options, NULL);
	if (option != '?' && option != ':')
		return option;
	refuse(argc, argv, options, option == ':');
	return OPTIONS_FAULT;
}

int options_duration(const char *option, const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		long ms;
	} units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}};
	size_t digits = strspn(text, "0123456789");
	long number = 0;

	for (size_t i = 0; i < digits && number <= DAY_MS; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; digits > 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + digits, units[i].unit) == 0 && number > 0 && number <= DAY_MS / units[i].ms) {
			*ret_ms = number * units[i].ms;
			return 0;
		}
	message("--%s %s: write a time from 1ms to 1440m, such as 30s or 500ms", option, text);
	return -1;
}

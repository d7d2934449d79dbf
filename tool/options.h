/* Options as getopt_long(3) reads them, with messages of our own: what is wrong, and the nearest option there is. */

#ifndef UNITLS_TOOL_OPTIONS_H
#define UNITLS_TOOL_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#define OPTIONS_END   (-1)
#define OPTIONS_FAULT (-2)

/* The next option's val, with its argument in optarg; OPTIONS_END; OPTIONS_FAULT after a message. -h counts as --help. */
int options_next(int argc, char **argv, const struct option *options);

/* "5", "5s", "500ms", "2m": a time from 1 ms to a day. Returns 0, or -1 after a message. */
int options_duration(const char *option, const char *text, int64_t *ret_ms);

#endif

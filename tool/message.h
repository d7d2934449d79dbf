/* What goes wrong, on standard error: one line that says what, where and why, and where it helps a second one that says what to do. */

#ifndef UNITLS_TOOL_MESSAGE_H
#define UNITLS_TOOL_MESSAGE_H

#include <unitls/common.h>

/* "unitls COMMAND" from then on; a string constant. */
void message_set_command(const char *command);
/* "unitls COMMAND: TEXT\n" */
void message(const char *format, ...) UNITLS_PRINTF(1, 2);
/* "    what to do: TEXT\n"; nothing for NULL. */
void message_hint(const char *hint);
/* Where --help is; after what is wrong with the command line. */
void message_try_help(void);

#endif

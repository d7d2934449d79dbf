/* The commands: each gets its arguments from its own name on and returns the exit status. */

#ifndef UNITLS_TOOL_COMMANDS_H
#define UNITLS_TOOL_COMMANDS_H

#include "tool/status.h"

enum status command_connect(int argc, char **argv);
enum status command_serve(int argc, char **argv);
enum status command_backends(int argc, char **argv);

#endif

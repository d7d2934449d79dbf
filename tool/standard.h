/* Standard input and output as the ends of a session. Neither is made non-blocking, as other programs share them: they are read and written only
 * when poll(2) says so, and never more at once than can be written without waiting. */

#ifndef UNITLS_TOOL_STANDARD_H
#define UNITLS_TOOL_STANDARD_H

#include <poll.h>
#include <stdbool.h>

#include "tool/session.h"

struct standard {
	bool input_ended;
	bool input_is_terminal;
	bool output_is_socket;
	bool discard;    /* what the peer sends is dropped, not written */
	bool ignore_eof; /* the end of standard input is not passed on before the peer has ended */
};

#define STANDARD_POLLFDS 2

void standard_init(struct standard *standard);
/* What to poll(2) for on behalf of an open session; fd -1 where there is nothing to wait for. */
void standard_pollfds(
	const struct standard *standard, struct session *session, struct pollfd wanted[STANDARD_POLLFDS]);
/* Moves what can be moved. Returns 0, or -1 and why when standard input or output fails: the session cannot go on. */
int standard_run(struct standard *standard, struct session *session, const struct pollfd got[STANDARD_POLLFDS],
	struct unitls_error *error);

#endif

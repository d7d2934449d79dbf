/* The signals of the master as a descriptor to read.
 *
 * No handler runs anywhere: the master blocks what it wants and reads it, children get the defaults back.
 * Invariant: SIGPIPE and SIGXFSZ (a log file at its limit) are ignored in every process. */

#ifndef UNITLSD_SIGNALS_H
#define UNITLSD_SIGNALS_H

/* Blocks HUP, TERM, INT, USR1 and CHLD, ignores PIPE, and makes a descriptor that they are read from.
 * Returns 0 or a negative errno. */
int signals_open(int *ret_fd);

/* The next signal's number. Returns 0; 1 when there is none; a negative errno. */
int signals_read(int fd, int *ret_signal);

/* In a child: every signal unblocked and at its default, but PIPE ignored, and HUP, INT, TERM and USR1 too: a terminal and systemd send
 * them to all processes, and it is for the master to say what the children do then. */
void signals_restore(void);

#endif

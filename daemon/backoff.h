/* How long a child that keeps dying is left alone before the next one is started in its place.
 *
 * A pure function on the number of deaths; who counts them decides what a death is. */

#ifndef UNITLSD_BACKOFF_H
#define UNITLSD_BACKOFF_H

#define BACKOFF_FIRST_MS  100 /* after the second death in a row; then doubled */
#define BACKOFF_MAX_MS    10000
#define BACKOFF_STEADY_MS 60000 /* a child that lived so long did not fail: its death is the first in a row */

/* 0 after the first death in a row. */
unsigned backoff_delay_ms(unsigned deaths);

#endif

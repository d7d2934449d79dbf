/* The monotonic clock in milliseconds, for deadlines and durations. */

#ifndef UNITLSD_CLOCK_H
#define UNITLSD_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ms(void);

#endif

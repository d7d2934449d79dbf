/* Monotonic milliseconds, and what poll(2) wants of them. */

#ifndef UNITLS_TOOL_CLOCK_H
#define UNITLS_TOOL_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_now_ms(void);
/* How long poll(2) may wait: 0 when the deadline is past, -1 for CLOCK_NEVER. */
int clock_left_ms(int64_t deadline_ms);

#endif

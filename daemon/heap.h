/* A worker's heap: kept while connections come and go, given back when they have settled.
 *
 * The C library gives back only the heap's end. Handshakes that ran at the same time leave holes behind what lives on, and a worker that once had thousands of
 * connections would keep all of it. */

#ifndef UNITLSD_HEAP_H
#define UNITLSD_HEAP_H

#include <stdint.h>

/* Free at the heap's end before the C library gives it back by itself. */
#define HEAP_KEPT_BYTES (1 << 20)

/* Where connections come and go all the time, it is given back every so many seconds. */
#define HEAP_BUSY_SECONDS 10

struct heap {
	uint64_t turnover; /* at the last second */
	unsigned
		seconds; /* since it was given back, with connections begun or ended in them; 0: nothing to give */
};

/* Once for a process, before it holds much. */
void heap_init(struct heap *heap);

/* Once a second. TURNOVER counts the connections begun and those ended, ever. */
void heap_tick(struct heap *heap, uint64_t turnover);

#endif

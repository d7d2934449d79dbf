/* The heap of a long-lived process: kept while much comes and goes, given back when that has settled.
 *
 * The C library gives back only the heap's end. Handshakes that ran at the same time, and what a generation was built from, leave holes below what lives on, and a
 * process would keep for good what it once needed most. */

#ifndef UNITLSD_HEAP_H
#define UNITLSD_HEAP_H

#include <stdint.h>

/* Free at the heap's end before the C library gives it back by itself. */
#define HEAP_KEPT_BYTES (1 << 20)

/* Where it never settles, it is given back every so many seconds: seldom, as the process does nothing else meanwhile. */
#define HEAP_BUSY_SECONDS 60

struct heap {
	uint64_t turnover; /* at the last second */
	unsigned seconds;  /* with something begun or ended in them since it was given back; 0: nothing to give */
};

/* Once for a worker, before it holds much. */
void heap_init(struct heap *heap);

/* Once a second. TURNOVER counts what was begun and what ended, ever. */
void heap_tick(struct heap *heap, uint64_t turnover);

/* At once. Takes time that grows with the holes: 10 ms for 100,000 of less than a page, 150 ms for as many of several pages, which no worker has. */
void heap_give_back(void);

#endif

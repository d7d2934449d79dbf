/* The heap of a long-lived process. */

#include "daemon/heap.h"

#include <malloc.h>
#include <stdbool.h>

/*
 * Buffers of a bulk transfer come and go with every read. By default the C library would give the heap's end back to the kernel, and take it again, each time.
 */
void heap_init(struct heap *heap)
{
	*heap = (struct heap){0};
#ifdef M_TRIM_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
#endif
}

void heap_give_back(void)
{
#ifdef M_TRIM_THRESHOLD
	(void)malloc_trim(0);
#endif
}

void heap_tick(struct heap *heap, uint64_t turnover)
{
	bool settled = turnover == heap->turnover;

	heap->turnover = turnover;
	if (!settled)
		heap->seconds++;
	if (heap->seconds == 0 || (!settled && heap->seconds < HEAP_BUSY_SECONDS))
		return;
	heap_give_back();
	heap->seconds = 0;
}

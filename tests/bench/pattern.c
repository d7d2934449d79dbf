/* The pattern. */

#include "tests/bench/pattern.h"

#include <string.h>

#define PERIOD_BYTES 65521 /* the largest prime below 64 KiB */

static uint8_t table[PERIOD_BYTES + PATTERN_WINDOW_BYTES];

void pattern_init(void)
{
	uint32_t state = 0x9e3779b9; /* any with ones and zeros enough */

	/* Marsaglia's xorshift: bytes that no two places of the table share a run of. */
	for (size_t i = 0; i < PERIOD_BYTES; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		table[i] = (uint8_t)(state >> 24);
	}
	for (size_t i = PERIOD_BYTES; i < sizeof(table); i++)
		table[i] = table[i - PERIOD_BYTES];
}

const uint8_t *pattern_at(uint64_t offset)
{
	return table + offset % PERIOD_BYTES;
}

bool pattern_matches(uint64_t offset, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t n = size < PATTERN_WINDOW_BYTES ? size : PATTERN_WINDOW_BYTES;

		if (memcmp(pattern_at(offset), data, n) != 0)
			return false;
		offset += n;
		data += n;
		size -= n;
	}
	return true;
}

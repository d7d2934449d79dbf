/* How long a child that keeps dying is left alone. */

#include "daemon/backoff.h"

unsigned backoff_delay_ms(unsigned deaths)
{
	unsigned delay_ms = BACKOFF_FIRST_MS;

	if (deaths < 2)
		return 0;
	while (deaths-- > 2 && delay_ms < BACKOFF_MAX_MS)
		delay_ms *= 2;
	return delay_ms < BACKOFF_MAX_MS ? delay_ms : BACKOFF_MAX_MS;
}

/* Edit distance over three rows. */

#include "common/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][LENGTH_MAX + 1];
	size_t length_a = strlen(a);
	size_t length_b = strlen(b);

	if (length_a > LENGTH_MAX || length_b > LENGTH_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= length_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[length_a % 3][length_b];
}

void suggestion_init(struct suggestion *suggestion, const char *wanted)
{
	*suggestion = (struct suggestion){.wanted = wanted, .distance = SIZE_MAX};
}

void suggestion_offer(struct suggestion *suggestion, const char *name)
{
	size_t distance = suggest_distance(suggestion->wanted, name);

	/* Up to a third of the name may be wrong; "ca" is not near "key". */
	if (distance > (strlen(name) + 2) / 3 || distance >= suggestion->distance)
		return;
	suggestion->best = name;
	suggestion->distance = distance;
}

const char *suggestion_text(const struct suggestion *suggestion, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if (suggestion->best)
		(void)snprintf(buffer, size, "; did you mean \"%s\"?", suggestion->best);
	return buffer;
}

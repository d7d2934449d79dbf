/* "Did you mean ...": the nearest of some names to one that does not exist. Pure. */

#ifndef UNITLS_COMMON_SUGGEST_H
#define UNITLS_COMMON_SUGGEST_H

#include <stddef.h>

#define SUGGESTION_TEXT_MAX 100

struct suggestion {
	const char *wanted;
	const char *best; /* lent; NULL while nothing was near enough */
	size_t distance;
};

void suggestion_init(struct suggestion *suggestion, const char *wanted);

/* Considers NAME, which must live as long as the suggestion. */
void suggestion_offer(struct suggestion *suggestion, const char *name);

/* Writes "; did you mean \"NAME\"?", or nothing. Returns BUFFER. */
const char *suggestion_text(const struct suggestion *suggestion, char *buffer, size_t size);

/* The number of insertions, deletions, replacements and swaps of neighbours from A to B (optimal string alignment);
 * names of more than 64 bytes are infinitely far from everything. */
size_t suggest_distance(const char *a, const char *b);

#endif

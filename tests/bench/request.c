/* Requests as bytes. */

#include "tests/bench/request.h"

#include <string.h>

#define VERB_BYTES 4 /* with the blank behind it */

static const char verbs[][VERB_BYTES + 1] = {
	[REQUEST_GET] = "GET ",
	[REQUEST_PUT] = "PUT ",
	[REQUEST_ECHO] = "ECH ",
};

static void format(const char *word, uint64_t size, uint8_t ret_text[REQUEST_BYTES])
{
	memcpy(ret_text, word, VERB_BYTES);
	for (int i = REQUEST_BYTES - 2; i >= VERB_BYTES; i--) {
		ret_text[i] = (uint8_t)('0' + size % 10);
		size /= 10;
	}
	ret_text[REQUEST_BYTES - 1] = '\n';
}

void request_format(enum request_verb verb, uint64_t size, uint8_t ret_text[REQUEST_BYTES])
{
	format(verbs[verb], size, ret_text);
}

void request_format_ok(uint64_t size, uint8_t ret_text[REQUEST_BYTES])
{
	format("OK  ", size, ret_text);
}

bool request_parse(const uint8_t text[REQUEST_BYTES], enum request_verb *ret_verb, uint64_t *ret_size)
{
	uint64_t size = 0;

	if (text[REQUEST_BYTES - 1] != '\n')
		return false;
	for (int i = VERB_BYTES; i < REQUEST_BYTES - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		size = size * 10 + (uint64_t)(text[i] - '0');
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (memcmp(text, verbs[i], VERB_BYTES) == 0) {
			*ret_verb = (enum request_verb)i;
			*ret_size = size;
			return true;
		}
	return false;
}

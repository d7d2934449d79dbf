/*
 * What a client asks the upstream for: 16 bytes, "VERB SIZE\n", the verb one of GET, PUT, ECH and the size 11 decimal digits.
 *
 *   GET n  the server sends n bytes of the pattern
 *   PUT n  the client sends n bytes of the pattern, the server answers with "OK  SIZE\n", 16 bytes, too
 *   ECH n  the client sends n bytes of the pattern, the server sends each back as soon as it has verified it
 *
 * The next request follows when the answer has come.
 */

#ifndef UNITLS_BENCH_REQUEST_H
#define UNITLS_BENCH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_BYTES    16
#define REQUEST_SIZE_MAX 99999999999u

enum request_verb {
	REQUEST_GET,
	REQUEST_PUT,
	REQUEST_ECHO,
};

void request_format(enum request_verb verb, uint64_t size, uint8_t ret_text[REQUEST_BYTES]);
/* False: that is no request. */
bool request_parse(const uint8_t text[REQUEST_BYTES], enum request_verb *ret_verb, uint64_t *ret_size);
/* The answer to a PUT. */
void request_format_ok(uint64_t size, uint8_t ret_text[REQUEST_BYTES]);

#endif

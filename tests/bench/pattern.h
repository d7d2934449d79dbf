/*
 * The bytes that are sent and verified. The byte at an offset of a transfer depends on the offset alone, with a period that is prime: a record or segment that
 * is lost, doubled or moved shows. The table is sent from and compared with in place, so that making and verifying bytes costs a memcmp.
 */

#ifndef UNITLS_BENCH_PATTERN_H
#define UNITLS_BENCH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_WINDOW_BYTES 65536 /* at least so many bytes may be used from where pattern_at points to */

void pattern_init(void);
const uint8_t *pattern_at(uint64_t offset);
bool pattern_matches(uint64_t offset, const uint8_t *data, size_t size);

#endif

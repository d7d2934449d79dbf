/* What a run has come to: units, failures by reason, latencies; and its JSON. */

#ifndef UNITLS_BENCH_TALLY_H
#define UNITLS_BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TALLY_REASONS_MAX 32
#define TALLY_TEXT_SIZE   300

/* Samples in nanoseconds. */
struct tally_samples {
	uint64_t *ns;
	size_t n;
	size_t room;
};

struct tally_reason {
	char text[TALLY_TEXT_SIZE];
	uint64_t count;
};

struct tally {
	uint64_t units;
	uint64_t failed;
	uint64_t bytes; /* of payload that was verified, both ways */
	uint64_t resumed;
	uint64_t hostile;
	uint64_t unclean; /* connections that did their work, and then were not ended by a close_notify and FIN */
	uint64_t started_ns;
	uint64_t ended_ns;
	struct tally_samples handshake;
	struct tally_samples answer;
	struct tally_reason reasons[TALLY_REASONS_MAX];
	size_t n_reasons;
};

void tally_fini(struct tally *tally);
/* A failure with its reason; beyond TALLY_REASONS_MAX different ones only the number is kept. */
void tally_fail(struct tally *tally, const char *reason);
void tally_sample(struct tally_samples *samples, uint64_t ns);
/* One line of JSON. Sorts the samples. */
void tally_print(struct tally *tally, FILE *out);

#endif

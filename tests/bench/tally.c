/* Counting. */

#include "tests/bench/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_FIRST 1024

void tally_fini(struct tally *tally)
{
	free(tally->handshake.ns);
	free(tally->answer.ns);
}

void tally_fail(struct tally *tally, const char *reason)
{
	struct tally_reason *at = tally->reasons;
	struct tally_reason *end = tally->reasons + tally->n_reasons;

	tally->failed++;
	while (at < end && strncmp(at->text, reason, sizeof(at->text) - 1) != 0)
		at++;
	if (at == tally->reasons + TALLY_REASONS_MAX)
		return;
	if (at == end) {
		tally->n_reasons++;
		(void)snprintf(at->text, sizeof(at->text), "%s", reason);
	}
	at->count++;
}

void tally_sample(struct tally_samples *samples, uint64_t ns)
{
	if (samples->n == samples->room) {
		size_t room = samples->room > 0 ? 2 * samples->room : SAMPLES_FIRST;
		uint64_t *grown = reallocarray(samples->ns, room, sizeof(*grown));

		if (!grown)
			abort(); /* a percentile of some of them would be wrong */
		samples->ns = grown;
		samples->room = room;
	}
	samples->ns[samples->n++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that so many per cent are not above. */
static double percentile_ms(const struct tally_samples *samples, size_t percent)
{
	size_t rank = (samples->n * percent + 99) / 100;

	return (double)samples->ns[rank > 0 ? rank - 1 : 0] / 1e6;
}

static void print_samples(struct tally_samples *samples, const char *name, FILE *out)
{
	(void)fprintf(out, "\"%s\":{", name);
	if (samples->n == 0) {
		(void)fputs("\"p50\":null,\"p99\":null}", out);
		return;
	}
	qsort(samples->ns, samples->n, sizeof(*samples->ns), compare);
	(void)fprintf(out, "\"p50\":%.4f,\"p99\":%.4f}", percentile_ms(samples, 50), percentile_ms(samples, 99));
}

static void print_text(const char *text, FILE *out)
{
	(void)fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			(void)fputc(c, out);
		else
			(void)fprintf(out, "\\u%04x", c);
	}
	(void)fputc('"', out);
}

void tally_print(struct tally *tally, FILE *out)
{
	(void)fprintf(out, "{\"units\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.6f,\"bytes\":%" PRIu64,
		tally->units, tally->failed, (double)(tally->ended_ns - tally->started_ns) / 1e9, tally->bytes);
	(void)fprintf(out,
		",\"resumed\":%" PRIu64 ",\"unclean\":%" PRIu64 ",\"hostile\":%" PRIu64 ",\"latency_ms\":{",
		tally->resumed, tally->unclean, tally->hostile);
	print_samples(&tally->handshake, "handshake", out);
	(void)fputc(',', out);
	print_samples(&tally->answer, "answer", out);
	(void)fputs("},\"errors\":{", out);
	for (size_t i = 0; i < tally->n_reasons; i++) {
		(void)fputs(i > 0 ? "," : "", out);
		print_text(tally->reasons[i].text, out);
		(void)fprintf(out, ":%" PRIu64, tally->reasons[i].count);
	}
	(void)fputs("}}\n", out);
}

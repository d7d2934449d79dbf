/* Text and Markdown from the capabilities. */

#include "common/backend_report.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <unitls/certificate.h>
#include <unitls/cipher_suite.h>
#include <unitls/tls_version.h>

#define LABEL_WIDTH 18
#define LINE_WIDTH  100

static const struct {
	uint64_t bit;
	const char *name;
} capabilities[] = {
#define CAPABILITY(id, bit, name) {UNITLS_CAP_##id, name},
	UNITLS_CAPABILITIES(CAPABILITY)
#undef CAPABILITY
};
#define N_CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

static const enum unitls_key_type key_types[] = {
#define KEY_TYPE(id, name) UNITLS_KEY_##id,
	UNITLS_KEY_TYPES(KEY_TYPE)
#undef KEY_TYPE
};
#define N_KEY_TYPES (sizeof(key_types) / sizeof(key_types[0]))

static const uint16_t versions[] = {UNITLS_TLS_1_2, UNITLS_TLS_1_3};
#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

static bool signs_with(const struct unitls_capabilities *can, enum unitls_key_type type)
{
	return (can->key_types >> type & 1u) != 0;
}

bool backend_report_concerns(
	const struct unitls_backend_difference *difference, const struct unitls_backend *backend)
{
	return strcmp(difference->backend, unitls_backend_name(backend)) == 0 &&
		(!difference->library ||
			fnmatch(difference->library, unitls_backend_library_version(backend), 0) == 0);
}

/* ---- text ---- */

/* A labelled line of items, continued below when it gets long. */
struct line {
	FILE *out;
	const char *separator; /* one character and a blank */
	size_t column;
	size_t items;
};

static void line_begin(struct line *line, FILE *out, const char *label)
{
	*line = (struct line){.out = out, .separator = ", ", .column = LABEL_WIDTH};
	(void)fprintf(out, "    %-*s", LABEL_WIDTH - 4, label);
}

static void line_add(struct line *line, const char *item)
{
	size_t size = strlen(item);

	if (line->items > 0 && line->column + 2 + size > LINE_WIDTH) {
		(void)fprintf(line->out, "%.1s\n%*s", line->separator, LABEL_WIDTH, "");
		line->column = LABEL_WIDTH;
	} else if (line->items > 0) {
		(void)fputs(line->separator, line->out);
		line->column += 2;
	}
	(void)fputs(item, line->out);
	line->column += size;
	line->items++;
}

static void line_end(struct line *line)
{
	(void)fprintf(line->out, "%s\n", line->items == 0 ? "none" : "");
}

static void print_versions(FILE *out, const struct unitls_capabilities *can)
{
	struct line line;

	line_begin(&line, out, "versions");
	for (size_t i = 0; i < N_VERSIONS; i++)
		if (can->min_version <= versions[i] && versions[i] <= can->max_version)
			line_add(&line, unitls_tls_version_name(versions[i]));
	line_end(&line);
}

static void print_capabilities(FILE *out, const char *label, uint64_t bits)
{
	struct line line;

	line_begin(&line, out, label);
	for (size_t i = 0; i < N_CAPABILITIES; i++)
		if ((bits & capabilities[i].bit) != 0)
			line_add(&line, capabilities[i].name);
	line_end(&line);
}

static void print_keys(FILE *out, const struct unitls_capabilities *can)
{
	struct line line;
	char rsa[64];

	line_begin(&line, out, "signs with");
	for (size_t i = 0; i < N_KEY_TYPES; i++)
		if (signs_with(can, key_types[i]))
			line_add(&line, unitls_key_type_name(key_types[i]));
	line_end(&line);
	line_begin(&line, out, "RSA keys");
	(void)snprintf(rsa, sizeof(rsa), "%u to %u bits", can->rsa_min_bits, can->rsa_max_bits);
	line_add(&line, rsa);
	line_end(&line);
}

static void print_alpn(FILE *out, const struct unitls_capabilities *can)
{
	struct line line;
	char text[64];

	line_begin(&line, out, "ALPN");
	(void)snprintf(text, sizeof(text), "up to %zu names of up to %zu bytes", can->alpn_max_names,
		can->alpn_max_name_bytes);
	line_add(&line, text);
	line_add(&line, can->alpn_binary ? "any bytes" : "no NUL in them");
	line_end(&line);
}

/* How many; their names would be most of the text. */
static void print_suites(FILE *out, const struct unitls_capabilities *can)
{
	struct line line;

	line_begin(&line, out, "cipher suites");
	for (size_t v = 0; v < N_VERSIONS; v++) {
		char text[40];
		size_t n = 0;

		for (size_t i = 0; i < can->n_cipher_suites; i++)
			n += unitls_cipher_suite_version(can->cipher_suites[i]) == versions[v];
		(void)snprintf(text, sizeof(text), "%zu of %s", n, unitls_tls_version_name(versions[v]));
		if (n > 0)
			line_add(&line, text);
	}
	line_end(&line);
}

static void print_notes(FILE *out, const struct unitls_capabilities *can)
{
	if (can->notes[0] != '\0')
		(void)fprintf(out, "    %-*s%s\n", LABEL_WIDTH - 4, "notes", can->notes);
}

/* Whether two rows say the same of different cases. */
static bool is_alike(const struct unitls_backend_difference *a, const struct unitls_backend_difference *b)
{
	return strcmp(a->verdict, b->verdict) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* The cases of all rows that are like row i, which is the first of them; nothing when it is not. */
static void print_cases(FILE *out, const struct unitls_backend *backend, size_t i, const char *label)
{
	struct unitls_backend_difference first;
	struct unitls_backend_difference row;
	struct line line;

	if (!unitls_backend_difference_at(i, &first))
		return;
	line_begin(&line, out, label);
	line.separator = "; "; /* names of cases have commas */
	for (size_t j = i; unitls_backend_difference_at(j, &row); j++)
		if (backend_report_concerns(&row, backend) && is_alike(&row, &first))
			line_add(&line, row.what);
	line_end(&line);
	(void)fprintf(out, "%*s%s: %s\n", LABEL_WIDTH + 2, "", first.verdict, first.reason);
}

static bool is_repeated(
	const struct unitls_backend *backend, size_t i, const struct unitls_backend_difference *row)
{
	struct unitls_backend_difference before;

	for (size_t j = 0; j < i && unitls_backend_difference_at(j, &before); j++)
		if (backend_report_concerns(&before, backend) && is_alike(&before, row))
			return true;
	return false;
}

static void print_differences(FILE *out, const struct unitls_backend *backend)
{
	struct unitls_backend_difference row;
	const char *label = "differs in";

	for (size_t i = 0; unitls_backend_difference_at(i, &row); i++) {
		if (!backend_report_concerns(&row, backend) || is_repeated(backend, i, &row))
			continue;
		print_cases(out, backend, i, label);
		label = "";
	}
}

void backend_report_print(FILE *out, const struct unitls_backend *backend)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(backend);

	(void)fprintf(out, "%s: %s\n", unitls_backend_name(backend), unitls_backend_library_version(backend));
	print_versions(out, can);
	print_capabilities(out, "can", can->bits);
	print_capabilities(out, "cannot", ~can->bits);
	print_keys(out, can);
	print_alpn(out, can);
	print_suites(out, can);
	print_notes(out, can);
	print_differences(out, backend);
}

/* ---- all modules ---- */

struct all {
	FILE *out;
	struct unitls_backend_load_params params;
};

static bool on_backend(void *argument, const char *name)
{
	const struct all *all = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	if (unitls_backend_load_with(name, &all->params, &backend, &error) == 0)
		backend_report_print(all->out, backend);
	else
		(void)fprintf(all->out, "%s: cannot be loaded: %s\n", name, error.text);
	return true;
}

size_t backend_report_print_all(FILE *out, const char *module_dir)
{
	struct all all = {.out = out, .params = {.directory = module_dir}};
	size_t n = unitls_backend_list(module_dir, on_backend, &all);

	if (n == 0)
		(void)fprintf(out, "no backends were found\n");
	return n;
}

/* ---- Markdown ---- */

/* How much of "OpenSSL 3.0.19 27 Jan 2026" names the minor version: up to "3.0". All of it when there is no such number. */
static int minor_version_size(const char *version)
{
	const char *at = version;

	while (*at != '\0' && !isdigit((unsigned char)*at))
		at++;
	while (isdigit((unsigned char)*at))
		at++;
	if (*at == '.' && isdigit((unsigned char)at[1]))
		for (at++; isdigit((unsigned char)*at); at++)
			;
	return *at == '\0' ? (int)strlen(version) : (int)(at - version);
}

typedef void (*cell_printer)(FILE *out, const struct unitls_capabilities *can);

static void cell_alpn_names(FILE *out, const struct unitls_capabilities *can)
{
	(void)fprintf(out, "%zu", can->alpn_max_names);
}

static void cell_alpn_bytes(FILE *out, const struct unitls_capabilities *can)
{
	(void)fprintf(out, "%zu", can->alpn_max_name_bytes);
}

static void cell_alpn_binary(FILE *out, const struct unitls_capabilities *can)
{
	(void)fputs(can->alpn_binary ? "yes" : "no", out);
}

static void cell_rsa(FILE *out, const struct unitls_capabilities *can)
{
	(void)fprintf(out, "%u to %u", can->rsa_min_bits, can->rsa_max_bits);
}

static void cell_suites(FILE *out, const struct unitls_capabilities *can)
{
	(void)fprintf(out, "%zu", can->n_cipher_suites);
}

static const struct {
	const char *label;
	cell_printer print;
} limits[] = {
	{"RSA keys, bits", cell_rsa},
	{"ALPN names in a list", cell_alpn_names},
	{"bytes of an ALPN name", cell_alpn_bytes},
	{"NUL in an ALPN name", cell_alpn_binary},
	{"cipher suites", cell_suites},
};

void backend_report_print_markdown(FILE *out, const struct unitls_backend *const *backends, size_t n)
{
	(void)fputs("| |", out);
	for (size_t b = 0; b < n; b++) {
		const char *version = unitls_backend_library_version(backends[b]);

		(void)fprintf(out, " %s (%.*s) |", unitls_backend_name(backends[b]), minor_version_size(version),
			version);
	}
	(void)fputs("\n| --- |", out);
	for (size_t b = 0; b < n; b++)
		(void)fputs(" --- |", out);
	for (size_t i = 0; i < N_CAPABILITIES; i++) {
		(void)fprintf(out, "\n| `%s` |", capabilities[i].name);
		for (size_t b = 0; b < n; b++)
			(void)fputs(unitls_backend_capabilities(backends[b])->bits & capabilities[i].bit ? " yes |"
													 : " no |",
				out);
	}
	for (size_t i = 0; i < N_KEY_TYPES; i++) {
		if (key_types[i] == UNITLS_KEY_UNKNOWN)
			continue;
		(void)fprintf(out, "\n| signs with `%s` |", unitls_key_type_name(key_types[i]));
		for (size_t b = 0; b < n; b++)
			(void)fputs(signs_with(unitls_backend_capabilities(backends[b]), key_types[i]) ? " yes |"
												       : " no |",
				out);
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		(void)fprintf(out, "\n| %s |", limits[i].label);
		for (size_t b = 0; b < n; b++) {
			(void)fputc(' ', out);
			limits[i].print(out, unitls_backend_capabilities(backends[b]));
			(void)fputs(" |", out);
		}
	}
	(void)fputc('\n', out);
}

/*
 * A growing list of (field, reason) pairs. Owns its texts; an entry is there whole or not at all.
 */
#include "core/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char *field;
	char *reason;
};

struct unitls_diagnostics {
	struct entry *entries;
	size_t n;
	size_t capacity;
};

struct unitls_diagnostics *unitls_diagnostics_new(void)
{
	return calloc(1, sizeof(struct unitls_diagnostics));
}

void unitls_diagnostics_free(struct unitls_diagnostics *diagnostics)
{
	if (diagnostics == NULL)
		return;
	for (size_t i = 0; i < diagnostics->n; i++) {
		free(diagnostics->entries[i].field);
		free(diagnostics->entries[i].reason);
	}
	free(diagnostics->entries);
	free(diagnostics);
}

static int reserve_one(struct unitls_diagnostics *diagnostics)
{
	size_t capacity = diagnostics->capacity == 0 ? 8 : diagnostics->capacity * 2;
	struct entry *entries;

	if (diagnostics->n < diagnostics->capacity)
		return UNITLS_OK;
	entries = reallocarray(diagnostics->entries, capacity, sizeof(*entries));
	if (entries == NULL)
		return UNITLS_ERROR;
	diagnostics->entries = entries;
	diagnostics->capacity = capacity;
	return UNITLS_OK;
}

int unitls_diagnostics_add(struct unitls_diagnostics *diagnostics, const char *field, const char *format, ...)
{
	struct entry entry = {NULL, NULL};
	va_list arguments;
	int n;

	if (diagnostics == NULL)
		return UNITLS_OK;
	if (reserve_one(diagnostics) < 0)
		return UNITLS_ERROR;
	va_start(arguments, format);
	n = vasprintf(&entry.reason, format, arguments);
	va_end(arguments);
	if (n < 0)
		return UNITLS_ERROR;
	entry.field = strdup(field);
	if (entry.field == NULL) {
		free(entry.reason);
		return UNITLS_ERROR;
	}
	diagnostics->entries[diagnostics->n++] = entry;
	return UNITLS_OK;
}

size_t unitls_diagnostics_count(const struct unitls_diagnostics *diagnostics)
{
	return diagnostics == NULL ? 0 : diagnostics->n;
}

const char *unitls_diagnostics_field(const struct unitls_diagnostics *diagnostics, size_t i)
{
	return i < unitls_diagnostics_count(diagnostics) ? diagnostics->entries[i].field : "";
}

const char *unitls_diagnostics_reason(const struct unitls_diagnostics *diagnostics, size_t i)
{
	return i < unitls_diagnostics_count(diagnostics) ? diagnostics->entries[i].reason : "";
}

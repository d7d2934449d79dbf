/* One value of each type: from the text of an INI line into its member of a section's struct, and back.
 *
 * Internal to the configuration. Opens nothing, resolves nothing.
 * Invariant: what config_value_print() writes, config_value_set() reads back into the same value. */

#ifndef UNITLSD_CONFIG_VALUE_H
#define UNITLSD_CONFIG_VALUE_H

#include <stdio.h>

#include "daemon/config.h"
#include "daemon/config_keys.h"

/* Where a value was written. */
struct config_place {
	struct diagnostics *list;
	struct config_origin origin;
	enum config_form form;
	const char *folder; /* relative paths start there; ends with a slash, or is "" */
};

/* Reads TEXT into the member of KEY in SECTION (a struct config_tls, say); a list grows. Not for CONFIG_TYPE_SECTION and
 * CONFIG_TYPE_INCLUDE. Returns 0; 1 when TEXT is no such value, which is told to the list; -ENOMEM. */
int config_value_set(
	const struct config_key *key, void *section, const char *text, const struct config_place *place);

/* Frees what the member holds. */
void config_value_free(const struct config_key *key, void *section);

/* Writes "KEY = VALUE" lines, none for a member that holds nothing. CONFIG tells the names of sections. */
void config_value_print(FILE *stream, const struct config_key *key, const void *section,
	const struct config *config, enum config_print_style style);

/* Reads a duration: digits and ms, s, m, h, d or nothing (seconds). Returns 0, -EINVAL, -ERANGE. */
int config_parse_duration(const char *text, uint64_t *ret_ms);

/* Writes a duration in the largest unit that divides it. */
void config_format_duration(uint64_t ms, char *buffer, size_t size);

/* Appends a certificate that was found in a folder. KEY_PATH may be NULL. Returns 0 or -ENOMEM. */
int config_add_certificate(
	struct config_tls *tls, const char *path, const char *key_path, const struct config_origin *origin);

#endif

/* What is known of the backends, as text: the programs' answer to "which TLS libraries are here, and what can they do". Uses the library's
 * public headers only. A new capability bit or key type shows up by itself, because all is driven by the library's own tables. */

#ifndef UNITLS_COMMON_BACKEND_REPORT_H
#define UNITLS_COMMON_BACKEND_REPORT_H

#include <stddef.h>
#include <stdio.h>
#include <unitls/backend.h>

/* All about one backend: a line with its name and library, then indented lines with versions, capabilities, limits, cipher suites, notes, and
 * where it is known to answer otherwise than the OpenSSL backend. */
void backend_report_print(FILE *out, const struct unitls_backend *backend);

/* The same for every module found; for one that cannot be loaded, why. module_dir: as in unitls_backend_load_params. Returns how many there
 * were. */
size_t backend_report_print_all(FILE *out, const char *module_dir);

/* One table in Markdown, a column for each backend, a row for each capability and limit. Column heads have the library's version as far as
 * the minor number, so that a patch release changes nothing. */
void backend_report_print_markdown(FILE *out, const struct unitls_backend *const *backends, size_t n);

/* Whether a row of the table of known differences is about this backend with the library that it has here. */
bool backend_report_concerns(
	const struct unitls_backend_difference *difference, const struct unitls_backend *backend);

#endif

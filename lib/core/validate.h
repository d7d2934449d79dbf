/*
 * What a backend can do of some settings, and what is left of them when the rest may be dropped.
 */
#ifndef UNITLS_CORE_VALIDATE_H
#define UNITLS_CORE_VALIDATE_H

#include "core/backend.h"
#include "core/config.h"

/*
 * Compares settings with a backend's capabilities. Every unmet field, or every dropped one, goes into diagnostics (may be NULL); the first unmet one
 * into error: class UNSUPPORTED with its field. On success ret_settings (may be NULL) is a copy of what is left, with the versions resolved to wire
 * numbers; to be released with unitls_settings_fini. Pure.
 */
int unitls_validate(const struct unitls_settings *settings, enum unitls_role role,
	const struct unitls_backend_ops *ops, enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_settings *ret_settings, struct unitls_error *error);

#define UNITLS_CHAIN_LABEL_SIZE 64

/* What to call a chain in a text for people: a name of its leaf, printable, cut when longer. */
void unitls_chain_label(const struct unitls_signing_chain *chain, char label[UNITLS_CHAIN_LABEL_SIZE]);

#endif

/* Rules about more than one value of a configuration: names, roles, addresses. Internal to the configuration; pure. */

#ifndef UNITLSD_CONFIG_CHECK_H
#define UNITLSD_CONFIG_CHECK_H

#include "daemon/config.h"

/* The sections of one kind by name. */
struct config_names {
	struct config_name {
		const struct config_section *section;
		size_t index;
	} * items;
	size_t count;
};

/* Collects them, sorted, and tells of names that are there twice. The caller frees ret->items. Returns 0 or -ENOMEM. */
int config_names_collect(
	const struct config *config, enum config_kind kind, struct diagnostics *list, struct config_names *ret);

/* The index of the section of that name, or CONFIG_NONE. */
size_t config_names_find(const struct config_names *names, const char *name);

/* Sets the computed members and checks the rest. References may be unresolved (told already). Returns 0 or -ENOMEM. */
int config_check(struct config *config, enum config_form form, struct diagnostics *list);

#endif

/* The rules. Warnings are told for the file form only: a snapshot is read many times, and its author was warned. */

#include "daemon/config_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/cipher_suite.h>

__attribute__((format(printf, 4, 5))) static void tell(struct diagnostics *list, enum diagnostic_level level,
	const struct config_origin *origin, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_add_list(list, level, origin->file, origin->line, format, arguments);
	va_end(arguments);
}

/* ---- names ---- */

static int compare_names(const void *left, const void *right)
{
	const struct config_name *a = left;
	const struct config_name *b = right;
	int order = strcmp(a->section->name, b->section->name);

	if (order != 0)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

static const struct config_section *section_at(const struct config *config, enum config_kind kind, size_t index)
{
	switch (kind) {
	case CONFIG_KIND_DAEMON:
		break;
	case CONFIG_KIND_TLS:
		return index < config->tls_count ? &config->tls[index].section : NULL;
	case CONFIG_KIND_LISTENER:
		return index < config->listener_count ? &config->listeners[index].section : NULL;
	case CONFIG_KIND_UPSTREAM:
		return index < config->upstream_count ? &config->upstreams[index].section : NULL;
	}
	return NULL;
}

int config_names_collect(
	const struct config *config, enum config_kind kind, struct diagnostics *list, struct config_names *ret)
{
	struct config_names names = {0};

	while (section_at(config, kind, names.count))
		names.count++;
	names.items = calloc(names.count + 1, sizeof(*names.items));
	if (!names.items)
		return -ENOMEM;
	for (size_t i = 0; i < names.count; i++)
		names.items[i] = (struct config_name){section_at(config, kind, i), i};
	qsort(names.items, names.count, sizeof(*names.items), compare_names);
	for (size_t i = 1; i < names.count; i++) {
		const struct config_section *first = names.items[i - 1].section;
		const struct config_section *again = names.items[i].section;

		if (strcmp(first->name, again->name) == 0)
			tell(list, DIAGNOSTIC_ERROR, &again->origin,
				"the name \"%s\" is there twice, first in %s:%u", again->name, first->origin.file,
				first->origin.line);
	}
	*ret = names;
	return 0;
}

size_t config_names_find(const struct config_names *names, const char *name)
{
	size_t low = 0;
	size_t high = names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->items[middle].section->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->count || strcmp(names->items[low].section->name, name) != 0)
		return CONFIG_NONE;
	return names->items[low].index;
}

/* ---- [tls] ---- */

static void find_roles(struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		if (config->listeners[i].tls != CONFIG_NONE)
			config->tls[config->listeners[i].tls].used_by_listener = true;
	}
	for (size_t i = 0; i < config->upstream_count; i++) {
		if (config->upstreams[i].tls != CONFIG_NONE)
			config->tls[config->upstreams[i].tls].used_by_upstream = true;
	}
}

static void check_server_role(const struct config_tls *tls, struct diagnostics *list)
{
	if (tls->certificates.count == 0 && tls->certificate_dirs.count == 0)
		tell(list, DIAGNOSTIC_ERROR, &tls->section.origin,
			"[tls %s] serves a listener and needs the key \"certificate\" or \"certificate_dir\"",
			tls->section.name);
	if (tls->client_auth != CONFIG_CLIENT_AUTH_NONE && tls->ca.count == 0)
		tell(list, DIAGNOSTIC_ERROR, config_origin_of(&tls->section, "client_auth"),
			"client_auth: who issues the clients' certificates is missing: the key \"ca\"");
}

static void check_client_role(const struct config_tls *tls, struct diagnostics *list)
{
	if (tls->used_by_listener)
		return;
	if (tls->certificates.count > 1)
		tell(list, DIAGNOSTIC_ERROR, &tls->certificates.items[1].origin,
			"certificate: [tls %s] is an upstream's only, and an upstream presents one certificate",
			tls->section.name);
	if (tls->certificate_dirs.count > 0)
		tell(list, DIAGNOSTIC_ERROR, &tls->certificate_dirs.items[0].origin,
			"certificate_dir: [tls %s] is an upstream's only, and an upstream presents one certificate",
			tls->section.name);
}

static void check_versions(const struct config_tls *tls, struct diagnostics *list)
{
	if (tls->max_version != 0 && tls->min_version > tls->max_version)
		tell(list, DIAGNOSTIC_ERROR, config_origin_of(&tls->section, "min_version"),
			"min_version: is above max_version");
}

/* Keys that say nothing in the role the section has. One at its default is passed over: -T prints them all. */
static void warn_of_idle_keys(const struct config_tls *tls, struct diagnostics *list)
{
	const struct config_section *section = &tls->section;
	const struct {
		const char *key;
		const char *user;
		bool is_idle;
	} keys[] = {
		{"strict_sni", "listener", !tls->used_by_listener && tls->strict_sni},
		{"session_tickets", "listener", !tls->used_by_listener && !tls->session_tickets},
		{"client_auth", "listener", !tls->used_by_listener && tls->client_auth != CONFIG_CLIENT_AUTH_NONE},
		{"verify", "upstream", !tls->used_by_upstream && !tls->verify},
		{"server_name", "upstream", !tls->used_by_upstream && tls->server_name},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].is_idle)
			tell(list, DIAGNOSTIC_WARNING, config_origin_of(section, keys[i].key),
				"%s: has no effect, no %s uses [tls %s]", keys[i].key, keys[i].user,
				section->name);
	}
}

/* Whether a list of suites has none of a version that the section allows. */
static bool has_idle_ciphers(const struct config_tls *tls)
{
	for (size_t i = 0; i < tls->ciphers.count; i++) {
		uint16_t version = unitls_cipher_suite_version(tls->ciphers.suites[i]);

		/* A number that the table does not know is the backend's to judge. */
		if (version == 0 ||
			(version >= tls->min_version && (tls->max_version == 0 || version <= tls->max_version)))
			return false;
	}
	return tls->ciphers.policy == CONFIG_CIPHERS_LIST;
}

static void warn_of_tls(const struct config_tls *tls, struct diagnostics *list)
{
	const struct config_section *section = &tls->section;

	if (list->error_count > 0)
		return; /* a reference may be among what is wrong: then every role is a guess */
	if (!tls->used_by_listener && !tls->used_by_upstream) {
		tell(list, DIAGNOSTIC_WARNING, &section->origin, "[tls %s] is used by nothing", section->name);
		return;
	}
	warn_of_idle_keys(tls, list);
	if (!tls->verify && tls->used_by_upstream)
		tell(list, DIAGNOSTIC_WARNING, config_origin_of(section, "verify"),
			"verify: servers are not checked; anybody on the way can read and change the traffic");
	if (tls->ca.count > 0 && tls->client_auth == CONFIG_CLIENT_AUTH_NONE && !tls->used_by_upstream)
		tell(list, DIAGNOSTIC_WARNING, config_origin_of(section, "ca"),
			"ca: has no effect without client_auth");
	if (has_idle_ciphers(tls))
		tell(list, DIAGNOSTIC_WARNING, config_origin_of(section, "ciphers"),
			"ciphers: has no effect, min_version and max_version leave out the version of all its suites");
	if (tls->ciphers.policy == CONFIG_CIPHERS_MODERN && tls->min_version < 0x0304)
		tell(list, DIAGNOSTIC_WARNING, config_origin_of(section, "ciphers"),
			"ciphers: modern has suites of TLS 1.3 only; TLS 1.2 stays on with the backend's own unless "
			"min_version is 1.3");
}

static void check_tls(const struct config_tls *tls, enum config_form form, struct diagnostics *list)
{
	if (tls->used_by_listener)
		check_server_role(tls, list);
	if (tls->used_by_upstream)
		check_client_role(tls, list);
	if (tls->keys.count > 0 && tls->certificates.count == 0 && tls->certificate_dirs.count == 0)
		tell(list, DIAGNOSTIC_ERROR, &tls->keys.items[0].origin, "key: there is no certificate for it");
	check_versions(tls, list);
	if (form == CONFIG_FORM_FILE)
		warn_of_tls(tls, list);
}

/* ---- [listener] ---- */

struct place {
	char text[ADDRESS_TEXT_MAX];
	const struct config_listener *listener;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left;
	const struct place *b = right;
	int order = strcmp(a->text, b->text);

	if (order != 0)
		return order;
	return a->listener < b->listener ? -1 : a->listener > b->listener;
}

/* Two listeners on one address. Port 0 is another port each time. */
static int check_addresses(const struct config *config, struct diagnostics *list)
{
	struct place *places = calloc(config->listener_count + 1, sizeof(*places));
	size_t count = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < config->listener_count; i++) {
		const struct address *listen = &config->listeners[i].listen;

		if (!config_is_written(&config->listeners[i].section, "listen") ||
			(listen->kind == ADDRESS_INET && listen->port == 0) || listen->kind == ADDRESS_NAME)
			continue;
		(void)address_format(listen, places[count].text, sizeof(places[count].text));
		places[count++].listener = &config->listeners[i];
	}
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 1; i < count; i++) {
		const struct config_section *first = &places[i - 1].listener->section;

		if (strcmp(places[i - 1].text, places[i].text) == 0)
			tell(list, DIAGNOSTIC_ERROR, config_origin_of(&places[i].listener->section, "listen"),
				"listen: %s is taken by [listener %s] in %s:%u", places[i].text, first->name,
				config_origin_of(first, "listen")->file, config_origin_of(first, "listen")->line);
	}
	free(places);
	return 0;
}

/* ---- [upstream] ---- */

static void check_upstream(
	const struct config *config, const struct config_upstream *upstream, struct diagnostics *list)
{
	const struct config_tls *tls = upstream->tls == CONFIG_NONE ? NULL : &config->tls[upstream->tls];

	if (!tls || !tls->verify || tls->server_name)
		return;
	for (size_t i = 0; i < upstream->servers.count; i++) {
		if (upstream->servers.items[i].address.kind == ADDRESS_UNIX)
			tell(list, DIAGNOSTIC_ERROR, &upstream->servers.items[i].origin,
				"server: a unix socket has no name that could be verified: [tls %s] needs the key "
				"\"server_name\"",
				tls->section.name);
	}
}

static int warn_of_upstreams(const struct config *config, struct diagnostics *list)
{
	bool *used = calloc(config->upstream_count + 1, sizeof(*used));

	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < config->listener_count; i++) {
		if (config->listeners[i].upstream != CONFIG_NONE)
			used[config->listeners[i].upstream] = true;
	}
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct config_section *section = &config->upstreams[i].section;

		if (!used[i])
			tell(list, DIAGNOSTIC_WARNING, &section->origin, "[upstream %s] is used by nothing",
				section->name);
	}
	free(used);
	return 0;
}

int config_check(struct config *config, enum config_form form, struct diagnostics *list)
{
	int r;

	find_roles(config);
	if (config->listener_count == 0)
		tell(list, DIAGNOSTIC_ERROR, &(struct config_origin){config->files[0], 0},
			"there is no [listener NAME] section, so there is nothing to do");
	for (size_t i = 0; i < config->tls_count; i++)
		check_tls(&config->tls[i], form, list);
	for (size_t i = 0; i < config->upstream_count; i++)
		check_upstream(config, &config->upstreams[i], list);
	r = check_addresses(config, list);
	if (r == 0 && form == CONFIG_FORM_FILE && list->error_count == 0)
		r = warn_of_upstreams(config, list);
	return r;
}

/* From INI events to sections: which section a line belongs to, which key it is, what else to read. Values are config_value.c's,
 * rules about more than one value config_check.c's.
 *
 * Invariant: reading goes on after every mistake, so all are told. */

#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/suggest.h"
#include "daemon/config_check.h"
#include "daemon/config_keys.h"
#include "daemon/config_value.h"
#include "daemon/file.h"
#include "daemon/ini_reader.h"

/* A reference to a section that may come later. */
struct reference {
	const struct config_key *key;
	size_t index; /* of the section it is written in */
	char *name;
	struct config_origin origin;
};

struct include {
	char *path;
	struct config_origin origin;
};

struct parser {
	struct config *config;
	struct diagnostics *list;
	enum config_form form;
	int failure; /* -ENOMEM, once */

	/* the file being read */
	const char *file; /* what its lines count as: changed by "#line" */
	long line_shift;  /* to the line that is told, likewise */
	char *folder;     /* with a slash, or "" */
	bool is_included; /* cannot include */
	bool in_section;  /* false: before the first header */
	bool is_skipping; /* in a section that is not known */
	bool told_key;    /* the key before this line was refused by name, so its continuations are too */
	enum config_kind kind;
	size_t index;

	struct reference *references;
	size_t reference_count;
	struct include *includes;
	size_t include_count;
};

__attribute__((format(printf, 3, 4))) static void error_at(
	struct parser *parser, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_add_list(parser->list, DIAGNOSTIC_ERROR, parser->file,
		(unsigned)((long)line + parser->line_shift), format, arguments);
	va_end(arguments);
}

static void *grow(void *items, size_t count, size_t item_size)
{
	if (count > 0 && (count & (count - 1)) != 0)
		return items;
	return reallocarray(items, count ? count * 2 : 1, item_size);
}

static struct config_origin origin_at(const struct parser *parser, unsigned line)
{
	return (struct config_origin){parser->file, (unsigned)((long)line + parser->line_shift)};
}

/* The configuration's own copy of a file's name, so that origins can point to it. NULL without memory. */
static const char *intern_file(struct config *config, const char *name)
{
	char **files;

	for (size_t i = config->file_count; i-- > 0;) {
		if (strcmp(config->files[i], name) == 0)
			return config->files[i];
	}
	files = grow(config->files, config->file_count, sizeof(*files));
	if (!files)
		return NULL;
	config->files = files;
	files[config->file_count] = strdup(name);
	return files[config->file_count] ? files[config->file_count++] : NULL;
}

/* ---- sections ---- */

static int init_section(
	struct config_section *section, enum config_kind kind, const char *name, struct config_origin origin)
{
	size_t count;

	(void)config_keys(kind, &count);
	section->kind = kind;
	section->origin = origin;
	section->name = strdup(name);
	section->key_origins = calloc(count, sizeof(*section->key_origins));
	return section->name && section->key_origins ? 0 : -ENOMEM;
}

static struct config_section *section_at(struct config *config, enum config_kind kind, size_t index)
{
	switch (kind) {
	case CONFIG_KIND_DAEMON:
		break;
	case CONFIG_KIND_TLS:
		return &config->tls[index].section;
	case CONFIG_KIND_LISTENER:
		return &config->listeners[index].section;
	case CONFIG_KIND_UPSTREAM:
		return &config->upstreams[index].section;
	}
	return &config->daemon.section;
}

/* Makes room for one more section and clears it. */
static void *add_item(void *items, size_t *count, size_t item_size)
{
	char *grown = grow(items, *count, item_size);

	if (!grown)
		return NULL;
	memset(grown + *count * item_size, 0, item_size);
	++*count;
	return grown;
}

/* Returns the new section's index, or CONFIG_NONE without memory. */
static size_t add_section(struct config *config, enum config_kind kind)
{
	void *items = NULL;

	switch (kind) {
	case CONFIG_KIND_DAEMON:
		return 0;
	case CONFIG_KIND_TLS:
		items = add_item(config->tls, &config->tls_count, sizeof(*config->tls));
		config->tls = items ? items : config->tls;
		return items ? config->tls_count - 1 : CONFIG_NONE;
	case CONFIG_KIND_LISTENER:
		items = add_item(config->listeners, &config->listener_count, sizeof(*config->listeners));
		config->listeners = items ? items : config->listeners;
		if (!items)
			return CONFIG_NONE;
		config->listeners[config->listener_count - 1].tls = CONFIG_NONE;
		config->listeners[config->listener_count - 1].upstream = CONFIG_NONE;
		return config->listener_count - 1;
	case CONFIG_KIND_UPSTREAM:
		items = add_item(config->upstreams, &config->upstream_count, sizeof(*config->upstreams));
		config->upstreams = items ? items : config->upstreams;
		if (!items)
			return CONFIG_NONE;
		config->upstreams[config->upstream_count - 1].tls = CONFIG_NONE;
		return config->upstream_count - 1;
	}
	return CONFIG_NONE;
}

static void tell_unknown_kind(struct parser *parser, const char *name, unsigned line)
{
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];

	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < CONFIG_KIND_COUNT; i++)
		suggestion_offer(&suggestion, config_kind_name((enum config_kind)i));
	error_at(parser, line, "there are no sections of the kind \"%s\"%s", name,
		suggestion_text(&suggestion, hint, sizeof(hint)));
}

/* Whether NAME may name a section of KIND; tells why not. */
static bool check_name(struct parser *parser, enum config_kind kind, const char *name, unsigned line)
{
	size_t length = strlen(name);

	if (kind == CONFIG_KIND_DAEMON && length > 0)
		error_at(parser, line, "[daemon] has no name");
	else if (kind != CONFIG_KIND_DAEMON && length == 0)
		error_at(parser, line, "the section needs a name: [%s NAME]", config_kind_name(kind));
	else if (length > CONFIG_NAME_MAX)
		error_at(parser, line, "the name is too long (at most %d bytes)", CONFIG_NAME_MAX);
	else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
		error_at(parser, line, "a name has letters, digits, \".\", \"_\" and \"-\" only: \"%s\"", name);
	else
		return true;
	return false;
}

static void open_section(struct parser *parser, enum config_kind kind, const char *name, unsigned line)
{
	struct config *config = parser->config;
	struct config_origin *first = &config->daemon.section.origin;

	if (kind == CONFIG_KIND_DAEMON) {
		if (first->line > 0)
			error_at(
				parser, line, "[daemon] is there twice, first in %s:%u", first->file, first->line);
		else
			*first = origin_at(parser, line);
		parser->index = 0;
	} else {
		if (config->tls_count + config->listener_count + config->upstream_count >= CONFIG_SECTIONS_MAX) {
			error_at(parser, line, "more than %d sections", CONFIG_SECTIONS_MAX);
			return;
		}
		parser->index = add_section(config, kind);
		if (parser->index == CONFIG_NONE ||
			init_section(section_at(config, kind, parser->index), kind, name,
				origin_at(parser, line)) < 0) {
			parser->failure = -ENOMEM;
			return;
		}
	}
	parser->kind = kind;
	parser->is_skipping = false;
}

static void on_section(void *argument, const char *text, unsigned line)
{
	struct parser *parser = argument;
	char copy[INI_READER_SECTION_MAX + 1];
	enum config_kind kind;
	char *name;

	parser->in_section = true;
	parser->is_skipping = true;
	parser->told_key = false;
	if (!text || parser->failure < 0)
		return;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	name = copy + strcspn(copy, " \t");
	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, " \t");
	if (config_kind_find(copy, &kind) < 0)
		tell_unknown_kind(parser, copy, line);
	else if (check_name(parser, kind, name, line))
		open_section(parser, kind, name, line);
}

/* ---- values ---- */

static void tell_unknown_key(struct parser *parser, const char *name, unsigned line)
{
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];
	size_t count;
	const struct config_key *keys = config_keys(parser->kind, &count);

	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < count; i++)
		suggestion_offer(&suggestion, keys[i].name);
	if (!suggestion.best) {
		for (size_t i = 0; i < CONFIG_KIND_COUNT; i++) {
			if (!config_key_find((enum config_kind)i, name))
				continue;
			error_at(parser, line, "[%s] has no key \"%s\"; it belongs into [%s]",
				config_kind_name(parser->kind), name, config_kind_name((enum config_kind)i));
			return;
		}
	}
	error_at(parser, line, "[%s] has no key \"%s\"%s", config_kind_name(parser->kind), name,
		suggestion_text(&suggestion, hint, sizeof(hint)));
}

/* Keeps the name of a section to be looked for when all are known. */
static int add_reference(
	struct parser *parser, const struct config_key *key, const char *name, struct config_origin origin)
{
	struct reference *references =
		grow(parser->references, parser->reference_count, sizeof(*parser->references));

	if (!references)
		return -ENOMEM;
	parser->references = references;
	references[parser->reference_count] = (struct reference){key, parser->index, strdup(name), origin};
	if (!references[parser->reference_count].name)
		return -ENOMEM;
	parser->reference_count++;
	return 0;
}

static int add_include(struct parser *parser, const char *text, unsigned line)
{
	struct include *includes;
	char *path;

	if (parser->is_included) {
		error_at(parser, line, "include: an included file cannot include others");
		return 0;
	}
	if (text[0] == '\0') {
		error_at(parser, line, "include: there is no value");
		return 0;
	}
	includes = grow(parser->includes, parser->include_count, sizeof(*includes));
	if (!includes)
		return -ENOMEM;
	parser->includes = includes;
	if (asprintf(&path, "%s%s", text[0] == '/' ? "" : parser->folder, text) < 0)
		return -ENOMEM;
	includes[parser->include_count++] = (struct include){path, origin_at(parser, line)};
	return 0;
}

/* "\tkey = value" below another key: inih takes it as more of that one's value. */
static bool tell_indented_key(struct parser *parser, const char *value, unsigned line)
{
	char name[INI_READER_NAME_MAX + 1];
	size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyz_");
	const char *rest = value + length + strspn(value + length, " \t");

	if (length == 0 || length >= sizeof(name) || (*rest != '=' && *rest != ':'))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)length, value);
	if (!config_key_find(parser->kind, name))
		return false;
	error_at(parser, line, "an indented line continues the one before it: start \"%s\" at the margin", name);
	return true;
}

/* Whether KEY may have one more value on this line. */
static bool check_repeat(struct parser *parser, const struct config_key *key, bool continuation, unsigned line)
{
	const struct config_section *section = section_at(parser->config, parser->kind, parser->index);
	const struct config_origin *first = &section->key_origins[config_key_index(key)];

	if ((key->flags & CONFIG_KEY_REPEATABLE) || !first->file)
		return true;
	if (continuation)
		error_at(parser, line, "%s: takes one value, and this indented line continues it", key->name);
	else
		error_at(parser, line, "%s: is there twice, first in line %u%s", key->name, first->line,
			strcmp(key->name, "listen") == 0 ? "; a second address takes a [listener] of its own"
							 : "");
	return false;
}

static int set_value(struct parser *parser, const struct config_key *key, const char *value, unsigned line)
{
	struct config_section *section = section_at(parser->config, parser->kind, parser->index);
	struct config_origin *origin = &section->key_origins[config_key_index(key)];
	struct config_place place = {parser->list, origin_at(parser, line), parser->form, parser->folder};

	if (!origin->file)
		*origin = place.origin;
	if (key->type == CONFIG_TYPE_INCLUDE)
		return add_include(parser, value, line);
	if (key->type == CONFIG_TYPE_SECTION && value[0] != '\0')
		return add_reference(parser, key, value, place.origin);
	return config_value_set(key, section, value, &place);
}

/* A value before the first header: only "include". */
static void take_early_value(struct parser *parser, const char *name, const char *value, unsigned line)
{
	if (strcmp(name, "include") != 0 || parser->form == CONFIG_FORM_SNAPSHOT)
		error_at(parser, line, "%s: is not in a section", name);
	else if (add_include(parser, value, line) < 0)
		parser->failure = -ENOMEM;
}

static void on_value(void *argument, const char *name, const char *value, unsigned line, bool continuation)
{
	struct parser *parser = argument;
	const struct config_key *key;

	if (parser->failure < 0 || parser->is_skipping || (continuation && parser->told_key))
		return;
	if (!parser->in_section) {
		take_early_value(parser, name, value, line);
		return;
	}
	key = config_key_find(parser->kind, name);
	if (key && parser->form == CONFIG_FORM_SNAPSHOT && (key->flags & CONFIG_KEY_FILE_FORM))
		key = NULL;
	parser->told_key = !key;
	if (!key) {
		tell_unknown_key(parser, name, line);
		return;
	}
	if (continuation && tell_indented_key(parser, value, line))
		return;
	if (check_repeat(parser, key, continuation, line) && set_value(parser, key, value, line) < 0)
		parser->failure = -ENOMEM;
}

static void on_fault(void *argument, const char *reason, unsigned line)
{
	error_at(argument, line, "%s", reason);
}

static void on_origin(void *argument, const char *file, unsigned line_there, unsigned line)
{
	struct parser *parser = argument;

	parser->file = intern_file(parser->config, file);
	if (!parser->file) {
		parser->failure = -ENOMEM;
		parser->file = "";
	}
	parser->line_shift = (long)line_there - (long)line - 1;
}

/* ---- files ---- */

/* Reads one text. NAME is what its messages are about. */
static int read_text(struct parser *parser, const char *name, const char *text, size_t size)
{
	struct ini_reader_events events = {on_section, on_value, on_fault, NULL};
	int r;

	if (parser->form == CONFIG_FORM_SNAPSHOT)
		events.on_origin = on_origin;
	parser->file = intern_file(parser->config, name);
	if (!parser->file)
		return -ENOMEM;
	parser->line_shift = 0;
	parser->in_section = false;
	parser->is_skipping = false;
	parser->told_key = false;
	r = ini_reader_run(text, size, &events, parser);
	return r < 0 ? r : parser->failure;
}

/* WHERE tells who wanted the file. */
static int read_file(struct parser *parser, const char *path, const struct config_origin *where)
{
	const char *slash = strrchr(path, '/');
	char reason[128];
	char *text;
	size_t size;
	int r = file_read(path, CONFIG_TEXT_MAX, &text, &size);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		diagnostics_add(parser->list, DIAGNOSTIC_ERROR, where->file, where->line, "%s%s%s",
			where->line ? path : "", where->line ? ": " : "", file_reason(r, reason, sizeof(reason)));
		return 0;
	}
	free(parser->folder);
	parser->folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
	r = parser->folder ? read_text(parser, path, text, size) : -ENOMEM;
	free(text);
	return r;
}

static int is_configuration(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Every *.conf of a folder, in the order of their bytes whatever the locale. */
static int read_folder(struct parser *parser, const struct include *include)
{
	struct dirent **entries;
	char *path;
	int count = scandir(include->path, &entries, is_configuration, by_name);
	int r = 0;

	if (count < 0) {
		diagnostics_add(parser->list, DIAGNOSTIC_ERROR, include->origin.file, include->origin.line,
			"%s: %s", include->path, strerrordesc_np(errno));
		return 0;
	}
	if (count > CONFIG_FILES_MAX)
		diagnostics_add(parser->list, DIAGNOSTIC_ERROR, include->origin.file, include->origin.line,
			"%s: more than %d files", include->path, CONFIG_FILES_MAX);
	for (int i = 0; i < count; i++) {
		if (r == 0 && count <= CONFIG_FILES_MAX) {
			r = asprintf(&path, "%s/%s", include->path, entries[i]->d_name) < 0 ? -ENOMEM : 0;
			if (r == 0) {
				r = read_file(parser, path, &include->origin);
				free(path);
			}
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_includes(struct parser *parser)
{
	struct stat status;
	int r = 0;

	parser->is_included = true;
	for (size_t i = 0; i < parser->include_count && r == 0; i++) {
		const struct include *include = &parser->includes[i];

		if (i >= CONFIG_FILES_MAX) {
			diagnostics_add(parser->list, DIAGNOSTIC_ERROR, include->origin.file, include->origin.line,
				"include: more than %d of them", CONFIG_FILES_MAX);
			break;
		}
		if (stat(include->path, &status) == 0 && S_ISDIR(status.st_mode))
			r = read_folder(parser, include);
		else
			r = read_file(parser, include->path, &include->origin);
	}
	return r;
}

/* ---- the end ---- */

static int set_defaults(struct parser *parser, enum config_kind kind, struct config_section *section)
{
	size_t count;
	const struct config_key *keys = config_keys(kind, &count);
	struct config_place place = {parser->list, section->origin, CONFIG_FORM_FILE, ""};
	int r = 0;

	for (size_t i = 0; i < count && r >= 0; i++) {
		if (section->key_origins[i].file)
			continue;
		if (keys[i].default_text)
			r = config_value_set(&keys[i], section, keys[i].default_text, &place);
		else if (keys[i].flags & CONFIG_KEY_REQUIRED)
			diagnostics_add(parser->list, DIAGNOSTIC_ERROR, section->origin.file, section->origin.line,
				"[%s %s] needs the key \"%s\"", config_kind_name(kind), section->name,
				keys[i].name);
	}
	return r < 0 ? r : 0;
}

static int set_all_defaults(struct parser *parser)
{
	struct config *config = parser->config;
	int r = set_defaults(parser, CONFIG_KIND_DAEMON, &config->daemon.section);

	for (size_t i = 0; i < config->tls_count && r == 0; i++)
		r = set_defaults(parser, CONFIG_KIND_TLS, &config->tls[i].section);
	for (size_t i = 0; i < config->listener_count && r == 0; i++)
		r = set_defaults(parser, CONFIG_KIND_LISTENER, &config->listeners[i].section);
	for (size_t i = 0; i < config->upstream_count && r == 0; i++)
		r = set_defaults(parser, CONFIG_KIND_UPSTREAM, &config->upstreams[i].section);
	return r;
}

static void resolve(struct parser *parser, const struct reference *reference, const struct config_names *names)
{
	const struct config_key *key = reference->key;
	char *section = (char *)section_at(parser->config, key->kind, reference->index);
	size_t *member = (size_t *)(void *)(section + key->offset);
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];

	*member = config_names_find(names, reference->name);
	if (*member != CONFIG_NONE)
		return;
	suggestion_init(&suggestion, reference->name);
	for (size_t i = 0; i < names->count; i++)
		suggestion_offer(&suggestion, names->items[i].section->name);
	diagnostics_add(parser->list, DIAGNOSTIC_ERROR, reference->origin.file, reference->origin.line,
		"%s: there is no section [%s %s]%s", key->name, config_kind_name(key->target), reference->name,
		suggestion_text(&suggestion, hint, sizeof(hint)));
}

static int finish(struct parser *parser)
{
	struct config_names names[CONFIG_KIND_COUNT] = {0};
	int r = set_all_defaults(parser);

	for (size_t kind = 0; kind < CONFIG_KIND_COUNT && r == 0; kind++)
		r = config_names_collect(parser->config, (enum config_kind)kind, parser->list, &names[kind]);
	for (size_t i = 0; i < parser->reference_count && r == 0; i++)
		resolve(parser, &parser->references[i], &names[parser->references[i].key->target]);
	for (size_t kind = 0; kind < CONFIG_KIND_COUNT; kind++)
		free(names[kind].items);
	return r < 0 ? r : config_check(parser->config, parser->form, parser->list);
}

static void parser_fini(struct parser *parser)
{
	for (size_t i = 0; i < parser->reference_count; i++)
		free(parser->references[i].name);
	for (size_t i = 0; i < parser->include_count; i++)
		free(parser->includes[i].path);
	free(parser->references);
	free(parser->includes);
	free(parser->folder);
	config_free(parser->config);
}

static int parser_init(struct parser *parser, const char *name, enum config_form form, struct diagnostics *list)
{
	const char *file;

	*parser = (struct parser){.list = list, .form = form, .folder = strdup("")};
	parser->config = calloc(1, sizeof(*parser->config));
	if (!parser->config || !parser->folder)
		return -ENOMEM;
	parser->config->daemon.section.kind = CONFIG_KIND_DAEMON;
	file = intern_file(parser->config, name);
	if (!file)
		return -ENOMEM;
	return init_section(
		&parser->config->daemon.section, CONFIG_KIND_DAEMON, "", (struct config_origin){file, 0});
}

/* Ends the reading. ERRORS: how many there were before. */
static int deliver(struct parser *parser, size_t errors, int r, struct config **ret)
{
	if (r == 0)
		r = finish(parser);
	diagnostics_sort(parser->list);
	if (r == 0) {
		*ret = parser->config;
		parser->config = NULL;
		if (parser->list->error_count > errors || parser->list->out_of_memory)
			r = 1;
	}
	parser_fini(parser);
	return r;
}

int config_load_all(const char *path, struct diagnostics *list, struct config **ret)
{
	const struct config_origin nowhere = {path, 0};
	struct parser parser;
	size_t errors = list->error_count;
	int r = parser_init(&parser, path, CONFIG_FORM_FILE, list);

	*ret = NULL;
	if (r == 0)
		r = read_file(&parser, path, &nowhere);
	if (r == 0 && !parser.file) {
		parser_fini(&parser);
		return 1; /* it could not be read: that "nothing is configured" would only confuse */
	}
	if (r == 0)
		r = read_includes(&parser);
	return deliver(&parser, errors, r, ret);
}

int config_parse_all(const char *name, const char *text, size_t size, enum config_form form,
	struct diagnostics *list, struct config **ret)
{
	struct parser parser;
	size_t errors = list->error_count;
	int r = parser_init(&parser, name, form, list);

	*ret = NULL;
	if (r == 0)
		r = read_text(&parser, name, text, size);
	if (r == 0)
		r = read_includes(&parser);
	return deliver(&parser, errors, r, ret);
}

/* Nobody gets a configuration that has mistakes without asking for it. */
static int keep_if_good(int r, struct config *config, struct config **ret)
{
	if (r == 0)
		*ret = config;
	else
		config_free(config);
	return r;
}

int config_load(const char *path, struct diagnostics *list, struct config **ret)
{
	struct config *config;
	int r = config_load_all(path, list, &config);

	return keep_if_good(r, config, ret);
}

int config_parse_text(const char *name, const char *text, size_t size, enum config_form form,
	struct diagnostics *list, struct config **ret)
{
	struct config *config;
	int r = config_parse_all(name, text, size, form, list, &config);

	return keep_if_good(r, config, ret);
}

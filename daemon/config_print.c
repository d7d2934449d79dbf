/* From values back to text, and comparing them: two values are equal when their texts are. */

#include "daemon/config_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/cipher_suite.h>
#include <unitls/tls_version.h>

#include "daemon/ini_reader.h"

/* One line, in the way that fits into what inih carries. */
static void print_line(FILE *stream, const struct config_key *key, const char *value)
{
	size_t length = strlen(key->name) + strlen(value);

	if (length + 3 <= INI_READER_LINE_MAX)
		(void)fprintf(stream, "%s = %s\n", key->name, value);
	else if (length + 1 <= INI_READER_LINE_MAX)
		(void)fprintf(stream, "%s=%s\n", key->name, value);
	else
		(void)fprintf(stream, "%s =\n\t%s\n", key->name, value);
}

static void print_number(FILE *stream, const struct config_key *key, uint64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	print_line(stream, key, text);
}

static void print_origin(FILE *stream, const struct config_origin *origin, enum config_print_style style)
{
	if (style == CONFIG_PRINT_SNAPSHOT)
		(void)fprintf(stream, "#line %u %s\n", origin->line, origin->file);
}

static void print_word(FILE *stream, const struct config_key *key, const void *member)
{
	int value;

	memcpy(&value, member, sizeof(value));
	for (const struct config_word *word = key->words; word->text; word++) {
		if (word->value == value)
			print_line(stream, key, word->text);
	}
}

static void print_duration(FILE *stream, const struct config_key *key, unsigned ms)
{
	char text[32];

	config_format_duration(ms, text, sizeof(text));
	print_line(stream, key, text);
}

static void print_version(FILE *stream, const struct config_key *key, uint16_t version)
{
	if (version == UNITLS_TLS_1_2)
		print_line(stream, key, "1.2");
	else
		print_line(stream, key, version == UNITLS_TLS_1_3 ? "1.3" : "highest");
}

static void print_ciphers(FILE *stream, const struct config_key *key, const struct config_ciphers *ciphers)
{
	char number[8];

	if (ciphers->policy != CONFIG_CIPHERS_LIST) {
		print_line(stream, key, ciphers->policy == CONFIG_CIPHERS_MODERN ? "modern" : "intermediate");
		return;
	}
	for (size_t i = 0; i < ciphers->count; i++) {
		const char *name = unitls_cipher_suite_name(ciphers->suites[i]);

		(void)snprintf(number, sizeof(number), "0x%04x", ciphers->suites[i]);
		print_line(stream, key, name ? name : number);
	}
}

static void print_strings(FILE *stream, const struct config_key *key, const struct config_string_list *list,
	enum config_print_style style)
{
	for (size_t i = 0; i < list->count; i++) {
		print_origin(stream, &list->items[i].origin, style);
		print_line(stream, key, list->items[i].text);
	}
}

static void print_address(FILE *stream, const struct config_key *key, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];

	print_line(stream, key, address_format(address, text, sizeof(text)));
}

static void print_servers(FILE *stream, const struct config_key *key, const struct config_address_list *list,
	enum config_print_style style)
{
	for (size_t i = 0; i < list->count; i++) {
		print_origin(stream, &list->items[i].origin, style);
		print_address(stream, key, &list->items[i].address);
	}
}

static void print_certificates(FILE *stream, const struct config_key *key,
	const struct config_certificate_list *list, enum config_print_style style)
{
	char text[2 * CONFIG_BLOB_SIZE + 8];

	for (size_t i = 0; i < list->count; i++) {
		const struct config_certificate *item = &list->items[i];

		print_origin(stream, &item->origin, style);
		(void)snprintf(text, sizeof(text), "blob:%s%s%s", item->blob, item->key_blob[0] ? "/" : "",
			item->key_blob);
		print_line(stream, key, style == CONFIG_PRINT_SNAPSHOT || !item->path ? text : item->path);
	}
}

static void print_files(FILE *stream, const struct config_key *key, const struct config_file_list *list,
	enum config_print_style style)
{
	char text[CONFIG_BLOB_SIZE + 8];

	for (size_t i = 0; i < list->count; i++) {
		const struct config_file *item = &list->items[i];

		print_origin(stream, &item->origin, style);
		(void)snprintf(text, sizeof(text), "blob:%s", item->blob);
		print_line(stream, key, style == CONFIG_PRINT_SNAPSHOT || !item->path ? text : item->path);
	}
}

static void print_text(FILE *stream, const struct config_key *key, const char *text)
{
	if (text)
		print_line(stream, key, text);
	else if (key->type == CONFIG_TYPE_PATH && key->words)
		print_line(stream, key, key->words[0].text);
}

static void print_section_name(
	FILE *stream, const struct config_key *key, size_t index, const struct config *config)
{
	if (index == CONFIG_NONE || !config)
		return;
	if (key->target == CONFIG_KIND_TLS)
		print_line(stream, key, config->tls[index].section.name);
	else
		print_line(stream, key, config->upstreams[index].section.name);
}

void config_value_print(FILE *stream, const struct config_key *key, const void *section,
	const struct config *config, enum config_print_style style)
{
	const void *member = (const char *)section + key->offset;

	switch (key->type) {
	case CONFIG_TYPE_INCLUDE:
		break;
	case CONFIG_TYPE_TEXT:
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_HOST:
		print_text(stream, key, *(const char *const *)member);
		break;
	case CONFIG_TYPE_WORD:
		print_word(stream, key, member);
		break;
	case CONFIG_TYPE_BOOL:
		print_line(stream, key, *(const bool *)member ? "yes" : "no");
		break;
	case CONFIG_TYPE_COUNT:
		print_number(stream, key, *(const size_t *)member);
		break;
	case CONFIG_TYPE_WORKERS:
		if (*(const unsigned *)member == 0)
			print_line(stream, key, "auto");
		else
			print_number(stream, key, *(const unsigned *)member);
		break;
	case CONFIG_TYPE_DURATION:
		print_duration(stream, key, *(const unsigned *)member);
		break;
	case CONFIG_TYPE_VERSION:
		print_version(stream, key, *(const uint16_t *)member);
		break;
	case CONFIG_TYPE_CIPHERS:
		print_ciphers(stream, key, member);
		break;
	case CONFIG_TYPE_NAMES:
	case CONFIG_TYPE_FOLDERS:
		print_strings(stream, key, member, style);
		break;
	case CONFIG_TYPE_LISTEN:
		print_address(stream, key, member);
		break;
	case CONFIG_TYPE_SERVERS:
		print_servers(stream, key, member, style);
		break;
	case CONFIG_TYPE_SECTION:
		print_section_name(stream, key, *(const size_t *)member, config);
		break;
	case CONFIG_TYPE_CERTIFICATES:
		print_certificates(stream, key, member, style);
		break;
	case CONFIG_TYPE_FILES:
		print_files(stream, key, member, style);
		break;
	}
}

/* What was loaded from elsewhere than its own key (a folder's certificates, the system's CA list) was not written, but counts. */
static bool is_wanted(
	const struct config_key *key, const struct config_section *section, enum config_print_style style)
{
	if (style == CONFIG_PRINT_EFFECTIVE)
		return true;
	if (key->flags & CONFIG_KEY_FILE_FORM)
		return false;
	return key->type == CONFIG_TYPE_CERTIFICATES || key->type == CONFIG_TYPE_FILES ||
		config_is_written(section, key->name);
}

static void print_section(FILE *stream, enum config_kind kind, const struct config_section *section,
	const struct config *config, enum config_print_style style)
{
	size_t count;
	const struct config_key *keys = config_keys(kind, &count);

	print_origin(stream, &section->origin, style);
	(void)fprintf(stream, "[%s%s%s]\n", config_kind_name(kind), section->name[0] ? " " : "", section->name);
	for (size_t i = 0; i < count; i++) {
		if (!is_wanted(&keys[i], section, style))
			continue;
		if (config_is_written(section, keys[i].name))
			print_origin(stream, &section->key_origins[i], style);
		config_value_print(stream, &keys[i], section, config, style);
	}
	(void)fputc('\n', stream);
}

int config_print(const struct config *config, enum config_print_style style, char **ret_text, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return -ENOMEM;
	print_section(stream, CONFIG_KIND_DAEMON, &config->daemon.section, config, style);
	for (size_t i = 0; i < config->tls_count; i++)
		print_section(stream, CONFIG_KIND_TLS, &config->tls[i].section, config, style);
	for (size_t i = 0; i < config->listener_count; i++)
		print_section(stream, CONFIG_KIND_LISTENER, &config->listeners[i].section, config, style);
	for (size_t i = 0; i < config->upstream_count; i++)
		print_section(stream, CONFIG_KIND_UPSTREAM, &config->upstreams[i].section, config, style);
	bool failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static bool certificates_equal(const struct config_certificate_list *a, const struct config_certificate_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].blob, b->items[i].blob) != 0 ||
			strcmp(a->items[i].key_blob, b->items[i].key_blob) != 0)
			return false;
	}
	return true;
}

static bool files_equal(const struct config_file_list *a, const struct config_file_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].blob, b->items[i].blob) != 0)
			return false;
	}
	return true;
}

/* All keys but those that hold files. CONFIG tells the names of sections. NULL without memory. */
static char *print_keys(enum config_kind kind, const void *section, const struct config *config)
{
	size_t count;
	const struct config_key *keys = config_keys(kind, &count);
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (keys[i].type != CONFIG_TYPE_CERTIFICATES && keys[i].type != CONFIG_TYPE_FILES)
			config_value_print(stream, &keys[i], section, config, CONFIG_PRINT_EFFECTIVE);
	}
	bool failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* Takes and frees both. Without memory nothing is equal: then more is built than needed, which is harmless. */
static bool texts_equal(char *a, char *b)
{
	bool equal = a && b && strcmp(a, b) == 0;

	free(a);
	free(b);
	return equal;
}

bool config_tls_equal(const struct config_tls *a, const struct config_tls *b)
{
	return certificates_equal(&a->certificates, &b->certificates) && files_equal(&a->ca, &b->ca) &&
		texts_equal(print_keys(CONFIG_KIND_TLS, a, NULL), print_keys(CONFIG_KIND_TLS, b, NULL));
}

bool config_listener_equal(const struct config *config_a, const struct config_listener *a,
	const struct config *config_b, const struct config_listener *b)
{
	return strcmp(a->section.name, b->section.name) == 0 &&
		texts_equal(print_keys(CONFIG_KIND_LISTENER, a, config_a),
			print_keys(CONFIG_KIND_LISTENER, b, config_b));
}

bool config_upstream_equal(const struct config *config_a, const struct config_upstream *a,
	const struct config *config_b, const struct config_upstream *b)
{
	return strcmp(a->section.name, b->section.name) == 0 &&
		texts_equal(print_keys(CONFIG_KIND_UPSTREAM, a, config_a),
			print_keys(CONFIG_KIND_UPSTREAM, b, config_b));
}

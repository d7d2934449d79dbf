/* A small pair of functions for each type, and the switches that choose among them. */

#include "daemon/config_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/alpn.h>
#include <unitls/cipher_suite.h>
#include <unitls/config.h>
#include <unitls/peer_name.h>
#include <unitls/tls_version.h>

#include "common/suggest.h"
#include "daemon/ini_reader.h"

/* A path that the snapshot carries must fit in one line of it. */
#define PATH_TEXT_MAX 180

_Static_assert(sizeof(enum config_log_level) == sizeof(int), "words are stored as int");
_Static_assert(sizeof(enum config_client_auth) == sizeof(int), "words are stored as int");

static void *member_of(const struct config_key *key, void *section)
{
	return (char *)section + key->offset;
}

__attribute__((format(printf, 3, 4))) static int refuse(
	const struct config_key *key, const struct config_place *place, const char *format, ...)
{
	char text[DIAGNOSTICS_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		text[0] = '\0';
	va_end(arguments);
	diagnostics_add(
		place->list, DIAGNOSTIC_ERROR, place->origin.file, place->origin.line, "%s: %s", key->name, text);
	return 1;
}

/* Room for one more item: lists grow when their length is a power of two, so they need no capacity. NULL without memory. */
static void *grow(void *items, size_t count, size_t item_size)
{
	if (count > 0 && (count & (count - 1)) != 0)
		return items;
	return reallocarray(items, count ? count * 2 : 1, item_size);
}

/* ---- numbers, words ---- */

/* Digits only; stops counting above what any key allows. */
static int parse_number(const char *text, size_t digits, uint64_t *ret)
{
	uint64_t value = 0;

	if (digits == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++) {
		if (value > UINT64_MAX / 100)
			return -ERANGE;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = value;
	return 0;
}

static const struct {
	const char *name;
	uint64_t ms;
} duration_units[] = {
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};

#define UNIT_COUNT (sizeof(duration_units) / sizeof(duration_units[0]))

int config_parse_duration(const char *text, uint64_t *ret_ms)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	uint64_t number;
	uint64_t factor;
	int r = parse_number(text, digits, &number);

	if (r < 0)
		return r;
	while (*unit == ' ')
		unit++;
	factor = *unit == '\0' ? 1000 : 0;
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (strcmp(unit, duration_units[i].name) == 0)
			factor = duration_units[i].ms;
	}
	if (factor == 0)
		return -EINVAL;
	if (number > UINT64_MAX / factor)
		return -ERANGE;
	*ret_ms = number * factor;
	return 0;
}

void config_format_duration(uint64_t ms, char *buffer, size_t size)
{
	size_t unit = UNIT_COUNT - 1;

	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (ms % duration_units[i].ms == 0 && ms >= duration_units[i].ms) {
			unit = i;
			break;
		}
	}
	if (ms == 0)
		unit = 3;
	(void)snprintf(buffer, size, "%llu%s", (unsigned long long)(ms / duration_units[unit].ms),
		duration_units[unit].name);
}

static int set_duration(
	const struct config_key *key, unsigned *member, const char *text, const struct config_place *place)
{
	char low[32];
	char high[32];
	uint64_t ms;
	int r = config_parse_duration(text, &ms);

	if (r == -EINVAL)
		return refuse(key, place, "\"%s\" is not a duration such as 500ms, 10s, 2m or 1h", text);
	if (r < 0 || ms < key->min || ms > key->max) {
		config_format_duration(key->min, low, sizeof(low));
		config_format_duration(key->max, high, sizeof(high));
		return refuse(key, place, "%s is not between %s and %s", text, low, high);
	}
	*member = (unsigned)ms;
	return 0;
}

static int set_count(
	const struct config_key *key, uint64_t *ret, const char *text, const struct config_place *place)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number;
	int r = text[digits] == '\0' ? parse_number(text, digits, &number) : -EINVAL;

	if (r == -EINVAL)
		return refuse(key, place, "\"%s\" is not a number", text);
	if (r < 0 || number < key->min || number > key->max)
		return refuse(key, place, "%s is not between %llu and %llu", text, (unsigned long long)key->min,
			(unsigned long long)key->max);
	*ret = number;
	return 0;
}

static int set_workers(
	const struct config_key *key, unsigned *member, const char *text, const struct config_place *place)
{
	uint64_t number = 0;
	int r = strcmp(text, "auto") == 0 ? 0 : set_count(key, &number, text, place);

	if (r == 0)
		*member = (unsigned)number;
	return r;
}

static int set_bool(const struct config_key *key, bool *member, const char *text, const struct config_place *place)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], text) == 0) {
			*member = i % 2 == 1;
			return 0;
		}
	}
	return refuse(key, place, "\"%s\" is neither yes nor no", text);
}

static int set_word(const struct config_key *key, void *member, const char *text, const struct config_place *place)
{
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];

	suggestion_init(&suggestion, text);
	for (const struct config_word *word = key->words; word->text; word++) {
		if (strcmp(word->text, text) == 0) {
			memcpy(member, &word->value, sizeof(word->value));
			return 0;
		}
		suggestion_offer(&suggestion, word->text);
	}
	return refuse(key, place, "\"%s\" is none of: %s%s", text, key->argument,
		suggestion_text(&suggestion, hint, sizeof(hint)));
}

static int set_version(
	const struct config_key *key, uint16_t *member, const char *text, const struct config_place *place)
{
	uint16_t version = 0;

	if (strcmp(text, "highest") == 0 && strcmp(key->default_text, "highest") == 0)
		version = 0;
	else if (unitls_tls_version_from_name(text, &version) < 0)
		return refuse(
			key, place, "\"%s\" is no version of TLS that is supported: %s", text, key->argument);
	*member = version;
	return 0;
}

/* ---- text ---- */

static int set_text(
	const struct config_key *key, char **member, const char *text, const struct config_place *place)
{
	(void)key;
	(void)place;
	free(*member);
	*member = strdup(text);
	return *member ? 0 : -ENOMEM;
}

static char *join_path(const struct config_place *place, const char *text)
{
	char *path;

	if (asprintf(&path, "%s%s", text[0] == '/' ? "" : place->folder, text) < 0)
		return NULL;
	return path;
}

static int set_path(
	const struct config_key *key, char **member, const char *text, const struct config_place *place)
{
	free(*member);
	*member = NULL;
	if (key->words && strcmp(text, key->words[0].text) == 0)
		return 0;
	*member = join_path(place, text);
	if (!*member)
		return -ENOMEM;
	if (strlen(*member) > PATH_TEXT_MAX)
		return refuse(key, place, "the path is too long (at most %d bytes)", PATH_TEXT_MAX);
	return 0;
}

static int set_host(
	const struct config_key *key, char **member, const char *text, const struct config_place *place)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_peer_name name;

	if (unitls_peer_name_parse(text, &name, &error) < 0)
		return refuse(key, place, "\"%s\" is neither a DNS name nor an IP address", text);
	return set_text(key, member, name.text, place);
}

static int add_string(struct config_string_list *list, char *taken, const struct config_place *place)
{
	struct config_string *items = taken ? grow(list->items, list->count, sizeof(*items)) : NULL;

	if (!items) {
		free(taken);
		return -ENOMEM;
	}
	list->items = items;
	items[list->count++] = (struct config_string){taken, place->origin};
	return 0;
}

/* ---- lists in one value ---- */

/* The next part of a list; *cursor moves. False at the end. */
static bool next_part(const char **cursor, const char *separators, const char **ret_part, size_t *ret_length)
{
	*cursor += strspn(*cursor, separators);
	*ret_part = *cursor;
	*ret_length = strcspn(*cursor, separators);
	*cursor += *ret_length;
	return *ret_length > 0;
}

static int set_names(const struct config_key *key, struct config_string_list *list, const char *text,
	const struct config_place *place)
{
	const char *part;
	size_t length;
	int r;

	while (next_part(&text, ", \t", &part, &length)) {
		if (*part == ';' || *part == '#')
			return refuse(key, place, "a name cannot start with \"%c\"", *part);
		if (length > UNITLS_ALPN_NAME_MAX)
			return refuse(key, place, "a name has at most %d bytes", UNITLS_ALPN_NAME_MAX);
		if (list->count >= UNITLS_ALPN_COUNT_MAX)
			return refuse(key, place, "more than %d names", UNITLS_ALPN_COUNT_MAX);
		for (size_t i = 0; i < list->count; i++) {
			if (strlen(list->items[i].text) == length &&
				memcmp(list->items[i].text, part, length) == 0)
				return refuse(key, place, "%.*s is there twice", (int)length, part);
		}
		r = add_string(list, strndup(part, length), place);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *const policy_names[] = {"intermediate", "modern"};

/* Whether TEXT is the name of a policy; then it must stand alone. */
static int set_policy(const struct config_key *key, struct config_ciphers *ciphers, const char *text,
	const struct config_place *place, bool *ret_is_policy)
{
	*ret_is_policy = false;
	for (size_t i = 0; i < sizeof(policy_names) / sizeof(policy_names[0]); i++) {
		if (strcmp(policy_names[i], text) != 0)
			continue;
		if (ciphers->policy == CONFIG_CIPHERS_LIST)
			return refuse(key, place, "a policy stands alone, without other suites");
		ciphers->policy = (enum config_cipher_policy)i;
		*ret_is_policy = true;
	}
	return 0;
}

static int add_suite(const struct config_key *key, struct config_ciphers *ciphers, const char *name,
	const struct config_place *place)
{
	uint16_t *suites;
	uint16_t suite;

	if (unitls_cipher_suite_from_name(name, &suite) < 0)
		return refuse(key, place, "no cipher suite has the name %s", name);
	for (size_t i = 0; i < ciphers->count; i++) {
		if (ciphers->suites[i] == suite)
			return refuse(key, place, "%s is there twice", name);
	}
	if (ciphers->count >= UNITLS_CIPHER_LIST_MAX)
		return refuse(key, place, "more than %d suites", UNITLS_CIPHER_LIST_MAX);
	suites = grow(ciphers->suites, ciphers->count, sizeof(*suites));
	if (!suites)
		return -ENOMEM;
	ciphers->suites = suites;
	suites[ciphers->count++] = suite;
	return 0;
}

/* Names that are wrong are all told, not only the first. */
static int set_ciphers(const struct config_key *key, struct config_ciphers *ciphers, const char *text,
	const struct config_place *place)
{
	char name[INI_READER_LINE_MAX + 1];
	const char *part;
	size_t length;
	bool is_policy;
	int worst;
	int r;

	worst = set_policy(key, ciphers, text, place, &is_policy);
	if (worst != 0 || is_policy)
		return worst;
	ciphers->policy = CONFIG_CIPHERS_LIST;
	while (worst >= 0 && next_part(&text, ",: \t", &part, &length)) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)length, part);
		r = add_suite(key, ciphers, name, place);
		worst = r < 0 || r > worst ? r : worst;
	}
	return worst;
}

/* ---- addresses ---- */

static int set_address(const struct config_key *key, enum address_role role, struct address *ret, const char *text,
	const struct config_place *place)
{
	const char *reason = "";

	if (address_parse(text, role, ret, &reason) < 0)
		return refuse(key, place, "\"%s\": %s", text, reason);
	return 0;
}

static int add_server(const struct config_key *key, struct config_address_list *list, const char *text,
	const struct config_place *place)
{
	struct config_address *items;
	struct address address;
	int r = set_address(key, ADDRESS_SERVER, &address, text, place);

	if (r != 0)
		return r;
	items = grow(list->items, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = (struct config_address){address, place->origin};
	return 0;
}

/* ---- files and blobs ---- */

/* 64 hexadecimal digits in lower case. */
static bool take_digest(const char **cursor, char digest[CONFIG_BLOB_SIZE])
{
	if (strspn(*cursor, "0123456789abcdef") != CONFIG_BLOB_SIZE - 1)
		return false;
	memcpy(digest, *cursor, CONFIG_BLOB_SIZE - 1);
	digest[CONFIG_BLOB_SIZE - 1] = '\0';
	*cursor += CONFIG_BLOB_SIZE - 1;
	return true;
}

/* "blob:HEX", or "blob:HEX/HEX" when the key is apart. */
static bool parse_blob(const char *text, char blob[CONFIG_BLOB_SIZE], char *key_blob)
{
	if (strncmp(text, "blob:", 5) != 0)
		return false;
	text += 5;
	if (!take_digest(&text, blob))
		return false;
	if (*text != '/' || !key_blob)
		return *text == '\0';
	text++;
	return take_digest(&text, key_blob) && *text == '\0';
}

static int add_file(const struct config_key *key, struct config_file_list *list, const char *text,
	const struct config_place *place)
{
	struct config_file file = {.origin = place->origin};
	struct config_file *items;

	if (place->form == CONFIG_FORM_SNAPSHOT && !parse_blob(text, file.blob, NULL))
		return refuse(key, place, "not a reference to a blob");
	items = grow(list->items, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	if (place->form == CONFIG_FORM_FILE) {
		file.path = join_path(place, text);
		if (!file.path)
			return -ENOMEM;
	}
	items[list->count++] = file;
	return 0;
}

static int add_certificate(const struct config_key *key, struct config_certificate_list *list, const char *text,
	const struct config_place *place)
{
	struct config_certificate certificate = {.origin = place->origin};
	struct config_certificate *items;

	if (place->form == CONFIG_FORM_SNAPSHOT && !parse_blob(text, certificate.blob, certificate.key_blob))
		return refuse(key, place, "not a reference to a blob");
	items = grow(list->items, list->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	if (place->form == CONFIG_FORM_FILE) {
		certificate.path = join_path(place, text);
		if (!certificate.path)
			return -ENOMEM;
	}
	items[list->count++] = certificate;
	return 0;
}

int config_add_certificate(
	struct config_tls *tls, const char *path, const char *key_path, const struct config_origin *origin)
{
	struct config_certificate certificate = {.origin = *origin, .path = strdup(path)};
	struct config_certificate *items = grow(tls->certificates.items, tls->certificates.count, sizeof(*items));

	if (items)
		tls->certificates.items = items;
	certificate.key_path = key_path ? strdup(key_path) : NULL;
	if (!items || !certificate.path || (key_path && !certificate.key_path)) {
		free(certificate.path);
		free(certificate.key_path);
		return -ENOMEM;
	}
	items[tls->certificates.count++] = certificate;
	return 0;
}

/* ---- all types ---- */

static int set_size(
	const struct config_key *key, size_t *member, const char *text, const struct config_place *place)
{
	uint64_t number = 0;
	int r = set_count(key, &number, text, place);

	if (r == 0)
		*member = (size_t)number;
	return r;
}

static int set_member(
	const struct config_key *key, void *member, const char *text, const struct config_place *place)
{
	switch (key->type) {
	case CONFIG_TYPE_TEXT:
		return set_text(key, member, text, place);
	case CONFIG_TYPE_PATH:
		return set_path(key, member, text, place);
	case CONFIG_TYPE_WORD:
		return set_word(key, member, text, place);
	case CONFIG_TYPE_BOOL:
		return set_bool(key, member, text, place);
	case CONFIG_TYPE_COUNT:
		return set_size(key, member, text, place);
	case CONFIG_TYPE_WORKERS:
		return set_workers(key, member, text, place);
	case CONFIG_TYPE_DURATION:
		return set_duration(key, member, text, place);
	case CONFIG_TYPE_VERSION:
		return set_version(key, member, text, place);
	case CONFIG_TYPE_CIPHERS:
		return set_ciphers(key, member, text, place);
	case CONFIG_TYPE_NAMES:
		return set_names(key, member, text, place);
	case CONFIG_TYPE_HOST:
		return set_host(key, member, text, place);
	case CONFIG_TYPE_LISTEN:
		return set_address(key, ADDRESS_LISTEN, member, text, place);
	case CONFIG_TYPE_SERVERS:
		return add_server(key, member, text, place);
	case CONFIG_TYPE_CERTIFICATES:
		return add_certificate(key, member, text, place);
	case CONFIG_TYPE_FOLDERS:
		return add_string(member, join_path(place, text), place);
	case CONFIG_TYPE_FILES:
		return add_file(key, member, text, place);
	case CONFIG_TYPE_INCLUDE:
	case CONFIG_TYPE_SECTION:
		break;
	}
	return 0;
}

static size_t list_count(const struct config_key *key, const void *member)
{
	switch (key->type) {
	case CONFIG_TYPE_NAMES:
	case CONFIG_TYPE_FOLDERS:
		return ((const struct config_string_list *)member)->count;
	case CONFIG_TYPE_SERVERS:
		return ((const struct config_address_list *)member)->count;
	case CONFIG_TYPE_CERTIFICATES:
		return ((const struct config_certificate_list *)member)->count;
	case CONFIG_TYPE_FILES:
		return ((const struct config_file_list *)member)->count;
	case CONFIG_TYPE_INCLUDE:
	case CONFIG_TYPE_TEXT:
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_WORD:
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_COUNT:
	case CONFIG_TYPE_WORKERS:
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_VERSION:
	case CONFIG_TYPE_CIPHERS:
	case CONFIG_TYPE_HOST:
	case CONFIG_TYPE_LISTEN:
	case CONFIG_TYPE_SECTION:
		break;
	}
	return 0;
}

static bool has_control_byte(const char *text)
{
	for (; *text; text++) {
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return true;
	}
	return false;
}

int config_value_set(
	const struct config_key *key, void *section, const char *text, const struct config_place *place)
{
	if (text[0] == '\0')
		return refuse(key, place, "there is no value");
	if (text[0] == ';' || text[0] == '#')
		return refuse(key, place, "a value cannot start with \"%c\"", text[0]);
	if (has_control_byte(text))
		return refuse(key, place, "the value has a control character");
	if (list_count(key, member_of(key, section)) >= CONFIG_LIST_MAX)
		return refuse(key, place, "more than %d of them", CONFIG_LIST_MAX);
	return set_member(key, member_of(key, section), text, place);
}

static void free_strings(struct config_string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].text);
	free(list->items);
}

static void free_certificates(struct config_certificate_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].path);
		free(list->items[i].key_path);
	}
	free(list->items);
}

static void free_files(struct config_file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
}

void config_value_free(const struct config_key *key, void *section)
{
	void *member = member_of(key, section);

	switch (key->type) {
	case CONFIG_TYPE_TEXT:
	case CONFIG_TYPE_PATH:
	case CONFIG_TYPE_HOST:
		free(*(char **)member);
		break;
	case CONFIG_TYPE_CIPHERS:
		free(((struct config_ciphers *)member)->suites);
		break;
	case CONFIG_TYPE_NAMES:
	case CONFIG_TYPE_FOLDERS:
		free_strings(member);
		break;
	case CONFIG_TYPE_SERVERS:
		free(((struct config_address_list *)member)->items);
		break;
	case CONFIG_TYPE_CERTIFICATES:
		free_certificates(member);
		break;
	case CONFIG_TYPE_FILES:
		free_files(member);
		break;
	case CONFIG_TYPE_INCLUDE:
	case CONFIG_TYPE_WORD:
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_COUNT:
	case CONFIG_TYPE_WORKERS:
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_VERSION:
	case CONFIG_TYPE_LISTEN:
	case CONFIG_TYPE_SECTION:
		break;
	}
}

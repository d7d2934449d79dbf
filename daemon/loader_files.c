/* Folders, certificates, keys, authorities. Bytes that may hold a key are wiped. */

#include "daemon/loader_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unitls/certificate.h>
#include <unitls/private_key.h>
#include <unitls/signing_chain.h>
#include <unitls/trust_store.h>

#include "daemon/blob.h"
#include "daemon/config_value.h"
#include "daemon/file.h"

/* A "key" of the section being read. */
struct key {
	const struct config_file *file;
	struct unitls_private_key *key; /* NULL: it could not be read, which was told */
	char blob[CONFIG_BLOB_SIZE];
	bool used;
};

struct files {
	struct config *config;
	struct config_tls *tls; /* the section being read */
	struct snapshot_writer *writer;
	struct diagnostics *list;
	struct key *keys;
	size_t key_count;
	char system_blob[CONFIG_BLOB_SIZE]; /* the system's authorities, once they were needed */
	bool is_unpaired;                   /* a certificate of the section has no key, which was told */
	bool broken_key; /* a key of the section could not be read: do not complain that it is missing */
};

__attribute__((format(printf, 4, 5))) static void tell(struct files *files, enum diagnostic_level level,
	const struct config_origin *origin, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_add_list(files->list, level, origin->file, origin->line, format, arguments);
	va_end(arguments);
}

/* Reads a file for KEY. Returns 0; 1 when it cannot be read, which is told; -ENOMEM. */
static int read_material(struct files *files, const char *key, const char *path,
	const struct config_origin *origin, char **ret_data, size_t *ret_size)
{
	char reason[128];
	int r = file_read(path, UNITLS_FILE_LIMIT_BYTES, ret_data, ret_size);

	if (r == 0 || r == -ENOMEM)
		return r;
	tell(files, DIAGNOSTIC_ERROR, origin, "%s: %s: %s", key, path, file_reason(r, reason, sizeof(reason)));
	return 1;
}

/* Puts bytes into the snapshot and tells their name. Returns 0 or a negative errno. */
static int keep(struct files *files, const char *data, size_t size, char blob[CONFIG_BLOB_SIZE])
{
	int r;

	blob_name(data, size, blob);
	r = snapshot_writer_add(files->writer, blob, data, size);
	return r < 0 ? r : 0;
}

/* ---- certificate_dir ---- */

static int is_certificate(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot &&
		(strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_from_folder(struct files *files, const struct config_string *folder, const char *name)
{
	const char *dot = strrchr(name, '.');
	char *path = NULL;
	char *key_path = NULL;
	int r = -ENOMEM;

	if (asprintf(&path, "%s/%s", folder->text, name) < 0)
		return r;
	if (asprintf(&key_path, "%s/%.*s.key", folder->text, (int)(dot - name), name) < 0) {
		free(path);
		return r;
	}
	r = config_add_certificate(
		files->tls, path, access(key_path, F_OK) == 0 ? key_path : NULL, &folder->origin);
	free(path);
	free(key_path);
	return r;
}

static int read_folder(struct files *files, const struct config_string *folder)
{
	struct dirent **entries;
	int count = scandir(folder->text, &entries, is_certificate, by_name);
	int r = 0;

	if (count < 0) {
		tell(files, DIAGNOSTIC_ERROR, &folder->origin, "certificate_dir: %s: %s", folder->text,
			strerrordesc_np(errno));
		return 0;
	}
	if (count == 0)
		tell(files, files->tls->certificates.count ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR,
			&folder->origin, "certificate_dir: %s: there is no .pem, .crt or .cer file", folder->text);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_from_folder(files, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- keys ---- */

/* Whether all that was wrong is that there is no password. */
static bool is_encrypted(const char *data, size_t size)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_private_key *key;

	if (unitls_private_key_from_mem(data, size, "", &key, &details) < 0)
		return false;
	unitls_private_key_unref(key);
	return true;
}

static int read_key(struct files *files, const char *name, const char *path, const struct config_origin *origin,
	struct key *ret)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	char *data;
	size_t size;
	int r = read_material(files, name, path, origin, &data, &size);

	if (r != 0)
		return r;
	if (unitls_private_key_from_mem(data, size, NULL, &ret->key, &details) < 0) {
		tell(files, DIAGNOSTIC_ERROR, origin, "%s: %s: %s", name, path,
			is_encrypted(data, size)
				? "the key is encrypted, and there is nobody to ask for its password"
				: details.text);
		r = 1;
	} else {
		r = keep(files, data, size, ret->blob);
	}
	file_wipe(data, size);
	return r;
}

static int read_keys(struct files *files)
{
	const struct config_file_list *list = &files->tls->keys;
	int r = 0;

	files->broken_key = false;
	files->is_unpaired = false;
	files->key_count = 0;
	files->keys = calloc(list->count + 1, sizeof(*files->keys));
	if (!files->keys)
		return -ENOMEM;
	for (size_t i = 0; i < list->count && r >= 0; i++) {
		files->keys[i].file = &list->items[i];
		files->key_count++;
		r = read_key(files, "key", list->items[i].path, &list->items[i].origin, &files->keys[i]);
		files->broken_key |= r == 1;
	}
	return r < 0 ? r : 0;
}

static void free_keys(struct files *files)
{
	for (size_t i = 0; i < files->key_count; i++)
		unitls_private_key_unref(files->keys[i].key);
	free(files->keys);
	files->keys = NULL;
	files->key_count = 0;
}

/* ---- certificates ---- */

static void warn_of_dates(
	struct files *files, const struct config_certificate *where, const struct unitls_signing_chain *chain)
{
	int64_t now = (int64_t)time(NULL);

	for (size_t i = 0; i < unitls_signing_chain_count(chain); i++) {
		const struct unitls_certificate *certificate = unitls_signing_chain_at(chain, i);
		bool is_old = unitls_certificate_not_after(certificate) < now;
		bool is_early = unitls_certificate_not_before(certificate) > now;
		time_t when = (time_t)(is_old ? unitls_certificate_not_after(certificate)
					      : unitls_certificate_not_before(certificate));
		struct tm parts;
		char date[32] = "?";

		if (!is_old && !is_early)
			continue;
		if (gmtime_r(&when, &parts))
			(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &parts);
		tell(files, DIAGNOSTIC_WARNING, &where->origin, "certificate: %s: %s%s %s", where->path,
			i > 0 ? "an intermediate " : "", is_old ? "expired on" : "is not valid before", date);
	}
}

/* How sure it is that a key belongs to the certificates of a text: 0 no; 1 it may (its public half cannot be read); 2 yes. */
static int judge_key(const struct key *key, const struct unitls_certificate *first, const char *data, size_t size)
{
	struct unitls_signing_chain *chain;
	struct unitls_error details = UNITLS_ERROR_INIT;

	if (!key->key)
		return 0;
	if (unitls_private_key_matches(key->key, first) == UNITLS_KEY_MATCH_YES)
		return 2;
	if (unitls_signing_chain_from_mem(data, size, key->key, NULL, &chain, &details) < 0)
		return 0;
	bool sure =
		unitls_private_key_matches(key->key, unitls_signing_chain_at(chain, 0)) == UNITLS_KEY_MATCH_YES;
	unitls_signing_chain_unref(chain);
	return sure ? 2 : 1;
}

/* The section's key that goes with a certificate without one. NULL when there is none, which is told. */
static struct key *choose_key(struct files *files, const struct config_certificate *certificate,
	const struct unitls_certificate *first, const char *data, size_t size)
{
	struct key *likely = NULL;
	size_t likely_count = 0;

	for (size_t i = 0; i < files->key_count; i++) {
		int sure = judge_key(&files->keys[i], first, data, size);

		if (sure == 2)
			return &files->keys[i];
		if (sure == 1) {
			likely = &files->keys[i];
			likely_count++;
		}
	}
	if (likely_count == 1)
		return likely;
	if (likely_count > 1)
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin,
			"certificate: %s: which of the section's keys is its cannot be told, they have no public half; put "
			"the key into the certificate's file",
			certificate->path);
	else if (files->key_count == 0)
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin,
			"certificate: %s: there is no private key in it, and no \"key\" beside it",
			certificate->path);
	else if (files->key_count == 1 && !files->broken_key)
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin,
			"certificate: %s: the key in %s does not match", certificate->path,
			files->keys[0].file->path);
	else if (!files->broken_key)
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin,
			"certificate: %s: none of the section's keys matches", certificate->path);
	return NULL;
}

static bool has_key_inside(const char *data, size_t size)
{
	static const char mark[] = "PRIVATE KEY-----";

	return memmem(data, size, mark, sizeof(mark) - 1) != NULL;
}

/* Finds the key of a certificate that has none inside. Returns 0 and a reference and the blob's name; 1: there is none; negative. */
static int find_key(struct files *files, const struct config_certificate *certificate, const char *data,
	size_t size, struct unitls_private_key **ret_key, char key_blob[CONFIG_BLOB_SIZE])
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_certificate *first;
	struct key beside = {0};
	struct key *chosen;
	int r;

	if (certificate->key_path) {
		r = read_key(files, "certificate_dir", certificate->key_path, &certificate->origin, &beside);
		if (r != 0)
			return r;
		*ret_key = beside.key;
		memcpy(key_blob, beside.blob, CONFIG_BLOB_SIZE);
		return 0;
	}
	if (unitls_certificate_from_mem(data, size, &first, &details) < 0) {
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin, "certificate: %s: %s", certificate->path,
			details.text);
		return 1;
	}
	chosen = choose_key(files, certificate, first, data, size);
	unitls_certificate_unref(first);
	if (!chosen) {
		files->is_unpaired = true;
		return 1;
	}
	chosen->used = true;
	*ret_key = unitls_private_key_ref(chosen->key);
	memcpy(key_blob, chosen->blob, CONFIG_BLOB_SIZE);
	return 0;
}

/* The bytes of one certificate's file: pairs, proves that they belong together, keeps. */
static int take_certificate(
	struct files *files, struct config_certificate *certificate, const char *data, size_t size)
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_private_key *key = NULL;
	struct unitls_signing_chain *chain;
	int r = 0;

	if (!has_key_inside(data, size))
		r = find_key(files, certificate, data, size, &key, certificate->key_blob);
	if (r != 0)
		return r;
	if (unitls_signing_chain_from_mem(data, size, key, NULL, &chain, &details) < 0) {
		tell(files, DIAGNOSTIC_ERROR, &certificate->origin, "certificate: %s%s%s: %s", certificate->path,
			certificate->key_path && key ? " and " : "",
			certificate->key_path && key ? certificate->key_path : "", details.text);
		unitls_private_key_unref(key);
		return 1;
	}
	warn_of_dates(files, certificate, chain);
	unitls_signing_chain_unref(chain);
	unitls_private_key_unref(key);
	return keep(files, data, size, certificate->blob);
}

static int read_certificates(struct files *files)
{
	struct config_certificate_list *list = &files->tls->certificates;
	char *data;
	size_t size;
	int r = 0;

	for (size_t i = 0; i < list->count && r >= 0; i++) {
		r = read_material(files, "certificate", list->items[i].path, &list->items[i].origin, &data, &size);
		if (r != 0)
			continue;
		r = take_certificate(files, &list->items[i], data, size);
		file_wipe(data, size);
	}
	for (size_t i = 0; i < files->key_count && r >= 0 && !files->is_unpaired; i++) {
		if (files->keys[i].key && !files->keys[i].used)
			tell(files, DIAGNOSTIC_WARNING, &files->keys[i].file->origin,
				"key: %s: is the key of no certificate of this section",
				files->keys[i].file->path);
	}
	return r < 0 ? r : 0;
}

/* ---- authorities ---- */

static void print_anchors(FILE *stream, const struct unitls_trust_store *trust)
{
	for (size_t i = 0; i < unitls_trust_store_count(trust); i++) {
		struct unitls_bytes der = unitls_certificate_der(unitls_trust_store_at(trust, i));

		blob_print_certificate(stream, der.data, der.size);
	}
}

/* Ends a memory stream. Returns 0 and keeps its text, or negative. */
static int keep_stream(
	struct files *files, FILE *stream, char **text, const size_t *size, char blob[CONFIG_BLOB_SIZE])
{
	bool failed = ferror(stream) != 0;
	int r = fclose(stream) != 0 || failed ? -ENOMEM : keep(files, *text, *size, blob);

	free(*text);
	return r;
}

/* All files of "ca" as one PEM text. */
static int read_authorities(struct files *files, char blob[CONFIG_BLOB_SIZE])
{
	const struct config_file_list *list = &files->tls->ca;
	char *text = NULL;
	size_t text_size = 0;
	FILE *stream = open_memstream(&text, &text_size);
	int r = stream ? 0 : -ENOMEM;

	for (size_t i = 0; i < list->count && r >= 0; i++) {
		struct unitls_error details = UNITLS_ERROR_INIT;
		struct unitls_trust_store *trust;
		char *data;
		size_t size;

		r = read_material(files, "ca", list->items[i].path, &list->items[i].origin, &data, &size);
		if (r != 0)
			continue;
		if (unitls_trust_store_from_mem(data, size, &trust, &details) < 0) {
			tell(files, DIAGNOSTIC_ERROR, &list->items[i].origin, "ca: %s: %s", list->items[i].path,
				details.text);
		} else {
			print_anchors(stream, trust);
			unitls_trust_store_unref(trust);
		}
		free(data);
	}
	if (!stream)
		return r;
	if (r < 0) {
		(void)fclose(stream);
		free(text);
		return r;
	}
	return keep_stream(files, stream, &text, &text_size, blob);
}

/* The system's list, read once for all sections that need it. */
static int read_system_authorities(struct files *files, char blob[CONFIG_BLOB_SIZE])
{
	struct unitls_error details = UNITLS_ERROR_INIT;
	struct unitls_trust_store *trust;
	char *text = NULL;
	size_t size = 0;
	FILE *stream;
	int r;

	if (!files->system_blob[0]) {
		if (unitls_trust_store_system(&trust, &details) < 0) {
			tell(files, DIAGNOSTIC_ERROR, &files->tls->section.origin,
				"[tls %s] needs the key \"ca\": %s", files->tls->section.name, details.text);
			return 0;
		}
		stream = open_memstream(&text, &size);
		if (stream)
			print_anchors(stream, trust);
		unitls_trust_store_unref(trust);
		r = stream ? keep_stream(files, stream, &text, &size, files->system_blob) : -ENOMEM;
		if (r < 0)
			return r;
	}
	memcpy(blob, files->system_blob, CONFIG_BLOB_SIZE);
	return 0;
}

/* Makes "ca" a list of the one blob. */
static int set_authorities(struct config_tls *tls, const char blob[CONFIG_BLOB_SIZE])
{
	struct config_file *items = tls->ca.items;

	if (tls->ca.count == 0) {
		items = calloc(1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		items->origin = tls->section.origin;
		tls->ca.items = items;
		tls->ca.count = 1;
	}
	for (size_t i = 1; i < tls->ca.count; i++)
		free(items[i].path);
	tls->ca.count = 1;
	memcpy(items[0].blob, blob, CONFIG_BLOB_SIZE);
	return 0;
}

static int read_ca(struct files *files)
{
	struct config_tls *tls = files->tls;
	char blob[CONFIG_BLOB_SIZE] = "";
	int r = 0;

	if (tls->ca.count > 0)
		r = read_authorities(files, blob);
	else if (tls->used_by_upstream && tls->verify)
		r = read_system_authorities(files, blob);
	return r == 0 && blob[0] ? set_authorities(tls, blob) : r;
}

/* ---- all ---- */

static int read_section(struct files *files)
{
	const struct config_string_list *folders = &files->tls->certificate_dirs;
	int r = 0;

	for (size_t i = 0; i < folders->count && r == 0; i++)
		r = read_folder(files, &folders->items[i]);
	if (r == 0)
		r = read_keys(files);
	if (r == 0)
		r = read_certificates(files);
	free_keys(files);
	return r == 0 ? read_ca(files) : r;
}

int loader_read_files(struct config *config, struct snapshot_writer *writer, struct diagnostics *list)
{
	struct files files = {.config = config, .writer = writer, .list = list};
	int r = 0;

	for (size_t i = 0; i < config->tls_count && r == 0; i++) {
		files.tls = &config->tls[i];
		r = read_section(&files);
	}
	return r;
}

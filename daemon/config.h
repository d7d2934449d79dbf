/* The configuration: what the operator wrote, read into typed values with the line each came from.
 *
 * Reading it opens the configuration file and what it includes, nothing else: certificates are the loader's business, and
 * addresses are not resolved. One table (config_keys.c) drives reading, defaults, checking, printing and the man page.
 * Invariant: after config_load() or config_parse_text() returned 0, every reference is an index that exists and every value is in its
 * range; the struct does not change afterwards.
 *
 * Two forms share struct and reader. In the file form material is named by path; in the snapshot form (written by the loader, read by the
 * master and the workers) by the SHA-256 of its contents ("blob:HEX", the entry's name in the snapshot), and "certificate_dir"
 * and "key" are gone: every certificate has its key in the same blob or in key_blob. */

#ifndef UNITLSD_CONFIG_H
#define UNITLSD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/address.h"
#include "daemon/diagnostics.h"

#define CONFIG_NAME_MAX     40     /* bytes in the name of a section: "[listener NAME]" must fit in inih's 49 */
#define CONFIG_SECTIONS_MAX 100000 /* sections in all */
#define CONFIG_FILES_MAX    10000  /* files read, the included ones too */
#define CONFIG_TEXT_MAX     ((size_t)64 * 1024 * 1024) /* bytes in one file */
#define CONFIG_LIST_MAX     200000                     /* items in one repeatable key */
#define CONFIG_BLOB_SIZE    65                         /* SHA-256 in hexadecimal and a NUL */
#define CONFIG_NONE         ((size_t)-1)               /* no section: a reference that was not written */

/* Where something was written. FILE belongs to the configuration and lives as long; line 0: nowhere (a default). */
struct config_origin {
	const char *file;
	unsigned line;
};

enum config_kind {
	CONFIG_KIND_DAEMON,
	CONFIG_KIND_TLS,
	CONFIG_KIND_LISTENER,
	CONFIG_KIND_UPSTREAM,
};

#define CONFIG_KIND_COUNT 4

/* What every section begins with. The name is "" for [daemon]. */
struct config_section {
	enum config_kind kind;
	char *name;
	struct config_origin origin;
	struct config_origin *key_origins; /* by key; use config_origin_of() */
};

struct config_string {
	char *text;
	struct config_origin origin;
};

struct config_string_list {
	struct config_string *items;
	size_t count;
};

struct config_address {
	struct address address;
	struct config_origin origin;
};

struct config_address_list {
	struct config_address *items;
	size_t count;
};

/* One PEM or DER file. File form: path. Snapshot form: blob; path is NULL. */
struct config_file {
	char *path;
	char blob[CONFIG_BLOB_SIZE];
	struct config_origin origin;
};

struct config_file_list {
	struct config_file *items;
	size_t count;
};

/* A certificate chain and its key: both in PATH, or the key in KEY_PATH (the loader pairs them). Snapshot form: BLOB, and KEY_BLOB
 * unless that is "" because the key is in BLOB. */
struct config_certificate {
	char *path;
	char *key_path;
	char blob[CONFIG_BLOB_SIZE];
	char key_blob[CONFIG_BLOB_SIZE];
	struct config_origin origin;
};

struct config_certificate_list {
	struct config_certificate *items;
	size_t count;
};

enum config_log_level {
	CONFIG_LOG_ERROR,
	CONFIG_LOG_WARNING,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG,
};

enum config_client_auth {
	CONFIG_CLIENT_AUTH_NONE,
	CONFIG_CLIENT_AUTH_OPTIONAL,
	CONFIG_CLIENT_AUTH_REQUIRED,
};

enum config_cipher_policy {
	CONFIG_CIPHERS_INTERMEDIATE,
	CONFIG_CIPHERS_MODERN,
	CONFIG_CIPHERS_LIST,
};

struct config_ciphers {
	enum config_cipher_policy policy;
	uint16_t *suites; /* IANA numbers in order of preference; only with CONFIG_CIPHERS_LIST */
	size_t count;
};

struct config_daemon {
	struct config_section section;
	unsigned workers; /* 0: one for each core; config_worker_count() says how many */
	char *user;       /* NULL: do not change */
	char *group;      /* NULL: the user's */
	enum config_log_level log_level;
	char *log; /* NULL: standard error */
	unsigned drain_timeout_ms;
	unsigned ticket_rotation_ms;
	char *control; /* path of the control socket; NULL: none ("control = none"). When it was not written
			* (config_is_written() is false) a socket that cannot be made is a warning, not an error. */
};

struct config_tls {
	struct config_section section;
	char *backend; /* never NULL */
	struct config_certificate_list certificates;
	struct config_string_list
		certificate_dirs;     /* file form only; the loader appends what is in them to certificates */
	struct config_file_list keys; /* file form only */
	bool strict_sni;
	uint16_t min_version; /* wire numbers: 0x0303 is TLS 1.2 */
	uint16_t max_version; /* 0: the highest the backend has */
	struct config_ciphers ciphers;
	struct config_string_list alpn;
	struct config_file_list ca; /* empty: the system's, for a client role; none, for a server role */
	enum config_client_auth client_auth;
	bool verify;       /* client role: check the server's certificate and name */
	char *server_name; /* client role: the name to send and check; NULL: the host of the upstream's server */
	size_t identity_cache;
	bool session_tickets;  /* server role */
	bool used_by_listener; /* computed: which roles this section has to fill */
	bool used_by_upstream;
};

struct config_listener {
	struct config_section section;
	struct address listen;
	size_t tls;      /* index in config.tls, or CONFIG_NONE: plaintext in */
	size_t upstream; /* index in config.upstreams; always valid */
	unsigned handshake_timeout_ms;
	unsigned idle_timeout_ms; /* 0: never */
	size_t max_connections;   /* 0: no limit */
};

struct config_upstream {
	struct config_section section;
	struct config_address_list servers; /* at least one; tried in this order */
	size_t tls;                         /* index in config.tls, or CONFIG_NONE: plaintext out */
	unsigned connect_timeout_ms;
};

struct config {
	struct config_daemon daemon;
	struct config_tls *tls;
	size_t tls_count;
	struct config_listener *listeners;
	size_t listener_count;
	struct config_upstream *upstreams;
	size_t upstream_count;
	char **files; /* every file named by an origin */
	size_t file_count;
};

enum config_form {
	CONFIG_FORM_FILE,     /* text by an operator: paths, includes */
	CONFIG_FORM_SNAPSHOT, /* text by config_print(): blobs, no includes, "#line" tells the origin */
};

/* Reads PATH and what it includes. All mistakes are added to LIST, not only the first.
 * Returns 0 and the configuration; 1 when LIST has errors (no configuration then); -ENOMEM. The caller frees it. */
int config_load(const char *path, struct diagnostics *list, struct config **ret);

/* The same, but hands out the configuration also when it returns 1, so that more mistakes can be looked for: references may then be
 * CONFIG_NONE, and what was wrong is at its default. *ret is NULL when there is none at all. */
int config_load_all(const char *path, struct diagnostics *list, struct config **ret);
int config_parse_all(const char *name, const char *text, size_t size, enum config_form form,
	struct diagnostics *list, struct config **ret);

/* The same for text in memory; NAME stands for the file in the messages. Relative paths stay as they are. */
int config_parse_text(const char *name, const char *text, size_t size, enum config_form form,
	struct diagnostics *list, struct config **ret);

/* Accepts NULL. */
void config_free(struct config *config);

/* Where KEY of SECTION was written, or, when it was not, the section. Never NULL. */
const struct config_origin *config_origin_of(const struct config_section *section, const char *key);

/* Whether KEY was written at all (false: the value is the default). */
bool config_is_written(const struct config_section *section, const char *key);

/* The number of workers: what was written, or the number of cores this process may use. At least 1. */
unsigned config_worker_count(const struct config *config);

/* The first of that name, or CONFIG_NONE. */
size_t config_find_listener(const struct config *config, const char *name);

/* Whether two [tls] sections in snapshot form say the same, whatever their names and lines: what was built from one serves the other. */
bool config_tls_equal(const struct config_tls *a, const struct config_tls *b);

/* Whether all of two sections but the lines is equal, so a reload has nothing to do. References are compared by name. */
bool config_listener_equal(const struct config *config_a, const struct config_listener *a,
	const struct config *config_b, const struct config_listener *b);
bool config_upstream_equal(const struct config *config_a, const struct config_upstream *a,
	const struct config *config_b, const struct config_upstream *b);

enum config_print_style {
	CONFIG_PRINT_EFFECTIVE, /* for reading, -T: every key with its default, paths */
	CONFIG_PRINT_SNAPSHOT,  /* for config_parse_text(): what was written, blobs, "#line" */
};

/* The configuration as INI text that the reader reads back into the same values. The caller frees *ret_text. Returns 0 or -ENOMEM. */
int config_print(const struct config *config, enum config_print_style style, char **ret_text, size_t *ret_size);

#endif

/* The table of configuration keys: the one place that says which keys exist, what they hold and what they mean.
 *
 * Data only. Reading, defaults, checking, printing (-T) and the reference in unitlsd.conf(5) all come from it.
 * Invariant: keys of one section are next to each other, each name once. */

#ifndef UNITLSD_CONFIG_KEYS_H
#define UNITLSD_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/config.h"

/* What a key holds, and the type of the member at its offset. */
enum config_type {
	CONFIG_TYPE_INCLUDE,      /* nothing: names more configuration */
	CONFIG_TYPE_TEXT,         /* char * */
	CONFIG_TYPE_PATH,         /* char *; a relative one starts at the file it is written in */
	CONFIG_TYPE_WORD,         /* an enum, stored as int; words says which */
	CONFIG_TYPE_BOOL,         /* bool */
	CONFIG_TYPE_COUNT,        /* size_t, from min to max */
	CONFIG_TYPE_WORKERS,      /* unsigned, from min to max; "auto" is 0 */
	CONFIG_TYPE_DURATION,     /* unsigned, milliseconds, from min to max */
	CONFIG_TYPE_VERSION,      /* uint16_t, a wire number; "highest" is 0 */
	CONFIG_TYPE_CIPHERS,      /* struct config_ciphers */
	CONFIG_TYPE_NAMES,        /* struct config_string_list: ALPN names */
	CONFIG_TYPE_HOST,         /* char *: a DNS name or IP address of a peer */
	CONFIG_TYPE_LISTEN,       /* struct address */
	CONFIG_TYPE_SERVERS,      /* struct config_address_list */
	CONFIG_TYPE_SECTION,      /* size_t: index of a section of the kind target */
	CONFIG_TYPE_CERTIFICATES, /* struct config_certificate_list */
	CONFIG_TYPE_FOLDERS,      /* struct config_string_list: paths */
	CONFIG_TYPE_FILES,        /* struct config_file_list */
};

struct config_word {
	const char *text;
	int value;
};

enum config_key_flag {
	CONFIG_KEY_REPEATABLE = 1, /* may be written more than once, and go on in indented lines */
	CONFIG_KEY_REQUIRED = 2,
	CONFIG_KEY_FILE_FORM = 4, /* has no place in the snapshot form */
};

struct config_key {
	enum config_kind kind;
	enum config_type type;
	const char *name;
	size_t offset;            /* in the section's struct */
	const char *default_text; /* read like a written value; NULL: the member stays zero */
	unsigned flags;           /* enum config_key_flag */
	enum config_kind target;  /* CONFIG_TYPE_SECTION */
	uint64_t min;
	uint64_t max;
	const struct config_word
		*words;       /* CONFIG_TYPE_WORD; CONFIG_TYPE_PATH: one, for no path; ends with a NULL text */
	const char *argument; /* what the manual shows for the value */
	const char *help;     /* one line, no full stop */
	const char *manual;   /* mdoc, without the first line */
};

/* The keys of a section, and how many they are. */
const struct config_key *config_keys(enum config_kind kind, size_t *ret_count);

/* NULL when the section has no such key. */
const struct config_key *config_key_find(enum config_kind kind, const char *name);

/* The key's position among those of its section. */
size_t config_key_index(const struct config_key *key);

/* "daemon", "tls", ... and back; config_kind_find() returns 0 or -ENOENT. */
const char *config_kind_name(enum config_kind kind);
int config_kind_find(const char *name, enum config_kind *ret);

#endif

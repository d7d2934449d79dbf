/* unitls backends: which TLS libraries are here, and what each can do. */

#include "tool/commands.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unitls/backend.h>
#include <unitls/certificate.h>
#include <unitls/cipher_suite.h>
#include <unitls/tls_version.h>

#include "common/backend_report.h"
#include "tool/json.h"
#include "tool/message.h"
#include "tool/options.h"

#define BACKENDS_MAX 64

static const char help[] =
	"usage: unitls backends [--json | --markdown] [NAME...]\n"
	"\n"
	"Says of each TLS library that is here, or of those named, what it can do, what limits it has, and in\n"
	"what it is known to answer a peer otherwise than OpenSSL does.\n"
	"\n"
	"  --json                an array of objects\n"
	"  --markdown            a table of capabilities and limits\n"
	"  --help\n"
	"\n"
	"Exit status: 0, or 1 when one cannot be loaded or there is none.\n";

enum backends_option {
	OPTION_JSON = 256,
	OPTION_MARKDOWN,
	OPTION_HELP,
};

enum form {
	FORM_TEXT,
	FORM_JSON,
	FORM_MARKDOWN,
	FORM_HELP,
};

struct backends {
	struct unitls_backend *loaded[BACKENDS_MAX];
	size_t n;
	bool failed;
};

/* ---- JSON ---- */

static json_t *versions_json(const struct unitls_capabilities *can)
{
	json_t *versions = json_array();

	for (uint16_t version = can->min_version; version <= can->max_version; version++)
		json_add(versions, json_text(unitls_tls_version_name(version)));
	return versions;
}

static json_t *capabilities_json(const struct unitls_capabilities *can)
{
	json_t *capabilities = json_object();

#define CAPABILITY(id, bit, name) json_put(capabilities, name, json_boolean((can->bits & UNITLS_CAP_##id) != 0));
	UNITLS_CAPABILITIES(CAPABILITY)
#undef CAPABILITY
	return capabilities;
}

static json_t *key_types_json(const struct unitls_capabilities *can)
{
	json_t *types = json_array();

#define KEY_TYPE(id, name)                                \
	if ((can->key_types >> UNITLS_KEY_##id & 1) != 0) \
		json_add(types, json_text(name));
	UNITLS_KEY_TYPES(KEY_TYPE)
#undef KEY_TYPE
	return types;
}

static json_t *suites_json(const struct unitls_capabilities *can)
{
	json_t *suites = json_array();

	for (size_t i = 0; i < can->n_cipher_suites; i++)
		json_add(suites, json_text(unitls_cipher_suite_name(can->cipher_suites[i])));
	return suites;
}

static json_t *differences_json(const struct unitls_backend *backend)
{
	json_t *differences = json_array();
	struct unitls_backend_difference row;

	for (size_t i = 0; unitls_backend_difference_at(i, &row); i++) {
		json_t *difference;

		if (!backend_report_concerns(&row, backend))
			continue;
		difference = json_object();
		json_put(difference, "what", json_text(row.what));
		json_put(difference, "verdict", json_text(row.verdict));
		json_put(difference, "reason", json_text(row.reason));
		json_add(differences, difference);
	}
	return differences;
}

static json_t *backend_json(const struct unitls_backend *backend)
{
	const struct unitls_capabilities *can = unitls_backend_capabilities(backend);
	json_t *object = json_object();

	json_put(object, "name", json_text(unitls_backend_name(backend)));
	json_put(object, "library", json_text(unitls_backend_library_version(backend)));
	json_put(object, "versions", versions_json(can));
	json_put(object, "capabilities", capabilities_json(can));
	json_put(object, "key_types", key_types_json(can));
	json_put(object, "rsa_min_bits", json_integer(can->rsa_min_bits));
	json_put(object, "rsa_max_bits", json_integer(can->rsa_max_bits));
	json_put(object, "alpn_max_names", json_integer((json_int_t)can->alpn_max_names));
	json_put(object, "alpn_max_name_bytes", json_integer((json_int_t)can->alpn_max_name_bytes));
	json_put(object, "alpn_binary", json_boolean(can->alpn_binary));
	json_put(object, "cipher_suites", suites_json(can));
	json_put(object, "notes", json_text(can->notes));
	json_put(object, "differences", differences_json(backend));
	return object;
}

static void print_json(const struct backends *backends)
{
	json_t *list = json_array();

	for (size_t i = 0; i < backends->n; i++)
		json_add(list, backend_json(backends->loaded[i]));
	(void)json_print(stdout, list); /* the program looks at standard output before it ends */
	json_decref(list);
}

/* ---- choosing ---- */

/* Also for unitls_backend_list: goes on after one that cannot be loaded. */
static bool load(void *argument, const char *name)
{
	struct backends *backends = argument;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (backends->n < BACKENDS_MAX && unitls_backend_load(name, &backends->loaded[backends->n], &error) == 0) {
		backends->n++;
		return true;
	}
	message("%s", backends->n < BACKENDS_MAX ? error.text : "too many backends");
	backends->failed = true;
	return backends->n < BACKENDS_MAX;
}

static enum status print(enum form form, char **names, int n)
{
	struct backends backends = {.n = 0};

	for (int i = 0; i < n; i++)
		if (!load(&backends, names[i]))
			break;
	if (n == 0 && unitls_backend_list(NULL, load, &backends) == 0) {
		message("no backends were found");
		message_hint("UNITLS_BACKEND_DIR says where their modules are");
		backends.failed = true;
	}
	switch (form) {
	case FORM_TEXT:
		for (size_t i = 0; i < backends.n; i++)
			backend_report_print(stdout, backends.loaded[i]);
		break;
	case FORM_JSON:
		print_json(&backends);
		break;
	case FORM_MARKDOWN:
		backend_report_print_markdown(
			stdout, (const struct unitls_backend *const *)backends.loaded, backends.n);
		break;
	case FORM_HELP:
		break;
	}
	return backends.failed ? STATUS_LOCAL : STATUS_CLEAN;
}

static int parse(int argc, char **argv, enum form *ret_form)
{
	static const struct option table[] = {
		{"json", no_argument, NULL, OPTION_JSON},
		{"markdown", no_argument, NULL, OPTION_MARKDOWN},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	enum form form = FORM_TEXT;
	int option;

	while ((option = options_next(argc, argv, table)) != OPTIONS_END) {
		enum form wanted = option == OPTION_JSON ? FORM_JSON
			: option == OPTION_MARKDOWN      ? FORM_MARKDOWN
							 : FORM_HELP;

		if (option == OPTIONS_FAULT)
			return -1;
		if (form != FORM_TEXT && form != wanted && wanted != FORM_HELP) {
			message("either --json or --markdown");
			return -1;
		}
		form = wanted;
	}
	*ret_form = form;
	return 0;
}

enum status command_backends(int argc, char **argv)
{
	enum form form;

	message_set_command("unitls backends");
	if (parse(argc, argv, &form) < 0) {
		message_try_help();
		return STATUS_USAGE;
	}
	if (form == FORM_HELP)
		return fputs(help, stdout) < 0 ? STATUS_LOCAL : STATUS_CLEAN;
	return print(form, argv + optind, argc - optind);
}

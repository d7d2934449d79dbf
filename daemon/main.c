/* The command line of unitlsd: what to do, with which configuration. Everything else is done elsewhere. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unitls/backend.h>
#include <unitls/common.h>

#include "common/backend_report.h"
#include "daemon/config.h"
#include "daemon/diagnostics.h"
#include "daemon/loader.h"
#include "daemon/master.h"

#define EXIT_USAGE     2
#define DEFAULT_CONFIG UNITLS_SYSCONFDIR "/unitls/unitlsd.conf"

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_PRINT,
	ACTION_VERSION,
	ACTION_BACKENDS,
	ACTION_HELP,
};

struct arguments {
	enum action action;
	const char *config;
	const char *listen;
	const char *upstream;
	const char *certificate;
	const char *key;
	const char *backend;
	const char *module_dir;
};

enum long_option {
	OPTION_LISTEN = 256,
	OPTION_UPSTREAM,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_BACKEND,
	OPTION_BACKEND_DIR,
	OPTION_BACKENDS,
};

static const char usage_text[] =
	"usage: unitlsd [-c FILE]\n"
	"       unitlsd [-c FILE] -t | -T\n"
	"       unitlsd --listen ADDRESS --upstream ADDRESS [--certificate PEM [--key PEM]] [--backend NAME] [-t | -T]\n"
	"       unitlsd --version | --backends | --help\n"
	"\n"
	"  -c, --config FILE     the configuration; default " DEFAULT_CONFIG "\n"
	"  -t, --check           check the configuration and everything it names; exit 0 or 1\n"
	"  -T, --print           the same, and print what is in effect, defaults included\n"
	"  -f, --foreground      stay in the foreground; it always does\n"
	"      --listen ADDRESS  no file: accept here (192.0.2.1:443, [::1]:443, *:443, unix:PATH) ...\n"
	"      --upstream ADDRESS  ... and connect there (127.0.0.1:8080, name:8080, unix:PATH)\n"
	"      --certificate PEM   the certificate, its intermediates and, unless --key names it, its key;\n"
	"                          without a certificate the listener speaks plaintext\n"
	"      --key PEM           the key\n"
	"      --backend NAME      the TLS library: openssl, mbedtls, ...\n"
	"      --backend-dir DIR   look for the backends' modules here only\n"
	"  -V, --version         this version, and each backend with its library's\n"
	"      --backends        each backend, what it can do, and in what it is known to differ\n"
	"  -h, --help            this\n"
	"\n"
	"SIGHUP reloads, SIGTERM stops after open connections ended, SIGUSR1 opens the log file again.\n"
	"See unitlsd(8) and unitlsd.conf(5).\n";

/* Takes one option. Returns 0, or -EINVAL when it is none (getopt has said so). */
static int take_option(struct arguments *arguments, int option)
{
	switch (option) {
	case 'c':
		arguments->config = optarg;
		return 0;
	case 't':
		arguments->action = ACTION_CHECK;
		return 0;
	case 'T':
		arguments->action = ACTION_PRINT;
		return 0;
	case 'f':
		return 0;
	case 'V':
		arguments->action = ACTION_VERSION;
		return 0;
	case 'h':
		arguments->action = ACTION_HELP;
		return 0;
	case OPTION_LISTEN:
		arguments->listen = optarg;
		return 0;
	case OPTION_UPSTREAM:
		arguments->upstream = optarg;
		return 0;
	case OPTION_CERTIFICATE:
		arguments->certificate = optarg;
		return 0;
	case OPTION_KEY:
		arguments->key = optarg;
		return 0;
	case OPTION_BACKEND:
		arguments->backend = optarg;
		return 0;
	case OPTION_BACKEND_DIR:
		arguments->module_dir = optarg;
		return 0;
	case OPTION_BACKENDS:
		arguments->action = ACTION_BACKENDS;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Whether the options go together; NULL or what does not. */
static const char *check_arguments(const struct arguments *arguments)
{
	bool quick = arguments->listen || arguments->upstream;

	if (quick && arguments->config)
		return "either -c or --listen and --upstream";
	if (quick && (!arguments->listen || !arguments->upstream))
		return "--listen and --upstream go together";
	if (!quick && (arguments->certificate || arguments->key || arguments->backend))
		return "--certificate, --key and --backend need --listen and --upstream";
	if (arguments->key && !arguments->certificate)
		return "--key needs --certificate";
	if (arguments->backend && !arguments->certificate)
		return "--backend needs --certificate";
	return NULL;
}

static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 't'},
		{"print", no_argument, NULL, 'T'},
		{"foreground", no_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, OPTION_LISTEN},
		{"upstream", required_argument, NULL, OPTION_UPSTREAM},
		{"certificate", required_argument, NULL, OPTION_CERTIFICATE},
		{"key", required_argument, NULL, OPTION_KEY},
		{"backend", required_argument, NULL, OPTION_BACKEND},
		{"backend-dir", required_argument, NULL, OPTION_BACKEND_DIR},
		{"backends", no_argument, NULL, OPTION_BACKENDS},
		{NULL, 0, NULL, 0},
	};
	const char *fault;
	int option;

	while ((option = getopt_long(argc, argv, "c:tTfVh", options, NULL)) != -1) {
		if (take_option(arguments, option) < 0)
			return -EINVAL;
	}
	fault = optind < argc ? "an argument that is not an option" : check_arguments(arguments);
	if (fault)
		(void)fprintf(stderr, "unitlsd: %s\n", fault);
	return fault ? -EINVAL : 0;
}

/* An option becomes one line of configuration, so it must be one. */
static bool is_one_line(const char *text)
{
	for (; text && *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static void print_value(FILE *stream, const char *key, const char *value)
{
	if (value)
		(void)fprintf(stream, "%s = %s\n", key, value);
}

/* The configuration that the options stand for. Returns 0; -EINVAL, which was said; -ENOMEM. */
static int make_text(const struct arguments *arguments, char **ret_text, size_t *ret_size)
{
	const char *const values[] = {arguments->listen, arguments->upstream, arguments->certificate,
		arguments->key, arguments->backend};
	FILE *stream;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!is_one_line(values[i])) {
			(void)fprintf(stderr, "unitlsd: an option has a control character\n");
			return -EINVAL;
		}
	}
	stream = open_memstream(ret_text, ret_size);
	if (!stream)
		return -ENOMEM;
	(void)fprintf(stream, "[daemon]\ncontrol = none\n[upstream upstream]\n");
	print_value(stream, "server", arguments->upstream);
	(void)fprintf(stream, "[listener listener]\nupstream = upstream\n");
	print_value(stream, "listen", arguments->listen);
	if (arguments->certificate) {
		(void)fprintf(stream, "tls = tls\n[tls tls]\n");
		print_value(stream, "certificate", arguments->certificate);
		print_value(stream, "key", arguments->key);
		print_value(stream, "backend", arguments->backend);
	}
	bool failed = ferror(stream) != 0;
	if (fclose(stream) != 0 || failed) {
		free(*ret_text);
		return -ENOMEM;
	}
	return 0;
}

/* ---- actions ---- */

static bool on_backend(void *argument, const char *name)
{
	const struct unitls_backend_load_params params = {.directory = argument};
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct unitls_backend *backend;

	if (unitls_backend_load_with(name, &params, &backend, &error) == 0)
		(void)printf("backend %s: %s\n", name, unitls_backend_library_version(backend));
	else
		(void)printf("backend %s: cannot be loaded: %s\n", name, error.text);
	return true;
}

static int print_version(const char *module_dir)
{
	char *folder = module_dir ? strdup(module_dir) : NULL;

	(void)printf("unitlsd %s\n", UNITLS_VERSION);
	if (unitls_backend_list(module_dir, on_backend, folder) == 0)
		(void)printf("no backends were found\n");
	free(folder);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_backends(const char *module_dir)
{
	(void)backend_report_print_all(stdout, module_dir);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void print_diagnostics(const struct diagnostics *list)
{
	char line[2 * DIAGNOSTICS_TEXT_MAX];

	for (size_t i = 0; i < list->count; i++) {
		(void)diagnostics_format(&list->items[i], line, sizeof(line));
		(void)fprintf(stderr, "%s\n", line);
	}
	if (list->error_count + list->warning_count > list->count)
		(void)fprintf(stderr, "unitlsd: %zu more messages\n",
			list->error_count + list->warning_count - list->count);
}

/* Prints the configuration that was found good, as it was written, with its defaults. */
static int print_config(const struct loader_options *options)
{
	struct diagnostics list;
	struct config *config = NULL;
	char *text = NULL;
	size_t size = 0;
	int r;

	diagnostics_init(&list);
	r = options->path ? config_load(options->path, &list, &config)
			  : config_parse_text(options->text_name, options->text, options->text_size,
				    CONFIG_FORM_FILE, &list, &config);
	if (r == 0)
		r = config_print(config, CONFIG_PRINT_EFFECTIVE, &text, &size);
	if (r == 0 && (fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0))
		r = -EIO;
	free(text);
	config_free(config);
	diagnostics_fini(&list);
	return r;
}

static int check(const struct arguments *arguments, const struct loader_options *options)
{
	const char *name = options->path ? options->path : options->text_name;
	struct diagnostics list;
	int fd = -1;
	int r;

	diagnostics_init(&list);
	r = loader_run(options, &list, &fd);
	print_diagnostics(&list);
	diagnostics_fini(&list);
	if (r == 0) {
		(void)close(fd);
		if (arguments->action == ACTION_PRINT)
			r = print_config(options);
		else
			(void)fprintf(stderr, "unitlsd: %s is good\n", name);
	}
	if (r < 0)
		(void)fprintf(stderr, "unitlsd: %s: %s\n", name, strerrordesc_np(-r));
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct arguments *arguments, const struct loader_options *options)
{
	const struct master_options master = {.loader = options, .module_dir = arguments->module_dir};

	if (arguments->listen && !arguments->certificate)
		(void)fprintf(stderr, "unitlsd: no --certificate: the listener speaks plaintext, not TLS\n");
	return master_run(&master);
}

/* With one of the standard descriptors closed, the first socket would become standard error. */
static int open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR); /* stays open over exec by intent, like any standard descriptor */
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct loader_options options = {0};
	char *text = NULL;
	int status;

	if (open_standard_descriptors() < 0)
		return EXIT_FAILURE;
	if (parse_arguments(argc, argv, &arguments) < 0) {
		(void)fprintf(stderr, "Try unitlsd --help.\n");
		return EXIT_USAGE;
	}
	if (arguments.action == ACTION_HELP)
		return fputs(usage_text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (arguments.action == ACTION_VERSION)
		return print_version(arguments.module_dir);
	if (arguments.action == ACTION_BACKENDS)
		return print_backends(arguments.module_dir);
	options.module_dir = arguments.module_dir;
	options.check_log = arguments.action != ACTION_RUN;
	options.text_name = DIAGNOSTICS_COMMAND_LINE;
	if (arguments.listen) {
		if (make_text(&arguments, &text, &options.text_size) < 0)
			return EXIT_USAGE;
		options.text = text;
	} else {
		options.path = arguments.config ? arguments.config : DEFAULT_CONFIG;
	}
	status = arguments.action == ACTION_RUN ? run(&arguments, &options) : check(&arguments, &options);
	free(text);
	return status;
}

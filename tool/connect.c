/* unitls connect: a TLS client. Shows what was negotiated, then standard input goes to the server and what comes from there to standard output. */

#include "tool/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <unitls/insecure.h>

#include "tool/address.h"
#include "tool/clock.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/report.h"
#include "tool/session.h"
#include "tool/standard.h"
#include "tool/tls_options.h"

static const char help[] =
	"usage: unitls connect HOST:PORT [OPTION...]\n"
	"\n"
	"Connects, says on standard error what was negotiated, and passes standard input to the server and\n"
	"what it sends to standard output. The end of standard input becomes a close_notify, after which\n"
	"reading goes on until the server has ended, too.\n"
	"\n"
	"  --server-name NAME    the name to ask for and to verify; default HOST\n"
	"  --ca FILE             whom to trust (PEM); default: the system's authorities\n"
	"  --insecure            do not verify the server: anyone can read and change everything\n" TLS_OPTIONS_HELP
	"  --ignore-eof          do not pass on the end of standard input: wait for the server to end\n"
	"  --quiet               say nothing but errors\n"
	"  --json                one object on standard output in place of what the server sends\n"
	"  --help\n"
	"\n"
	"Exit status: 0 ended cleanly, 1 something here, 2 usage, 3 no connection, 4 TLS failed,\n"
	"5 certificate refused, 6 cut off without a close_notify, 7 timed out. See unitls(1).\n";

enum connect_option {
	OPTION_SERVER_NAME = TLS_OPTION_LAST + 1,
	OPTION_INSECURE,
	OPTION_IGNORE_EOF,
	OPTION_QUIET,
	OPTION_JSON,
	OPTION_HELP,
};

struct connect_options {
	struct tls_options tls;
	struct address address;
	const char *target; /* HOST:PORT as given */
	const char *server_name;
	bool ignore_eof;
	struct report_style style;
	bool help;
};

/* ---- options ---- */

static int take_option(struct connect_options *options, int option)
{
	switch ((enum connect_option)option) {
	case OPTION_SERVER_NAME:
		options->server_name = optarg;
		return 0;
	case OPTION_INSECURE:
		options->tls.insecure = true;
		return 0;
	case OPTION_IGNORE_EOF:
		options->ignore_eof = true;
		return 0;
	case OPTION_QUIET:
		options->style.quiet = true;
		return 0;
	case OPTION_JSON:
		options->style.json = true;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	}
	return option == 'h' ? (options->help = true, 0) : tls_options_take(&options->tls, option, optarg);
}

/* What does not go together, or NULL. */
static const char *check_options(const struct connect_options *options)
{
	if (options->tls.insecure && options->tls.ca)
		return "--insecure verifies nothing, so --ca has no meaning with it";
	if (options->tls.key && !options->tls.certificate)
		return "--key needs --cert";
	return NULL;
}

static int parse(int argc, char **argv, struct connect_options *options)
{
	static const struct option table[] = {
		TLS_OPTIONS_ROWS,
		{"server-name", required_argument, NULL, OPTION_SERVER_NAME},
		{"insecure", no_argument, NULL, OPTION_INSECURE},
		{"ignore-eof", no_argument, NULL, OPTION_IGNORE_EOF},
		{"quiet", no_argument, NULL, OPTION_QUIET},
		{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	const char *fault;
	int option;

	tls_options_init(&options->tls);
	while ((option = options_next(argc, argv, table)) != OPTIONS_END)
		if (option == OPTIONS_FAULT || take_option(options, option) < 0)
			return -1;
	if (options->help)
		return 0;
	fault = check_options(options);
	if (!fault && argc - optind != 1)
		fault = argc == optind ? "where to? write HOST:PORT" : "one HOST:PORT at a time";
	if (fault) {
		message("%s", fault);
		return -1;
	}
	options->target = argv[optind];
	fault = address_parse(options->target, false, &options->address);
	if (fault)
		message("%s: %s", options->target, fault);
	return fault ? -1 : 0;
}

/* Whose certificate is wanted, and how the connection is to ask for it. */
static int expected_name(const struct connect_options *options, struct unitls_peer_name *ret_expected,
	struct unitls_peer_name *ret_asked)
{
	const char *name = options->server_name ? options->server_name : options->address.host;
	struct unitls_error error = UNITLS_ERROR_INIT;

	if (unitls_peer_name_parse(name, ret_expected, &error) < 0) {
		message("%s", error.text);
		message_hint(options->server_name ? NULL : "name the server by --server-name NAME");
		return -1;
	}
	*ret_asked = *ret_expected;
	if (!options->tls.insecure)
		return 0;
	return unitls_insecure_peer_name_unchecked(
		ret_expected->type == UNITLS_PEER_NAME_DNS ? ret_expected->text : NULL, ret_asked, NULL);
}

/* ---- the connection ---- */

/* Until it is over and all that came has been written. */
static void relay(struct session *session, const struct connect_options *options, const struct report_facts *facts)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct standard standard;
	bool told = false;

	standard_init(&standard);
	standard.discard = options->style.json;
	standard.ignore_eof = options->ignore_eof;
	while (session->phase != SESSION_OVER || session_held(session).size > 0) {
		struct pollfd wanted[1 + STANDARD_POLLFDS];
		int64_t deadline = session_deadline(session);

		wanted[0] = session_pollfd(session);
		standard_pollfds(&standard, session, wanted + 1);
		if (poll(wanted, 1 + STANDARD_POLLFDS, session->hungry ? 0 : clock_left_ms(deadline)) < 0 &&
			errno != EINTR)
			return;
		session_run(session, wanted[0].revents);
		if (!told && session->phase == SESSION_OPEN) {
			report_tell_open(&options->style, facts, session);
			told = true;
		}
		if (standard_run(&standard, session, wanted + 1, &error) < 0) {
			session_fail(session, STATUS_LOCAL, &error);
			session_take(session, session_held(session).size);
		}
	}
}

static enum status run_session(const struct connect_options *options, const struct report_facts *facts,
	struct unitls_client_context *context, const struct unitls_peer_name *asked, int fd)
{
	static struct session session;
	struct session_end failed = {STATUS_LOCAL, UNITLS_ERROR_INIT};
	struct unitls_connection *tls;
	enum status status;

	if (unitls_client_connection_new(context, asked, &tls, &failed.error) < 0) {
		(void)close(fd);
		return report_tell_end(&options->style, facts, NULL, &failed);
	}
	session_init(&session, tls, fd, options->tls.timeout_ms);
	relay(&session, options, facts);
	status = report_tell_end(&options->style, facts, &session, &session.end);
	session_fini(&session);
	return status;
}

static enum status run(const struct connect_options *options, struct unitls_backend *backend,
	struct unitls_client_context *context, const struct unitls_peer_name *expected,
	const struct unitls_peer_name *asked)
{
	char peer[ADDRESS_TEXT_SIZE] = "";
	char why[256];
	const struct report_facts facts = {
		.unverified = options->tls.insecure, .peer = peer, .backend = backend, .expected = expected};
	struct session_end end = {STATUS_NO_CONNECTION, UNITLS_ERROR_INIT};
	int fd = address_connect(&options->address, clock_now_ms() + options->tls.timeout_ms, peer, why);

	if (fd >= 0)
		return run_session(options, &facts, context, asked, fd);
	(void)snprintf(peer, sizeof(peer), "%.*s", (int)sizeof(peer) - 1, options->target);
	end.error.error_class = UNITLS_ERROR_CLASS_IO;
	(void)snprintf(end.error.text, sizeof(end.error.text), "cannot connect: %.230s", why);
	return report_tell_end(&options->style, &facts, NULL, &end);
}

enum status command_connect(int argc, char **argv)
{
	struct connect_options options = {0};
	struct unitls_peer_name expected;
	struct unitls_peer_name asked;
	struct unitls_backend *backend;
	struct unitls_client_context *context;
	enum status status;

	message_set_command("unitls connect");
	if (parse(argc, argv, &options) < 0) {
		message_try_help();
		return STATUS_USAGE;
	}
	if (options.help)
		return fputs(help, stdout) < 0 ? STATUS_LOCAL : STATUS_CLEAN;
	if (expected_name(&options, &expected, &asked) < 0)
		return STATUS_USAGE;
	backend = tls_options_backend(&options.tls);
	context = backend ? tls_options_client(&options.tls, backend) : NULL;
	if (!context)
		return STATUS_LOCAL;
	status = run(&options, backend, context, &expected, &asked);
	unitls_client_context_unref(context);
	return status;
}

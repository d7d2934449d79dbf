/* unitls serve: a TLS server for tests. One client at a time has standard input and output; with --echo or --www several are served at once. */

#include "tool/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suggest.h"
#include "tool/address.h"
#include "tool/clock.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/report.h"
#include "tool/session.h"
#include "tool/standard.h"
#include "tool/tls_options.h"
#include "tool/www.h"

#define CLIENTS_MAX 64 /* at once; the others wait in the listening socket's queue */

static const char help[] =
	"usage: unitls serve [HOST:]PORT --cert FILE [OPTION...]\n"
	"\n"
	"Accepts connections (HOST: default 127.0.0.1, * is all; PORT 0: the kernel chooses) and says on\n"
	"standard error where. One client at a time gets standard input and is written to standard output.\n"
	"\n"
	"  --echo                send back what comes, to any number of clients\n"
	"  --www                 answer an HTTP request with a page about the connection, likewise\n"
	"  --client-auth HOW     none (the default), optional or required\n"
	"  --ca FILE             whose client certificates to trust (PEM); default: the system's authorities\n"
	"  --once                end after one connection, with its status\n" TLS_OPTIONS_HELP
	"  --quiet               say nothing but the address and errors\n"
	"  --json                objects on standard output, one to a line, in place of what clients send\n"
	"  --help\n"
	"\n"
	"Exit status with --once as that of unitls connect; otherwise it runs until it is ended.\n";

enum serve_option {
	OPTION_ECHO = TLS_OPTION_LAST + 1,
	OPTION_WWW,
	OPTION_CLIENT_AUTH,
	OPTION_ONCE,
	OPTION_QUIET,
	OPTION_JSON,
	OPTION_HELP,
};

enum mode {
	MODE_PIPE, /* standard input and output */
	MODE_ECHO,
	MODE_WWW,
};

struct serve_options {
	struct tls_options tls;
	struct address address;
	const char *target;
	enum mode mode;
	bool echo;
	bool www;
	bool once;
	struct report_style style;
	bool help;
};

struct client {
	struct session session;
	struct report_facts facts;
	char peer[ADDRESS_TEXT_SIZE];
	bool told;
	struct www www;
};

struct server {
	const struct serve_options *options;
	struct unitls_backend *backend;
	struct unitls_server_context *context;
	int listener;
	struct standard standard;
	struct client *clients[CLIENTS_MAX];
	size_t n;
	bool ended; /* with status */
	enum status status;
};

/* ---- options ---- */

static int take_client_auth(struct serve_options *options, const char *how)
{
	static const char *const names[] = {[UNITLS_CLIENT_AUTH_NONE] = "none",
		[UNITLS_CLIENT_AUTH_OPTIONAL] = "optional",
		[UNITLS_CLIENT_AUTH_REQUIRED] = "required"};
	struct suggestion suggestion;
	char hint[SUGGESTION_TEXT_MAX];

	suggestion_init(&suggestion, how);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		suggestion_offer(&suggestion, names[i]);
		if (strcmp(how, names[i]) == 0) {
			options->tls.client_auth = (enum unitls_client_auth)i;
			return 0;
		}
	}
	message("--client-auth %s: none, optional or required%s", how,
		suggestion_text(&suggestion, hint, sizeof(hint)));
	return -1;
}

static int take_option(struct serve_options *options, int option)
{
	switch ((enum serve_option)option) {
	case OPTION_ECHO:
		options->echo = true;
		return 0;
	case OPTION_WWW:
		options->www = true;
		return 0;
	case OPTION_CLIENT_AUTH:
		return take_client_auth(options, optarg);
	case OPTION_ONCE:
		options->once = true;
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

static const char *check_options(const struct serve_options *options)
{
	if (options->echo && options->www)
		return "either --echo or --www";
	if (!options->tls.certificate)
		return "a server needs a certificate: --cert FILE";
	if (options->tls.ca && options->tls.client_auth == UNITLS_CLIENT_AUTH_NONE)
		return "--ca is for client certificates: add --client-auth optional or required";
	return NULL;
}

static int parse(int argc, char **argv, struct serve_options *options)
{
	static const struct option table[] = {
		TLS_OPTIONS_ROWS,
		{"echo", no_argument, NULL, OPTION_ECHO},
		{"www", no_argument, NULL, OPTION_WWW},
		{"client-auth", required_argument, NULL, OPTION_CLIENT_AUTH},
		{"once", no_argument, NULL, OPTION_ONCE},
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
	options->mode = options->echo ? MODE_ECHO : options->www ? MODE_WWW : MODE_PIPE;
	fault = argc - optind == 1 ? check_options(options)
		: argc == optind   ? "on which port? write [HOST:]PORT"
				   : "one [HOST:]PORT at a time";
	if (fault) {
		message("%s", fault);
		return -1;
	}
	options->target = argv[optind];
	fault = address_parse(options->target, true, &options->address);
	if (fault)
		message("%s: %s", options->target, fault);
	return fault ? -1 : 0;
}

/* ---- clients ---- */

static void add_client(struct server *server, int fd, const char *peer)
{
	struct unitls_error error = UNITLS_ERROR_INIT;
	struct client *client = calloc(1, sizeof(*client));
	struct unitls_connection *tls = NULL;

	if (!client || unitls_server_connection_new(server->context, &tls, &error) < 0) {
		message("%s: %s", peer, client ? error.text : "out of memory");
		(void)close(fd);
		free(client);
		return;
	}
	session_init(&client->session, tls, fd, server->options->tls.timeout_ms);
	client->session.limit_silence = server->options->mode == MODE_WWW;
	(void)snprintf(client->peer, sizeof(client->peer), "%s", peer);
	client->facts = (struct report_facts){.server = true,
		.unverified = server->options->tls.client_auth == UNITLS_CLIENT_AUTH_NONE,
		.peer = client->peer,
		.backend = server->backend};
	server->clients[server->n++] = client;
}

static void remove_client(struct server *server, size_t i)
{
	struct client *client = server->clients[i];

	server->clients[i] = server->clients[--server->n];
	www_fini(&client->www);
	session_fini(&client->session);
	free(client);
}

static void echo(struct session *session)
{
	for (;;) {
		struct unitls_bytes held = session_held(session);
		uint8_t *at;
		size_t room = session_room(session, &at);
		size_t n = held.size < room ? held.size : room;

		if (n == 0)
			break;
		memcpy(at, held.data, n);
		session_put(session, n);
		session_take(session, n);
	}
	if (session->in_ended && session_held(session).size == 0 && !session->out_ended)
		session_end_output(session);
}

/* What a client's plaintext is for. got: of standard input and output. */
static void run_application(struct server *server, struct client *client, const struct pollfd *got)
{
	struct session *session = &client->session;
	struct unitls_error error = UNITLS_ERROR_INIT;

	switch (server->options->mode) {
	case MODE_PIPE:
		if (standard_run(&server->standard, session, got, &error) == 0)
			return;
		session_fail(session, STATUS_LOCAL, &error);
		session_take(session, session_held(session).size);
		return;
	case MODE_ECHO:
		if (session->phase == SESSION_OPEN)
			echo(session);
		return;
	case MODE_WWW:
		if (session->phase == SESSION_OPEN)
			www_run(&client->www, &client->facts, session);
		return;
	}
}

/* One turn of a client. Whether it has ended and all that it sent has been dealt with. */
static bool run_client(struct server *server, struct client *client, short revents, const struct pollfd *got)
{
	struct session *session = &client->session;

	session_run(session, revents);
	if (!client->told && unitls_connection_handshake_done(session->tls)) {
		client->told = true;
		report_tell_open(&server->options->style, &client->facts, session);
	}
	run_application(server, client, got);
	/* Only standard output takes what is left of a connection that has ended. */
	return session->phase == SESSION_OVER &&
		(server->options->mode != MODE_PIPE || session_held(session).size == 0);
}

static void run_clients(struct server *server, const struct pollfd *got_clients, const struct pollfd *got_standard)
{
	for (size_t i = server->n; i-- > 0;) {
		struct client *client = server->clients[i];
		enum status status;

		if (!run_client(server, client, got_clients[i].revents, got_standard))
			continue;
		status = report_tell_end(
			&server->options->style, &client->facts, &client->session, &client->session.end);
		if (server->options->once || status == STATUS_LOCAL) {
			server->ended = true;
			server->status = status;
		}
		remove_client(server, i);
	}
}

/* ---- the loop ---- */

static void accept_clients(struct server *server, size_t limit)
{
	char peer[ADDRESS_TEXT_SIZE];

	while (server->n < limit) {
		int fd = address_accept(server->listener, peer);

		if (fd >= 0) {
			add_client(server, fd, peer);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		message("cannot accept: %s", strerrordesc_np(errno));
		server->ended = true;
		server->status = STATUS_LOCAL;
		return;
	}
}

/* How long nothing happens by itself. */
static int patience(const struct server *server)
{
	int64_t deadline = CLOCK_NEVER;

	for (size_t i = 0; i < server->n; i++) {
		const struct session *session = &server->clients[i]->session;

		if (session->hungry)
			return 0;
		if (session_deadline(session) < deadline)
			deadline = session_deadline(session);
	}
	return clock_left_ms(deadline);
}

static void turn(struct server *server, size_t limit)
{
	struct pollfd polled[1 + STANDARD_POLLFDS + CLIENTS_MAX];
	struct pollfd *standard = polled + 1;
	struct pollfd *clients = standard + STANDARD_POLLFDS;

	polled[0] = (struct pollfd){.fd = server->n < limit ? server->listener : -1, .events = POLLIN};
	standard[0].fd = standard[1].fd = -1;
	if (server->options->mode == MODE_PIPE && server->n > 0)
		standard_pollfds(&server->standard, &server->clients[0]->session, standard);
	for (size_t i = 0; i < server->n; i++)
		clients[i] = session_pollfd(&server->clients[i]->session);
	if (poll(polled, 1 + STANDARD_POLLFDS + server->n, patience(server)) < 0) {
		if (errno == EINTR)
			return;
		message("poll: %s", strerrordesc_np(errno));
		server->ended = true;
		server->status = STATUS_LOCAL;
		return;
	}
	run_clients(server, clients, standard);
	if (polled[0].revents != 0 && !server->ended)
		accept_clients(server, limit);
}

static int tell_address(const struct serve_options *options, const char *bound)
{
	json_t *report;
	int status;

	if (!options->style.json) {
		message("listening on %s", bound);
		return 0;
	}
	report = json_object();
	json_put(report, "listening", json_text(bound));
	status = json_print(stdout, report);
	json_decref(report);
	return status;
}

static enum status serve(struct server *server)
{
	const struct serve_options *options = server->options;
	size_t limit = options->once || options->mode == MODE_PIPE ? 1 : CLIENTS_MAX;
	char bound[ADDRESS_TEXT_SIZE] = "";
	char why[256];

	server->listener = address_listen(&options->address, bound, why);
	if (server->listener < 0) {
		message("cannot listen: %s", why);
		return STATUS_LOCAL;
	}
	if (tell_address(options, bound) < 0)
		server->ended = true;
	standard_init(&server->standard);
	server->standard.discard = options->style.json;
	while (!server->ended)
		turn(server, limit);
	while (server->n > 0)
		remove_client(server, server->n - 1);
	(void)close(server->listener);
	return server->status;
}

enum status command_serve(int argc, char **argv)
{
	static struct serve_options options;
	static struct server server = {.options = &options, .status = STATUS_LOCAL};
	enum status status;

	message_set_command("unitls serve");
	if (parse(argc, argv, &options) < 0) {
		message_try_help();
		return STATUS_USAGE;
	}
	if (options.help)
		return fputs(help, stdout) < 0 ? STATUS_LOCAL : STATUS_CLEAN;
	server.backend = tls_options_backend(&options.tls);
	server.context = server.backend ? tls_options_server(&options.tls, server.backend) : NULL;
	if (!server.context)
		return STATUS_LOCAL;
	status = serve(&server);
	unitls_server_context_unref(server.context);
	return status;
}

/* Reading options. */

#include "tests/bench/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unitls/tls_version.h>

#include "tests/bench/request.h"

#define CONNECTIONS_MAX 200000
#define COUNT_MAX       1000000000
#define RATE_MAX        1000000
#define TIMEOUT_MAX     86400
#define TIMEOUT_DEFAULT 60
#define BYTES_OF_ECHO   512
#define BYTES_OF_BULK   100000000

static const char usage[] =
	"usage: load --address HOST:PORT (--ca FILE --server-name NAME | --plain) --case CASE --connections C\n"
	"            [--backend NAME] [--tls 1.2|1.3] [--resume] [--count N] [--bytes B] [--rate R]\n"
	"            [--hostile PERCENT] [--timeout SECONDS]\n"
	"\n"
	"  connect  N connections, C at once: handshake, 512 bytes to the client, end\n"
	"  get      B bytes to the client by C connections\n"
	"  put      B bytes from the client by C connections\n"
	"  echo     N round trips of B bytes by C connections\n"
	"  idle     C connections with one round trip each; says ready, and holds them until standard input ends\n"
	"  rate     N connections as in connect, R a second, whether or not those before are complete, C at once at most\n"
	"\n"
	"HOST is an IPv4 address. With --resume every connection has to resume the session of an earlier one. With\n"
	"--hostile there are, for each hundred connections, so many more that break off, stall, or send garbage.\n";

static const char *const case_names[] = {
	[CASE_CONNECT] = "connect",
	[CASE_GET] = "get",
	[CASE_PUT] = "put",
	[CASE_ECHO] = "echo",
	[CASE_IDLE] = "idle",
	[CASE_RATE] = "rate",
};

static int refuse(const char *what)
{
	(void)fprintf(stderr, "load: %s\n%s", what, usage);
	return -1;
}

/* Decimal digits from 1 to max. */
static int take_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9')
			return refuse("a number is expected");
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > max)
			return refuse("a number is too large");
	}
	if (number == 0)
		return refuse("a number is zero or missing");
	*ret_number = number;
	return 0;
}

static int take_address(const char *text, struct sockaddr_in *ret_address)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];
	uint64_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return refuse("--address: write HOST:PORT");
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (take_number(colon + 1, UINT16_MAX, &port) < 0)
		return -1;
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1 ? 0 : refuse("--address: no IPv4 address");
}

static int take_case(const char *text, enum load_case *ret_case)
{
	for (size_t i = 0; i < sizeof(case_names) / sizeof(case_names[0]); i++)
		if (strcmp(text, case_names[i]) == 0) {
			*ret_case = (enum load_case)i;
			return 0;
		}
	return refuse("--case: there is no such case");
}

static int take(struct options *options, int option, bool *given_case)
{
	uint64_t number;

	switch (option) {
	case 'a':
		return take_address(optarg, &options->address);
	case 'C':
		options->ca = optarg;
		return 0;
	case 's':
		options->server_name = optarg;
		return 0;
	case 'p':
		options->plain = true;
		return 0;
	case 'b':
		options->backend = optarg;
		return 0;
	case 't':
		return unitls_tls_version_from_name(optarg, &options->tls_version) == 0
			? 0
			: refuse("--tls: 1.2 or 1.3");
	case 'r':
		options->resume = true;
		return 0;
	case 'c':
		*given_case = true;
		return take_case(optarg, &options->load_case);
	case 'n':
		return take_number(optarg, CONNECTIONS_MAX, &options->connections);
	case 'N':
		return take_number(optarg, COUNT_MAX, &options->count);
	case 'B':
		return take_number(optarg, REQUEST_SIZE_MAX, &options->bytes);
	case 'R':
		if (take_number(optarg, RATE_MAX, &number) < 0)
			return -1;
		options->rate = (double)number;
		return 0;
	case 'h':
		return take_number(optarg, 100, &options->hostile_percent);
	case 'T':
		if (take_number(optarg, TIMEOUT_MAX, &number) < 0)
			return -1;
		options->timeout_s = (uint32_t)number;
		return 0;
	default:
		return refuse("what is this?");
	}
}

/* What does not go together, or NULL; sets what was left to us. */
static const char *complete(struct options *options)
{
	if (options->address.sin_port == 0)
		return "--address is missing";
	if (options->connections == 0)
		return "--connections is missing";
	if (options->plain &&
		(options->ca || options->server_name || options->resume || options->hostile_percent > 0))
		return "--plain goes with nothing of TLS";
	if (!options->plain && (!options->ca || !options->server_name))
		return "--ca and --server-name, or --plain";
	if (options->load_case == CASE_RATE && options->rate <= 0)
		return "--rate is missing";
	if (options->count == 0)
		options->count = options->connections;
	if (options->bytes == 0)
		options->bytes = options->load_case == CASE_ECHO ? BYTES_OF_ECHO : BYTES_OF_BULK;
	if (options->load_case == CASE_ECHO && options->bytes > REQUEST_SIZE_MAX / options->count)
		return "more bytes than a request can ask for";
	if ((options->load_case == CASE_GET || options->load_case == CASE_PUT) &&
		options->bytes < options->connections)
		return "fewer bytes than connections";
	return NULL;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	static const struct option table[] = {
		{"address", required_argument, NULL, 'a'},
		{"ca", required_argument, NULL, 'C'},
		{"server-name", required_argument, NULL, 's'},
		{"plain", no_argument, NULL, 'p'},
		{"backend", required_argument, NULL, 'b'},
		{"tls", required_argument, NULL, 't'},
		{"resume", no_argument, NULL, 'r'},
		{"case", required_argument, NULL, 'c'},
		{"connections", required_argument, NULL, 'n'},
		{"count", required_argument, NULL, 'N'},
		{"bytes", required_argument, NULL, 'B'},
		{"rate", required_argument, NULL, 'R'},
		{"hostile", required_argument, NULL, 'h'},
		{"timeout", required_argument, NULL, 'T'},
		{NULL, 0, NULL, 0},
	};
	bool given_case = false;
	const char *fault;
	int option;

	*ret_options = (struct options){.timeout_s = TIMEOUT_DEFAULT};
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
		if (take(ret_options, option, &given_case) < 0)
			return -1;
	if (optind != argc)
		return refuse("what is the last argument for?");
	if (!given_case)
		return refuse("--case is missing");
	fault = complete(ret_options);
	return fault ? refuse(fault) : 0;
}

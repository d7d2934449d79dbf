/* The table. A key is added here and to its struct in config.h, and nowhere else unless its meaning needs a check. */

#include "daemon/config_keys.h"

#include <errno.h>
#include <string.h>

#define SECONDS 1000u
#define HOURS   (3600u * SECONDS)
#define DAYS    (24u * HOURS)

static const struct config_word log_levels[] = {
	{"error", CONFIG_LOG_ERROR},
	{"warning", CONFIG_LOG_WARNING},
	{"info", CONFIG_LOG_INFO},
	{"debug", CONFIG_LOG_DEBUG},
	{NULL, 0},
};

static const struct config_word client_auths[] = {
	{"none", CONFIG_CLIENT_AUTH_NONE},
	{"optional", CONFIG_CLIENT_AUTH_OPTIONAL},
	{"required", CONFIG_CLIENT_AUTH_REQUIRED},
	{NULL, 0},
};

/* The word that stands for no path at all. */
static const struct config_word log_words[] = {{"stderr", 0}, {NULL, 0}};
static const struct config_word control_words[] = {{"none", 0}, {NULL, 0}};

#define DAEMON(member)   .kind = CONFIG_KIND_DAEMON, .offset = offsetof(struct config_daemon, member)
#define TLS(member)      .kind = CONFIG_KIND_TLS, .offset = offsetof(struct config_tls, member)
#define LISTENER(member) .kind = CONFIG_KIND_LISTENER, .offset = offsetof(struct config_listener, member)
#define UPSTREAM(member) .kind = CONFIG_KIND_UPSTREAM, .offset = offsetof(struct config_upstream, member)

static const struct config_key keys[] = {
	{
		.kind = CONFIG_KIND_DAEMON,
		.type = CONFIG_TYPE_INCLUDE,
		.name = "include",
		.flags = CONFIG_KEY_REPEATABLE | CONFIG_KEY_FILE_FORM,
		.argument = "path",
		.help = "more configuration: a file, or every *.conf in a folder",
		.manual = "Also allowed before the first section.\n"
			  "The files of a folder are read in the order of their names.\n"
			  "An included file cannot include others.\n",
	},
	{
		DAEMON(workers),
		.type = CONFIG_TYPE_WORKERS,
		.name = "workers",
		.default_text = "auto",
		.min = 1,
		.max = 256,
		.argument = "number",
		.help = "processes that serve connections",
		.manual = "With\n.Cm auto\nit is the number of cores the daemon may run on.\n"
			  "A reload can change it.\n",
	},
	{
		DAEMON(user),
		.type = CONFIG_TYPE_TEXT,
		.name = "user",
		.argument = "name",
		.help = "the user that workers and helper run as, when started as root",
		.manual = "Without it a daemon that was started as root stays root, and says so.\n"
			  "Started as another user it is ignored.\n",
	},
	{
		DAEMON(group),
		.type = CONFIG_TYPE_TEXT,
		.name = "group",
		.argument = "name",
		.help = "the group that goes with user",
		.manual = "Without it, the primary group of\n.Ic user .\n",
	},
	{
		DAEMON(log_level),
		.type = CONFIG_TYPE_WORD,
		.name = "log_level",
		.default_text = "info",
		.words = log_levels,
		.argument = "error | warning | info | debug",
		.help = "the least important messages that are logged",
		.manual = "",
	},
	{
		DAEMON(log),
		.type = CONFIG_TYPE_PATH,
		.name = "log",
		.default_text = "stderr",
		.words = log_words,
		.argument = "path",
		.help = "the file that log lines are appended to",
		.manual = "With\n.Cm stderr\nthey go to standard error.\n"
			  "On\n.Dv SIGUSR1\nthe file is opened again.\n",
	},
	{
		DAEMON(drain_timeout_ms),
		.type = CONFIG_TYPE_DURATION,
		.name = "drain_timeout",
		.default_text = "30s",
		.min = 0,
		.max = DAYS,
		.argument = "duration",
		.help = "how long connections may go on after a request to stop",
		.manual = "What is left then is closed, logged and counted.\n",
	},
	{
		DAEMON(ticket_rotation_ms),
		.type = CONFIG_TYPE_DURATION,
		.name = "ticket_rotation",
		.default_text = "1h",
		.min = 1u * SECONDS,
		.max = 3u * DAYS,
		.argument = "duration",
		.help = "how long a key seals session tickets before the next one takes its place",
		.manual =
			"It opens tickets for as long again, so a client resumes its session for at least that long and at most twice as "
			"long.\n"
			"All workers have the same keys, and keep them over a reload; a restart makes new ones.\n"
			"A TLS library that changes keys by itself (capability\n.Ql tickets-self-rotated )\ndoes so when it likes.\n",
	},
	{
		DAEMON(control),
		.type = CONFIG_TYPE_PATH,
		.name = "control",
		.default_text = "/run/unitlsd/control",
		.words = control_words,
		.argument = "path",
		.help = "the unix socket that unitlsctl talks to",
		.manual =
			"With\n.Cm none\nthere is no such socket.\n"
			"When the key is not written and the socket cannot be made, that is a warning; when it is written, an "
			"error.\n",
	},
	{
		TLS(backend),
		.type = CONFIG_TYPE_TEXT,
		.name = "backend",
		.default_text = "openssl",
		.argument = "name",
		.help = "the TLS library that does the work",
		.manual =
			".Dl unitlsd --version\nlists those that are installed.\n"
			"What the library cannot do of the section's other keys is an error that names the key.\n"
			"With a library that cannot half-close (bearssl) the end of one direction is\n"
			"that of both: what an upstream answers to a TLS client that has ended is lost,\n"
			"and the end of a client is passed on to a TLS upstream when that has been\n"
			"silent for 5 seconds, or for\n.Ic idle_timeout .\n",
	},
	{
		TLS(certificates),
		.type = CONFIG_TYPE_CERTIFICATES,
		.name = "certificate",
		.flags = CONFIG_KEY_REPEATABLE,
		.argument = "path",
		.help = "a PEM file with a certificate and its intermediates, and its key unless key names it",
		.manual =
			"A listener chooses among its certificates by the name the client asks for (exact, then wildcard, then the "
			"first certificate) and, between several for one name, by what the client can use: a name may have an RSA "
			"and an ECDSA certificate.\n"
			"An upstream presents the first one when the server asks for a certificate.\n"
			"A certificate that has expired or is not valid yet is a warning.\n",
	},
	{
		TLS(certificate_dirs),
		.type = CONFIG_TYPE_FOLDERS,
		.name = "certificate_dir",
		.flags = CONFIG_KEY_REPEATABLE | CONFIG_KEY_FILE_FORM,
		.argument = "path",
		.help = "a folder: every .pem, .crt and .cer file in it is a certificate",
		.manual = "They come after those of\n.Ic certificate ,\nin the order of their names.\n"
			  "The key of\n.Pa NAME.pem\nis in that file or in\n.Pa NAME.key\nbeside it.\n",
	},
	{
		TLS(keys),
		.type = CONFIG_TYPE_FILES,
		.name = "key",
		.flags = CONFIG_KEY_REPEATABLE | CONFIG_KEY_FILE_FORM,
		.argument = "path",
		.help = "a private key, for the certificates of this section whose file has none",
		.manual = "With several keys each certificate takes the one that matches its public key.\n"
			  "Encrypted keys are refused: there is nobody to ask for a password.\n",
	},
	{
		TLS(strict_sni),
		.type = CONFIG_TYPE_BOOL,
		.name = "strict_sni",
		.default_text = "no",
		.argument = "yes | no",
		.help = "refuse clients that ask for a name no certificate has, or for none",
		.manual = "They get the alert\n.Ql unrecognized_name .\n"
			  "Otherwise they get the first certificate.\n",
	},
	{
		TLS(min_version),
		.type = CONFIG_TYPE_VERSION,
		.name = "min_version",
		.default_text = "1.2",
		.argument = "1.2 | 1.3",
		.help = "the lowest version of TLS",
		.manual = "",
	},
	{
		TLS(max_version),
		.type = CONFIG_TYPE_VERSION,
		.name = "max_version",
		.default_text = "highest",
		.argument = "1.2 | 1.3 | highest",
		.help = "the highest version of TLS",
		.manual = ".Cm highest\nis the highest that the backend has.\n",
	},
	{
		TLS(ciphers),
		.type = CONFIG_TYPE_CIPHERS,
		.name = "ciphers",
		.flags = CONFIG_KEY_REPEATABLE,
		.default_text = "intermediate",
		.argument = "intermediate | modern | list",
		.help = "the cipher suites, in order of preference",
		.manual =
			"Either a policy of Mozilla's guidelines (what the backend lacks of it is left out, and where its suites "
			"cannot be chosen it keeps its own), or a list of IANA names, OpenSSL's names or numbers such as 0x1301 "
			"(what the backend lacks of it, or cannot choose, is an error).\n"
			"A list with suites of one version only leaves those of the other at the backend's default.\n",
	},
	{
		TLS(alpn),
		.type = CONFIG_TYPE_NAMES,
		.name = "alpn",
		.flags = CONFIG_KEY_REPEATABLE,
		.argument = "list",
		.help = "the application protocols (ALPN), in order of preference",
		.manual = "For example\n.Ql h2, http/1.1 .\n"
			  "A client that offers only others is refused with\n.Ql no_application_protocol ;\n"
			  "one that offers none is served.\n",
	},
	{
		TLS(ca),
		.type = CONFIG_TYPE_FILES,
		.name = "ca",
		.flags = CONFIG_KEY_REPEATABLE,
		.argument = "path",
		.help = "a PEM file with the certificates that the other side's certificate must come from",
		.manual = "For a listener: who issues client certificates; there is no default.\n"
			  "For an upstream: who issues server certificates; without it, the system's list.\n",
	},
	{
		TLS(client_auth),
		.type = CONFIG_TYPE_WORD,
		.name = "client_auth",
		.default_text = "none",
		.words = client_auths,
		.argument = "none | optional | required",
		.help = "whether a listener asks its clients for a certificate",
		.manual = "With\n.Cm optional\na client without one is served; a bad one is always refused.\n",
	},
	{
		TLS(verify),
		.type = CONFIG_TYPE_BOOL,
		.name = "verify",
		.default_text = "yes",
		.argument = "yes | no",
		.help = "whether an upstream's certificate and name are checked",
		.manual =
			"With\n.Cm no\nanybody on the way can read and change the traffic; there is a warning each time the configuration is "
			"read.\n",
	},
	{
		TLS(server_name),
		.type = CONFIG_TYPE_HOST,
		.name = "server_name",
		.argument = "name",
		.help = "the name an upstream's certificate must have, and that is sent as SNI",
		.manual = "Without it, the name or IP address in the upstream's\n.Ic server .\n"
			  "A unix socket has none, so there it must be written.\n",
	},
	{
		TLS(identity_cache),
		.type = CONFIG_TYPE_COUNT,
		.name = "identity_cache",
		.default_text = "1024",
		.min = 1,
		.max = 1000000,
		.argument = "number",
		.help = "certificates that a worker keeps ready for use at most",
		.manual = "The least recently used one makes room.\n",
	},
	{
		TLS(session_tickets),
		.type = CONFIG_TYPE_BOOL,
		.name = "session_tickets",
		.default_text = "yes",
		.argument = "yes | no",
		.help = "whether a listener gives its clients tickets, to resume a session without a full handshake",
		.manual =
			"With\n.Ic client_auth\nit never does: a certificate is looked at each time.\n"
			"In TLS 1.2 whoever gets hold of a ticket's key can read what was recorded of its session; see\n"
			".Ic ticket_rotation .\n",
	},
	{
		LISTENER(listen),
		.type = CONFIG_TYPE_LISTEN,
		.name = "listen",
		.flags = CONFIG_KEY_REQUIRED,
		.argument = "address",
		.help = "where connections are accepted",
		.manual = "One of\n"
			  ".Ql 192.0.2.1:443 ,\n"
			  ".Ql [2001:db8::1]:443 ,\n"
			  ".Ql *:443\n(every IPv4 address),\n"
			  ".Ql [::]:443\n(every IPv6 address, and no IPv4 one),\n"
			  ".Ql unix:/PATH\n(absolute),\n"
			  ".Ql unix:@NAME\n(abstract), or\n"
			  ".Ql fd:NAME\nfor a socket that systemd passed with that\n.Ql FileDescriptorName .\n"
			  "With port 0 the kernel chooses one, which is logged.\n",
	},
	{
		LISTENER(tls),
		.type = CONFIG_TYPE_SECTION,
		.name = "tls",
		.target = CONFIG_KIND_TLS,
		.argument = "name",
		.help = "the [tls] section that clients are served with",
		.manual = "Without it the listener speaks plaintext.\n",
	},
	{
		LISTENER(upstream),
		.type = CONFIG_TYPE_SECTION,
		.name = "upstream",
		.flags = CONFIG_KEY_REQUIRED,
		.target = CONFIG_KIND_UPSTREAM,
		.argument = "name",
		.help = "the [upstream] section that connections go to",
		.manual = "",
	},
	{
		LISTENER(handshake_timeout_ms),
		.type = CONFIG_TYPE_DURATION,
		.name = "handshake_timeout",
		.default_text = "10s",
		.min = 1,
		.max = HOURS,
		.argument = "duration",
		.help = "how long a client may take for its TLS handshake",
		.manual = "",
	},
	{
		LISTENER(idle_timeout_ms),
		.type = CONFIG_TYPE_DURATION,
		.name = "idle_timeout",
		.default_text = "1h",
		.min = 0,
		.max = 30u * DAYS,
		.argument = "duration",
		.help = "how long a connection may carry no data in either direction",
		.manual = "With 0 it may for ever.\n",
	},
	{
		LISTENER(max_connections),
		.type = CONFIG_TYPE_COUNT,
		.name = "max_connections",
		.default_text = "0",
		.min = 0,
		.max = 10000000,
		.argument = "number",
		.help = "connections at one time, over all workers",
		.manual = "More clients wait in the kernel's queue.\n"
			  "With 0 only the limit on open files counts.\n",
	},
	{
		UPSTREAM(servers),
		.type = CONFIG_TYPE_SERVERS,
		.name = "server",
		.flags = CONFIG_KEY_REPEATABLE | CONFIG_KEY_REQUIRED,
		.argument = "address",
		.help = "a server that connections go to",
		.manual = "One of\n"
			  ".Ql 192.0.2.1:25 ,\n"
			  ".Ql [2001:db8::1]:25 ,\n"
			  ".Ql mail.example.org:25 ,\n"
			  ".Ql unix:/PATH\nor\n"
			  ".Ql unix:@NAME .\n"
			  "When a connect fails the next one is tried.\n",
	},
	{
		UPSTREAM(tls),
		.type = CONFIG_TYPE_SECTION,
		.name = "tls",
		.target = CONFIG_KIND_TLS,
		.argument = "name",
		.help = "the [tls] section that the servers are spoken to with",
		.manual = "Without it they are spoken to in plaintext.\n",
	},
	{
		UPSTREAM(connect_timeout_ms),
		.type = CONFIG_TYPE_DURATION,
		.name = "connect_timeout",
		.default_text = "5s",
		.min = 1,
		.max = HOURS,
		.argument = "duration",
		.help = "how long one connect to a server may take",
		.manual = "",
	},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static const char *const kind_names[] = {"daemon", "tls", "listener", "upstream"};

_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == CONFIG_KIND_COUNT, "every kind has a name");

const struct config_key *config_keys(enum config_kind kind, size_t *ret_count)
{
	size_t first = 0;
	size_t end;

	while (first < KEY_COUNT && keys[first].kind != kind)
		first++;
	for (end = first; end < KEY_COUNT && keys[end].kind == kind;)
		end++;
	*ret_count = end - first;
	return keys + first;
}

const struct config_key *config_key_find(enum config_kind kind, const char *name)
{
	size_t count;
	const struct config_key *key = config_keys(kind, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(key[i].name, name) == 0)
			return &key[i];
	}
	return NULL;
}

size_t config_key_index(const struct config_key *key)
{
	size_t count;

	return (size_t)(key - config_keys(key->kind, &count));
}

const char *config_kind_name(enum config_kind kind)
{
	return kind_names[kind];
}

int config_kind_find(const char *name, enum config_kind *ret)
{
	for (size_t i = 0; i < CONFIG_KIND_COUNT; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*ret = (enum config_kind)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* The configuration: every mistake with its line, defaults, references, and that both printed forms are read back the same. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/suggest.h"
#include "daemon/config.h"
#include "daemon/config_value.h"
#include "tests/unit/alloc_fail.h"

#define TAIL "[listener a]\nlisten = 127.0.0.1:1\nupstream = u\n[upstream u]\nserver = h:1\n"

static const char full[] = "[daemon]\n"
			   "workers = 4\n"
			   "user = root\n"
			   "log_level = debug\n"
			   "log = /var/log/x\n"
			   "drain_timeout = 1500ms\n"
			   "ticket_rotation = 10m\n"
			   "control = none\n"
			   "[tls web]\n"
			   "certificate = a.pem\n"
			   "certificate = /b.pem\n"
			   "key = a.key\n"
			   "certificate_dir = certs\n"
			   "strict_sni = yes\n"
			   "min_version = 1.2\n"
			   "max_version = TLSv1.3\n"
			   "ciphers = TLS_AES_128_GCM_SHA256,\n"
			   "\tECDHE-RSA-AES128-GCM-SHA256 0x1302\n"
			   "alpn = h2 , http/1.1\n"
			   "ca = ca.pem\n"
			   "client_auth = optional\n"
			   "server_name = Server.Example.\n"
			   "identity_cache = 7\n"
			   "session_tickets = no\n"
			   "[listener web]\n"
			   "listen = [::1]:443\n"
			   "tls = web\n"
			   "upstream = app\n"
			   "handshake_timeout = 3\n"
			   "idle_timeout = 0\n"
			   "max_connections = 5\n"
			   "[upstream app]\n"
			   "server = 127.0.0.1:80\n"
			   "server = Name.example:81\n"
			   "tls = web\n"
			   "connect_timeout = 2m\n";

static struct config *parse(const char *text, size_t size, enum config_form form, char **ret_messages)
{
	struct diagnostics list;
	struct config *config = NULL;
	size_t length;
	char line[2200];
	FILE *stream = open_memstream(ret_messages, &length);
	int r;

	assert_non_null(stream);
	diagnostics_init(&list);
	r = config_parse_text("f", text, size, form, &list, &config);
	assert_true(r == 0 || r == 1);
	assert_int_equal(r == 0, config != NULL);
	assert_int_equal(r == 0, diagnostics_ok(&list));
	for (size_t i = 0; i < list.count; i++) {
		(void)diagnostics_format(&list.items[i], line, sizeof(line));
		(void)fprintf(stream, "%s\n", line);
	}
	assert_int_equal(fclose(stream), 0);
	diagnostics_fini(&list);
	return config;
}

static struct config *parse_good(const char *text)
{
	char *messages;
	struct config *config = parse(text, strlen(text), CONFIG_FORM_FILE, &messages);

	if (!config)
		print_error("%s\n", messages);
	assert_non_null(config);
	free(messages);
	return config;
}

/* TEXT is refused (or, for a warning, not), and one of the messages is exactly MESSAGE. */
static void check_message(const char *text, const char *message)
{
	char wanted[2200];
	char all[8192];
	char *messages;
	bool is_warning = strstr(message, ": warning: ") != NULL;
	struct config *config = parse(text, strlen(text), CONFIG_FORM_FILE, &messages);

	(void)snprintf(wanted, sizeof(wanted), "\n%s\n", message);
	(void)snprintf(all, sizeof(all), "\n%s", messages);
	if (!strstr(all, wanted))
		print_error("wanted: %s\ngot:\n%s\n", message, messages);
	assert_non_null(strstr(all, wanted));
	assert_int_equal(config != NULL, is_warning);
	free(messages);
	config_free(config);
}

static void test_values(void **state)
{
	struct config *config = parse_good(full);
	const struct config_tls *tls = &config->tls[0];

	(void)state;
	assert_int_equal(config->daemon.workers, 4);
	assert_int_equal(config_worker_count(config), 4);
	assert_int_equal(config->daemon.log_level, CONFIG_LOG_DEBUG);
	assert_string_equal(config->daemon.log, "/var/log/x");
	assert_int_equal(config->daemon.drain_timeout_ms, 1500);
	assert_int_equal(config->daemon.ticket_rotation_ms, 600000);
	assert_null(config->daemon.control);
	assert_int_equal(tls->certificates.count, 2);
	assert_string_equal(tls->certificates.items[1].path, "/b.pem");
	assert_int_equal(tls->certificates.items[1].origin.line, 11);
	assert_int_equal(tls->ciphers.policy, CONFIG_CIPHERS_LIST);
	assert_int_equal(tls->ciphers.count, 3);
	assert_int_equal(tls->ciphers.suites[0], 0x1301);
	assert_int_equal(tls->ciphers.suites[1], 0xc02f);
	assert_int_equal(tls->ciphers.suites[2], 0x1302);
	assert_int_equal(tls->alpn.count, 2);
	assert_string_equal(tls->alpn.items[1].text, "http/1.1");
	assert_int_equal(tls->min_version, 0x0303);
	assert_int_equal(tls->max_version, 0x0304);
	assert_int_equal(tls->client_auth, CONFIG_CLIENT_AUTH_OPTIONAL);
	assert_string_equal(tls->server_name, "server.example");
	assert_int_equal(tls->identity_cache, 7);
	assert_false(tls->session_tickets);
	assert_true(tls->strict_sni && tls->verify && tls->used_by_listener && tls->used_by_upstream);
	assert_int_equal(config->listeners[0].handshake_timeout_ms, 3000);
	assert_int_equal(config->listeners[0].idle_timeout_ms, 0);
	assert_int_equal(config->listeners[0].max_connections, 5);
	assert_int_equal(config->listeners[0].tls, 0);
	assert_int_equal(config->listeners[0].upstream, 0);
	assert_int_equal(config->upstreams[0].servers.count, 2);
	assert_string_equal(config->upstreams[0].servers.items[1].address.host, "name.example");
	assert_int_equal(config->upstreams[0].connect_timeout_ms, 120000);
	assert_int_equal(config_origin_of(&config->listeners[0].section, "listen")->line, 26);
	assert_int_equal(config_origin_of(&config->listeners[0].section, "nothing")->line, 25);
	assert_int_equal(config_find_listener(config, "web"), 0);
	assert_true(config_find_listener(config, "wob") == CONFIG_NONE);
	config_free(config);
	config_free(NULL);
}

static void test_defaults(void **state)
{
	struct config *config = parse_good("[tls t]\ncertificate = x\n" TAIL "tls = t\n");

	(void)state;
	assert_int_equal(config->daemon.workers, 0);
	assert_true(config_worker_count(config) >= 1);
	assert_null(config->daemon.user);
	assert_null(config->daemon.log);
	assert_string_equal(config->daemon.control, "/run/unitlsd/control");
	assert_false(config_is_written(&config->daemon.section, "control"));
	assert_int_equal(config->daemon.drain_timeout_ms, 30000);
	assert_int_equal(config->daemon.ticket_rotation_ms, 3600000);
	assert_string_equal(config->tls[0].backend, "openssl");
	assert_int_equal(config->tls[0].min_version, 0x0303);
	assert_int_equal(config->tls[0].max_version, 0);
	assert_int_equal(config->tls[0].ciphers.policy, CONFIG_CIPHERS_INTERMEDIATE);
	assert_int_equal(config->tls[0].client_auth, CONFIG_CLIENT_AUTH_NONE);
	assert_true(config->tls[0].verify);
	assert_int_equal(config->tls[0].identity_cache, 1024);
	assert_true(config->tls[0].session_tickets);
	assert_true(config->listeners[0].tls == CONFIG_NONE);
	assert_int_equal(config->listeners[0].handshake_timeout_ms, 10000);
	assert_int_equal(config->listeners[0].idle_timeout_ms, 3600000);
	assert_int_equal(config->listeners[0].max_connections, 0);
	assert_int_equal(config->upstreams[0].connect_timeout_ms, 5000);
	config_free(config);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} table[] = {
		{"", "f: there is no [listener NAME] section, so there is nothing to do"},
		{"x = 1\n" TAIL, "f:1: x: is not in a section"},
		{"[deamon]\nx = 1\n" TAIL,
			"f:1: there are no sections of the kind \"deamon\"; did you mean \"daemon\"?"},
		{"[xyz]\n" TAIL, "f:1: there are no sections of the kind \"xyz\""},
		{"[daemon a]\n" TAIL, "f:1: [daemon] has no name"},
		{"[tls]\n" TAIL, "f:1: the section needs a name: [tls NAME]"},
		{"[tls a/b]\n" TAIL, "f:1: a name has letters, digits, \".\", \"_\" and \"-\" only: \"a/b\""},
		{"[tls aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n" TAIL,
			"f:1: the name is too long (at most 40 bytes)"},
		{"[daemon]\n[daemon]\n" TAIL, "f:2: [daemon] is there twice, first in f:1"},
		{"[upstream u]\nserver=h:1\n" TAIL, "f:6: the name \"u\" is there twice, first in f:1"},
		{"[daemon]\nwrokers = 1\n" TAIL,
			"f:2: [daemon] has no key \"wrokers\"; did you mean \"workers\"?"},
		{"[daemon]\nlisten = 1\n" TAIL, "f:2: [daemon] has no key \"listen\"; it belongs into [listener]"},
		{"[daemon]\nqqqqq = 1\n" TAIL, "f:2: [daemon] has no key \"qqqqq\""},
		{"[daemon]\nworkers = 0\n" TAIL, "f:2: workers: 0 is not between 1 and 256"},
		{"[daemon]\nworkers = x\n" TAIL, "f:2: workers: \"x\" is not a number"},
		{"[daemon]\nworkers = 99999999999999999999999\n" TAIL,
			"f:2: workers: 99999999999999999999999 is not between 1 and 256"},
		{"[daemon]\nworkers =\n" TAIL, "f:2: workers: there is no value"},
		{"[daemon]\nworkers = 1\nworkers = 2\n" TAIL, "f:3: workers: is there twice, first in line 2"},
		{"[daemon]\nworkers = 1\n  2\n" TAIL,
			"f:3: workers: takes one value, and this indented line continues it"},
		{"[daemon]\nworkers = 1\n  user = x\n" TAIL,
			"f:3: an indented line continues the one before it: start \"user\" at the margin"},
		{"[daemon]\nlog_level = loud\n" TAIL,
			"f:2: log_level: \"loud\" is none of: error | warning | info | debug"},
		{"[daemon]\ndrain_timeout = 1 week\n" TAIL,
			"f:2: drain_timeout: \"1 week\" is not a duration such as 500ms, 10s, 2m or 1h"},
		{"[daemon]\ndrain_timeout = 2d\n" TAIL, "f:2: drain_timeout: 2d is not between 0s and 1d"},
		{"[daemon]\nticket_rotation = 999ms\n" TAIL,
			"f:2: ticket_rotation: 999ms is not between 1s and 3d"},
		{"[daemon]\nticket_rotation = 73h\n" TAIL, "f:2: ticket_rotation: 73h is not between 1s and 3d"},
		{"[daemon]\nuser = a\x01\n" TAIL, "f:2: user: the value has a control character"},
		{TAIL "nonsense\n", "f:6: neither a section, nor NAME = VALUE, nor a comment"},
		{TAIL "[upstream v]\n", "f:6: [upstream v] needs the key \"server\""},
		{TAIL "tls = x\n", "f:6: tls: there is no section [tls x]"},
		{TAIL "tls = wab\n[tls web]\n", "f:6: tls: there is no section [tls wab]; did you mean \"web\"?"},
		{TAIL "[listener b]\nlisten = 127.0.0.1:1\nupstream = u\n",
			"f:7: listen: 127.0.0.1:1 is taken by [listener a] in f:2"},
		{"[listener a]\nlisten = h:1\nupstream = u\n[upstream u]\nserver = h:1\n",
			"f:2: listen: \"h:1\": a listener takes an IP address, not a host name"},
		{"[listener a]\nlisten=*:1\ntls = t\nupstream = u\n[upstream u]\nserver = h:1\n[tls t]\n",
			"f:7: [tls t] serves a listener and needs the key \"certificate\" or \"certificate_dir\""},
		{"[listener a]\nlisten=*:1\ntls = t\nupstream = u\n[upstream u]\nserver = h:1\n[tls t]\ncertificate=x\n"
		 "client_auth = required\n",
			"f:9: client_auth: who issues the clients' certificates is missing: the key \"ca\""},
		{TAIL "tls = t\n[tls t]\nmin_version = 1.3\nmax_version = 1.2\n",
			"f:8: min_version: is above max_version"},
		{TAIL "tls = t\n[tls t]\nmin_version = 1.1\n",
			"f:8: min_version: \"1.1\" is no version of TLS that is supported: 1.2 | 1.3"},
		{TAIL "tls = t\n[tls t]\nciphers = RC4\n", "f:8: ciphers: no cipher suite has the name RC4"},
		{TAIL "tls = t\n[tls t]\nciphers = 0x1301 modern\n",
			"f:8: ciphers: no cipher suite has the name modern"},
		{TAIL "tls = t\n[tls t]\nciphers = 0x1301 0x1301\n", "f:8: ciphers: 0x1301 is there twice"},
		{TAIL "tls = t\n[tls t]\nalpn = a a\n", "f:8: alpn: a is there twice"},
		{TAIL "tls = t\n[tls t]\nverify = maybe\n", "f:8: verify: \"maybe\" is neither yes nor no"},
		{TAIL "tls = t\n[tls t]\nserver_name = a..b\n",
			"f:8: server_name: \"a..b\" is neither a DNS name nor an IP address"},
		{TAIL "tls = t\n[tls t]\nkey = k\n", "f:8: key: there is no certificate for it"},
		{TAIL "tls = t\n[tls t]\ncertificate = k\ncertificate = l\n",
			"f:9: certificate: [tls t] is an upstream's only, and an upstream presents one certificate"},
		{TAIL "server = unix:/x\ntls = t\n[tls t]\n",
			"f:6: server: a unix socket has no name that could be verified: [tls t] needs the key "
			"\"server_name\""},
		{TAIL "tls = t\n[tls t]\nverify = no\n",
			"f:8: warning: verify: servers are not checked; anybody on the way can read and change the traffic"},
		{TAIL "tls = t\n[tls t]\nstrict_sni = yes\n",
			"f:8: warning: strict_sni: has no effect, no listener uses [tls t]"},
		{TAIL "tls = t\n[tls t]\nsession_tickets = no\n",
			"f:8: warning: session_tickets: has no effect, no listener uses [tls t]"},
		{TAIL "[tls t]\n", "f:6: warning: [tls t] is used by nothing"},
		{TAIL "[upstream v]\nserver = h:1\n", "f:6: warning: [upstream v] is used by nothing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_message(table[i].text, table[i].message);
}

static void test_all_mistakes_are_told_in_order(void **state)
{
	char *messages;

	(void)state;
	static const char text[] = "[daemon]\nworkers = x\nqqqqq = 1\n[listener a]\nlisten = x\nupstream = v\n";

	assert_null(parse(text, sizeof(text) - 1, CONFIG_FORM_FILE, &messages));
	assert_string_equal(messages,
		"f:2: workers: \"x\" is not a number\n"
		"f:3: [daemon] has no key \"qqqqq\"\n"
		"f:5: listen: \"x\": the port is missing\n"
		"f:6: upstream: there is no section [upstream v]\n");
	free(messages);
}

/* Printing and reading again changes nothing. */
static void check_round_trip(struct config *config, enum config_print_style style, enum config_form form)
{
	struct config *again;
	char *messages;
	char *first;
	char *second;
	size_t first_size;
	size_t second_size;

	assert_int_equal(config_print(config, style, &first, &first_size), 0);
	again = parse(first, first_size, form, &messages);
	if (!again)
		print_error("%s\n%s\n", messages, first);
	assert_non_null(again);
	assert_int_equal(config_print(again, style, &second, &second_size), 0);
	assert_string_equal(first, second);
	config_free(again);
	free(messages);
	free(first);
	free(second);
}

static void test_the_effective_form_goes_round(void **state)
{
	struct config *config = parse_good(full);

	(void)state;
	check_round_trip(config, CONFIG_PRINT_EFFECTIVE, CONFIG_FORM_FILE);
	config_free(config);
	config = parse_good(TAIL);
	check_round_trip(config, CONFIG_PRINT_EFFECTIVE, CONFIG_FORM_FILE);
	config_free(config);
}

static void test_the_snapshot_form_goes_round_with_its_origins(void **state)
{
	struct config *config = parse_good(full);
	struct config *again;
	char *text;
	char *messages;
	size_t size;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		memset(config->tls[0].certificates.items[i].blob, 'a' + (int)i, CONFIG_BLOB_SIZE - 1);
	memset(config->tls[0].certificates.items[1].key_blob, 'c', CONFIG_BLOB_SIZE - 1);
	memset(config->tls[0].ca.items[0].blob, 'd', CONFIG_BLOB_SIZE - 1);
	check_round_trip(config, CONFIG_PRINT_SNAPSHOT, CONFIG_FORM_SNAPSHOT);
	assert_int_equal(config_print(config, CONFIG_PRINT_SNAPSHOT, &text, &size), 0);
	assert_null(strstr(text, ".pem"));
	again = parse(text, size, CONFIG_FORM_SNAPSHOT, &messages);
	assert_non_null(again);
	assert_string_equal(messages, "");
	assert_int_equal(again->tls[0].certificates.items[1].origin.line, 11);
	assert_string_equal(again->tls[0].certificates.items[1].origin.file, "f");
	assert_memory_equal(again->tls[0].certificates.items[1].key_blob,
		config->tls[0].certificates.items[1].key_blob, CONFIG_BLOB_SIZE);
	assert_int_equal(config_origin_of(&again->listeners[0].section, "listen")->line, 26);
	assert_false(config_is_written(&again->listeners[0].section, "idle"));
	assert_true(config_tls_equal(&config->tls[0], &again->tls[0]) == false); /* folders and keys are gone */
	assert_true(config_listener_equal(config, &config->listeners[0], again, &again->listeners[0]));
	assert_true(config_upstream_equal(config, &config->upstreams[0], again, &again->upstreams[0]));
	again->listeners[0].max_connections++;
	assert_false(config_listener_equal(config, &config->listeners[0], again, &again->listeners[0]));
	config_free(again);
	/* what an operator may write has no place in a snapshot */
	free(messages);
	free(text);
	assert_null(parse(full, strlen(full), CONFIG_FORM_SNAPSHOT, &messages));
	free(messages);
	assert_null(parse("include = x\n" TAIL, strlen("include = x\n" TAIL), CONFIG_FORM_SNAPSHOT, &messages));
	free(messages);
	config_free(config);
}

static void test_equal_sections(void **state)
{
	static const char changes[][40] = {"", "alpn = h3", "strict_sni = yes", "min_version = 1.3",
		"session_tickets = no", "backend = mbedtls"};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char text[400];

		(void)snprintf(text, sizeof(text), TAIL "[tls a]\nalpn = h2\n[tls b]\n# moved\nalpn = h2\n%s\n",
			changes[i]);
		struct config *config = parse_good(text);

		assert_int_equal(config_tls_equal(&config->tls[0], &config->tls[1]), i == 0);
		config_free(config);
	}
}

static void test_every_truncation_is_read(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(full); size++) {
		char *copy = malloc(size + 1);
		char *messages;

		assert_non_null(copy);
		memcpy(copy, full, size);
		config_free(parse(copy, size, CONFIG_FORM_FILE, &messages));
		free(messages);
		config_free(parse(copy, size, CONFIG_FORM_SNAPSHOT, &messages));
		free(messages);
		free(copy);
	}
}

static void test_ten_thousand_sections(void **state)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	struct config *config;
	char *messages;

	(void)state;
	assert_non_null(stream);
	for (unsigned i = 0; i < 10000; i++)
		(void)fprintf(stream,
			"[listener l%u]\nlisten = 127.0.%u.%u:1\nupstream = u%u\n[upstream u%u]\nserver = h:1\n",
			i, i / 256, i % 256, 9999 - i, i);
	assert_int_equal(fclose(stream), 0);
	config = parse(text, size, CONFIG_FORM_FILE, &messages);
	assert_non_null(config);
	assert_int_equal(config->listener_count, 10000);
	assert_int_equal(config->listeners[1].upstream, 9998);
	free(messages);
	check_round_trip(config, CONFIG_PRINT_SNAPSHOT, CONFIG_FORM_SNAPSHOT);
	config_free(config);
	free(text);
}

static void test_includes(void **state)
{
	char folder[] = "/tmp/unitls-config-XXXXXX";
	char path[200];
	struct diagnostics list;
	struct config *config;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/conf.d", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/conf.d/b.conf", folder);
	assert_non_null(file = fopen(path, "w"));
	(void)fputs("[upstream u]\nserver = h:1\ntls = t\n", file);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof(path), "%s/conf.d/a.conf", folder);
	assert_non_null(file = fopen(path, "w"));
	(void)fputs("[listener a]\nlisten = *:1\nupstream = u\n[tls t]\nca = ca.pem\n", file);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof(path), "%s/conf.d/ignored", folder);
	assert_non_null(file = fopen(path, "w"));
	(void)fputs("nonsense\n", file);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(path, sizeof(path), "%s/main", folder);
	assert_non_null(file = fopen(path, "w"));
	(void)fputs("include = conf.d\n[daemon]\nlog = log\n", file);
	assert_int_equal(fclose(file), 0);

	diagnostics_init(&list);
	assert_int_equal(config_load(path, &list, &config), 0);
	assert_int_equal(config->listener_count, 1);
	assert_int_equal(strncmp(config->daemon.log, folder, strlen(folder)), 0);
	(void)snprintf(path, sizeof(path), "%s/conf.d/ca.pem", folder); /* relative to the file it is written in */
	assert_string_equal(config->tls[0].ca.items[0].path, path);
	(void)snprintf(path, sizeof(path), "%s/conf.d/b.conf", folder);
	assert_string_equal(config->upstreams[0].section.origin.file, path);
	config_free(config);

	(void)snprintf(path, sizeof(path), "%s/main", folder);
	assert_non_null(file = fopen(path, "w"));
	(void)fputs("include = conf.d/ignored\ninclude = missing\n", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(config_load(path, &list, &config), 1);
	assert_int_equal(list.error_count, 3);
	diagnostics_fini(&list);
	diagnostics_init(&list);
	(void)snprintf(path, sizeof(path), "%s/missing", folder);
	assert_int_equal(config_load(path, &list, &config), 1);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].text, "No such file or directory");
	diagnostics_fini(&list);

	static const char *const made[] = {"conf.d/a.conf", "conf.d/b.conf", "conf.d/ignored", "main"};
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, made[i]);
		assert_int_equal(unlink(path), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/conf.d", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {{"0", 0}, {"7", 7000}, {"500ms", 500}, {"90s", 90000}, {"2m", 120000}, {"1 h", 3600000},
		{"2d", 172800000}};
	static const char *const bad[] = {"", "s", "-1", "1.5s", "1w", "1s1", "0x1"};
	uint64_t ms;
	uint64_t again;
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_parse_duration(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
		config_format_duration(ms, text, sizeof(text));
		assert_int_equal(config_parse_duration(text, &again), 0);
		assert_int_equal(ms, again);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_parse_duration(bad[i], &ms), -EINVAL);
	assert_int_equal(config_parse_duration("999999999999999999d", &ms), -ERANGE);
	assert_int_equal(config_parse_duration("99999999999999999999999", &ms), -ERANGE);
}

static void test_suggestions(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("", ""), 0);
	assert_int_equal(suggest_distance("abc", ""), 3);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(suggest_distance("wrokers", "workers"), 1);
	assert_int_equal(suggest_distance("ca", "key"), 3);
	assert_true(suggest_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a") ==
		SIZE_MAX);
}

static void test_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 0; failed; n++) {
		struct diagnostics list;
		struct config *config = NULL;
		char *text = NULL;
		size_t size;
		int r;

		diagnostics_init(&list);
		alloc_fail_start(n);
		r = config_parse_text("f", full, sizeof(full) - 1, CONFIG_FORM_FILE, &list, &config);
		if (r == 0)
			r = config_print(config, CONFIG_PRINT_EFFECTIVE, &text, &size);
		failed = alloc_fail_stop();
		/* one that only a message or a buffer of stdio wanted may go unnoticed */
		assert_true(r == 0 || (failed && (r == -ENOMEM || list.out_of_memory)));
		free(text);
		config_free(config);
		diagnostics_fini(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_all_mistakes_are_told_in_order),
		cmocka_unit_test(test_the_effective_form_goes_round),
		cmocka_unit_test(test_the_snapshot_form_goes_round_with_its_origins),
		cmocka_unit_test(test_equal_sections),
		cmocka_unit_test(test_every_truncation_is_read),
		cmocka_unit_test(test_ten_thousand_sections),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

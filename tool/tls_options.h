/* The options about TLS that `connect` and `serve` share, and what they make: a backend and a context. */

#ifndef UNITLS_TOOL_TLS_OPTIONS_H
#define UNITLS_TOOL_TLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <unitls/context.h>

#define TLS_OPTIONS_BACKEND    "openssl"
#define TLS_OPTIONS_TIMEOUT_MS 30000

struct tls_options {
	const char *backend;
	const char *alpn;
	const char *ca;
	const char *certificate;
	const char *key;
	const char *ciphers;
	uint16_t min_version;
	uint16_t max_version;
	int64_t timeout_ms;
	bool insecure;                       /* client */
	enum unitls_client_auth client_auth; /* server */
};

enum tls_option {
	TLS_OPTION_BACKEND = 256,
	TLS_OPTION_ALPN,
	TLS_OPTION_CA,
	TLS_OPTION_CERTIFICATE,
	TLS_OPTION_KEY,
	TLS_OPTION_MIN_VERSION,
	TLS_OPTION_MAX_VERSION,
	TLS_OPTION_CIPHERS,
	TLS_OPTION_TIMEOUT,
	TLS_OPTION_LAST = TLS_OPTION_TIMEOUT,
};

/* Rows of a table for getopt_long. */
#define TLS_OPTIONS_ROWS                                                          \
	{"backend", required_argument, NULL, TLS_OPTION_BACKEND},                 \
		{"alpn", required_argument, NULL, TLS_OPTION_ALPN},               \
		{"ca", required_argument, NULL, TLS_OPTION_CA},                   \
		{"cert", required_argument, NULL, TLS_OPTION_CERTIFICATE},        \
		{"key", required_argument, NULL, TLS_OPTION_KEY},                 \
		{"min-version", required_argument, NULL, TLS_OPTION_MIN_VERSION}, \
		{"max-version", required_argument, NULL, TLS_OPTION_MAX_VERSION}, \
		{"ciphers", required_argument, NULL, TLS_OPTION_CIPHERS},         \
	{                                                                         \
		"timeout", required_argument, NULL, TLS_OPTION_TIMEOUT            \
	}

#define TLS_OPTIONS_HELP                                                                                  \
	"  --backend NAME        the TLS library; default " TLS_OPTIONS_BACKEND "; see unitls backends\n" \
	"  --alpn NAMES          protocols in order of preference: h2,http/1.1\n"                         \
	"  --cert FILE           certificate, its intermediates and, without --key, its key (PEM)\n"      \
	"  --key FILE            the key\n"                                                               \
	"  --min-version V       1.2 or 1.3\n"                                                            \
	"  --max-version V\n"                                                                             \
	"  --ciphers LIST        cipher suites in order of preference, with commas or colons between\n"   \
	"                        them, or a policy: modern, intermediate\n"                               \
	"  --timeout TIME        for the connection and the handshake, and how long the other side may\n" \
	"                        be silent once one has ended; default 30s (500ms, 2m, ...)\n"

void tls_options_init(struct tls_options *options);
/* Takes an option with its argument, which stays lent. Returns 0, or -1 after a message. */
int tls_options_take(struct tls_options *options, int option, const char *argument);
/* Loads the backend. NULL after a message that names what was tried and what there is. */
struct unitls_backend *tls_options_backend(const struct tls_options *options);
/* Both return NULL after a message. */
struct unitls_client_context *tls_options_client(
	const struct tls_options *options, struct unitls_backend *backend);
struct unitls_server_context *tls_options_server(
	const struct tls_options *options, struct unitls_backend *backend);

#endif

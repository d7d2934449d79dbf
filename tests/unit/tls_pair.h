/*
 * A client and a server of one backend, made from short descriptions and driven in memory, for the tests of single backends. They run in children that
 * end with 1, and a line on stderr, when something is not so.
 */
#ifndef UNITLS_TESTS_TLS_PAIR_H
#define UNITLS_TESTS_TLS_PAIR_H

#include <unitls/unitls.h>

#define SERVER_NAME "server.example"
#define SUITES_MAX  16
#define TURNS_MAX   20

void check(bool condition, const char *what);

#define CHECK(condition) check((condition), #condition)

/* What one side is configured with; NULL and 0 leave the default. */
struct recipe {
	const char *certificate;
	const char *key; /* NULL: the certificate's */
	const char *password;
	const char *store;
	uint16_t min_version;
	uint16_t max_version;
	uint16_t suites[SUITES_MAX];
	size_t n_suites;
	enum unitls_client_auth client_auth;
	unitls_clock clock;
};

struct unitls_server_config *server_config(const struct recipe *recipe);
struct unitls_client_config *client_config(const struct recipe *recipe);

struct pair {
	struct unitls_client_context *client_context;
	struct unitls_server_context *server_context;
	struct unitls_connection *client;
	struct unitls_connection *server;
	int client_status;
	int server_status;
	struct unitls_error client_error;
	struct unitls_error server_error;
	int server_last_records; /* that the server sent when its handshake was complete */
};

/* Makes both contexts and connections out of configurations made before: from here on no file may be opened. */
void open_configured(struct unitls_backend *backend, struct pair *pair, struct unitls_client_config *client,
	struct unitls_server_config *server);
/* New connections of the pair's contexts. */
void connect_contexts(struct pair *pair);
void open_pair(struct unitls_backend *backend, struct pair *pair, const struct recipe *client,
	const struct recipe *server);
void close_connections(struct pair *pair);
/* The contexts, too. */
void close_pair(struct pair *pair);

/* Moves what is outgoing; how many bytes. */
size_t transfer(struct unitls_connection *from, struct unitls_connection *to);
/* before: called ahead of every call that reaches the library, after: behind it; both may be NULL. */
void handshake_with(struct pair *pair, void (*before)(void), void (*after)(void));
void handshake(struct pair *pair);
void check_complete(const struct pair *pair);

#endif

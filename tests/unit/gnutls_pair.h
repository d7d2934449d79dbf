/*
 * For the tests of the gnutls backend: children that alone load it, and client and server made by it in memory.
 *
 * GnuTLS reads its system configuration when it is loaded and then keeps it, so each test does its work in a child of its own. A child says what is
 * wrong on stderr and ends with 1.
 */
#ifndef UNITLS_TESTS_GNUTLS_PAIR_H
#define UNITLS_TESTS_GNUTLS_PAIR_H

#include <unitls/unitls.h>

#define SERVER_NAME       "server.example"
#define EXTENSIONS_SERVER "subjectAltName=DNS:" SERVER_NAME "\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
#define PASSWORD          "open-sesame"
#define TURNS_MAX         20
#define SUITES_MAX        16

/* Loaded in a child. */
extern struct unitls_backend *backend;

/* cmocka group fixture: the certificates that several tests need. */
int make_pki(void **state);

/* Children ------------------------------------------------------------------------------------------------------------------- */

/* In a child: ends it with what is not so. */
void gnutls_pair_check(bool condition, const char *what);
#define CHECK(condition) gnutls_pair_check((condition), #condition)

int load(struct unitls_error *error);
/* Runs work in a child under this system configuration (NULL: an empty one). */
void in_child_unloaded(const char *configuration, void (*work)(void));
/* The same with the backend loaded. */
void in_child(const char *configuration, void (*work)(void));

/* Contexts and connections --------------------------------------------------------------------------------------------------- */

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

struct unitls_server_config *gnutls_pair_server_config(const struct recipe *recipe);
struct unitls_client_config *gnutls_pair_client_config(const struct recipe *recipe);
int try_client(
	const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error);
int try_server(
	const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error);
/* New connections of the pair's contexts. */
void connect_contexts(struct pair *pair);
void gnutls_pair_open_pair(struct pair *pair, const struct recipe *client, const struct recipe *server);
/* Moves what is outgoing; how many records that was. */
int gnutls_pair_transfer(struct unitls_connection *from, struct unitls_connection *to);
void gnutls_pair_handshake(struct pair *pair);
void close_connections(struct pair *pair);
void gnutls_pair_close_pair(struct pair *pair);
void gnutls_pair_check_complete(const struct pair *pair);
/* A handshake that must succeed; the suite. */
uint16_t connect_pair(const struct recipe *client, const struct recipe *server);
/* A handshake in which the client refuses the server's certificate. */
void check_refused(
	const struct recipe *client, const char *certificate, enum unitls_verify_reason reason, int depth);
/* A server that cannot be built, for this field. */
void check_field(const struct recipe *recipe, const char *field);

#endif

/*
 * Two connections of one backend in memory, for the tests of what is special to it: contexts from short recipes, or the module's own functions.
 */
#ifndef UNITLS_TESTS_BACKEND_PAIR_H
#define UNITLS_TESTS_BACKEND_PAIR_H

#include "core/backend.h"
#include <unitls/unitls.h>

#define PAIR_SERVER_NAME "server.example"

/* Loads the backend that all below uses. 0, or -1. */
int pair_load(const char *name);
struct unitls_backend *pair_backend(void);

/* What one side of a test is configured with; NULL and 0 leave the default. Files are those of pki.h. */
struct recipe {
	const char *certificate;
	const char *key; /* NULL: the certificate's name with .key */
	const char *password;
	const char *store;
	enum unitls_client_auth client_auth;
	const struct unitls_bytes *alpn;
	size_t n_alpn;
	uint16_t version; /* 0: all */
	const uint16_t *suites;
	size_t n_suites;
	unitls_clock clock;
};

/* A builder with all of the recipe; fails the test when it cannot. */
struct unitls_config_builder *pair_build(const struct recipe *recipe);
/* A context that must come to be. */
struct unitls_server_context *pair_server(const struct recipe *recipe);
struct unitls_client_context *pair_client(const struct recipe *recipe);
/* The status of making a context. */
int pair_try_server(
	const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error);
int pair_try_client(
	const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error);

enum side {
	CLIENT,
	SERVER
};

struct pair {
	struct unitls_client_context *client; /* NULL: they are the caller's */
	struct unitls_server_context *server;
	struct unitls_connection *ends[2];
	int status[2]; /* of the handshake */
	struct unitls_error error[2];
	int alerts[2]; /* alert records in the clear that the side has sent */
};

#define PAIR_INIT                                                                                                \
	{                                                                                                        \
		.status = {UNITLS_WANT_READ, UNITLS_WANT_READ}, .error = {UNITLS_ERROR_INIT, UNITLS_ERROR_INIT}, \
	}

/* Connections of contexts that stay the caller's; name: whom the client expects, NULL = PAIR_SERVER_NAME. */
void pair_open(struct pair *pair, struct unitls_client_context *client, struct unitls_server_context *server,
	const char *name);
/* Makes the contexts, too. */
void pair_make(struct pair *pair, const struct recipe *client, const struct recipe *server);
void pair_free(struct pair *pair);
/* Hands over what one side has to send; how many bytes. */
size_t pair_deliver(struct pair *pair, enum side from);
/* How many alert records in the clear there are. */
int pair_count_alerts(struct unitls_bytes bytes);
/* Until both sides are done or have failed. */
void pair_handshake(struct pair *pair);
/* The handshake has succeeded on both sides. */
void pair_assert_connected(const struct pair *pair);
/* pair_make and a handshake that must succeed. */
void pair_connect(struct pair *pair, const struct recipe *client, const struct recipe *server);
/* The same, and freed again. */
void pair_assert_connects(const struct recipe *client, const struct recipe *server);
/* One side refuses the other's certificate so, and the other is told. */
void pair_assert_refused(const struct recipe *client, const struct recipe *server, enum side by,
	enum unitls_verify_reason reason, int depth);

/* The module's own functions, without the core: for chains that the core would not send, and transports that are full. TLS 1.2. */
struct native_pair {
	const struct unitls_backend_ops *ops;
	struct unitls_transport transports[2];
	void *contexts[2];
	void *connections[2];
	int status[2];
	struct unitls_error error[2];
};

/* The DER of NAME.pem; data is the caller's to free. */
struct unitls_bytes pair_read_der(const char *certificate);
/* A client that trusts anchor (a name; NULL: everybody), and a server that sends exactly these certificates; the handshake is run to its end. */
void native_open(struct native_pair *pair, const char *anchor, const char *key_file,
	const struct unitls_bytes *chain, size_t n_chain);
void native_close(struct native_pair *pair);
void native_hand_over(struct native_pair *pair, enum side from);

#endif

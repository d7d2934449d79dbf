/*
 * For the tests of the gnutls backend: children that alone load it, and what tls_pair.h has, with this backend.
 *
 * GnuTLS reads its system configuration when it is loaded and then keeps it, so each test does its work in a child of its own. A child says what is
 * wrong on stderr and ends with 1.
 */
#ifndef UNITLS_TESTS_GNUTLS_PAIR_H
#define UNITLS_TESTS_GNUTLS_PAIR_H

#include "tests/unit/tls_pair.h"

#define EXTENSIONS_SERVER "subjectAltName=DNS:" SERVER_NAME "\n"
#define EXTENSIONS_CLIENT "extendedKeyUsage=clientAuth\n"
#define EXTENSIONS_CA     "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
#define PASSWORD          "open-sesame"

/* Loaded in a child. */
extern struct unitls_backend *backend;

/* cmocka group fixture: the certificates that several tests need. */
int make_pki(void **state);

/* Children ------------------------------------------------------------------------------------------------------------------- */

int load(struct unitls_error *error);
/* Runs work in a child under this system configuration (NULL: an empty one). */
void in_child_unloaded(const char *configuration, void (*work)(void));
/* The same with the backend loaded. */
void in_child(const char *configuration, void (*work)(void));

/* Contexts and connections --------------------------------------------------------------------------------------------------- */

int try_client(
	const struct recipe *recipe, struct unitls_client_context **ret_context, struct unitls_error *error);
int try_server(
	const struct recipe *recipe, struct unitls_server_context **ret_context, struct unitls_error *error);
/* A handshake that must succeed; the suite. */
uint16_t connect_pair(const struct recipe *client, const struct recipe *server);
/* A handshake in which the client refuses the server's certificate. */
void check_refused(
	const struct recipe *client, const char *certificate, enum unitls_verify_reason reason, int depth);
/* A server that cannot be built, for this field. */
void check_field(const struct recipe *recipe, const char *field);

#endif

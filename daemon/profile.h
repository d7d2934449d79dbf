/* From one [tls] section and the snapshot to a TLS context: the one code path for the loader, which proves that it works, and the
 * workers, which serve with it.
 *
 * It opens no file but a backend's module (when the store first needs it) and never names a TLS library's own types.
 * Invariant: what a build makes depends only on the section and the bytes in the snapshot. */

#ifndef UNITLSD_PROFILE_H
#define UNITLSD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/address.h"
#include "daemon/config.h"
#include "daemon/snapshot.h"

struct unitls_backend;
struct unitls_client_context;
struct unitls_server_context;
struct unitls_ticket_secrets;

#define PROFILE_ERROR_TEXT 1000

struct profile_error {
	struct config_origin origin; /* the line to blame; its file belongs to the configuration */
	size_t certificate; /* index in tls->certificates when one of them is to blame, else CONFIG_NONE */
	char text[PROFILE_ERROR_TEXT];
};

/* Loaded backends, the keys of session tickets, and decoded chains by the SHA-256 of their files, so that a reload decodes only what changed. One
 * thread. */
struct profile_store;

/* MODULE_DIR as in struct loader_options. Returns 0 or -ENOMEM. */
int profile_store_new(const char *module_dir, struct profile_store **ret);
void profile_store_free(struct profile_store *store);

/* The backend of that name, loaded on first use; the store keeps it. Returns 0, or -ENOENT with the reason in ERROR->text. */
int profile_store_backend(
	struct profile_store *store, const char *name, struct unitls_backend **ret, struct profile_error *error);

/* The secrets of session tickets: for every server context that is built from now on, and at once for those that were built after the first call. Without
 * a call each context has tickets of its own. Copies; returns 0, -ENOMEM or -EINVAL. */
int profile_store_set_tickets(struct profile_store *store, const struct unitls_ticket_secrets *secrets);
bool profile_store_has_tickets(const struct profile_store *store);

/* A reload: begin, then builds; then commit (forgets what no build since begin has used) or abort (forgets what was decoded since
 * begin). What contexts hold stays alive by itself. */
void profile_store_begin(struct profile_store *store);
void profile_store_commit(struct profile_store *store);
void profile_store_abort(struct profile_store *store);

/* Says that TLS is still in use although nothing was built from it since begin: its chains are not forgotten. */
void profile_store_keep(struct profile_store *store, const struct config_tls *tls);

enum profile_role {
	PROFILE_SERVER, /* the section of a listener */
	PROFILE_CLIENT, /* the section of an upstream */
};

/* A build in small steps, for a loop that must not be held. TLS and SNAPSHOT must outlive it. */
struct profile_build;

/* Returns 0 or -ENOMEM. */
int profile_build_new(struct profile_store *store, enum profile_role role, const struct config_tls *tls,
	const struct snapshot *snapshot, struct profile_build **ret);
void profile_build_free(struct profile_build *build);

/* Does a little: decodes one certificate, say. Returns 1: call again; 0: ready to be taken; negative: failed, see ERROR, free it. */
int profile_build_step(struct profile_build *build, struct profile_error *error);

/* After a failure: all that is wrong as far as it could be told, the first being what step told. Returns 0 and fills *ret for an I below
 * the count, which is at least 1; 1 otherwise. */
int profile_build_problem(const struct profile_build *build, size_t i, struct profile_error *ret);

/* After 0: a reference that the caller owns. NULL when the build has the other role. */
struct unitls_server_context *profile_build_take_server(struct profile_build *build);
struct unitls_client_context *profile_build_take_client(struct profile_build *build);

/* All steps at once. Return 0, or negative with ERROR filled. */
int profile_server_context(struct profile_store *store, const struct config_tls *tls,
	const struct snapshot *snapshot, struct unitls_server_context **ret, struct profile_error *error);
int profile_client_context(struct profile_store *store, const struct config_tls *tls,
	const struct snapshot *snapshot, struct unitls_client_context **ret, struct profile_error *error);

/* The name a client has to check against the certificate of SERVER: the section's server_name, else the host or IP address of SERVER.
 * NULL when there is none (a unix socket without server_name). Written to BUFFER when it is an address. */
const char *profile_peer_name(
	const struct config_tls *tls, const struct address *server, char *buffer, size_t size);

#endif

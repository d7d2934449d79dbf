/*
 * The inside of contexts. A client context has one native context; a server context one for each signing chain, made on first use and
 * kept in a bounded cache. An identity is such a native context with its reference count: a connection holds one.
 */
#ifndef UNITLS_CORE_CONTEXT_H
#define UNITLS_CORE_CONTEXT_H

#include <stdatomic.h>

#include "core/backend.h"
#include "core/config.h"
#include <unitls/context.h>

struct unitls_identity {
	atomic_size_t references;
	const struct unitls_backend_ops *ops;
	void *native;
	struct unitls_signing_chain *chain;   /* NULL: a client without one */
	struct unitls_ticket_source *tickets; /* server; NULL = no tickets. Outlives native */
	uint8_t scope[UNITLS_DIGEST_SIZE];    /* of resumption */
};

/* What a context counts; any thread. */
struct unitls_counters {
	_Atomic uint64_t full;
	_Atomic uint64_t resumed;
	_Atomic uint64_t failed;
	_Atomic uint64_t offered;
};

/* What the core decided on a ClientHello. */
struct unitls_selection {
	size_t chain;                      /* index of the signing chain */
	struct unitls_bytes alpn_selected; /* lent by the context; {NULL, 0} = none */
};

/* Lends the counters of a context. */
struct unitls_counters *unitls_client_context_counters(struct unitls_client_context *context);
struct unitls_counters *unitls_server_context_counters(struct unitls_server_context *context);

/* Lends the table of a backend, and the settings in use (after best effort, if that was asked for). */
const struct unitls_backend_ops *unitls_backend_ops(const struct unitls_backend *backend);
const struct unitls_settings *unitls_client_context_settings(const struct unitls_client_context *context);
const struct unitls_settings *unitls_server_context_settings(const struct unitls_server_context *context);

/*
 * Chooses signing chain and ALPN protocol for a hello: exact name, wildcard, default; among several for a name by what the client can
 * use. UNITLS_ERROR with the alert to send (protocol_version, unrecognized_name, no_application_protocol; never handshake_failure: the library says that).
 */
int unitls_server_context_select(const struct unitls_server_context *context,
	const struct unitls_client_hello *hello, struct unitls_selection *ret_selection,
	struct unitls_error *error);

/* The identity of a chain: from the cache or newly built (class INTERNAL or MEMORY when that fails). The caller gets a reference. Thread-safe. */
int unitls_server_context_identity(struct unitls_server_context *context, size_t chain,
	struct unitls_identity **ret_identity, struct unitls_error *error);
/* The one identity of a client context; a new reference. */
struct unitls_identity *unitls_client_context_identity(struct unitls_client_context *context);
void unitls_identity_unref(struct unitls_identity *identity);

#endif

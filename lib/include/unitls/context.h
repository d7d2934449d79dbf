/*
 * A configuration made real by a backend. Immutable, shared by threads, reference-counted. It keeps its configuration alive.
 */
#ifndef UNITLS_CONTEXT_H
#define UNITLS_CONTEXT_H

#include <unitls/backend.h>
#include <unitls/config.h>
#include <unitls/error.h>

struct unitls_client_context;
struct unitls_server_context;

/* What to do with settings that the backend cannot meet. */
enum unitls_effort {
	UNITLS_EFFORT_STRICT, /* fail, naming the first field */
	/*
	 * Drop what may be dropped without making a connection weaker than was asked for, and list it: cipher suites and ALPN names out of the
	 * backend's reach while others remain, the same of groups and signature schemes, versions below its lowest, signing chains it cannot sign with
	 * while others remain, a request for OCSP responses, ticket keys.
	 * Anything else fails as in STRICT.
	 */
	UNITLS_EFFORT_BEST,
};

/* Handshakes of one context since it was made. */
struct unitls_statistics {
	uint64_t full;    /* complete, without a session */
	uint64_t resumed; /* complete, with an earlier session */
	uint64_t failed;  /* ended by an error or a truncation */
	uint64_t offered; /* sessions that a client offered: offered less resumed were not taken */
};

UNITLS_BEGIN_DECLS

/*
 * Builds a context. diagnostics (may be NULL) gets every unmet field, or with best effort everything dropped. UNITLS_ERROR: class UNSUPPORTED
 * with the field, or CONFIG when the library refuses the material itself (for example a key it cannot parse).
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_client_context_new(struct unitls_backend *backend,
	struct unitls_client_config *config, enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_client_context **ret_context, struct unitls_error *error);
/*
 * The native part of the first signing chain is built at once, that of each other when a client first asks for it, and kept in a cache of
 * `identity_cache` entries.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_server_context_new(struct unitls_backend *backend,
	struct unitls_server_config *config, enum unitls_effort effort, struct unitls_diagnostics *diagnostics,
	struct unitls_server_context **ret_context, struct unitls_error *error);
/*
 * Proves that signing chain i works: builds its native part and drops it again. 0, or UNITLS_ERROR with the library's reason; class USAGE when
 * there is no chain i. Chains that best effort dropped do not count.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_server_context_prove(
	struct unitls_server_context *context, size_t i, struct unitls_error *error);

UNITLS_API struct unitls_client_context *unitls_client_context_ref(struct unitls_client_context *context);
UNITLS_API void unitls_client_context_unref(struct unitls_client_context *context);
UNITLS_API struct unitls_server_context *unitls_server_context_ref(struct unitls_server_context *context);
UNITLS_API void unitls_server_context_unref(struct unitls_server_context *context);

/* Lent for the context's life. */
UNITLS_API struct unitls_client_config *unitls_client_context_config(const struct unitls_client_context *context);
UNITLS_API struct unitls_server_config *unitls_server_context_config(const struct unitls_server_context *context);
UNITLS_API struct unitls_backend *unitls_client_context_backend(const struct unitls_client_context *context);
UNITLS_API struct unitls_backend *unitls_server_context_backend(const struct unitls_server_context *context);

/* A snapshot of counters that other threads may be changing; of a server context that a hello callback chose, what was chosen counts. */
UNITLS_API void unitls_client_context_statistics(
	const struct unitls_client_context *context, struct unitls_statistics *ret_statistics);
UNITLS_API void unitls_server_context_statistics(
	const struct unitls_server_context *context, struct unitls_statistics *ret_statistics);

UNITLS_END_DECLS

#endif

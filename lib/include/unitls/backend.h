/*
 * TLS libraries as loadable modules: finding, loading, and asking what one can do.
 *
 * A module is loaded once per process with dlopen(RTLD_NOW | RTLD_LOCAL) and never unloaded; several live side by side. Its library is
 * initialised then (OpenSSL reads openssl.cnf, which is honoured); afterwards a backend opens no file.
 */
#ifndef UNITLS_BACKEND_H
#define UNITLS_BACKEND_H

#include <unitls/error.h>

#define UNITLS_BACKEND_NAME_MAX 15 /* bytes of a backend's name */

struct unitls_backend;
struct unitls_client_config;
struct unitls_server_config;

/* Capability bits. X(identifier, bit, name) */
#define UNITLS_CAPABILITIES(X)                                                                         \
	X(TLS_1_2, 0, "tls1.2")                                                                        \
	X(TLS_1_3, 1, "tls1.3")                                                                        \
	X(CIPHERS_1_2, 2, "tls1.2-ciphers") /* which TLS 1.2 suites, and their order, can be chosen */ \
	X(CIPHERS_1_3, 3, "tls1.3-ciphers")                                                            \
	X(ALPN, 4, "alpn")                                                                             \
	X(HALF_CLOSE, 5, "half-close") /* one direction goes on when close_notify ended the other */   \
	X(SESSION_TICKETS, 6, "session-tickets")                                                       \
	X(CLIENT_AUTH, 7, "client-auth")                                                               \
	X(CLOCK, 8, "clock") /* certificates are judged by the configuration's clock */                \
	X(ENCRYPTED_KEYS, 9, "encrypted-keys")                                                         \
	X(IP_NAMES, 10, "ip-names")     /* a client can verify an IP address */                        \
	X(CLOSE_INFO, 11, "close-info") /* the library tells a clean close from a truncation, not only the core */

enum unitls_capability {
#define UNITLS_CAPABILITY_ENUM(id, bit, name) UNITLS_CAP_##id = 1u << bit,
	UNITLS_CAPABILITIES(UNITLS_CAPABILITY_ENUM)
#undef UNITLS_CAPABILITY_ENUM
};

/* Bits and limits of one backend as loaded here; constant for the process. */
struct unitls_capabilities {
	uint64_t bits;        /* enum unitls_capability */
	uint16_t min_version; /* lowest and highest TLS version */
	uint16_t max_version;
	const uint16_t *cipher_suites; /* those it can do of the core's table, in no particular order */
	size_t n_cipher_suites;
	size_t alpn_max_names;      /* protocols in one list */
	size_t alpn_max_name_bytes; /* bytes of one name */
	bool alpn_binary;           /* names may hold any byte, NUL included */
	uint32_t key_types;         /* bit (1u << enum unitls_key_type): what it can sign with */
	unsigned rsa_min_bits;
	unsigned rsa_max_bits;
	const char *notes; /* one line of plain English on what differs, or "" */
};

/* How to load; initialise with {0} for the defaults. */
struct unitls_backend_load_params {
	const char *
		directory; /* look here only; NULL: $UNITLS_BACKEND_DIR unless AT_SECURE, beside the library, then the built-in one */
	bool deep_bind; /* RTLD_DEEPBIND: for a program that links a TLS library itself; not with sanitizers */
};

UNITLS_BEGIN_DECLS

/*
 * Loads a backend by name ("openssl", "mbedtls"), or lends the one already loaded. Thread-safe. The backend lives as long as the process:
 * there is nothing to free. UNITLS_ERROR, class UNSUPPORTED, field "backend": no such module (the text names the paths tried), its library
 * is missing, another ABI, or its symbols are already taken by a TLS library of the program (then say deep_bind).
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_backend_load(
	const char *name, struct unitls_backend **ret_backend, struct unitls_error *error);
UNITLS_API UNITLS_MUST_CHECK int unitls_backend_load_with(const char *name,
	const struct unitls_backend_load_params *params, struct unitls_backend **ret_backend,
	struct unitls_error *error);
/*
 * Calls found(argument, name) once for each module in the search path, loaded or not, in order of name. found returns false to stop.
 * directory: as in unitls_backend_load_params. Returns how many there were.
 */
UNITLS_API size_t unitls_backend_list(
	const char *directory, bool (*found)(void *argument, const char *name), void *argument);

UNITLS_API const char *unitls_backend_name(const struct unitls_backend *backend);
/* The TLS library's own version at run time, such as "OpenSSL 3.0.19 11 Nov 2025". */
UNITLS_API const char *unitls_backend_library_version(const struct unitls_backend *backend);
UNITLS_API const struct unitls_capabilities *unitls_backend_capabilities(const struct unitls_backend *backend);
/* "tls1.3", "half-close", ...; NULL for a bit not in the table. */
UNITLS_API const char *unitls_capability_name(enum unitls_capability capability);

/*
 * What of a configuration this backend cannot do: appends one (field, reason) each to diagnostics (which may be NULL). Returns 0 when it can do all,
 * UNITLS_ERROR otherwise. Pure: makes nothing native.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_backend_validate_client(struct unitls_backend *backend,
	const struct unitls_client_config *config, struct unitls_diagnostics *diagnostics);
UNITLS_API UNITLS_MUST_CHECK int unitls_backend_validate_server(struct unitls_backend *backend,
	const struct unitls_server_config *config, struct unitls_diagnostics *diagnostics);

UNITLS_END_DECLS

#endif

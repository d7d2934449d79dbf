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
#define UNITLS_CAPABILITIES(X)                                                                                              \
	X(TLS_1_2, 0, "tls1.2")                                                                                             \
	X(TLS_1_3, 1, "tls1.3")                                                                                             \
	X(CIPHERS_1_2, 2, "tls1.2-ciphers") /* which TLS 1.2 suites, and their order, can be chosen */                      \
	X(CIPHERS_1_3, 3, "tls1.3-ciphers") /* else only a list of all of them in its order is taken */                     \
	X(ALPN, 4, "alpn")                                                                                                  \
	X(HALF_CLOSE, 5, "half-close") /* one direction goes on when close_notify ended the other */                        \
	X(SESSION_TICKETS, 6, "session-tickets")                                                                            \
	X(CLIENT_AUTH, 7, "client-auth")                                                                                    \
	X(CLOCK, 8, "clock") /* certificates are judged by the configuration's clock */                                     \
	X(ENCRYPTED_KEYS, 9, "encrypted-keys")                                                                              \
	X(IP_NAMES, 10, "ip-names")               /* a client can verify an IP address */                                   \
	X(CLOSE_INFO, 11, "close-info")           /* the library tells a clean close from a truncation */                   \
	X(CLIENT_SESSIONS, 12, "client-sessions") /* a client can export a session and resume it */                         \
	X(TICKET_KEYS, 13, "ticket-keys") /* tickets are sealed with the keys given, which rotate from outside */           \
	X(TICKETS_SELF_ROTATED, 14,                                                                                         \
		"tickets-self-rotated") /* of ticket keys only the stable secret counts; the library derives and rotates */ \
	X(EXPORTER, 15, "exporter")                                                                                         \
	X(EXTENDED_MASTER_SECRET, 16,                                                                                       \
		"extended-master-secret") /* RFC 7627, known to be so: else nothing is exported in TLS 1.2 */               \
	X(KEY_LOG, 17, "key-log")                                                                                           \
	X(EXTERNAL_KEYS, 18, "external-keys")             /* a signer that answers at once */                               \
	X(EXTERNAL_KEYS_ASYNC, 19, "external-keys-async") /* or later */                                                    \
	X(PKCS11, 20, "pkcs11")                           /* private keys by PKCS#11 URI */                                 \
	X(OCSP_STAPLE, 21, "ocsp-staple")                 /* a server sends staples */                                      \
	X(OCSP_REQUEST, 22, "ocsp-request")               /* a client asks for staples and hands them out */                \
	X(OCSP_VERIFY, 23, "ocsp-verify")                 /* and verifies them */                                           \
	X(CRL, 24, "crl")                                                                                                   \
	X(GROUPS, 25, "groups")                       /* which groups, and their order, can be chosen */                    \
	X(SIGNATURE_SCHEMES, 26, "signature-schemes") /* the same for signatures */                                         \
	X(GROUP_INFO, 27, "group-info")               /* the group of a key exchange is told */                             \
	X(SIGNATURE_INFO, 28, "signature-info")       /* the scheme of the server's signature is told */                    \
	X(KEY_UPDATE, 29, "key-update")               /* can send a KeyUpdate */

enum unitls_capability {
#define UNITLS_CAPABILITY_ENUM(id, bit, name) UNITLS_CAP_##id = 1u << (bit),
	UNITLS_CAPABILITIES(UNITLS_CAPABILITY_ENUM)
#undef UNITLS_CAPABILITY_ENUM
};

/* Bits and limits of one backend as loaded here; constant for the process. */
struct unitls_capabilities {
	uint64_t bits;        /* enum unitls_capability */
	uint16_t min_version; /* lowest and highest TLS version */
	uint16_t max_version;
	/* Those it can do of the core's table, in no particular order; but those of a version that cannot be chosen as the library orders them. */
	const uint16_t *cipher_suites;
	size_t n_cipher_suites;
	size_t alpn_max_names;      /* protocols in one list */
	size_t alpn_max_name_bytes; /* bytes of one name */
	bool alpn_binary;           /* names may hold NUL */
	const char *alpn_excluded;  /* further bytes that no name may hold; NULL: none */
	uint32_t key_types;         /* bit (1u << enum unitls_key_type): what it can sign with */
	unsigned rsa_min_bits;
	unsigned rsa_max_bits;
	const uint16_t *groups; /* those it can do of the core's table, in no particular order */
	size_t n_groups;
	const uint16_t *signature_schemes; /* the same */
	size_t n_signature_schemes;
	const char *notes; /* one line of plain English on what differs, or "" */
};

/*
 * One way in which a backend is known to answer a peer that breaks the protocol, or asks for the unusual, otherwise than the OpenSSL backend does.
 * The texts are constants; what, verdict and library are patterns as in fnmatch(3).
 */
struct unitls_backend_difference {
	const char *what;    /* the case of the contract suite (tests/contract/differential.c) */
	const char *backend; /* the backend's name */
	const char *verdict; /* what it does: "accepted: ...", "refused: CLASS, ALERT", or the name of a status */
	const char *reason;  /* one line of plain English */
	const char *library; /* versions of its library that are so; NULL: all */
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
 * is missing, another ABI, somebody else than root, this user or who owns libunitls could have exchanged its file (the text names the part of the path),
 * or its symbols are already taken by a TLS library of the program (then say deep_bind).
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
/* Walks the table of known differences, all backends' in one, loaded or not; false past the end. */
UNITLS_API bool unitls_backend_difference_at(size_t i, struct unitls_backend_difference *ret_difference);

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

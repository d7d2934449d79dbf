/*
 * Status values, error classes, TLS alerts and the caller-owned error record.
 */
#ifndef UNITLS_ERROR_H
#define UNITLS_ERROR_H

#include <unitls/common.h>

/*
 * What a call returns. Positive values are conditions the direct caller handles; negative ones are sticky failures of the
 * object they came from.
 */
enum unitls_status {
	UNITLS_OK = 0,
	UNITLS_WANT_READ = 1,  /* feed more ciphertext (after draining what is outgoing), then call again */
	UNITLS_WANT_WRITE = 2, /* drain outgoing ciphertext, then call again */
	UNITLS_WANT_APP = 3,   /* an answer of the application (hello decision, external key) is pending */
	UNITLS_EOF = 4,        /* the peer sent close_notify and all plaintext was delivered; sticky */
	UNITLS_ERROR = -1,     /* failed; the class and the details are in struct unitls_error */
	UNITLS_RAGGED_EOF =
		-2, /* the transport ended without close_notify: possible truncation (RFC 8446, 6.1); sticky */
};

/* What kind of failure it was. X(identifier, name) */
#define UNITLS_ERROR_CLASSES(X)                                                                                \
	X(NONE, "none")               /* no error recorded */                                                  \
	X(CONFIG, "config")           /* the configuration asks for something impossible; field says which */  \
	X(UNSUPPORTED, "unsupported") /* this backend cannot do it; field says which */                        \
	X(VERIFY, "verify")           /* the peer's certificate was refused; verify_reason says why */         \
	X(PROTOCOL, "protocol") /* the peer broke the protocol, or nothing in common; alert is what we sent */ \
	X(PEER_ALERT, "peer_alert")   /* the peer sent a fatal alert; alert is its number */                   \
	X(LOCAL_ALERT, "local_alert") /* policy or application refused the peer; alert is what we sent */      \
	X(IO, "io")                   /* transport, file or truncation */                                      \
	X(MEMORY, "memory")           /* an allocation failed */                                               \
	X(USAGE, "usage")             /* the call is not legal in this state or with this argument */          \
	X(INTERNAL, "internal")       /* a bug in unitls or in the TLS library */

enum unitls_error_class {
#define UNITLS_ERROR_CLASS_ENUM(id, name) UNITLS_ERROR_CLASS_##id,
	UNITLS_ERROR_CLASSES(UNITLS_ERROR_CLASS_ENUM)
#undef UNITLS_ERROR_CLASS_ENUM
};

/* TLS alert descriptions (RFC 8446, 6; IANA TLS Alerts). X(identifier, number, name) */
#define UNITLS_ALERTS(X)                                                           \
	X(CLOSE_NOTIFY, 0, "close_notify")                                         \
	X(UNEXPECTED_MESSAGE, 10, "unexpected_message")                            \
	X(BAD_RECORD_MAC, 20, "bad_record_mac")                                    \
	X(RECORD_OVERFLOW, 22, "record_overflow")                                  \
	X(HANDSHAKE_FAILURE, 40, "handshake_failure")                              \
	X(BAD_CERTIFICATE, 42, "bad_certificate")                                  \
	X(UNSUPPORTED_CERTIFICATE, 43, "unsupported_certificate")                  \
	X(CERTIFICATE_REVOKED, 44, "certificate_revoked")                          \
	X(CERTIFICATE_EXPIRED, 45, "certificate_expired")                          \
	X(CERTIFICATE_UNKNOWN, 46, "certificate_unknown")                          \
	X(ILLEGAL_PARAMETER, 47, "illegal_parameter")                              \
	X(UNKNOWN_CA, 48, "unknown_ca")                                            \
	X(ACCESS_DENIED, 49, "access_denied")                                      \
	X(DECODE_ERROR, 50, "decode_error")                                        \
	X(DECRYPT_ERROR, 51, "decrypt_error")                                      \
	X(PROTOCOL_VERSION, 70, "protocol_version")                                \
	X(INSUFFICIENT_SECURITY, 71, "insufficient_security")                      \
	X(INTERNAL_ERROR, 80, "internal_error")                                    \
	X(INAPPROPRIATE_FALLBACK, 86, "inappropriate_fallback")                    \
	X(USER_CANCELED, 90, "user_canceled")                                      \
	X(NO_RENEGOTIATION, 100, "no_renegotiation")                               \
	X(MISSING_EXTENSION, 109, "missing_extension")                             \
	X(UNSUPPORTED_EXTENSION, 110, "unsupported_extension")                     \
	X(UNRECOGNIZED_NAME, 112, "unrecognized_name")                             \
	X(BAD_CERTIFICATE_STATUS_RESPONSE, 113, "bad_certificate_status_response") \
	X(UNKNOWN_PSK_IDENTITY, 115, "unknown_psk_identity")                       \
	X(CERTIFICATE_REQUIRED, 116, "certificate_required")                       \
	X(NO_APPLICATION_PROTOCOL, 120, "no_application_protocol")

enum unitls_alert {
	UNITLS_ALERT_NONE = -1,
#define UNITLS_ALERT_ENUM(id, number, name) UNITLS_ALERT_##id = number,
	UNITLS_ALERTS(UNITLS_ALERT_ENUM)
#undef UNITLS_ALERT_ENUM
};

/* Why a peer's certificate was refused. X(identifier, name) */
#define UNITLS_VERIFY_REASONS(X)                                   \
	X(NONE, "none")                                            \
	X(MISSING, "no certificate was sent")                      \
	X(UNKNOWN_CA, "issuer is not trusted")                     \
	X(SELF_SIGNED, "self-signed certificate")                  \
	X(EXPIRED, "expired")                                      \
	X(NOT_YET_VALID, "not yet valid")                          \
	X(NAME_MISMATCH, "name does not match")                    \
	X(REVOKED, "revoked")                                      \
	X(REVOCATION_UNKNOWN, "no current word on its revocation") \
	X(BAD_SIGNATURE, "bad signature")                          \
	X(BAD_PURPOSE, "not meant for this purpose")               \
	X(WEAK, "key or signature algorithm too weak")             \
	X(NAME_CONSTRAINTS, "name constraints violated")           \
	X(MALFORMED, "malformed certificate")                      \
	X(OTHER, "refused")

enum unitls_verify_reason {
#define UNITLS_VERIFY_REASON_ENUM(id, name) UNITLS_VERIFY_##id,
	UNITLS_VERIFY_REASONS(UNITLS_VERIFY_REASON_ENUM)
#undef UNITLS_VERIFY_REASON_ENUM
};

/*
 * The details of one failure, owned by the caller: initialise with UNITLS_ERROR_INIT, pass its address, read it after a
 * negative status. The first error wins: a call does not overwrite a record that already holds one, so clear it (assign
 * UNITLS_ERROR_INIT again) before it is used again. Plain data: copy freely.
 */
struct unitls_error {
	enum unitls_error_class error_class;
	int alert; /* enum unitls_alert or the bare number; sent by us or, for PEER_ALERT, by the peer */
	enum unitls_verify_reason verify_reason;
	int verify_depth;    /* 0 = the peer's own certificate; -1 = unknown */
	int64_t native_code; /* the TLS library's own code; 0 = none */
	char backend[16];    /* name of the backend it came from; empty = the core */
	char field[32];      /* configuration field, for CONFIG and UNSUPPORTED; empty = none */
	char text[256];      /* one English line without a newline, ready for a log */
};

#define UNITLS_ERROR_INIT                                                                         \
	{                                                                                         \
		UNITLS_ERROR_CLASS_NONE, UNITLS_ALERT_NONE, UNITLS_VERIFY_NONE, -1, 0, "", "", "" \
	}

/* A list of (field, reason): what a backend cannot do of a configuration, or what best effort dropped. */
struct unitls_diagnostics;

UNITLS_BEGIN_DECLS

/* Names of statuses, classes, alerts and reasons: string constants; "unknown" for a number not in the table. */
UNITLS_API const char *unitls_status_name(int status);
UNITLS_API const char *unitls_error_class_name(enum unitls_error_class error_class);
UNITLS_API const char *unitls_alert_name(int alert);
UNITLS_API const char *unitls_verify_reason_name(enum unitls_verify_reason reason);

/* Makes an empty list; returns NULL when there is no memory. Free with unitls_diagnostics_free (NULL is fine). */
UNITLS_API UNITLS_MUST_CHECK struct unitls_diagnostics *unitls_diagnostics_new(void);
UNITLS_API void unitls_diagnostics_free(struct unitls_diagnostics *diagnostics);
/* How many entries there are, and entry i's field and reason (lent; "" when i is out of range). */
UNITLS_API size_t unitls_diagnostics_count(const struct unitls_diagnostics *diagnostics);
UNITLS_API const char *unitls_diagnostics_field(const struct unitls_diagnostics *diagnostics, size_t i);
UNITLS_API const char *unitls_diagnostics_reason(const struct unitls_diagnostics *diagnostics, size_t i);

UNITLS_END_DECLS

#endif

/*
 * The backend contract: what a module implements, and what the core offers it. The only core header a backend sees; installed as
 * <unitls/backend/module.h> for backends outside of this tree, so it includes public headers only.
 *
 * Division of work. The core: buffers, ClientHello, choice of context and identity, ALPN choice, peer names, sticky errors and EOF, record-sized
 * writes, zero-length calls. The backend: the handshake and record protocol, chain verification, translation of its library's errors.
 * No native error code crosses this table but in struct unitls_error.native_code.
 *
 * A module exports one symbol, `const struct unitls_backend_ops unitls_backend_module`, filled with designated initialisers. It links
 * its TLS library and libc only; the functions declared below resolve to the program's copy of the core.
 * Threads: contexts are used by several threads at once, a connection by one at a time.
 */
#ifndef UNITLS_CORE_BACKEND_H
#define UNITLS_CORE_BACKEND_H

#include <string.h>

#include <unitls/backend.h>
#include <unitls/certificate.h>
#include <unitls/config.h>
#include <unitls/connection.h>
#include <unitls/error.h>
#include <unitls/peer_name.h>
#include <unitls/signer.h>

#define UNITLS_BACKEND_ABI    2u
#define UNITLS_BACKEND_SYMBOL "unitls_backend_module"

/*
 * Transport: the connection's ciphertext buffers as a backend sees them ------------------------------------------------------
 */

/* A linear buffer: bytes [head, tail) of data are held. Storage is lazy: data is NULL while nothing was ever held or all was released. */
struct unitls_buffer {
	uint8_t *data;
	size_t head;
	size_t tail;
	size_t capacity;
};

struct unitls_transport {
	struct unitls_buffer incoming;
	struct unitls_buffer outgoing;
	size_t incoming_visible; /* bytes of incoming the backend may take now; the core withholds what it has not judged yet */
	bool incoming_eof;  /* no more will come after what is in incoming */
	bool out_of_memory; /* an outgoing allocation failed: unitls_transport_write returned 0 for that reason */
};

/* Bytes the backend can read now, without taking them. */
static inline struct unitls_bytes unitls_transport_peek(const struct unitls_transport *transport)
{
	struct unitls_bytes bytes = {NULL, 0};

	if (transport->incoming_visible > 0) {
		bytes.data = transport->incoming.data + transport->incoming.head;
		bytes.size = transport->incoming_visible;
	}
	return bytes;
}

static inline void unitls_transport_consume(struct unitls_transport *transport, size_t n)
{
	transport->incoming.head += n;
	transport->incoming_visible -= n;
}

/* Takes up to size bytes; 0 = none now (want read, or the end when unitls_transport_at_eof). */
static inline size_t unitls_transport_read(struct unitls_transport *transport, void *buffer, size_t size)
{
	struct unitls_bytes bytes = unitls_transport_peek(transport);
	size_t n = bytes.size < size ? bytes.size : size;

	if (n > 0)
		memcpy(buffer, bytes.data, n);
	unitls_transport_consume(transport, n);
	return n;
}

/* True when nothing is left to read and nothing will come. */
static inline bool unitls_transport_at_eof(const struct unitls_transport *transport)
{
	return transport->incoming_eof && transport->incoming.head == transport->incoming.tail;
}

UNITLS_BEGIN_DECLS

/*
 * Appends up to size bytes to outgoing; returns how many: fewer when the hard limit is reached (want write), 0 also without memory
 * (transport->out_of_memory). The hard limit leaves room above the soft one for alerts, tickets and KeyUpdates, so a write of one record that the
 * core asked for always fits whole.
 */
UNITLS_API size_t unitls_transport_write(struct unitls_transport *transport, const void *data, size_t size);

/*
 * What a context is built from. All is lent for the length of the context_new call, except where said. ---------------------
 */

enum unitls_role {
	UNITLS_ROLE_CLIENT,
	UNITLS_ROLE_SERVER
};

enum unitls_verify_mode {
	UNITLS_VERIFY_MODE_NONE,     /* server: ask for no certificate; client: do not verify (insecure) */
	UNITLS_VERIFY_MODE_OPTIONAL, /* server: ask; absent is fine, a bad one is refused */
	UNITLS_VERIFY_MODE_REQUIRED, /* server: ask and insist; client: verify */
};

enum unitls_key_format {
	UNITLS_KEY_FORMAT_DER, /* PKCS#8 (also EncryptedPrivateKeyInfo), PKCS#1 or SEC1, one DER value */
	UNITLS_KEY_FORMAT_PEM, /* a PEM block encrypted in the traditional way (Proc-Type, DEK-Info), NUL-terminated; size counts the NUL */
	UNITLS_KEY_FORMAT_URI, /* a PKCS#11 URI (RFC 7512), NUL-terminated; size counts the NUL; password is the PIN. Needs PKCS11 */
	UNITLS_KEY_FORMAT_EXTERNAL, /* no bytes: signatures come from external_key. Needs EXTERNAL_KEYS */
};

/* A key outside the process's reach: signatures are asked for with unitls_signature_start. */
struct unitls_external_key;

/* The ticket keys of one resumption scope, as they rotate; thread-safe. */
struct unitls_ticket_source;

struct unitls_context_params {
	enum unitls_role role;
	uint16_t min_version; /* wire numbers within the backend's range, min <= max */
	uint16_t max_version;
	const uint16_t *suites_1_2; /* in order of preference; n = 0: the backend's default for that version */
	size_t n_suites_1_2;
	const uint16_t *suites_1_3;
	size_t n_suites_1_3;
	const struct unitls_bytes
		*alpn; /* client: to offer; server: what it may answer (the core chooses, per connection) */
	size_t n_alpn;
	enum unitls_verify_mode verify;
	const struct unitls_bytes *anchors; /* DER certificates; every one is an anchor, intermediates too */
	size_t n_anchors;
	const struct unitls_bytes *chain; /* DER: leaf, then intermediates in order; n = 0: no identity (client) */
	size_t n_chain;
	enum unitls_key_format key_format;
	struct unitls_bytes key; /* the private key; wipe every copy */
	const char *password;    /* NULL unless the key is encrypted */
	const struct unitls_external_key
		*external_key; /* for UNITLS_KEY_FORMAT_EXTERNAL; lives as long as the native context */
	struct unitls_ticket_source *
		tickets; /* server: what tickets are sealed with; NULL = issue and accept none. Lives as long as the native context */
	const uint16_t *groups; /* IANA numbers in order of preference; n = 0: the library's default */
	size_t n_groups;
	const uint16_t *signature_schemes; /* the same; for what we sign and for what we accept of the peer */
	size_t n_signature_schemes;
	const struct unitls_bytes *crls; /* DER; n = 0: no revocation lists are looked at */
	size_t n_crls;
	enum unitls_ocsp ocsp;             /* client */
	struct unitls_bytes ocsp_response; /* server: the staple of the leaf, DER; {NULL, 0} = none */
	unitls_key_log_callback key_log;   /* NULL: secrets stay secret */
	void *key_log_argument;
	unitls_clock clock; /* NULL: the system's. Stays callable for the context's life */
	void *clock_argument;
	uint8_t scope
		[32]; /* resumption scope: what a session must share to be resumed (a session_id_context, for instance) */
};

struct unitls_connection_params {
	struct unitls_transport *transport; /* lives as long as the native connection */
	const struct unitls_peer_name
		*peer_name;      /* client: whom to expect; lives as long as the native connection */
	const char *server_name; /* client: SNI to send, NULL = none; lives as long as the native connection */
	struct unitls_bytes
		alpn_selected; /* server: the core's choice, to be answered exactly; {NULL, 0} = answer none */
};

/* What keys are exported for. */
struct unitls_exporter_params {
	const char *
		label; /* not NUL-terminated for the library's sake alone: it is, and label_size does not count the NUL */
	size_t label_size;
	bool has_context;
	struct unitls_bytes context;
};

/* What became of a handshake; filled by info() after it is complete. */
struct unitls_connection_info {
	uint16_t version;
	uint16_t cipher_suite;
	struct unitls_bytes alpn; /* what the library says was negotiated; lent for the connection's life */
	bool resumed;
	bool extended_master_secret; /* TLS 1.2: RFC 7627 was agreed on; the core exports nothing without it */
	uint16_t
		group; /* of the key exchange in this handshake; 0 = none took place, or the library does not tell */
	uint16_t
		signature_scheme; /* of the server's signature in this handshake; 0 = none was made, or the library does not tell */
};

/*
 * The table ----------------------------------------------------------------------------------------------------------------
 *
 * Statuses as in <unitls/error.h>. Every function that returns UNITLS_ERROR fills error (never NULL here) through unitls_error_set and friends.
 */
struct unitls_backend_ops {
	uint32_t abi;  /* UNITLS_BACKEND_ABI */
	uint32_t size; /* sizeof(struct unitls_backend_ops) */
	const char *name;

	/* Initialises the library, once per process, before anything else is called. */
	int (*init)(struct unitls_error *error);
	/* The library's name and version at run time; constant. */
	const char *(*library_version)(void);
	/* Bits and limits, constant after init. */
	const struct unitls_capabilities *(*capabilities)(void);

	/*
	 * Builds a native context. Must fail (class CONFIG, field "key") when the key cannot be read or does not belong to the leaf; (field
	 * "certificate", "trust_store", "ciphers", ...) when the library refuses the material; class MEMORY without memory.
	 */
	int (*context_new)(
		const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
	void (*context_free)(void *context);

	/*
	 * A connection from a context, which outlives it. On a server the first handshake call finds the whole ClientHello as one record in the transport.
	 */
	int (*connection_new)(void *context, const struct unitls_connection_params *params, void **ret_connection,
		struct unitls_error *error);
	void (*connection_free)(void *connection);

	/*
	 * 0 = complete; WANT_READ, WANT_WRITE; WANT_APP while an external key owes a signature; UNITLS_RAGGED_EOF when the transport ended; UNITLS_ERROR
	 * with class and alert. On a failure of ours the alert must have been written to the transport before returning.
	 */
	int (*handshake)(void *connection, struct unitls_error *error);
	/*
	 * As unitls_connection_read; size >= 1. 0 with *ret_n > 0, WANT_READ, WANT_WRITE, UNITLS_EOF (close_notify), UNITLS_RAGGED_EOF, UNITLS_ERROR. May be
	 * called after shutdown() where the backend has HALF_CLOSE; one that has not may answer close_notify by itself before it says UNITLS_EOF. Tickets and KeyUpdates are dealt with inside, never seen.
	 */
	int (*read)(void *connection, uint8_t *buffer, size_t size, size_t *ret_n, struct unitls_error *error);
	/*
	 * 1 <= size <= UNITLS_RECORD_PLAINTEXT_MAX, and a whole maximal record fits into the transport: so it takes all of size, or fails. WANT_WRITE only when
	 * something of its own (a KeyUpdate) fills the transport first; then nothing of data was taken and the next call may bring other bytes.
	 */
	int (*write)(
		void *connection, const uint8_t *data, size_t size, size_t *ret_n, struct unitls_error *error);
	/* Writes close_notify. 0 or WANT_WRITE or UNITLS_ERROR. Called once it returned 0 never again. */
	int (*shutdown)(void *connection, struct unitls_error *error);
	/* Plaintext bytes decrypted and not yet read. */
	size_t (*pending)(const void *connection);
	/* After the handshake. */
	void (*info)(const void *connection, struct unitls_connection_info *ret_info);
	/* Calls add once for each certificate the peer sent, leaf first, DER. 0, or UNITLS_ERROR passed on from add. */
	int (*peer_chain)(
		const void *connection, int (*add)(void *argument, struct unitls_bytes der), void *argument);

	/* Optional slots: NULL where the capability that is named is clear. */

	/*
	 * CLIENT_SESSIONS. The newest session that can be resumed, as bytes of the library's own format: calls add once and answers 0 (or what add
	 * answered); UNITLS_WANT_READ when there is none, for none has come yet. Client, after the handshake, also when it has ended.
	 */
	int (*session_export)(void *connection, int (*add)(void *argument, struct unitls_bytes session),
		void *argument, struct unitls_error *error);
	/*
	 * CLIENT_SESSIONS. Offers a session that session_export gave, of the same resumption scope and peer. Client, before the first handshake call.
	 * UNITLS_ERROR, class CONFIG, field "session" when the library cannot read it; the connection goes on without.
	 */
	int (*session_resume)(void *connection, struct unitls_bytes session, struct unitls_error *error);
	/*
	 * EXPORTER. RFC 5705 and RFC 8446, 7.5, after the handshake. has_context false: none at all, which TLS 1.2 tells from an empty one.
	 * UNITLS_ERROR, class INTERNAL.
	 */
	int (*export_keys)(void *connection, const struct unitls_exporter_params *params, uint8_t *ret_bytes,
		size_t size, struct unitls_error *error);
	/*
	 * KEY_UPDATE. Sends a KeyUpdate, with what is written next if the library cannot sooner; request: the peer is asked for one. TLS 1.3, after the
	 * handshake. 0, WANT_WRITE, UNITLS_ERROR.
	 */
	int (*update_keys)(void *connection, bool request, struct unitls_error *error);
	/* OCSP_REQUEST. The staple that the server sent, DER, lent for the connection's life; {NULL, 0} when none. Client, after the handshake. */
	struct unitls_bytes (*ocsp_response)(const void *connection);
};

_Static_assert(
	sizeof(struct unitls_backend_ops) == 8 + 20 * sizeof(void *), "backend ABI: raise UNITLS_BACKEND_ABI");

/*
 * What the core offers ------------------------------------------------------------------------------------------------------
 */

/* Records class and text, unless error already holds one. Always returns UNITLS_ERROR, so that `return unitls_error_set(...)` reads well. */
UNITLS_API int unitls_error_set(struct unitls_error *error, enum unitls_error_class error_class,
	const char *format, ...) UNITLS_PRINTF(3, 4);
/* The same with the configuration field. */
UNITLS_API int unitls_error_set_field(struct unitls_error *error, enum unitls_error_class error_class,
	const char *field, const char *format, ...) UNITLS_PRINTF(4, 5);
/* The same with the TLS alert that was sent or received. */
UNITLS_API int unitls_error_set_alert(struct unitls_error *error, enum unitls_error_class error_class, int alert,
	const char *format, ...) UNITLS_PRINTF(4, 5);
/* The same for a refused certificate: class VERIFY, the alert that belongs to the reason (unitls_verify_alert). */
UNITLS_API int unitls_error_set_verify(struct unitls_error *error, enum unitls_verify_reason reason, int depth);
/* The alert that a verify reason is answered with, alike for all backends. */
UNITLS_API int unitls_verify_alert(enum unitls_verify_reason reason);

/*
 * To be called from the library's verification callback with the peer's own certificate (DER), so that a wrong name is refused within the
 * handshake with the right alert: UNITLS_VERIFY_NONE when it is for the expected peer (or the name is unchecked), else the reason.
 */
UNITLS_API enum unitls_verify_reason unitls_backend_check_peer_name(
	const struct unitls_peer_name *expected, struct unitls_bytes der);

/*
 * Whether one of the CRLs (DER) comes from the issuer of this certificate (DER): by names, octet for octet. The rule for revocation, alike for all
 * backends: once there are CRLs, the peer's own certificate must be covered by one that its issuer signed and that is current (else
 * UNITLS_VERIFY_REVOCATION_UNKNOWN); an intermediate is checked where a CRL covers it.
 */
UNITLS_API bool unitls_backend_crls_cover(
	const struct unitls_bytes *crls, size_t n, struct unitls_bytes certificate);

/*
 * Ticket keys -----------------------------------------------------------------------------------------------------------------
 *
 * A ticket is sealed with key 0 and opened with whichever has its name; one opened with another than key 0 should be replaced. No key of another
 * resumption scope or backend ever has the same name, so a ticket from outside the scope finds no key and the handshake is a full one.
 */
#define UNITLS_TICKET_KEYS_MAX    3 /* current, previous, next */
#define UNITLS_TICKET_MASTER_SIZE 64

struct unitls_ticket_key {
	uint8_t name[16];
	uint8_t cipher_key[32]; /* AES-256 */
	uint8_t mac_key[32];    /* HMAC-SHA-256, where the cipher does not authenticate */
};

/* Copies the keys in force (wipe them after use); returns how many, 1 to UNITLS_TICKET_KEYS_MAX. Cheap; any thread. */
UNITLS_API size_t unitls_ticket_source_keys(
	struct unitls_ticket_source *source, struct unitls_ticket_key ret_keys[UNITLS_TICKET_KEYS_MAX]);
/* For a library that derives and rotates keys itself (TICKETS_SELF_ROTATED): one secret, the same for the life of the ticket keys. */
UNITLS_API void unitls_ticket_source_master(
	struct unitls_ticket_source *source, uint8_t ret_master[UNITLS_TICKET_MASTER_SIZE]);

/*
 * Signatures of external keys -------------------------------------------------------------------------------------------------
 *
 * input: the digest under the scheme's hash; for Ed25519 and Ed448 the message itself. Signatures are as in a CertificateVerify: DER for ECDSA.
 */
/* The key's type and its public half (SubjectPublicKeyInfo, DER), lent for the key's life. */
UNITLS_API enum unitls_key_type unitls_external_key_type(const struct unitls_external_key *key);
UNITLS_API struct unitls_bytes unitls_external_key_spki(const struct unitls_external_key *key);
/* Whether the signer may answer later (EXTERNAL_KEYS_ASYNC). */
UNITLS_API bool unitls_external_key_is_deferred(const struct unitls_external_key *key);
/*
 * Asks for a signature. *ret_request is set unless UNITLS_ERROR is answered (class MEMORY, or INTERNAL when the signer refused at once): ask
 * unitls_signature_take whether it is there; release it in any case. scheme: IANA SignatureScheme.
 */
UNITLS_API int unitls_signature_start(const struct unitls_external_key *key, uint16_t scheme,
	struct unitls_bytes input, struct unitls_sign_request **ret_request, struct unitls_error *error);
/* 0 with the signature, lent until the release; WANT_APP while it is pending; UNITLS_ERROR, class INTERNAL, when the signer failed. */
UNITLS_API int unitls_signature_take(
	const struct unitls_sign_request *request, struct unitls_bytes *ret_signature, struct unitls_error *error);
/* Lets go of a request, also a pending one; NULL is fine. */
UNITLS_API void unitls_signature_release(struct unitls_sign_request *request);

UNITLS_END_DECLS

#endif

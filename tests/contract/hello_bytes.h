/*
 * ClientHellos and records made by hand, and what a server's first flight says: for what no TLS library would send.
 */
#ifndef UNITLS_TESTS_CONTRACT_HELLO_BYTES_H
#define UNITLS_TESTS_CONTRACT_HELLO_BYTES_H

#include "contract.h"

#define HELLO_BYTES_MAX    140000
#define HELLO_NO_KEY_SHARE 0xffff /* an empty list of shares, which asks for a HelloRetryRequest */

struct hello_bytes {
	uint8_t data[HELLO_BYTES_MAX];
	size_t size;
};

/* A hello's contents; zero is one that every server takes: the lists below when theirs is empty. */
struct hello_spec {
	uint16_t version;          /* to be negotiated; 0: TLS 1.2. 1.3 adds supported_versions and key shares */
	uint16_t legacy_version;   /* 0: 0x0303 */
	const uint16_t *suites;    /* ended by 0; NULL: the usual ones of the version */
	const uint16_t *groups;    /* ended by 0; NULL: secp256r1, x25519 */
	const uint16_t *schemes;   /* ended by 0; NULL: ECDSA and RSA with SHA-256, PSS */
	uint16_t key_share;        /* 0: secp256r1; or HELLO_NO_KEY_SHARE */
	const char *name;          /* server_name; NULL: none */
	size_t name_size;          /* 0: strlen */
	const char *second_name;   /* a second host_name in the list */
	struct unitls_bytes alpn;  /* the encoded list; empty: none */
	struct unitls_bytes extra; /* encoded extensions, behind the others */
	uint8_t compression;       /* the one method that is offered */
	size_t padding;            /* bytes of a padding extension's body */
	bool no_extensions;
};

/* The handshake message, without a record header. */
void hello_make(struct hello_bytes *hello, const struct hello_spec *spec);
/* Appends data as records of at most fragment bytes each (0: as large as may be). */
void records_append(struct hello_bytes *to, uint8_t type, const uint8_t *data, size_t size, size_t fragment);
/* A whole hello in one record. */
void hello_record(struct hello_bytes *to, const struct hello_spec *spec);

/* What a server said to a hello. */
struct flight {
	int status; /* of the handshake call that followed */
	struct unitls_error error;
	int alert;         /* the plain alert it sent; UNITLS_ALERT_NONE: none */
	bool server_hello; /* a ServerHello was sent, that is no HelloRetryRequest */
	bool retry;
	uint16_t version;
	uint16_t suite;
	struct unitls_bytes alpn;        /* in the clear, so of TLS 1.2 only; points into data */
	struct unitls_bytes certificate; /* the leaf, the same */
	size_t size;
	uint8_t data[60000];
};

/* Gives bytes to a server connection, cut as told, and reads its answer. */
void server_answer(struct unitls_connection *server, const uint8_t *data, size_t size, const struct cut *cut,
	struct flight *ret_flight);

#endif

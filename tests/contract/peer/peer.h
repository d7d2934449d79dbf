/*
 * A peer that does on purpose what none of our backends does: it sends KeyUpdates, asks for a certificate after the handshake, renegotiates, answers with
 * a protocol nobody offered. A module of its own, loaded by the suite, so that the suite itself links no TLS library. No unitls in here.
 */
#ifndef UNITLS_TESTS_CONTRACT_PEER_H
#define UNITLS_TESTS_CONTRACT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_SYMBOL "contract_peer_ops"

struct peer;

struct peer_params {
	bool server;
	uint16_t version;        /* the only one */
	const char *certificate; /* PEM files; NULL: none */
	const char *key;
	const char *name; /* client: SNI */
	const char *alpn; /* server: what it answers, whatever was offered; client: the one name that it offers */
	unsigned tickets; /* server: how many are sent */
};

struct peer_ops {
	struct peer *(*make)(const struct peer_params *params); /* NULL: it cannot be */
	void (*free)(struct peer *peer);
	/* Ciphertext for the peer, and from it: how many bytes. */
	void (*give)(struct peer *peer, const void *data, size_t size);
	size_t (*take)(struct peer *peer, void *buffer, size_t size);
	/* 1 when complete, 0 when it goes on, -1 when it failed. */
	int (*handshake)(struct peer *peer);
	/* Bytes read or written; 0: none now; -1: failed or ended. */
	int (*read)(struct peer *peer, void *buffer, size_t size);
	int (*write)(struct peer *peer, const void *data, size_t size);
	/* Sends a KeyUpdate, which asks for one in return; true when it was sent. */
	bool (*key_update)(struct peer *peer, bool request);
	/* TLS 1.2: a new ClientHello, or a HelloRequest. */
	bool (*renegotiate)(struct peer *peer);
	/*
	 * TLS 1.3: sends one record of our making, rightly encrypted, as the first behind the handshake (a server: without tickets), or behind others made
	 * so. The library knows nothing of them, so it can send nothing any more.
	 */
	bool (*send_record)(struct peer *peer, uint8_t type, const uint8_t *data, size_t size);
	/* The last alert that came, and whether it was fatal; -1: none. */
	int (*alert)(const struct peer *peer, bool *ret_fatal);
	/* How many KeyUpdates and tickets came. */
	unsigned (*key_updates)(const struct peer *peer);
	/*
	 * Signs with the key of a PEM file as a CertificateVerify does, by an IANA scheme; input: the digest, for Ed25519 the message. How many bytes; 0: it cannot.
	 */
	size_t (*sign)(const char *key, uint16_t scheme, const uint8_t *input, size_t input_size,
		uint8_t *signature, size_t capacity);
	/* Leaves an error in this thread's queue of the library. */
	void (*leave_error)(void);
};

#endif

/*
 * Keys of session tickets, kept outside of contexts so that several contexts, processes or machines resume each other's sessions, and rotated while
 * contexts use them. Reference-counted, thread-safe; wiped when freed.
 *
 * What is given are secrets; the keys themselves are HKDF-SHA-256 of a secret and the resumption scope, so a ticket of one
 * scope (other names, client authentication, trust, versions, ALPN or backend) cannot be opened in another, whoever shares the secrets.
 */
#ifndef UNITLS_TICKET_KEYS_H
#define UNITLS_TICKET_KEYS_H

#include <unitls/error.h>

#define UNITLS_TICKET_SECRET_SIZE 32
#define UNITLS_TICKET_SECRETS_MAX 3

/* One generation of secrets. */
struct unitls_ticket_secrets {
	/* [0] seals new tickets; all open old ones: the one before, and the one that other machines may use already. */
	uint8_t secrets[UNITLS_TICKET_SECRETS_MAX][UNITLS_TICKET_SECRET_SIZE];
	size_t n; /* 1 to UNITLS_TICKET_SECRETS_MAX */
	/* For backends that rotate by themselves (UNITLS_CAP_TICKETS_SELF_ROTATED): they take this from the first set alone, when a context is built. */
	uint8_t stable[UNITLS_TICKET_SECRET_SIZE];
};

struct unitls_ticket_keys;

UNITLS_BEGIN_DECLS

/* Keys of random secrets of its own. UNITLS_ERROR: MEMORY; INTERNAL when the kernel gives no randomness. */
UNITLS_API UNITLS_MUST_CHECK int unitls_ticket_keys_new(
	struct unitls_ticket_keys **ret_keys, struct unitls_error *error);
/* Keys of the secrets given; copies them. UNITLS_ERROR: MEMORY; USAGE when n is out of range. */
UNITLS_API UNITLS_MUST_CHECK int unitls_ticket_keys_from_secrets(const struct unitls_ticket_secrets *secrets,
	struct unitls_ticket_keys **ret_keys, struct unitls_error *error);
/*
 * Puts other secrets in their place, for every context that uses the keys, from the next ticket on; those before, and what was derived from them, are
 * wiped here, not what a TLS library made of stable. UNITLS_ERROR, class USAGE when n is out of range.
 */
UNITLS_API UNITLS_MUST_CHECK int unitls_ticket_keys_rotate(
	struct unitls_ticket_keys *keys, const struct unitls_ticket_secrets *secrets, struct unitls_error *error);
UNITLS_API struct unitls_ticket_keys *unitls_ticket_keys_ref(struct unitls_ticket_keys *keys);
UNITLS_API void unitls_ticket_keys_unref(struct unitls_ticket_keys *keys);

/* The secret of one epoch, derived from a root (HKDF-SHA-256), so that machines with one root and a clock agree without a network. Pure. */
UNITLS_API void unitls_ticket_secret_derive(
	struct unitls_bytes root, uint64_t epoch, uint8_t ret_secret[UNITLS_TICKET_SECRET_SIZE]);

UNITLS_END_DECLS

#endif

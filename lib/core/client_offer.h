/*
 * What a client can use of a server's identities: one reading of its hello, then a cheap question per key type.
 */
#ifndef UNITLS_CORE_CLIENT_OFFER_H
#define UNITLS_CORE_CLIENT_OFFER_H

#include "core/client_hello.h"
#include "core/config.h"
#include <unitls/backend.h>
#include <unitls/certificate.h>

/* The TLS 1.2 suites that a server can agree on, sorted by number; made once per context. */
struct unitls_suite_set {
	uint16_t *suites;
	size_t n;
	bool chosen; /* they come from the configuration, so the backend surely takes them */
};

/* From the list in the settings or, when it has no TLS 1.2 suite, from what backends use by default. UNITLS_ERROR without memory. */
int unitls_suite_set_init(struct unitls_suite_set *set, const struct unitls_settings *settings,
	const struct unitls_capabilities *capabilities);
void unitls_suite_set_fini(struct unitls_suite_set *set);

/* How well a key suits a client. */
enum unitls_fit {
	UNITLS_FIT_NO,
	UNITLS_FIT_WEAK, /* if the library agrees: SHA-1, RSA-PSS in TLS 1.2, a suite that it may leave out */
	UNITLS_FIT_GOOD,
};

struct unitls_client_offer {
	uint16_t version;   /* the highest common one; 0 = none */
	unsigned exchanges; /* TLS 1.2: ways to use a key for which there is a common suite */
	unsigned doubtful;  /* the same, by suites that not every backend takes by default */
	unsigned schemes;   /* kinds of signature that the client verifies */
	unsigned curves;    /* curves of EC keys that the client takes */
	bool schemes_named; /* whether the hello has signature_algorithms */
};

/* settings: with resolved versions. */
void unitls_client_offer_read(struct unitls_client_offer *offer, const struct unitls_client_hello *hello,
	const struct unitls_settings *settings, const struct unitls_suite_set *set);
enum unitls_fit unitls_client_offer_fits(const struct unitls_client_offer *offer, enum unitls_key_type type);

#endif

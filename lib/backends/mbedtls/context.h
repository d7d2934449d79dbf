/*
 * A native context: the configuration, identity and anchors that its connections share. Read-only once it is built.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_CONTEXT_H
#define UNITLS_BACKEND_MBEDTLS_CONTEXT_H

#include "core/backend.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

struct mbed_context {
	enum unitls_role role;
	enum unitls_verify_mode verify;
	uint16_t max_version;
	unitls_clock clock; /* NULL: the system's */
	void *clock_argument;
	mbedtls_ssl_config config; /* the template that each connection copies */
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	mbedtls_x509_crt anchors;
	bool has_anchors;
	mbedtls_ssl_ticket_context tickets; /* has its own lock; keys change daily */
	int *suites;
	char *alpn_text;   /* the names one after another, each terminated */
	const char **alpn; /* client: what is offered */
};

int mbed_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void mbed_context_free(void *context);

#endif

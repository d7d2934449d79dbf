/*
 * A native context: the configuration, identity and anchors that its connections share. Read-only once it is built.
 */
#ifndef UNITLS_BACKEND_MBEDTLS_CONTEXT_H
#define UNITLS_BACKEND_MBEDTLS_CONTEXT_H

#include "core/backend.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include "backends/mbedtls/compat.h"

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
	mbedtls_x509_crl crls;
	bool has_crls;
	struct unitls_ticket_source *tickets; /* server; NULL: none are issued or taken */
	unitls_key_log_callback key_log;      /* NULL: secrets stay secret */
	void *key_log_argument;
	int *suites;
	compat_group *groups;
	uint16_t *schemes;
	char *alpn_text;   /* the names one after another, each terminated */
	const char **alpn; /* client: what is offered */
	size_t alpn_size;  /* bytes of that in a hello */
};

int mbed_context_new(const struct unitls_context_params *params, void **ret_context, struct unitls_error *error);
void mbed_context_free(void *context);
/* Seconds since 1970, by the configuration's clock. */
int64_t mbed_context_now(const struct mbed_context *context);

#endif

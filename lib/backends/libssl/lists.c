#include "backends/libssl/lists.h"

#include <openssl/err.h>

#include <unitls/group.h>
#include <unitls/signature_scheme.h>

#include "backends/libssl/library.h"

#define LIST_MAX 64 /* of the core's tables */

/* Written by libssl_lists_find alone, before any other thread can see the module. */
static uint16_t groups[LIST_MAX];
static uint16_t schemes[LIST_MAX];

/* SHA-1 and SHA-224 are taken and then not used (security level, TLS 1.3): they do not count. */
static bool is_weak(uint16_t scheme)
{
	return scheme >> 8 <= 3;
}

int libssl_lists_find(struct unitls_capabilities *capabilities)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method()); /* of its own: each try narrows it down */
	uint16_t number;
	size_t i;

	if (!ctx)
		return UNITLS_ERROR;
	for (i = 0; unitls_group_at(i, &number) && capabilities->n_groups < LIST_MAX; i++) {
		if (libssl_set_groups(ctx, &number, 1))
			groups[capabilities->n_groups++] = number;
	}
	for (i = 0; unitls_signature_scheme_at(i, &number) && capabilities->n_signature_schemes < LIST_MAX; i++) {
		if (!is_weak(number) && libssl_set_signature_schemes(ctx, &number, 1))
			schemes[capabilities->n_signature_schemes++] = number;
	}
	capabilities->groups = groups;
	capabilities->signature_schemes = schemes;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return 0;
}

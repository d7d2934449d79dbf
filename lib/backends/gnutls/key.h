/*
 * Private keys from bytes, in every form that the contract names.
 */
#ifndef UNITLS_BACKENDS_GNUTLS_KEY_H
#define UNITLS_BACKENDS_GNUTLS_KEY_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "core/backend.h"

/*
 * The key of the params; leaf is what its missing public half is taken from, if it is one on a curve without it (which the library cannot read).
 * Whether the key belongs to leaf is the caller's question. The library's code.
 */
int gtls_key_read(
	const struct unitls_context_params *params, gnutls_pubkey_t leaf, gnutls_x509_privkey_t *ret_key);

/*
 * The secret number of an EC key in SEC1 or PKCS#8 form, a view into der; false when it is something else. Pure.
 */
bool gtls_key_find_secret(struct unitls_bytes der, struct unitls_bytes *ret_secret);

#endif

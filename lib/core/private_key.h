/*
 * Private keys, from the core's side.
 */
#ifndef UNITLS_CORE_PRIVATE_KEY_H
#define UNITLS_CORE_PRIVATE_KEY_H

#include <unitls/private_key.h>

#include "core/backend.h"

/*
 * What a backend gets of a key: the format, the bytes, and the password (NULL unless it is encrypted). Lent for the key's life. Unencrypted
 * PKCS#8 is always of version 1, whatever the file had.
 */
void unitls_private_key_material(const struct unitls_private_key *key, enum unitls_key_format *ret_format,
	struct unitls_bytes *ret_bytes, const char **ret_password);
/* What signs for an external key, lent for the key's life; NULL for any other key. */
const struct unitls_external_key *unitls_private_key_external_part(const struct unitls_private_key *key);

#endif

/*
 * External keys from the core's side.
 */
#ifndef UNITLS_CORE_SIGNER_H
#define UNITLS_CORE_SIGNER_H

#include "core/backend.h"
#include "core/public_key.h"
#include <unitls/signer.h>

/* What a private key that is external consists of. The private key owns it. */
struct unitls_external_key {
	struct unitls_signer signer;
	void *argument;
	struct unitls_bytes spki; /* owned by the private key */
	struct unitls_public_key public_key;
};

#endif

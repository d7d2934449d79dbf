/*
 * The rule of <unitls/peer_name.h>, applied to a parsed certificate.
 */
#ifndef UNITLS_CORE_PEER_NAME_H
#define UNITLS_CORE_PEER_NAME_H

#include <unitls/peer_name.h>

#include "core/x509.h"

/* Whether a certificate is for this peer. Pure. */
bool unitls_peer_name_matches(const struct unitls_peer_name *expected, const struct unitls_x509 *certificate);

#endif

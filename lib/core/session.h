/*
 * Sessions from the core's side.
 */
#ifndef UNITLS_CORE_SESSION_H
#define UNITLS_CORE_SESSION_H

#include <unitls/session.h>

/* Certificate i of the peer that the session was made with; lent, NULL past the end. */
struct unitls_certificate *unitls_session_peer_certificate(const struct unitls_session *session, size_t i);

#endif
